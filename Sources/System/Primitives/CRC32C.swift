import CProcessor

/// The Castagnoli checksum (RFC 3720 appendix B.4): computed by the processor's instruction if
/// there is one, otherwise eight bytes at a time with eight tables.
public enum CRC32C {
  private static let hasInstruction = checksum_has_crc32c() != 0

  private static let tables: [UInt32] = {
    var tables = [UInt32](repeating: 0, count: 8 * 256)
    for byte in 0..<256 {
      var value = UInt32(byte)
      for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0x82F6_3B78 : value >> 1 }
      tables[byte] = value
    }
    for table in 1..<8 {
      for byte in 0..<256 {
        let previous = tables[(table - 1) * 256 + byte]
        tables[table * 256 + byte] = previous >> 8 ^ tables[Int(previous & 0xFF)]
      }
    }
    return tables
  }()

  /// - Parameter previous: the checksum of the preceding bytes, from which to continue.
  public static func checksum(
    _ bytes: UnsafeRawBufferPointer, after previous: UInt32 = 0
  ) -> UInt32 {
    guard hasInstruction, let start = bytes.baseAddress else {
      return byTables(bytes, after: previous)
    }
    return checksum_crc32c(previous, start, bytes.count)
  }

  static func byTables(_ bytes: UnsafeRawBufferPointer, after previous: UInt32 = 0) -> UInt32 {
    tables.withUnsafeBufferPointer { tables in
      var crc = ~previous
      var offset = 0
      while offset + 8 <= bytes.count {
        let word =
          UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
          ^ UInt64(crc)
        crc = 0
        for position in 0..<8 {
          crc ^= tables[(7 - position) * 256 + Int(word >> (8 * UInt64(position)) & 0xFF)]
        }
        offset += 8
      }
      while offset < bytes.count {
        crc = crc >> 8 ^ tables[Int((crc ^ UInt32(bytes[offset])) & 0xFF)]
        offset += 1
      }
      return ~crc
    }
  }

  public static func checksum(_ bytes: [UInt8]) -> UInt32 {
    bytes.withUnsafeBytes { checksum($0) }
  }
}
