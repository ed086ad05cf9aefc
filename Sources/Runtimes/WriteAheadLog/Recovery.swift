import Glibc
import Replication
import WireFormat

/// A segment that an earlier life has left.
struct RecoveredSegment: Equatable {
  let path: String
  let number: UInt64
  let contents: SegmentContents
}

/// What the segments of a directory hold, and what has to be done before the log goes on.
struct Recovery {
  let directoryPath: String
  /// Segments with blocks, or with the traces of one, and all those before them.
  var used: [RecoveredSegment] = []
  /// Segments behind those: prepared, not used.
  var unused: [RecoveredSegment] = []
  var block: UInt64 = 0
  var record: UInt64 = 0

  /// Reads all segments, one at a time.
  init(
    _ directoryPath: String, digest: UInt64, synced: UInt64, mayLackHeader: Bool
  ) throws(LogError) {
    self.directoryPath = directoryPath
    var scan = LogScan(digest: digest, synced: synced, mayLackHeader: mayLackHeader)
    for number in try Recovery.segmentNumbers(in: directoryPath) {
      let path = "\(directoryPath)/\(SegmentFile.name(number))"
      let expected = UInt64(used.count + unused.count + 1)
      guard number == expected else {
        throw .damaged(
          "\(directoryPath)/\(SegmentFile.name(expected))", "the file is missing before \(path)")
      }
      let bytes = try File(path, O_RDONLY).contents()
      let result = bytes.withUnsafeBytes { bytes in
        Result { () throws(Damage) in
          try scan.read(bytes, number: number) { _, _ throws(Damage) in }
        }
      }
      switch result {
      case .failure(let damage): throw damage.error(in: path)
      case .success(let contents):
        unused.append(RecoveredSegment(path: path, number: number, contents: contents))
        if contents.blockCount > 0 || contents.tornEnd != nil {
          used += unused
          unused = []
        }
      }
    }
    do {
      try scan.finish(at: used.last?.contents.end ?? Sector.byteCount)
    } catch {
      throw error.error(in: used.last?.path ?? "\(directoryPath)/\(SegmentFile.name(1))")
    }
    block = scan.block
    record = scan.record
  }

  static func segmentNumbers(in directoryPath: String) throws(LogError) -> [UInt64] {
    try Directory.names(in: directoryPath).compactMap(SegmentFile.number(of:)).sorted()
  }

  /// Removes the traces of an interrupted write and makes everything that was found durable, because
  /// what is recovered now may be promised by the next message.
  func repair(
    in directory: borrowing File, syncs: Bool, mark: inout SyncedMark
  ) throws(LogError) {
    for (index, segment) in used.enumerated() {
      guard let header = segment.contents.header else {
        // A segment whose creation was lost, before one that was used: refused when it was read.
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
      // A sync that failed may have left the last block in memory as if it had reached the disk.
      if isLast, block > mark.block, let start = segment.contents.lastBlock {
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

  /// The segment to go on with: the last one used, or else the first behind it.
  mutating func openSegment(
    digest: UInt64, syncs: Bool, segmentByteCount: Int
  ) throws(LogError) -> OpenSegment {
    if let last = used.last, let header = last.contents.header, header.isGrowing == !syncs {
      let file = try File(last.path, O_RDWR)
      file.bypassCache()
      return OpenSegment(
        file, header, capacity: syncs ? nil : segmentByteCount, position: last.contents.end)
    }
    let header = SegmentHeader(
      digest: digest, number: UInt64(used.count + 1), byteCount: syncs ? segmentByteCount : 0)
    if let first = unused.first, first.contents.header == header {
      unused.removeFirst()
      let file = try File(first.path, O_RDWR)
      file.bypassCache()
      return OpenSegment(file, header, capacity: syncs ? nil : segmentByteCount)
    }
    try removeUnused()
    guard syncs else {
      let file = try SegmentFile.createGrowing(in: directoryPath, header)
      file.bypassCache()
      return OpenSegment(file, header, capacity: segmentByteCount)
    }
    return OpenSegment(try SegmentFile.createFilled(in: directoryPath, header), header)
  }

  /// The segment after that one, if an earlier life has left it ready.
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

  /// Held until the file is closed, however the process ends.
  static func take(_ directoryPath: String) throws(LogError) -> File {
    let file = try File("\(directoryPath)/\(name)", O_RDWR | O_CREAT)
    guard flock(file.descriptor, LOCK_EX | LOCK_NB) == 0 else {
      guard errno == EWOULDBLOCK else { throw file.failure(errno, "lock") }
      throw LogError(
        .inUse, path: directoryPath, reason: "another process has this log open")
    }
    return file
  }
}

extension WriteAheadLog {
  /// Removes files whose creation was interrupted.
  static func removeUnfinished(in directoryPath: String) throws(LogError) {
    for name in try Directory.names(in: directoryPath) where name.hasSuffix(".new") {
      let finished = String(name.dropLast(4))
      guard
        finished == NodeFile.name || finished == SyncedMark.name
          || SegmentFile.number(of: finished) != nil
      else { continue }
      try Directory.remove("\(directoryPath)/\(name)")
    }
  }

  /// Hands over every record that earlier lives have left, oldest first, one segment in memory at a
  /// time.
  /// - Throws: if a record is none of this type: its block is intact, so another program wrote it.
  @inlinable
  public func forEachRecovered<Record: WireCodable>(
    _ type: Record.Type, _ body: (Record) -> Void
  ) throws(LogError) {
    try readRecovered { reader throws(WireError) in
      let record = try Record(from: &reader)
      guard reader.isAtEnd else {
        throw .malformed("\(reader.remaining) bytes after the record")
      }
      body(record)
    }
  }

  /// Calls `body` with the bytes of every recovered record.
  @usableFromInline
  func readRecovered(
    _ body: (inout WireReader) throws(WireError) -> Void
  ) throws(LogError) {
    if let failure { throw failure }
    var scan = LogScan(digest: digest, synced: 0)
    for segment in recovered where segment.contents.header != nil {
      let bytes = try File(segment.path, O_RDONLY).contents()
      let result = bytes.withUnsafeBytes { file in
        Result { () throws(Damage) in
          try scan.read(file, number: segment.number) { header, payload throws(Damage) in
            guard header.number <= lastRecoveredBlock else { return }
            try WriteAheadLog.readRecords(of: header, in: bytes, payload, body)
          }
        }
      }
      if case .failure(let damage) = result { throw damage.error(in: segment.path) }
    }
  }

  private static func readRecords(
    of header: BlockHeader, in bytes: [UInt8], _ payload: Range<Int>,
    _ body: (inout WireReader) throws(WireError) -> Void
  ) throws(Damage) {
    var offset = payload.lowerBound
    for index in 0..<UInt64(header.recordCount) {
      do {
        var prefix = WireReader(bytes, in: offset..<payload.upperBound)
        let start = offset + 4
        offset = start + Int(try prefix.read(UInt32.self))
        var reader = WireReader(bytes, in: start..<offset)
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
