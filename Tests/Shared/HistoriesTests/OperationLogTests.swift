import Testing

@testable import Histories

@Suite("Operation log")
struct OperationLogTests {
  private static func operation(_ number: Int) -> Operation {
    Operation(client: UInt32(number), kind: .get, key: 0, invoked: Int64(number), returned: .max)
  }

  @Test(
    "Operations stay in place and can be changed there, across the ends of pieces",
    arguments: [
      0, 1, OperationLog.pieceCount - 1, OperationLog.pieceCount, OperationLog.pieceCount + 1,
      3 * OperationLog.pieceCount + 5,
    ])
  func pieces(count: Int) {
    var log = OperationLog()
    var expected: [Operation] = []
    for number in 0..<count {
      #expect(log.count == number)
      log.append(OperationLogTests.operation(number))
      expected.append(OperationLogTests.operation(number))
      // An earlier operation gets its answer.
      let answered = max(0, number - 200)
      log[answered].returned = Int64(number)
      expected[answered].returned = Int64(number)
    }
    #expect(log.count == count)
    #expect((0..<count).allSatisfy { log[$0] == expected[$0] })
    #expect(log.operations == expected)
    #expect(log.takeOperations() == expected)
    #expect(log.count == 0 && log.operations.isEmpty)
    log.append(OperationLogTests.operation(7))
    #expect(log.operations == [OperationLogTests.operation(7)])
  }
}

extension OperationLogTests {
  private static let digests = [
    ValueDigest.absent, .empty, .unobserved, ValueDigest([1, 2, 3]),
    ValueDigest(hash: .max, length: .max), ValueDigest(hash: 0, length: 5),
  ]

  /// Operations of every kind, outcome and set of digests.
  private static var varied: [Operation] {
    var all: [Operation] = []
    for kind in OperationKind.allCases {
      for argument in digests {
        for expected in digests {
          for observed in digests {
            let number = all.count
            all.append(
              Operation(
                client: .max - UInt32(number), kind: kind, key: UInt32(number) << 20,
                argument: argument, expected: expected, observed: observed,
                swapped: number % 2 == 0, outcome: Outcome(rawValue: UInt8(number % 3))!,
                intended: -Int64(number) << 33, invoked: Int64(number), returned: .max,
                attempts: UInt16(number % 300), sequence: UInt64(number) << 24))
          }
        }
      }
    }
    return all
  }

  @Test("An operation of any kind is read as it was stored or last changed")
  func lossless() {
    let varied = OperationLogTests.varied
    var log = OperationLog()
    for operation in varied { log.append(operation) }
    #expect(log.operations == varied)
    // Each operation is replaced by another one, with more or fewer digests.
    let changed = varied.indices.map { varied[$0 &* 7919 % varied.count] }
    for place in changed.indices { log[place] = changed[place] }
    #expect(log.operations == changed)
    for place in varied.indices { log[place] = varied[place] }
    #expect(log.takeOperations() == varied)
  }

  @Test("An operation that ends in place reads as if it had been changed as a whole")
  func endings() {
    let begun = OperationLogTests.varied.map { operation in
      var begun = operation
      begun.outcome = .unknown
      begun.swapped = false
      return begun
    }
    for observed in OperationLogTests.digests.map({ $0 as ValueDigest? }) + [nil] {
      var log = OperationLog()
      for operation in begun { log.append(operation) }
      for place in begun.indices {
        var expected = begun[place]
        expected.outcome = Outcome(rawValue: UInt8(place % 3))!
        expected.swapped = place % 2 == 0
        expected.attempts = UInt16(place)
        expected.returned = Int64(place) << 40
        if let observed { expected.observed = observed }
        var ending = OperationEnding(
          expected.outcome, attempts: place, returned: expected.returned)
        ending.swapped = expected.swapped
        ending.observed = observed
        log.end(place, ending)
        #expect(log[place] == expected)
      }
    }
  }

  @Test("An operation that begins is a get of nothing, without an answer")
  func beginning() {
    let begun = Operation(client: 3, intended: 5, invoked: 9, sequence: 1 << 40)
    #expect(
      begun
        == Operation(
          client: 3, kind: .get, key: 0, intended: 5, invoked: 9, returned: .max,
          sequence: 1 << 40))
  }

  @Test("A stored operation takes 48 bytes, and 40 more if it has several digests")
  func sizes() {
    #expect(MemoryLayout<StoredOperation>.stride == 48)
    #expect(MemoryLayout<StoredDigests>.stride == 40)
  }
}

@Suite("Value digests")
struct ValueDigestTests {
  @Test("A value put together and taken apart again is unchanged")
  func removing() {
    let front = ValueDigest(Array(0..<40))
    for count in [0, 1, 7, 8, 9, 200] {
      let end = ValueDigest(Array(repeating: 7, count: count))
      let whole = front.appending(end)
      #expect(whole == ValueDigest(Array(0..<40) + Array(repeating: 7, count: count)))
      #expect(whole.removing(end: end) == front)
      #expect(front.appending(SharedEnd(end)) == whole)
      #expect(ValueDigest.empty.appending(SharedEnd(end)) == end)
    }
  }

  @Test("The digest of a part of an array is that of the same bytes as a value")
  func parts() {
    let bytes = Array(0..<40 as Range<UInt8>)
    for end in 3..<12 { #expect(ValueDigest(bytes[3..<end]) == ValueDigest(Array(bytes[3..<end]))) }
  }
}
