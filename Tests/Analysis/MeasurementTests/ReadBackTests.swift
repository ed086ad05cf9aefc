import Histories
import Testing

@testable import Measurement

/// Tests which writes the reads after a trial show to be lost.
@Suite struct ReadBackTests {
  private var operations: [Operation] = []
  private var clock: Int64 = 0

  private func digest(_ number: UInt64) -> ValueDigest { ValueDigest(littleEndian: number) }

  private mutating func add(
    _ kind: OperationKind, _ value: UInt64? = nil, key: UInt32 = 1, outcome: Outcome = .ok,
    lasting: Int64 = 1
  ) {
    operations.append(
      Operation(
        client: 0, kind: kind, key: key, argument: value.map(digest) ?? .absent, outcome: outcome,
        invoked: clock, returned: clock + lasting))
    clock += 10
  }

  private mutating func found(_ value: UInt64?, key: UInt32 = 1) -> Int {
    operations.append(
      Operation(
        client: 0, kind: .get, key: key, observed: value.map(digest) ?? .absent, outcome: .ok,
        invoked: 1_000, returned: 1_001))
    return ReadBack.lostWrites(operations, readFrom: 1_000)
  }

  @Test("If the last write or one that overlapped it is there, no write is lost")
  mutating func kept() {
    add(.put, 1)
    add(.put, 2, lasting: 50)
    add(.put, 3)
    var other = self
    #expect(found(3) == 0)
    #expect(other.found(2) == 0)
  }

  @Test("An acknowledged write that began after the surviving one was acknowledged is lost")
  mutating func lost() {
    add(.put, 1)
    add(.put, 2)
    add(.put, 3, outcome: .unknown)
    add(.put, 4)
    add(.put, 9, key: 2)
    #expect(found(1) == 2)
    #expect(found(9, key: 2) == 2)
  }

  @Test("If not every key was read back, zero losses mean unknown, and a loss still counts")
  mutating func incomplete() {
    add(.put, 1)
    add(.put, 2)
    var lost = self
    #expect(found(2) == 0)
    #expect(ReadBack.lostWrites(operations, readFrom: 1_000, isComplete: true) == 0)
    #expect(ReadBack.lostWrites(operations, readFrom: 1_000, isComplete: false) == nil)
    #expect(lost.found(1) == 1)
    #expect(ReadBack.lostWrites(lost.operations, readFrom: 1_000, isComplete: false) == 1)
  }

  @Test("An empty key that was never deleted has lost all its acknowledged writes")
  mutating func emptied() {
    add(.put, 1)
    add(.put, 2)
    add(.put, 3, outcome: .unknown)
    var deleted = self
    #expect(found(nil) == 2)
    deleted.add(.delete, outcome: .unknown)
    #expect(deleted.found(nil) == 0)
  }

  @Test("A value whose write was never acknowledged may have come last")
  mutating func unknown() {
    add(.put, 1, outcome: .unknown)
    add(.put, 2)
    #expect(found(1) == 0)
  }

  @Test("Keys that were appended to, not written or not read back are not counted")
  mutating func uncounted() {
    add(.put, 1)
    add(.put, 2)
    add(.append, 3)
    add(.put, 4, key: 2)
    add(.put, 5, key: 2, outcome: .failed)
    add(.put, 6, key: 3)
    #expect(found(1) == 0)
    #expect(found(4, key: 2) == 0)
  }

  @Test("A surviving compare-and-swap counts as a write")
  mutating func swapped() {
    add(.put, 1)
    add(.compareAndSwap, 2)
    add(.put, 3)
    #expect(found(2) == 1)
  }
}
