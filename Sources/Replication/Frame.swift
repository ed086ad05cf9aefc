/// How a message travels: length, checksum, version and sender before the message itself.
///
/// Layout: length of what follows the checksum (4 bytes), CRC-32C of it (4), version (1), sender (2),
/// message. A frame that fails any check is refused whole.
public enum Frame {
  public static let version: UInt8 = 1
  public static let headerByteCount = 11
  /// Longer frames are refused before anything is allocated for them.
  public static let maximumByteCount = 64 << 20

  /// How many bytes a message takes on the wire.
  public static func byteCount<Message: WireCodable>(of message: Message) -> Int {
    headerByteCount + message.encodedByteCount
  }

  public static func encode<Message: WireCodable>(
    _ message: Message, from sender: ReplicaID, into writer: inout WireWriter
  ) {
    let start = writer.count
    writer.reserve(headerByteCount + message.encodedByteCount)
    writer.write(UInt32(0))
    writer.write(UInt32(0))
    writer.write(version)
    sender.encode(into: &writer)
    message.encode(into: &writer)
    let checksum = writer.withBytes { bytes in
      CRC32C.checksum(UnsafeRawBufferPointer(rebasing: bytes[(start + 8)...]))
    }
    writer.overwrite(at: start, with: UInt32(writer.count - start - 8))
    writer.overwrite(at: start + 4, with: checksum)
  }

  /// Reads one frame that fills `bytes`.
  public static func decode<Message: WireCodable>(
    _ type: Message.Type, from bytes: [UInt8]
  ) throws(WireError) -> (message: Message, sender: ReplicaID) {
    var reader = WireReader(bytes)
    let length = Int(try reader.read(UInt32.self))
    guard length <= maximumByteCount else {
      throw .malformed("a frame of \(length) bytes, over the limit of \(maximumByteCount)")
    }
    let checksum = try reader.read(UInt32.self)
    guard reader.remaining >= length else { throw .truncated }
    guard reader.remaining == length else { throw .malformed("bytes after the frame") }
    let found = bytes.withUnsafeBytes {
      CRC32C.checksum(UnsafeRawBufferPointer(rebasing: $0[8...]))
    }
    guard found == checksum else { throw .checksumMismatch }
    let version = try reader.read(UInt8.self)
    guard version == Frame.version else { throw .unsupportedVersion(version) }
    let sender = try ReplicaID(from: &reader)
    let message = try Message(from: &reader)
    guard reader.isAtEnd else { throw .malformed("\(reader.remaining) bytes after the message") }
    return (message, sender)
  }
}

/// The Castagnoli checksum (RFC 3720 appendix B.4), eight bytes at a time by eight tables.
public enum CRC32C {
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

  public static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    tables.withUnsafeBufferPointer { tables in
      var crc = ~UInt32(0)
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
