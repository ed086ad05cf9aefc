import Glibc
import Replication
import WireFormat

/// A segment that an earlier incarnation has left.
struct RecoveredSegment: Equatable {
  let path: String
  let number: UInt64
  let contents: SegmentContents
  let start: SegmentStart
}

/// The result of reading a directory's segments, and the repairs needed before the log is used.
struct Recovery {
  let directoryPath: String
  private let base: LogBase
  /// Segments with blocks or with traces of one, and all segments before them.
  var used: [RecoveredSegment] = []
  /// Segments after those: prepared, but not used.
  var unused: [RecoveredSegment] = []
  var block: UInt64 = 0
  var record: UInt64 = 0

  /// Reads all segments, one at a time.
  init(
    _ directoryPath: String, digest: UInt64, base: LogBase, synced: UInt64, mayLackHeader: Bool,
    progress: (UInt64) -> Void
  ) throws(LogError) {
    self.directoryPath = directoryPath
    self.base = base
    var scan = LogScan(
      digest: digest, synced: synced, mayLackHeader: mayLackHeader, behind: base)
    for number in try Recovery.segmentNumbers(in: directoryPath) {
      let path = "\(directoryPath)/\(SegmentFile.name(number))"
      guard number >= base.segment else {
        // The removal of this segment was interrupted.
        try Directory.remove(path)
        continue
      }
      let expected = base.segment + UInt64(used.count + unused.count)
      guard number == expected else {
        throw .damaged(
          "\(directoryPath)/\(SegmentFile.name(expected))", "the file is missing before \(path)")
      }
      let bytes = try File(path, O_RDONLY).contents()
      let start = SegmentStart(number: number, block: scan.block, record: scan.record)
      progress(number)
      let result = bytes.withUnsafeBytes { bytes in
        Result { () throws(Damage) in
          try scan.read(bytes, number: number) { _, _ throws(Damage) in }
        }
      }
      switch result {
      case .failure(let damage): throw damage.error(in: path)
      case .success(let contents):
        unused.append(
          RecoveredSegment(path: path, number: number, contents: contents, start: start))
        if contents.blockCount > 0 || contents.tornEnd != nil {
          used += unused
          unused = []
        }
      }
    }
    do {
      try scan.finish(at: used.last?.contents.end ?? SegmentHeader.firstBlock)
    } catch {
      throw error.error(in: used.last?.path ?? "\(directoryPath)/\(SegmentFile.name(base.segment))")
    }
    block = scan.block
    record = scan.record
  }

  static func segmentNumbers(in directoryPath: String) throws(LogError) -> [UInt64] {
    try Directory.names(in: directoryPath).compactMap(SegmentFile.number(of:)).sorted()
  }

  /// Removes the traces of an interrupted write and makes all found blocks durable, because the
  /// next message may promise what is recovered now.
  func repair(
    in directory: borrowing File, syncs: Bool, mark: inout SyncedMark
  ) throws(LogError) {
    for (index, segment) in used.enumerated() {
      guard let header = segment.contents.header else {
        // The creation of this segment was lost. Reading fails if a later segment has blocks that
        // follow lost ones, so there is nothing to repair here.
        continue
      }
      let isLast = index == used.count - 1
      guard segment.contents.tornEnd != nil || syncs && (header.isGrowing || isLast) else {
        continue
      }
      let file = try File(segment.path, O_RDWR)
      if let tornEnd = segment.contents.tornEnd {
        if header.isGrowing {
          try file.truncate(to: segment.contents.end)
        } else {
          try file.writeZeros(segment.contents.end..<tornEnd)
        }
      }
      guard syncs else { continue }
      // A sync that failed may have left in memory, as if it had reached the disk, what is behind
      // the mark: the last block, or all that was written while nothing was synced. If the power
      // failed twice, the last block may have been acknowledged, and the second failure in this
      // moment could damage it.
      if block > mark.block,
        let start = header.isGrowing ? 0 : isLast ? segment.contents.lastBlock : nil
      {
        let bytes = try file.contents()
        try file.write(Array(bytes[start..<segment.contents.end]), at: start)
      }
      try file.sync()
    }
    guard syncs else { return }
    try directory.sync()
    if block > mark.block {
      let code = mark.advance(to: block)
      guard code == 0 else { throw File.failure(code, mark.path, "write") }
    }
  }

  /// The segment to append to: the last one used, or else the first after it.
  mutating func openSegment(
    digest: UInt64, syncs: Bool, segmentByteCount: Int, reads: ReadBack
  ) throws(LogError) -> OpenSegment {
    if let last = used.last, let header = last.contents.header, header.isGrowing == !syncs {
      let file = try File(last.path, O_RDWR)
      file.bypassCache()
      return OpenSegment(
        SharedFile(file), header, capacity: syncs ? nil : segmentByteCount,
        position: last.contents.end, reads: reads)
    }
    let header = SegmentHeader(
      digest: digest, number: base.segment + UInt64(used.count),
      byteCount: syncs ? segmentByteCount : 0)
    if let first = unused.first, first.contents.header == header {
      unused.removeFirst()
      let file = try File(first.path, O_RDWR)
      file.bypassCache()
      return OpenSegment(
        SharedFile(file), header, capacity: syncs ? nil : segmentByteCount, reads: reads)
    }
    try removeUnused()
    guard syncs else {
      let file = try SegmentFile.createGrowing(in: directoryPath, header)
      file.bypassCache()
      return OpenSegment(SharedFile(file), header, capacity: segmentByteCount, reads: reads)
    }
    return OpenSegment(
      SharedFile(try SegmentFile.createFilled(in: directoryPath, header)), header, reads: reads)
  }

  /// The segment after `segment`, if an earlier incarnation has prepared it.
  mutating func openNext(
    after segment: borrowing OpenSegment, segmentByteCount: Int
  ) throws(LogError) -> SegmentPreparation? {
    let header = segment.header.following(byteCount: segmentByteCount)
    guard !segment.header.isGrowing, let first = unused.first, first.contents.header == header
    else {
      try removeUnused()
      return nil
    }
    unused.removeFirst()
    try removeUnused()
    let file = try File(first.path, O_RDWR)
    file.bypassCache()
    return SegmentPreparation(ready: file, header)
  }

  private mutating func removeUnused() throws(LogError) {
    while let last = unused.popLast() { try Directory.remove(last.path) }
  }
}

/// The lock of a directory.
enum DirectoryLock {
  static let name = "lock"

  /// Locks the directory until the file is closed, which the end of the process also does.
  static func take(_ directoryPath: String) throws(LogError) -> File {
    var file = try File("\(directoryPath)/\(name)", O_RDWR | O_CREAT)
    guard flock(file.descriptor, LOCK_EX | LOCK_NB) == 0 else {
      guard errno == EWOULDBLOCK else { throw file.failure(errno, "lock") }
      throw LogError(
        .inUse, path: directoryPath, reason: "another process has this log open")
    }
    file.isLocked = true
    return file
  }
}

extension WriteAheadLog {
  /// Removes files whose creation was interrupted.
  static func removeUnfinished(in directoryPath: String) throws(LogError) {
    for name in try Directory.names(in: directoryPath) where name.hasSuffix(".new") {
      let finished = String(name.dropLast(4))
      guard
        finished == NodeFile.name || finished == SyncedMark.name || finished == LogBase.name
          || SegmentFile.number(of: finished) != nil
      else { continue }
      try Directory.remove("\(directoryPath)/\(name)")
    }
  }

  /// Hands over every record that earlier incarnations have left and that still counts, oldest
  /// first, with one segment in memory at a time.
  /// - Throws: if a record is not of this type although its block is intact: another program wrote
  ///   it.
  func forEachRecovered<Record: WireCodable>(
    _ type: Record.Type, _ body: (Record) -> Void
  ) throws(LogError) {
    try readRecovered(into: nil) { reader throws(WireError) in
      let record = try Record(from: &reader)
      guard reader.isAtEnd else {
        throw .malformed("\(reader.remaining) bytes after the record")
      }
      body(record)
    }
  }

  /// Like `forEachRecovered`, for a replica that keeps the records' batches: of these, as much
  /// stays in memory as of batches that are written.
  @inlinable
  public mutating func recoverRecords<Record: WireCodable>(
    _ type: Record.Type, _ body: (Record) -> Void
  ) throws(LogError) {
    let kept = makeRecoveredBatches()
    try readRecovered(into: kept) { reader throws(WireError) in
      body(try reader.readLast(Record.self))
    }
    keep(kept)
  }

  /// Calls `body` with the bytes of every recovered record.
  @usableFromInline
  func readRecovered(
    into kept: RecoveredBatches?,
    _ body: (inout WireReader) throws(WireError) -> Void
  ) throws(LogError) {
    if let failure { throw failure }
    var scan = LogScan(digest: digest, synced: 0, behind: base)
    for segment in recovered {
      guard let header = segment.contents.header else { continue }
      let bytes = try File(segment.path, O_RDONLY).contents()
      let keeper = SegmentKeeper(path: segment.path, seal: header.seal, reads: reads)
      let result = bytes.withUnsafeBytes { file in
        Result { () throws(Damage) in
          try scan.read(file, number: segment.number) { header, payload throws(Damage) in
            guard header.number <= lastRecoveredBlock else { return }
            let notes = BatchNotes()
            try WriteAheadLog.readRecords(
              of: header, in: bytes, payload, behind: base.voidRecords, notes, body)
            let start = payload.lowerBound - BlockHeader.byteCount
            kept?.batches.append(notes.taken(behind: start), in: keeper, at: start)
          }
        }
      }
      if case .failure(let damage) = result { throw damage.error(in: segment.path) }
    }
  }

  @usableFromInline
  func makeRecoveredBatches() -> RecoveredBatches {
    RecoveredBatches(byteLimit: batches.byteLimit)
  }

  @usableFromInline
  mutating func keep(_ kept: RecoveredBatches) { batches = kept.batches }

  private static func readRecords(
    of header: BlockHeader, in bytes: [UInt8], _ payload: Range<Int>, behind voidRecords: UInt64,
    _ notes: BatchNotes,
    _ body: (inout WireReader) throws(WireError) -> Void
  ) throws(Damage) {
    var offset = payload.lowerBound
    for index in 0..<UInt64(header.recordCount) {
      do {
        var prefix = WireReader(bytes, in: offset..<payload.upperBound)
        let start = offset + 4
        offset = start + Int(try prefix.read(UInt32.self))
        // Void records are skipped.
        guard header.firstRecord + index > voidRecords else { continue }
        var reader = WireReader(bytes, in: start..<offset)
        reader.batchNotes = notes
        try body(&reader)
      } catch {
        throw Damage(
          offset: offset,
          reason:
            "record \(header.firstRecord + index) in block \(header.number) cannot be read (\(error))"
        )
      }
    }
  }
}

/// The batches of recovered records.
@usableFromInline
final class RecoveredBatches {
  var batches: WrittenBatches

  init(byteLimit: Int) { batches = WrittenBatches(byteLimit: byteLimit) }
}
