import Replication
import StateMachines
import Testing

/// Commands that are looked at and applied where their bytes lie.
@Suite struct KeyValueBytesTests {
  @Test(
    "A command applied from its bytes does and answers what the decoded one does",
    arguments: 0..<200 as Range<UInt64>)
  func sameAsDecoded(seed: UInt64) throws {
    var random = RandomStream(seed: seed)
    var fromBytes = KeyValueStore()
    var decoded = KeyValueStore()
    for _ in 0..<40 {
      let command = KeyValueSequenceTests.command(&random)
      // Something stands before and behind, as in a batch.
      let bytes = [9] + command.encoded() + [9]
      var reader = WireReader(bytes, in: 1..<bytes.count - 1)
      #expect(
        try KeyValueStore.isReadOnly(reading: &reader) == KeyValueStore.isReadOnly(command),
        "seed \(seed)")
      #expect(reader.isAtEnd, "seed \(seed)")
      reader.offset = 1
      #expect(
        try fromBytes.apply(reading: &reader) == decoded.apply(command), "seed \(seed): \(command)")
      #expect(fromBytes.snapshot() == decoded.snapshot(), "seed \(seed): \(command)")
    }
  }

  @Test(
    "Damaged bytes mean the same decoded or not, and change nothing where they mean nothing",
    arguments: 0..<200 as Range<UInt64>)
  func damage(seed: UInt64) {
    var random = RandomStream(seed: seed, label: 1)
    var fromBytes = KeyValueStore()
    var decoded = KeyValueStore()
    for _ in 0..<200 {
      var bytes = KeyValueSequenceTests.command(&random).encoded()
      bytes[random.below(bytes.count)] ^= UInt8(1 << random.below(8))
      if random.chance(0.2) { bytes.removeLast(random.below(bytes.count)) }
      if random.chance(0.2) { bytes.append(0) }
      let command = try? WireReader.decode(KeyValueCommand.self, from: bytes)
      var reader = WireReader(bytes)
      #expect(
        (try? KeyValueStore.isReadOnly(reading: &reader)) == command.map(\.isReadOnly),
        "seed \(seed): \(bytes)")
      reader = WireReader(bytes)
      let answer = try? fromBytes.apply(reading: &reader)
      #expect(answer == command.map { decoded.apply($0) }, "seed \(seed): \(bytes)")
      #expect(fromBytes.snapshot() == decoded.snapshot(), "seed \(seed): \(bytes)")
    }
  }

  @Test("A put over a value of the same length leaves copies of that value alone")
  func copies() throws {
    var store = KeyValueStore()
    func put(_ text: String) throws {
      var reader = WireReader(KeyValueCommand.put(Key("a"), value: Array(text.utf8)).encoded())
      #expect(try store.apply(reading: &reader) == .done)
    }
    try put("first")
    let answered = store.query(.get(Key("a")))
    try put("other")
    #expect(answered == .value(Array("first".utf8)))
    #expect(store.query(.get(Key("a"))) == .value(Array("other".utf8)))
  }
}
