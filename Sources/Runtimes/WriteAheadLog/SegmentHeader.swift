import Replication
import WireFormat

/// The first sector of a segment: magic (8 bytes), format version (4), whether it grows (1), digest
/// of the identity (8), number (8), size of the file or 0 (8), zeros, checksum (4). Zeros follow it
/// up to the first block (`firstBlock`).
///
/// It does not change while the segment is used. The numbers of a segment's blocks are found in its
/// first block, so that segments below a snapshot can be removed without changing the others.
struct SegmentHeader: Equatable {
  static let magic: UInt64 = 0x314C_4157_4D53_5352
  /// The offset of a segment's first block.
  static let firstBlock = PhysicalBlock.byteCount

  var digest: UInt64
  /// From 1.
  var number: UInt64
  /// Size of the whole file, which is allocated before it gets its name and reads as zeros until it
  /// is written. 0: the file grows with its content, and nothing in it was ever promised.
  var byteCount: Int

  var isGrowing: Bool { byteCount == 0 }

  /// Ties a block to its segment.
  var seal: UInt64 { digest ^ number &* 0x9E37_79B9_7F4A_7C15 }

  init(digest: UInt64, number: UInt64, byteCount: Int) {
    self.digest = digest
    self.number = number
    self.byteCount = byteCount
  }

  /// The size of a block with its padding. Blocks of a segment that grows are padded to sectors
  /// only, because a log without syncs may lose all of them when the power fails.
  /// - Parameter byteCount: the length of the block's header and payload.
  func paddedByteCount(_ byteCount: Int) -> Int {
    isGrowing ? Sector.roundedUp(byteCount) : PhysicalBlock.roundedUp(byteCount)
  }

  /// The header of the next segment of the same log.
  func following(byteCount: Int) -> SegmentHeader {
    SegmentHeader(digest: digest, number: number + 1, byteCount: byteCount)
  }

  /// The segment's bytes before its first block.
  var bytes: [UInt8] {
    var writer = WireWriter()
    writer.write(SegmentHeader.magic)
    writer.write(NodeFile.version)
    writer.write(isGrowing)
    writer.write(digest)
    writer.write(number)
    writer.write(UInt64(byteCount))
    let sector = Sector.sealed(writer)
    return sector + [UInt8](repeating: 0, count: SegmentHeader.firstBlock - sector.count)
  }

  /// Reads the header of a file.
  init(of file: UnsafeRawBufferPointer) throws(Damage) {
    guard file.count >= Sector.byteCount else { throw SegmentHeader.cut(file) }
    let sector = Array(file[..<Sector.byteCount])
    let isIntact = Sector.isIntact(sector)
    let damaged = Damage(offset: 0, reason: "the header of the segment is damaged")
    var reader = WireReader(sector)
    guard let magic = try? reader.read(UInt64.self), magic == SegmentHeader.magic,
      let version = try? reader.read(UInt32.self), isIntact,
      let isGrowing = try? reader.readFlag(), let digest = try? reader.read(UInt64.self),
      let number = try? reader.read(UInt64.self), let size = try? reader.read(UInt64.self)
    else { throw damaged }
    guard version == NodeFile.version else {
      throw Damage(
        kind: .foreign, offset: 8,
        reason: "has format version \(version); this program reads \(NodeFile.version)")
    }
    guard isGrowing == (size == 0), size <= UInt64(Int.max) else { throw damaged }
    guard file.count >= SegmentHeader.firstBlock else { throw SegmentHeader.cut(file) }
    let rest = UnsafeRawBufferPointer(rebasing: file[Sector.byteCount..<SegmentHeader.firstBlock])
    guard Sector.isZero(rest) else { throw damaged }
    self.init(digest: digest, number: number, byteCount: Int(size))
    guard isGrowing || file.count == byteCount else {
      let finding =
        file.count < byteCount
        ? "the segment was cut: \(file.count) of \(byteCount) bytes are left"
        : "the segment has \(file.count) bytes in place of \(byteCount)"
      throw Damage(offset: file.count, reason: finding)
    }
  }

  private static func cut(_ file: UnsafeRawBufferPointer) -> Damage {
    Damage(
      offset: 0,
      reason: "the segment was cut: \(file.count) of at least \(firstBlock) bytes are left")
  }
}
