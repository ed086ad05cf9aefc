import Replication
import Testing

@testable import WireFormat

@Suite struct WireTests {
  @Test("Integers are little-endian and of fixed width")
  func integers() throws {
    var writer = WireWriter()
    writer.write(UInt16(0x0102))
    writer.write(UInt32(0x0304_0506))
    writer.write(Int64(-2))
    writer.write(true)
    writer.write([7, 8] as [UInt8])
    #expect(
      writer.bytes()
        == [2, 1, 6, 5, 4, 3, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 7, 8])
    var reader = WireReader(writer.bytes())
    #expect(try reader.read(UInt16.self) == 0x0102)
    #expect(try reader.read(UInt32.self) == 0x0304_0506)
    #expect(try reader.read(Int64.self) == -2)
    #expect(try reader.readFlag())
    #expect(try reader.readBytes(2) == [7, 8])
    #expect(reader.isAtEnd)
    #expect(throws: WireError.truncated) { try reader.read(UInt8.self) }
  }

  @Test("A writer that is emptied and reused writes only the new bytes")
  func reuse() {
    var writer = WireWriter()
    writer.write(Array(repeating: UInt8(9), count: 1000))
    writer.removeAll()
    writer.write(UInt32(0))
    writer.write(UInt8(1))
    writer.overwrite(at: 0, with: 5)
    #expect(writer.bytes() == [5, 0, 0, 0, 1])
    #expect(writer.withBytes { Array($0) } == writer.bytes())
  }

  @Test("A reader of a part of the bytes never reads past it")
  func range() throws {
    var reader = WireReader([1, 2, 3, 4, 5, 6, 7, 8], in: 1..<4)
    #expect(try reader.read(UInt16.self) == 0x0302)
    #expect(throws: WireError.truncated) { try reader.read(UInt16.self) }
    #expect(throws: WireError.truncated) { try reader.readBytes(2) }
    #expect(throws: WireError.truncated) { try reader.skip(-1) }
    #expect(try reader.readBytes(1) == [4])
  }

  @Test("A truth value is 0 or 1, and a log index is not negative")
  func refusals() {
    #expect(throws: WireError.malformed("2 is no truth value")) {
      try WireReader.decode(UInt64?.self, from: [2])
    }
    #expect(throws: WireError.self) {
      try WireReader.decode(LogIndex.self, from: Array(repeating: 0xFF, count: 8))
    }
    #expect(throws: WireError.malformed("1 bytes too many")) {
      try WireReader.decode(ReplicaID.self, from: [1, 0, 0])
    }
  }

  @Test("A count that cannot fit is refused before memory is allocated")
  func counts() {
    #expect(throws: WireError.truncated) {
      try WireReader.decode([UInt64].self, from: [0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3])
    }
    var reader = WireReader([3, 0, 0, 0] + Array(repeating: 0, count: 23))
    #expect(throws: WireError.truncated) { try reader.readCount(elementSize: 8) }
  }
}
