import Glibc
import Primitives
import Replication
import WireFormat

/// The unit of what an interrupted write leaves: each sector is as before the write, as after it,
/// or lost.
@usableFromInline
enum Sector {
  @usableFromInline static let byteCount = 512

  static func roundedUp(_ byteCount: Int) -> Int {
    (byteCount + Sector.byteCount - 1) / Sector.byteCount * Sector.byteCount
  }

  /// Bytes from the start of a buffer to its first sector boundary in memory.
  @usableFromInline
  static func lead(_ buffer: UnsafeRawBufferPointer) -> Int {
    buffer.baseAddress.map { -Int(bitPattern: $0) & (byteCount - 1) } ?? 0
  }

  /// Whether all bytes are zero; true for no bytes.
  static func isZero(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard let start = bytes.baseAddress, bytes.count > 0 else { return true }
    // Each byte equals the one before it, and the first is zero.
    return bytes[0] == 0 && memcmp(start, start + 1, bytes.count - 1) == 0
  }

  /// Number of whole sectors that are zero.
  static func zeroCount(_ bytes: UnsafeRawBufferPointer) -> Int {
    var count = 0
    var offset = 0
    while offset + byteCount <= bytes.count {
      if isZero(UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + byteCount])) { count += 1 }
      offset += byteCount
    }
    return count
  }

  /// A sector that ends with the checksum of the bytes before it.
  static func sealed(_ content: WireWriter) -> [UInt8] {
    var bytes = content.bytes()
    precondition(bytes.count <= byteCount - 4)
    bytes.append(contentsOf: repeatElement(0, count: byteCount - bytes.count))
    let checksum = checksum(of: bytes)
    bytes.withUnsafeMutableBytes {
      $0.storeBytes(of: checksum.littleEndian, toByteOffset: byteCount - 4, as: UInt32.self)
    }
    return bytes
  }

  /// Whether a sector made by `sealed` is unchanged.
  static func isIntact(_ sector: [UInt8]) -> Bool {
    guard sector.count == byteCount else { return false }
    let found = sector.withUnsafeBytes {
      UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: byteCount - 4, as: UInt32.self))
    }
    return found == checksum(of: sector)
  }

  private static func checksum(of sector: [UInt8]) -> UInt32 {
    sector.withUnsafeBytes {
      CRC32C.checksum(UnsafeRawBufferPointer(rebasing: $0[..<(byteCount - 4)]))
    }
  }
}
