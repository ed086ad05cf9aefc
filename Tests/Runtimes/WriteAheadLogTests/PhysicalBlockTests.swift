import Glibc
import HostTesting
import Primitives
import Replication
import Testing
import WireFormat

@testable import WriteAheadLog

/// Tests a disk that reads, changes and writes 4 KiB as a whole, and loses power meanwhile.
@Suite("Write-ahead log: physical blocks")
struct PhysicalBlockTests {
  /// A log that was killed during a write.
  private struct Interrupted {
    let committed: [Fact]
    /// The segment that was written to.
    let path: String
    /// Its bytes before the write and after it, and the physical blocks that the write touched.
    let before: [UInt8]
    let after: [UInt8]
    let touched: Range<Int>
  }

  /// Commits records in two incarnations, and begins to write one more block.
  private func interrupted(_ scratch: Scratch, after count: Int, last: Fact) throws -> Interrupted {
    var committed: [Fact] = []
    for incarnation in 0..<2 {
      var log = try WriteAheadLog(scratch.log, segment: 65536)
      while committed.count < (incarnation == 0 ? count / 2 : count) {
        let number = committed.count
        committed.append(Fact(UInt64(number), byteCount: number % 7 == 3 ? 5000 : 30))
        log.append(committed[number])
        try log.commit()
      }
      log.close()
    }
    var log = try WriteAheadLog(scratch.log, segment: 65536)
    log.append(last)
    let job = try log.makeJob()
    if let opening = job.opening { _ = try opening.file() }
    let number = job.opening?.header.number ?? log.segment.header.number
    log.close()
    let path = scratch.file(SegmentFile.name(number))
    let before = try contents(path)
    var after = before
    after.replaceSubrange(
      job.offset..<job.offset + job.bytes.count, with: job.buffer.storage[job.bytes])
    let unit = 4096
    let touched =
      job.offset / unit * unit..<(job.offset + job.bytes.count + unit - 1) / unit * unit
    return Interrupted(
      committed: committed, path: path, before: before, after: after, touched: touched)
  }

  /// The numbers of records are such that the last write follows small and large blocks, is the
  /// first one of its segment, and comes before any other.
  @Test(
    "Power lost while a block is written damages no committed record in its physical blocks",
    arguments: [0, 1, 2, 4, 11, 12, 13, 14, 40])
  func torn(count: Int) throws {
    for (size, isMarked) in [(30, true), (30, false), (700, true), (9000, false)] {
      let scratch = try Scratch(isVolatile: true)
      let last = Fact(1000, byteCount: size)
      let found = try interrupted(scratch, after: count, last: last)
      if !isMarked {
        // The mark of the last second was not synced.
        let block = UInt64(max(0, count - 3))
        try replace(
          scratch.file(SyncedMark.name),
          with: SyncedMark.contents(block: block, digest: digest(of: found)))
      }
      let snapshot = try Snapshot(scratch.log)
      var random = RandomStream(seed: UInt64(count * 10_000 + size))
      for round in 0..<12 {
        var bytes = found.before
        for start in stride(from: found.touched.lowerBound, to: found.touched.upperBound, by: 512) {
          let sector = start..<start + 512
          // In the first round all of the physical blocks is lost.
          switch round == 0 ? 0 : random.below(3) {
          case 0: bytes.replaceSubrange(sector, with: repeatElement(0, count: 512))
          case 1: bytes.replaceSubrange(sector, with: found.after[sector])
          default: break
          }
        }
        try snapshot.restore()
        try replace(found.path, with: bytes)
        let facts = try recovered(scratch.log)
        #expect(facts == found.committed || facts == found.committed + [last])
      }
      // Other bytes could also be a damaged block that was committed, so the log is refused.
      var bytes = found.before
      bytes.replaceSubrange(
        found.touched, with: found.touched.map { _ in UInt8(truncatingIfNeeded: random.next()) })
      try snapshot.restore()
      try replace(found.path, with: bytes)
      #expect(refusal(scratch.log)?.kind == .damaged)
      #expect(try contents(found.path) == bytes)
    }
  }

  private func digest(of found: Interrupted) throws -> UInt64 {
    try found.before.withUnsafeBytes { try SegmentHeader(of: $0).digest }
  }

  @Test("Power lost while the mark is written leaves the copy of it that was synced before")
  func tornMark() throws {
    let scratch = try Scratch(isVolatile: true)
    let facts = (1...5).map { Fact($0) }
    var log = try WriteAheadLog(
      directory: scratch.log, identity: testIdentity, syncs: true, markPause: .seconds(1000))
    for fact in facts {
      log.append(fact)
      try log.commit()
    }
    // Only the first commit has synced the mark.
    let written = log.mark.offset
    log.close()
    let snapshot = try Snapshot(scratch.log)
    let mark = try #require(snapshot.files[SyncedMark.name])
    #expect(try SyncedMark.block(in: mark, digest: nil, path: "") == 5)
    for filling in [0, 0xA5] as [UInt8] {
      var bytes = mark
      bytes.replaceSubrange(written..<written + 4096, with: repeatElement(filling, count: 4096))
      #expect(try SyncedMark.block(in: bytes, digest: nil, path: "") == 1)
      try snapshot.restore()
      try replace(scratch.file(SyncedMark.name), with: bytes)
      #expect(try recovered(scratch.log) == facts)
      #expect(try recovered(scratch.log) == facts)
      // No loss of power damages both copies.
      try replace(scratch.file(SyncedMark.name), with: bytes.map { _ in filling })
      #expect(refusal(scratch.log)?.kind == .damaged)
    }
  }

  @Test("The copy of the mark that was synced last is not written until the other one is synced")
  func copies() throws {
    let scratch = try Scratch(isVolatile: true)
    for incarnation in 0..<3 {
      var log = try WriteAheadLog(
        directory: scratch.log, identity: testIdentity, syncs: true, markPause: .zero)
      var last: Int?
      for number in 1...4 as ClosedRange<UInt64> {
        let before = try contents(scratch.file(SyncedMark.name))
        log.append(Fact(number))
        try log.commit()
        let after = try contents(scratch.file(SyncedMark.name))
        let changed = [0, 4096].filter { before[$0..<$0 + 4096] != after[$0..<$0 + 4096] }
        #expect(changed.count == 1 && changed.first != last, "incarnation \(incarnation)")
        last = changed.first
        let marked = try SyncedMark.block(in: before, digest: nil, path: "")
        // What the file said before is still in it.
        #expect(try SyncedMark.block(in: older(after), digest: nil, path: "") == marked)
      }
      log.close()
    }
  }

  /// The contents of a mark without its newest copy.
  private func older(_ mark: [UInt8]) throws -> [UInt8] {
    var result = mark
    let newest = try SyncedMark.block(in: mark, digest: nil, path: "")
    for start in [0, 4096] {
      let copy = Array(mark[start..<start + 512])
      guard try SyncedMark.block(in: copy, digest: nil, path: "") == newest else { continue }
      result.replaceSubrange(start..<start + 512, with: repeatElement(0, count: 512))
    }
    return result
  }

  @Test("Blocks that are synced fill physical blocks, and blocks that are not fill sectors")
  func layout() throws {
    for syncs in [true, false] {
      let scratch = try Scratch(isVolatile: true)
      var log = try WriteAheadLog(scratch.log, syncs: syncs, segment: 30_000)
      var bounds = [log.segment.position]
      for size in [20, 3000, 5000] {
        log.append(Fact(1, byteCount: size))
        try log.commit()
        bounds.append(log.segment.position)
      }
      #expect(bounds == (syncs ? [4096, 8192, 12288, 20480] : [4096, 4608, 7680, 12800]))
      #expect(log.segment.capacity == 32768)
      #expect(log.bytesWritten == bounds[3] - bounds[0])
      #expect(log.paddingByteCount == log.bytesWritten - 8020 - 3 * (BlockHeader.byteCount + 4))
      log.close()
    }
  }

  @Test("The padding of recovered segments is known for those behind a record")
  func recoveredPadding() throws {
    let scratch = try Scratch(isVolatile: true)
    var log = try WriteAheadLog(scratch.log)
    for number in 0..<9 as Range<UInt64> {
      log.append(Fact(number, byteCount: 32))
      try log.commit()
    }
    let written = log.paddingByteCount
    log.close()
    // Three blocks fit into a segment.
    log = try WriteAheadLog(scratch.log)
    #expect(written == 9 * (4096 - BlockHeader.byteCount - 36))
    #expect(
      [0, 1, 3, 4, 9].map { log.recoveredPadding(behind: $0) * 9 / written } == [9, 6, 6, 3, 0])
    #expect(log.paddingByteCount == 0)
    log.close()
  }
}
