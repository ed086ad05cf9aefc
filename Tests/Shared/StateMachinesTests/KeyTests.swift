import Primitives
import Replication
import StateMachines
import Testing
import WireFormat

@Suite struct KeyTests {
  static let lengths = [0, 1, 7, 8, 9, 14, 15, 16, 17, 22, 23, 24, 25, 100]

  @Test("A key of any length returns its bytes", arguments: lengths)
  func bytes(length: Int) throws {
    let bytes = (0..<length).map { UInt8(truncatingIfNeeded: 255 - $0 * 7) }
    let key = Key(bytes)
    #expect(key.bytes == bytes && key.count == length)
    try roundTrip(key)
  }

  @Test("Keys are equal exactly if their bytes are, also if they end in zeros")
  func equality() {
    var keys: [[UInt8]] = []
    for length in Self.lengths {
      keys.append(Array(repeating: 0, count: length))
      keys.append(Array(repeating: 0xFF, count: length))
      keys.append(Array(repeating: 0, count: length) + [1])
    }
    for a in keys {
      for b in keys {
        #expect((Key(a) == Key(b)) == (a == b))
        if a == b { #expect(Key(a).hashValue == Key(b).hashValue) }
      }
    }
    #expect(Key("key1") == Key(Array("key1".utf8)))
  }

  @Test("Every key has exactly one accepted encoding")
  func canonical() {
    func decode(low: UInt64, high: UInt64, _ rest: [UInt8] = []) throws -> Key {
      var writer = WireWriter()
      writer.write(low)
      writer.write(high)
      writer.write(rest)
      return try WireReader.decode(Key.self, from: writer.bytes())
    }
    let long = [16, 0, 0, 0] + Array(repeating: UInt8(7), count: 16)
    #expect(throws: Never.self) { try decode(low: 0, high: 0xFF << 56, long) }
    // A long key has no bytes in the words.
    #expect(throws: WireError.self) { try decode(low: 1, high: 0xFF << 56, long) }
    #expect(throws: WireError.self) { try decode(low: 0, high: 0xFF << 56 | 1, long) }
    // A short key must not be encoded as a long one.
    #expect(throws: WireError.self) {
      try decode(low: 0, high: 0xFF << 56, [3, 0, 0, 0, 1, 2, 3])
    }
    // Lengths between 15 and the mark of long keys are invalid.
    #expect(throws: WireError.self) { try decode(low: 0, high: 16 << 56) }
    // The bytes after the end of a key must be zeros.
    for length in 0...14 as ClosedRange<UInt64> {
      let low: UInt64 = length < 8 ? 1 << (8 * length) : 0
      let high: UInt64 = length < 8 ? 0 : 1 << (8 * (length - 8))
      #expect(throws: WireError.self) { try decode(low: low, high: high | length << 56) }
      if length < 8 {
        #expect(throws: WireError.self) { try decode(low: 0, high: 1 | length << 56) }
      }
    }
    #expect(throws: Never.self) { try decode(low: .max, high: .max >> 8 | 15 << 56) }
  }

  @Test("Secret words change the hashes of a store's keys, including long ones")
  func secretWords() {
    var store = KeyValueStore()
    for number in 0..<200 {
      _ = store.apply(.put(Key("short \(number)"), value: [1]))
      _ = store.apply(.put(Key("a key of more than twenty-three bytes \(number)"), value: [2]))
    }
    var other = store
    other.useHashSecret(FlatHashSecret(3, 5 << 40 | 7))
    #expect(other.values.secret != store.values.secret && other.values.slots != store.values.slots)
    #expect(other.snapshot() == store.snapshot())
    for key in store.values.keys {
      #expect(other[key] == store[key])
      let secret = FlatHashSecret(1, 2)
      let second = FlatHashSecret(3, 5 << 40 | 7)
      #expect(key.flatHash(secret) != key.flatHash(second))
    }
  }
}

/// Encodes and decodes a value, and checks that no shorter prefix of its bytes is accepted.
func roundTrip<Value: WireCodable & Equatable>(
  _ value: Value, sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let bytes = value.encoded()
  #expect(bytes.count == value.encodedByteCount, sourceLocation: sourceLocation)
  #expect(try WireReader.decode(Value.self, from: bytes) == value, sourceLocation: sourceLocation)
  for count in bytes.indices {
    #expect(throws: WireError.self, sourceLocation: sourceLocation) {
      try WireReader.decode(Value.self, from: Array(bytes[..<count]))
    }
  }
}
