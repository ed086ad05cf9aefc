import Glibc
import HostTesting
import Replication
import Testing
import WireFormat

@testable import WriteAheadLog

@Suite("Write-ahead log: records replaced by a snapshot are removed")
struct RemovalTests {
  private func write(_ numbers: ClosedRange<UInt64>, to log: inout WriteAheadLog) throws {
    for number in numbers {
      log.append(Fact(number, byteCount: 900))
      try log.commit()
    }
  }

  private func segments(_ scratch: Scratch) throws -> [UInt64] {
    try Recovery.segmentNumbers(in: scratch.log)
  }

  @Test(
    "Records before the base are gone after a restart, with the segments that hold only them",
    arguments: [true, false])
  func removal(syncs: Bool) throws {
    let scratch = try Scratch()
    var log = try WriteAheadLog(scratch.log, syncs: syncs, staged: 4096)
    try write(1...60, to: &log)
    try log.removeRecords(before: 45)
    log.close()
    #expect(try segments(scratch).first! > 1)

    var again = try WriteAheadLog(scratch.log, syncs: syncs)
    #expect(again.voidRecordCount == 45 && again.recordCount == 60)
    #expect(try again.facts().map(\.number) == Array(46...60))
    // The numbering continues, and so does the removal.
    try write(61...120, to: &again)
    try again.removeRecords(before: 100)
    try again.removeRecords(before: 90)
    again.close()
    #expect(try recovered(scratch.log, syncs: syncs).map(\.number) == Array(101...120))
  }

  @Test("An interrupted removal is finished, and segments after the base must exist")
  func interrupted() throws {
    let scratch = try Scratch()
    var log = try WriteAheadLog(scratch.log)
    try write(1...60, to: &log)
    log.close()
    let first = try contents(scratch.file(SegmentFile.name(1)))
    var again = try WriteAheadLog(scratch.log)
    try again.removeRecords(before: 45)
    again.close()
    try replace(scratch.file(SegmentFile.name(1)), with: first)
    #expect(try recovered(scratch.log).map(\.number) == Array(46...60))
    #expect(try !segments(scratch).contains(1))

    let needed = try segments(scratch)[0]
    unlink(scratch.file(SegmentFile.name(needed)))
    #expect(refusal(scratch.log)?.kind == .damaged)
  }

  @Test("A damaged base, or one of another log, is refused")
  func damagedBase() throws {
    let scratch = try Scratch()
    var log = try WriteAheadLog(scratch.log)
    try write(1...30, to: &log)
    try log.removeRecords(before: 10)
    log.close()
    let path = scratch.file(LogBase.name)
    let good = try contents(path)
    for position in [3, 25, 40, 505] {
      var bad = good
      bad[position] ^= 4
      try replace(path, with: bad)
      #expect(refusal(scratch.log)?.kind == .damaged, "byte \(position)")
    }
    try LogBase(segment: 1).write(to: scratch.log, digest: 7)
    #expect(refusal(scratch.log)?.kind == .foreign)
    try replace(path, with: good)
    #expect(try recovered(scratch.log).count == 20)
  }

  @Test("Of the recovered batches only the latest stay in memory")
  func recoveredBatches() throws {
    let scratch = try Scratch()
    var log = try WriteAheadLog(scratch.log)
    var written: [Batch] = []
    for number in 0..<60 as Range<UInt64> {
      let words = (0..<128).map { number * 1000 + $0 }
      written.append(
        Batch([(id: RequestID(client: ClientID(number), sequence: 1), command: words)]))
      log.append(written.last!)
      try log.commit()
    }
    log.close()
    var again = try WriteAheadLog(
      directory: scratch.log, identity: testIdentity, syncs: true, segmentByteCount: 16384,
      memoryByteCount: 10_000)
    var found: [Batch] = []
    try again.recoverRecords(Batch.self) { found.append($0) }
    #expect(found == written)
    let inMemory = found.count {
      if case .block(let block) = $0.storage { block.isInMemory } else { true }
    }
    #expect(inMemory > 5 && inMemory < 12)
  }
}

@Suite("Snapshot files")
struct SnapshotFileTests {
  private static let reference = SnapshotReference(index: LogIndex(77), epoch: 3)
  private static let content = (0..<700_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 9) }

  /// Stores the content in parts.
  private func store(_ files: inout SnapshotFiles, _ reference: SnapshotReference) throws {
    try files.begin(reference)
    for start in stride(from: 0, to: Self.content.count, by: 99_999) {
      let end = min(start + 99_999, Self.content.count)
      files.append(Array(Self.content[start..<end]), isLast: end == Self.content.count)
    }
    while try !files.finishWriting() {}
  }

  @Test("A snapshot survives a restart, page by page, until another one replaces it")
  func stored() throws {
    let scratch = try Scratch()
    var log = try WriteAheadLog(scratch.log)
    var files = try log.openSnapshots()
    try store(&files, Self.reference)
    log.close()

    log = try WriteAheadLog(scratch.log)
    files = try log.openSnapshots()
    #expect(files.byteCount(of: Self.reference) == Self.content.count)
    for range in [0..<700_000, 0..<1, 262_143..<262_145, 500_000..<700_000] {
      #expect(try files.page(of: Self.reference, in: range) == Array(Self.content[range]))
    }
    #expect(try files.page(of: Self.reference, in: 0..<700_001) == nil)
    var steps: [Int] = []
    let whole = try files.content(of: Self.reference, inPartsOf: 300_000) { steps.append($0) }
    #expect(whole == Self.content && steps == [300_000, 600_000, 700_000])
    let other = SnapshotReference(index: LogIndex(90), epoch: 3)
    #expect(try files.page(of: other, in: 0..<1) == nil)
    #expect(try files.content(of: other) { _ in } == nil)
    try store(&files, other)
    try files.remove(exceptFor: [other])
    #expect(try files.page(of: Self.reference, in: 0..<1) == nil)
    #expect(try files.page(of: other, in: 5..<9) == Array(Self.content[5..<9]))
    #expect(access(scratch.file(SnapshotFile.name(LogIndex(77))), F_OK) != 0)
    log.close()
  }

  @Test("The space of a removed snapshot becomes free piece by piece, not when the file is closed")
  func space() throws {
    let scratch = try Scratch()
    var log = try WriteAheadLog(scratch.log)
    var files = try log.openSnapshots()
    try store(&files, Self.reference)
    let held = open(scratch.file(SnapshotFile.name(LogIndex(77))), O_RDONLY)
    defer { close(held) }
    let other = SnapshotReference(index: LogIndex(90), epoch: 3)
    try store(&files, other)
    try files.remove(exceptFor: [other])
    // Closing could not free it, because it is open here as well.
    try waitFor("space") { size(of: held) == 0 ? true : nil }
    #expect(try files.page(of: other, in: 5..<9) == Array(Self.content[5..<9]))
    log.close()
  }

  private func size(of descriptor: Int32) -> Int {
    var status = stat()
    return fstat(descriptor, &status) == 0 ? Int(status.st_size) : -1
  }

  @Test("A file is shortened in pieces, and no further once another thread waits for the end")
  func pieces() throws {
    let scratch = try Scratch()
    let file = try File("\(scratch.path)/large", O_RDWR | O_CREAT)
    try file.write([UInt8](repeating: 1, count: 100_000), at: 0)
    var sizes: [Int] = []
    SpaceRelease.shrink(file, by: 40_000) {
      sizes.append(size(of: file.descriptor))
      return sizes.count < 2
    }
    #expect(sizes == [60_000, 20_000])
    SpaceRelease.shrink(file, by: 40_000) { true }
    #expect(size(of: file.descriptor) == 0)
    let release = SpaceRelease()
    release.hurry()
    #expect(!release.pause())
  }

  @Test("A damaged chunk is refused, and the others can be read")
  func damaged() throws {
    let scratch = try Scratch()
    var log = try WriteAheadLog(scratch.log)
    var files = try log.openSnapshots()
    try store(&files, Self.reference)
    let path = scratch.file(SnapshotFile.name(LogIndex(77)))
    var bytes = try contents(path)
    bytes[512 + 300_000] ^= 1
    try replace(path, with: bytes)
    files = try log.openSnapshots()
    #expect(throws: LogError.self) { try files.page(of: Self.reference, in: 262_144..<262_150) }
    #expect(try files.page(of: Self.reference, in: 0..<100) == Array(Self.content[..<100]))
    bytes[20] ^= 1
    try replace(path, with: bytes)
    #expect(throws: LogError.self) { _ = try log.openSnapshots() }
    log.close()
  }

  @Test("A snapshot goes to the disk while it is written, so that its last sync has little to do")
  func writeBack() throws {
    let scratch = try Scratch()
    let writer = SnapshotWriter(Self.reference, in: scratch.path, digest: 9, syncs: true)
    let part = [UInt8](repeating: 7, count: 300_000)
    for count in 1...20 {
      writer.append(part, isLast: false)
      let most = SnapshotWriter.pieceByteCount + SnapshotFile.chunkByteCount
      #expect(count * part.count - writer.writtenBackByteCount <= most)
    }
    writer.append([], isLast: true)
    #expect(writer.failure == nil)
  }

  @Test("An unfinished snapshot does not count")
  func unfinished() throws {
    let scratch = try Scratch()
    var log = try WriteAheadLog(scratch.log)
    var files = try log.openSnapshots()
    try files.begin(Self.reference)
    files.append(Self.content, isLast: false)
    _ = try files.finishWriting()
    #expect(files.byteCount(of: Self.reference) == nil)
    #expect(access(scratch.file(SnapshotFile.name(LogIndex(77)) + ".new"), F_OK) == 0)
    files = try log.openSnapshots()
    #expect(access(scratch.file(SnapshotFile.name(LogIndex(77)) + ".new"), F_OK) != 0)
    #expect(files.byteCount(of: Self.reference) == nil)
    log.close()
  }
}
