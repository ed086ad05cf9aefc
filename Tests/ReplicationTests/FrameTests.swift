import Replication
import Testing

@Suite struct FrameTests {
  @Test("CRC-32C gives the published values (RFC 3720 §B.4)")
  func checksums() {
    #expect(CRC32C.checksum(Array("123456789".utf8)) == 0xE306_9283)
    #expect(CRC32C.checksum([]) == 0)
    #expect(CRC32C.checksum(Array(repeating: 0, count: 32)) == 0x8A91_36AA)
    #expect(CRC32C.checksum(Array(repeating: 0xFF, count: 32)) == 0x62A8_AB43)
    #expect(CRC32C.checksum(Array(0..<32)) == 0x46DD_794E)
    #expect(CRC32C.checksum(Array((0..<32).reversed())) == 0x113F_DB5C)
    let readCommand: [UInt8] =
      [0x01, 0xC0, 0, 0] + Array(repeating: 0, count: 12) + [0x14, 0, 0, 0, 0, 0, 4, 0]
      + [0, 0, 0, 0x14, 0, 0, 0, 0x18, 0x28, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]
    #expect(CRC32C.checksum(readCommand) == 0xD996_3A56)
  }

  @Test("Eight bytes at a time gives what one bit at a time gives, at every length")
  func checksumLengths() {
    var random = RandomStream(seed: 1)
    for count in 0..<70 {
      let bytes = (0..<count).map { _ in UInt8(random.below(256)) }
      var crc = ~UInt32(0)
      for byte in bytes {
        crc ^= UInt32(byte)
        for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0x82F6_3B78 : crc >> 1 }
      }
      #expect(CRC32C.checksum(bytes) == ~crc)
    }
  }

  func frame(_ message: [UInt64], behind prefix: [UInt8] = []) -> [UInt8] {
    var writer = WireWriter()
    writer.write(prefix)
    Frame.encode(message, from: ReplicaID(2), into: &writer)
    return writer.bytes()
  }

  @Test("A frame brings back the message and its sender")
  func roundTrip() throws {
    let message: [UInt64] = [1, 2, 3]
    let bytes = frame(message)
    #expect(bytes.count == Frame.byteCount(of: message))
    let (decoded, sender) = try Frame.decode([UInt64].self, from: bytes)
    #expect(decoded == message && sender == ReplicaID(2))
    // Behind other bytes in the same writer the frame is the same.
    #expect(frame(message, behind: [9, 9, 9]) == [9, 9, 9] + bytes)
  }

  @Test("A frame with any one bit flipped is refused, and so is every truncation")
  func damage() {
    let bytes = frame([5, 6])
    for position in bytes.indices {
      for bit in 0..<8 {
        var damaged = bytes
        damaged[position] ^= 1 << UInt8(bit)
        #expect(throws: WireError.self) { try Frame.decode([UInt64].self, from: damaged) }
      }
      #expect(throws: WireError.self) {
        try Frame.decode([UInt64].self, from: Array(bytes[..<position]))
      }
    }
    #expect(throws: WireError.malformed("bytes after the frame")) {
      try Frame.decode([UInt64].self, from: bytes + [0])
    }
  }

  @Test("Another version, an enormous length, and an unfinished message are told apart")
  func refusals() {
    func seal(_ content: [UInt8]) -> [UInt8] {
      var writer = WireWriter()
      writer.write(UInt32(content.count))
      writer.write(CRC32C.checksum(content))
      writer.write(content)
      return writer.bytes()
    }
    #expect(throws: WireError.unsupportedVersion(2)) {
      try Frame.decode(UInt64.self, from: seal([2, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]))
    }
    #expect(throws: WireError.malformed("1 bytes after the message")) {
      try Frame.decode(UInt64.self, from: seal([1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]))
    }
    #expect(throws: WireError.truncated) { try Frame.decode(UInt64.self, from: seal([1, 0, 0])) }
    #expect(throws: WireError.truncated) { try Frame.decode(UInt64.self, from: seal([])) }
    #expect(throws: WireError.malformed("a frame of 4294967295 bytes, over the limit of 67108864"))
    {
      try Frame.decode(UInt64.self, from: Array(repeating: 0xFF, count: 20))
    }
  }
}
