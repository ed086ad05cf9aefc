import Primitives
import Replication

/// The header before the records that one turn has appended.
///
/// Layout, little-endian: magic (4 bytes), checksum of the rest of the header (4), block number
/// (8), number of its first record (8), bytes of payload (8), records (4), sectors that are wholly
/// zero (4), checksum of payload and padding (4), sectors of the block (4), seal of the segment
/// (8), offset in the segment (8). In the payload, each record follows its length (4). Zeros fill
/// the block up to its size (`SegmentHeader.paddedByteCount`).
struct BlockHeader: Equatable {
  static let byteCount = 64
  static let magic: UInt32 = 0x4B4C_4252

  /// From 1, without gaps across segments.
  var number: UInt64
  /// From 1, without gaps across blocks.
  var firstRecord: UInt64
  var payloadByteCount: Int
  /// The size of the whole block: header, payload and padding.
  var blockByteCount: Int
  var recordCount: UInt32
  /// Number of sectors after the first one that are wholly zero. A write that was interrupted
  /// leaves more of them.
  var zeroSectorCount: UInt32
  var checksum: UInt32

  init(
    number: UInt64, firstRecord: UInt64, payloadByteCount: Int, blockByteCount: Int,
    recordCount: UInt32, zeroSectorCount: UInt32, checksum: UInt32
  ) {
    self.number = number
    self.firstRecord = firstRecord
    self.payloadByteCount = payloadByteCount
    self.blockByteCount = blockByteCount
    self.recordCount = recordCount
    self.zeroSectorCount = zeroSectorCount
    self.checksum = checksum
  }

  var paddingByteCount: Int { blockByteCount - BlockHeader.byteCount - payloadByteCount }

  /// Writes the header to the start of the block.
  func store(to block: UnsafeMutableRawBufferPointer, seal: UInt64, offset: Int) {
    func put<Number: FixedWidthInteger & BitwiseCopyable>(_ number: Number, _ position: Int) {
      block.storeBytes(of: number.littleEndian, toByteOffset: position, as: Number.self)
    }
    put(BlockHeader.magic, 0)
    put(number, 8)
    put(firstRecord, 16)
    put(UInt64(payloadByteCount), 24)
    put(recordCount, 32)
    put(zeroSectorCount, 36)
    put(checksum, 40)
    put(UInt32(blockByteCount / Sector.byteCount), 44)
    put(seal, 48)
    put(UInt64(offset), 56)
    put(BlockHeader.checksum(UnsafeRawBufferPointer(block)), 4)
  }

  /// The header at the start of `bytes`, if it is intact and was written for this segment and
  /// offset.
  init?(_ bytes: UnsafeRawBufferPointer, seal: UInt64, offset: Int) {
    guard bytes.count >= BlockHeader.byteCount else { return nil }
    func get<Number: FixedWidthInteger & BitwiseCopyable>(
      _ type: Number.Type, _ position: Int
    ) -> Number {
      Number(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: Number.self))
    }
    guard get(UInt32.self, 0) == BlockHeader.magic,
      get(UInt32.self, 4) == BlockHeader.checksum(bytes),
      get(UInt64.self, 48) == seal, get(UInt64.self, 56) == UInt64(offset),
      let payloadByteCount = Int(exactly: get(UInt64.self, 24))
    else { return nil }
    let blockByteCount = Int(get(UInt32.self, 44)) * Sector.byteCount
    guard payloadByteCount <= blockByteCount - BlockHeader.byteCount else { return nil }
    self.init(
      number: get(UInt64.self, 8), firstRecord: get(UInt64.self, 16),
      payloadByteCount: payloadByteCount, blockByteCount: blockByteCount,
      recordCount: get(UInt32.self, 32), zeroSectorCount: get(UInt32.self, 36),
      checksum: get(UInt32.self, 40))
  }

  /// Whether the block at the start of `bytes`, whose header this is, is complete and unchanged.
  func isIntact(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard blockByteCount <= bytes.count else { return false }
    let behindHeader = bytes[BlockHeader.byteCount..<blockByteCount]
    return CRC32C.checksum(UnsafeRawBufferPointer(rebasing: behindHeader)) == checksum
  }

  private static func checksum(_ block: UnsafeRawBufferPointer) -> UInt32 {
    CRC32C.checksum(UnsafeRawBufferPointer(rebasing: block[8..<byteCount]))
  }
}
