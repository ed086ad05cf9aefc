import Replication
import Testing
import WireFormat

@testable import Primitives

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

  @Test("Lanes and words give the checksum of one bit at a time, at every length")
  func checksumLengths() {
    var random = RandomStream(seed: 1)
    // Short lanes begin at 288 bytes, long ones at 1536.
    for count in Array(0..<70) + Array(280..<300) + [
      575, 576, 577, 671, 864, 1535, 1536, 1537, 3071, 3072, 3080, 4700,
    ] {
      let bytes = (0..<count).map { _ in UInt8(random.below(256)) }
      var crc = ~UInt32(0)
      for byte in bytes {
        crc ^= UInt32(byte)
        for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0x82F6_3B78 : crc >> 1 }
      }
      #expect(CRC32C.checksum(bytes) == ~crc)
      bytes.withUnsafeBytes { whole in
        // The tables agree with the instruction, and both can continue from the checksum of earlier
        // bytes.
        #expect(CRC32C.byTables(whole) == ~crc)
        let half = UnsafeRawBufferPointer(rebasing: whole[..<(count / 2)])
        let rest = UnsafeRawBufferPointer(rebasing: whole[(count / 2)...])
        #expect(CRC32C.checksum(rest, after: CRC32C.checksum(half)) == ~crc)
        #expect(CRC32C.byTables(rest, after: CRC32C.byTables(half)) == ~crc)
      }
    }
  }

  func frame(_ message: [UInt64], after prefix: [UInt8] = []) -> [UInt8] {
    var writer = WireWriter()
    writer.write(prefix)
    Frame.encode(message, from: ReplicaID(2), incarnation: 7, into: &writer)
    return writer.bytes()
  }

  @Test("A frame returns the message and its sender")
  func roundTrip() throws {
    let message: [UInt64] = [1, 2, 3]
    let bytes = frame(message)
    #expect(bytes.count == Frame.byteCount(of: message))
    let (decoded, header) = try Frame.decode([UInt64].self, from: bytes)
    #expect(decoded == message && header.sender == ReplicaID(2) && header.incarnation == 7)
    // After other bytes in the same writer the frame is the same.
    #expect(frame(message, after: [9, 9, 9]) == [9, 9, 9] + bytes)
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

  @Test("Another version, an enormous length, and an unfinished message are distinguished")
  func refusals() {
    func seal(_ content: [UInt8]) -> [UInt8] {
      var writer = WireWriter()
      writer.write(UInt32(content.count))
      writer.write(CRC32C.checksum(content))
      writer.write(content)
      return writer.bytes()
    }
    #expect(throws: WireError.unsupportedVersion(2)) {
      try Frame.decode(UInt64.self, from: seal([2, 4, 0, 0, 9, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]))
    }
    #expect(throws: WireError.malformed("77 is no kind of frame")) {
      try Frame.decode(UInt64.self, from: seal([1, 77, 0, 0, 9, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]))
    }
    #expect(throws: WireError.malformed("1 bytes too many")) {
      try Frame.decode(
        UInt64.self, from: seal([1, 4, 0, 0, 9, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]))
    }
    #expect(throws: WireError.truncated) { try Frame.decode(UInt64.self, from: seal([1, 0, 0])) }
    #expect(throws: WireError.truncated) { try Frame.decode(UInt64.self, from: seal([])) }
    #expect(throws: WireError.malformed("a frame of 4294967295 bytes, over the limit of 67108864"))
    {
      try Frame.decode(UInt64.self, from: Array(repeating: 0xFF, count: 20))
    }
  }
}

/// Tests frames in a stream, as they arrive.
@Suite struct FrameStreamTests {
  @Test("A frame is found as soon as its last byte has arrived, and not before")
  func arrival() throws {
    var writer = WireWriter()
    Frame.encode([1, 2] as [UInt64], from: ReplicaID(1), incarnation: 3, into: &writer)
    let first = writer.count
    Frame.encode(UInt64(9), kind: .order, from: ReplicaID(4), incarnation: 5, into: &writer)
    let bytes = writer.bytes()
    for end in 0..<first { #expect(try Frame.next(in: bytes, from: 0, to: end) == nil) }
    for end in first...bytes.count {
      #expect(
        try Frame.next(in: bytes, from: 0, to: end)
          == FrameHeader(kind: .message, node: 1, incarnation: 3, body: 16..<first))
    }
    let second = try #require(try Frame.next(in: bytes, from: first, to: bytes.count))
    #expect(second.kind == .order && second.sender == ReplicaID(4) && second.incarnation == 5)
    #expect(try Frame.decode(UInt64.self, from: bytes, in: second.body) == 9)
  }

  @Test("An impossible length is refused before the frame is complete")
  func impossibleLength() {
    #expect(throws: WireError.self) {
      try Frame.next(in: [0xFF, 0xFF, 0xFF, 0xFF], from: 0, to: 4)
    }
    #expect(throws: WireError.truncated) { try Frame.next(in: [7, 0, 0, 0], from: 0, to: 4) }
  }
}
