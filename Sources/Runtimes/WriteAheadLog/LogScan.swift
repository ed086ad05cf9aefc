import Replication

/// The result of scanning one segment.
struct SegmentContents: Equatable {
  /// `nil` if the file is empty or all zeros, because a crash came before its header was durable.
  var header: SegmentHeader?
  var blockCount = 0
  /// Bytes at the ends of the whole blocks that hold no record.
  var paddingByteCount = 0
  /// The end of the last whole block, where the next one is written.
  var end = SegmentHeader.firstBlock
  /// The start of the last whole block, if there is one.
  var lastBlock: Int?
  /// The end of the bytes that an interrupted write has left after `end`.
  var tornEnd: Int?
}

/// Reads the segments of a log in order. It finds out which blocks are whole, which block was being
/// written when the process ended, and which are damaged. It works on bytes without files, so that
/// tests can try any bytes on it.
///
/// Only the last block can be half written, because a block is written after the sync of the one
/// before it. So bytes that are not a block count as traces of an interrupted write only under two
/// conditions: they lie after all whole blocks and after all blocks that are known to be synced,
/// and each of their sectors is one that the interrupted write may have left, or still all zeros.
/// Other bytes that are not a block are refused as damage.
struct LogScan {
  /// Digest of the identity that all segments must have; `nil` accepts any.
  let digest: UInt64?
  /// The last block that is known to be durable.
  let synced: UInt64
  /// Whether an earlier incarnation may have left a segment without a header.
  let mayLackHeader: Bool

  /// The last block read.
  private(set) var block: UInt64 = 0
  /// The last record read.
  private(set) var record: UInt64 = 0
  /// A segment ended in the traces of an interrupted write: no block may follow.
  private var isTorn = false

  /// - Parameter base: counts the blocks and records before the first segment that is read.
  init(
    digest: UInt64?, synced: UInt64, mayLackHeader: Bool = false, behind base: LogBase = LogBase()
  ) {
    block = base.block
    record = base.record
    self.digest = digest
    self.synced = synced
    self.mayLackHeader = mayLackHeader
  }

  /// Reads the next segment.
  /// - Parameter visit: is called with each whole block's header and the range of its payload.
  mutating func read(
    _ file: UnsafeRawBufferPointer, number: UInt64,
    visit: (BlockHeader, Range<Int>) throws(Damage) -> Void
  ) throws(Damage) -> SegmentContents {
    if mayLackHeader && Sector.isZero(file) { return SegmentContents(end: 0) }
    let header = try SegmentHeader(of: file)
    guard digest == nil || header.digest == digest else {
      throw Damage(
        kind: .foreign, offset: 0, reason: "this segment belongs to the log of another node")
    }
    guard header.number == number else {
      throw Damage(
        offset: 0, reason: "this is segment \(header.number) under the name of \(number)")
    }
    var contents = SegmentContents(header: header)
    while contents.end < file.count {
      let offset = contents.end
      switch finding(at: offset, in: file, header) {
      case .end:
        return contents
      case .block(let found):
        guard !isTorn else {
          throw Damage(offset: offset, reason: place(offset) + " follows an unfinished one")
        }
        let payload = offset + BlockHeader.byteCount
        try visit(found, payload..<payload + found.payloadByteCount)
        block += 1
        record += UInt64(found.recordCount)
        contents.blockCount += 1
        contents.paddingByteCount += found.paddingByteCount
        contents.lastBlock = offset
        contents.end = offset + found.blockByteCount
      case .unreadable(let reason, let mayBeTorn):
        guard mayBeTorn, !isTorn, block >= synced,
          !hasBlock(behind: offset, in: file, header)
        else { throw Damage(offset: offset, reason: "\(place(offset)) is damaged (\(reason))") }
        isTorn = true
        contents.tornEnd = endOfContent(of: file)
        return contents
      }
    }
    return contents
  }

  /// The blocks of a segment by their headers alone, up to the first missing or invalid header.
  static func headers(
    in file: UnsafeRawBufferPointer, _ segment: SegmentHeader
  ) -> [(offset: Int, header: BlockHeader)] {
    var found: [(Int, BlockHeader)] = []
    var offset = SegmentHeader.firstBlock
    while offset < file.count,
      let header = BlockHeader(
        UnsafeRawBufferPointer(rebasing: file[offset...]), seal: segment.seal, offset: offset),
      header.blockByteCount <= file.count - offset
    {
      found.append((offset, header))
      offset += header.blockByteCount
    }
    return found
  }

  /// Checks after the last segment that all blocks that are known to be durable were found.
  /// - Parameter offset: the end of the last block that was found.
  func finish(at offset: Int) throws(Damage) {
    guard block >= synced else {
      throw Damage(
        offset: offset,
        reason: "\(place(offset)) is missing although block \(synced) was synced")
    }
  }

  /// Describes the next block and its expected offset.
  private func place(_ offset: Int) -> String { "block \(block + 1) at byte \(offset)" }

  private enum Finding {
    /// Zeros up to the end of the file.
    case end
    case block(BlockHeader)
    case unreadable(String, mayBeTorn: Bool)
  }

  private func finding(
    at offset: Int, in file: UnsafeRawBufferPointer, _ segment: SegmentHeader
  ) -> Finding {
    let rest = UnsafeRawBufferPointer(rebasing: file[offset...])
    let sector = UnsafeRawBufferPointer(rebasing: rest[..<min(Sector.byteCount, rest.count)])
    if Sector.isZero(sector) {
      // The first sector of a block may reach the disk last.
      return Sector.isZero(rest) ? .end : .unreadable("it has no header", mayBeTorn: true)
    }
    guard let header = BlockHeader(rest, seal: segment.seal, offset: offset) else {
      return .unreadable("its header is no header", mayBeTorn: segment.isGrowing)
    }
    guard header.number == block + 1, header.firstRecord == record + 1 else {
      return .unreadable("block \(header.number) is in its place", mayBeTorn: false)
    }
    guard header.blockByteCount <= rest.count else {
      return .unreadable("it is longer than the file", mayBeTorn: segment.isGrowing)
    }
    guard header.isIntact(rest) else {
      let sectors = UnsafeRawBufferPointer(rebasing: rest[sector.count..<header.blockByteCount])
      let isIncomplete =
        Sector.zeroCount(sectors) > header.zeroSectorCount
        && Sector.isZero(UnsafeRawBufferPointer(rebasing: rest[header.blockByteCount...]))
      return .unreadable("checksum differs", mayBeTorn: segment.isGrowing || isIncomplete)
    }
    let behindHeader = UnsafeRawBufferPointer(
      rebasing: rest[BlockHeader.byteCount..<header.blockByteCount])
    guard holdsRecords(behindHeader, header) else {
      return .unreadable("its records do not add up", mayBeTorn: false)
    }
    return .block(header)
  }

  /// Whether the payload consists of exactly as many records as the header says.
  private func holdsRecords(_ bytes: UnsafeRawBufferPointer, _ header: BlockHeader) -> Bool {
    var offset = 0
    for _ in 0..<header.recordCount {
      guard offset + 4 <= header.payloadByteCount else { return false }
      let length = UInt32(
        littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
      offset += 4 + Int(length)
      guard offset <= header.payloadByteCount else { return false }
    }
    return offset == header.payloadByteCount && header.recordCount > 0
  }

  private func hasBlock(
    behind offset: Int, in file: UnsafeRawBufferPointer, _ segment: SegmentHeader
  ) -> Bool {
    stride(from: offset + Sector.byteCount, to: file.count, by: Sector.byteCount).contains {
      let rest = UnsafeRawBufferPointer(rebasing: file[$0...])
      return BlockHeader(rest, seal: segment.seal, offset: $0) != nil
    }
  }

  private func endOfContent(of file: UnsafeRawBufferPointer) -> Int {
    var end = Sector.roundedUp(file.count)
    while end > 0 {
      let start = end - Sector.byteCount
      let sector = UnsafeRawBufferPointer(rebasing: file[start..<min(end, file.count)])
      guard Sector.isZero(sector) else { break }
      end = start
    }
    return min(end, file.count)
  }
}
