import Testing
import WireFormat

@testable import Replication

@Suite struct BatchTests {
  static func id(_ client: UInt64, _ sequence: UInt64) -> RequestID {
    RequestID(client: ClientID(client), sequence: sequence)
  }

  let three = Batch([
    (id: id(1, 10), command: [UInt64(4)]), (id: id(2, 20), command: []),
    (id: id(3, 30), command: [5, 6]),
  ])

  @Test("A batch gives its requests back in order")
  func reading() {
    var reader = three.makeReader()
    #expect(reader.next() == Self.id(1, 10))
    #expect(reader.command(as: [UInt64].self) == [4])
    #expect(reader.next() == Self.id(2, 20))
    #expect(reader.command(as: [UInt64].self) == [])
    #expect(reader.next() == Self.id(3, 30))
    #expect(reader.command(as: [UInt64].self) == [5, 6])
    #expect(reader.next() == nil && reader.next() == nil)
    #expect(three.requestIDs == [Self.id(1, 10), Self.id(2, 20), Self.id(3, 30)])
  }

  @Test("A reader goes on to the next request whether or not a command was decoded, or was none")
  func skipping() {
    var reader = three.makeReader()
    #expect(reader.next() == Self.id(1, 10))
    // A number takes 8 of the 12 bytes, and two numbers with a count more than there are.
    #expect(reader.command(as: UInt64.self) == nil)
    #expect(reader.next() == Self.id(2, 20))
    #expect(reader.next() == Self.id(3, 30))
    #expect(reader.command(as: [UInt64].self) == [5, 6])
  }

  @Test("Looking ahead says where commands begin, and moves nothing")
  func lookingAhead() {
    var reader = three.makeReader()
    var offsets = [99]
    reader.upcoming(2, into: &offsets)
    // Commands of 12, 4 and 20 bytes, each behind 20 bytes of its request, the first behind the
    // prefix.
    #expect(offsets == [28, 60])
    reader.upcoming(9, into: &offsets)
    #expect(offsets == [28, 60, 84])
    #expect(reader.next() == Self.id(1, 10))
    reader.upcoming(9, into: &offsets)
    #expect(offsets == [60, 84])
    #expect(reader.command(as: [UInt64].self) == [4])
    reader.upcoming(1, into: &offsets)
    #expect(offsets == [60])
    while reader.next() != nil {}
    reader.upcoming(9, into: &offsets)
    #expect(offsets == [])
  }

  @Test("A command that would reach into the next request is none")
  func overreach() {
    let batch = Batch([
      (id: Self.id(1, 1), command: [] as [UInt64]), (id: Self.id(2, 2), command: []),
    ])
    var reader = batch.makeReader()
    #expect(reader.next() != nil)
    #expect(reader.command(as: UInt64.self) == nil)
    #expect(reader.next() == Self.id(2, 2))
  }

  @Test("A no-op is empty, and batches are equal if their bytes are")
  func equality() throws {
    #expect(Batch.noop.isNoop && Batch.noop.requestIDs.isEmpty && !three.isNoop)
    #expect(try WireReader.decode(Batch.self, from: three.encoded()) == three)
    #expect(Batch([(id: Self.id(1, 10), command: [UInt64(4)])]) != three)
    try roundTrip(three)
    try roundTrip(Batch.noop)
  }

  @Test("A batch takes one word, and no object of its own unless its bytes may leave memory")
  func size() throws {
    #expect(MemoryLayout<Batch>.size == 8)
    guard case .bytes(let bytes) = three.storage else {
      Issue.record("a batch that stays in memory has a block")
      return
    }
    #expect(bytes == three.encoded())
    let received = try WireReader.decode(Batch.self, from: bytes)
    guard case .block = received.storage else {
      Issue.record("a batch that came over the wire has no block")
      return
    }
    #expect(received == three && received.count == 3)
  }

  @Test("A builder starts anew after each batch")
  func building() {
    var builder = BatchBuilder()
    #expect(builder.isEmpty && builder.build().isNoop)
    builder.append(Self.id(1, 1), UInt64(7))
    #expect(builder.count == 1 && builder.byteCount == Batch.headerByteCount + 8)
    let first = builder.build()
    #expect(builder.isEmpty && builder.byteCount == 0)
    builder.append(Self.id(2, 2), UInt64(8))
    #expect(first.requestIDs == [Self.id(1, 1)])
    #expect(builder.build().requestIDs == [Self.id(2, 2)])
  }

  @Test("Bytes that do not hold exactly the requests they announce are refused")
  func malformed() {
    func decode(count: UInt32, _ bytes: [UInt8]) throws -> Batch {
      var writer = WireWriter()
      writer.write(count)
      writer.write(UInt32(bytes.count))
      writer.write(bytes)
      return try WireReader.decode(Batch.self, from: writer.bytes())
    }
    let requests = Array(three.bytes[Batch.prefixByteCount...])
    #expect(throws: Never.self) { try decode(count: 3, requests) }
    for count: UInt32 in [0, 1, 2, 4, .max] {
      #expect(throws: WireError.self) { try decode(count: count, requests) }
    }
    // The length of the last command, one too many and one too few.
    let lengthAt = requests.count - 20 - 4
    for change in [1, -1] {
      var bytes = requests
      bytes[lengthAt] = UInt8(Int(bytes[lengthAt]) + change)
      #expect(throws: WireError.self) { try decode(count: 3, bytes) }
    }
    #expect(throws: WireError.self) {
      try decode(count: 1, Array(repeating: 0xFF, count: Batch.headerByteCount))
    }
  }
}
