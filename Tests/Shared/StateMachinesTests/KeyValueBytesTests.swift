import Primitives
import Replication
import StateMachines
import Testing
import WireFormat

/// Tests commands that are checked and applied directly on their bytes.
@Suite struct KeyValueBytesTests {
  /// A single command, or a sequence of a few.
  private static func command(_ random: inout RandomStream) -> KeyValueCommand {
    guard random.chance(0.3) else { return KeyValueSequenceTests.command(&random) }
    let count = random.below(5)
    return .sequence(
      KeyValueSequence((0..<count).map { _ in KeyValueSequenceTests.command(&random) }))
  }

  @Test(
    "A command applied from its bytes has the effect and the answer of the decoded one",
    arguments: 0..<200 as Range<UInt64>)
  func sameAsDecoded(seed: UInt64) throws {
    var random = RandomStream(seed: seed)
    var fromBytes = KeyValueStore()
    var decoded = KeyValueStore()
    for _ in 0..<40 {
      let command = Self.command(&random)
      // Other bytes surround the command, as in a batch.
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
    "Damaged bytes have the same meaning decoded or not, and no effect if they have none",
    arguments: 0..<200 as Range<UInt64>)
  func damage(seed: UInt64) {
    var random = RandomStream(seed: seed, label: 1)
    var fromBytes = KeyValueStore()
    var decoded = KeyValueStore()
    for _ in 0..<200 {
      var bytes = Self.command(&random).encoded()
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

  @Test("A put over a value of the same length does not change copies of that value")
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

  @Test("Prefetching changes no state, whatever the bytes are")
  func expecting() throws {
    var store = KeyValueStore()
    var random = RandomStream(seed: 11)
    let keys = (0..<200).map { Key("key\($0)") } + [Key(Array(repeating: 3, count: 60))]
    for (index, key) in keys.enumerated() {
      _ = store.apply(.put(key, value: [UInt8](repeating: 1, count: index * 13 % 900)))
    }
    let before = store.snapshot()
    for _ in 0..<50 {
      var writer = WireWriter()
      var offsets: [Int] = []
      for _ in 0..<40 {
        offsets.append(writer.count)
        let key = keys[random.below(keys.count)]
        switch random.below(5) {
        case 0: KeyValueCommand.get(key).encode(into: &writer)
        case 1:
          KeyValueCommand.put(key, value: Array(repeating: 2, count: random.below(2000))).encode(
            into: &writer)
        case 2: KeyValueCommand.delete(Key("missing")).encode(into: &writer)
        case 3: writer.write(UInt8(truncatingIfNeeded: random.next()))
        default: KeyValueCommand.sequence(KeyValueSequence([.get(key)])).encode(into: &writer)
        }
      }
      // Also an offset past the last byte.
      offsets.append(writer.count)
      store.expect(offsets, in: writer.bytes())
    }
    KeyValueStore().expect([0], in: KeyValueCommand.get(keys[0]).encoded())
    #expect(store.snapshot() == before)
  }

  @Test("A long sequence has the effect of its commands one by one")
  func longSequence() throws {
    var random = RandomStream(seed: 12)
    let commands = (0..<100).map { index -> KeyValueCommand in
      let key = Key("key\(random.below(30))")
      return index.isMultiple(of: 3) ? .get(key) : .put(key, value: [UInt8(index)])
    }
    var one = KeyValueStore()
    var other = KeyValueStore()
    var reader = WireReader(KeyValueCommand.sequence(KeyValueSequence(commands)).encoded())
    #expect(try one.apply(reading: &reader) == .sequence(commands.map { other.apply($0) }))
    #expect(one.snapshot() == other.snapshot())
  }
}
