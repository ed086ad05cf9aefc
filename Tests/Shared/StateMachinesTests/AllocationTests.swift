import Primitives
import Replication
import Testing
import WireFormat

@testable import StateMachines

/// The store counts the bytes that it takes, because asking the allocator may take a second.
@Suite("Key-value store: memory") struct AllocationTests {
  /// The bytes that the store takes, added up over all entries.
  private func counted(_ store: KeyValueStore) -> Int {
    zip(store.values.keys, store.values.values).reduce(0) {
      $0 + $1.0.allocatedByteCount + KeyValueStore.memory(of: $1.1)
    }
  }

  private func command(_ random: inout RandomStream) -> KeyValueCommand {
    // Half of the keys are too long to be stored inside the table.
    let number = random.below(12)
    let key = Key(number % 2 == 0 ? "k\(number)" : "a key of more than 23 bytes: \(number)")
    let value = [UInt8](repeating: 0x31, count: random.below(5) * random.below(40))
    switch random.below(11) {
    case 0, 1: return .put(key, value: value)
    case 2: return .delete(key)
    case 3: return .append(key, value: value)
    case 4: return .compareAndSwap(key, expected: nil, value: value)
    case 5: return .increment(key, by: 1)
    case 6: return .putIfAbsent(key, value: value)
    case 7: return .putIfPresent(key, value: value)
    case 8: return .addDecimal(key, .zero)
    case 9: return .sequence([.put(key, value: value), .delete(Key("k2")), .get(key)])
    default: return random.chance(0.1) ? .clear : .get(key)
    }
  }

  @Test("Every change is counted, also during a walk and in what is taken back")
  func changes() throws {
    var store = KeyValueStore()
    var random = RandomStream(seed: 5, label: 1)
    for step in 0..<4000 {
      if step % 100 == 0 { store.beginReadout() }
      let next = command(&random)
      switch random.below(3) {
      case 0: _ = store.apply(next)
      case 1:
        var reader = WireReader(next.encoded())
        _ = try store.apply(reading: &reader)
      default:
        // The command that fails takes back those before it.
        let failing = KeyValueCommand.increment(Key("text"), by: 1)
        _ = store.apply(.transaction([.put(Key("text"), value: [0x78]), next, failing]))
      }
      #expect(store.contentByteCount == counted(store))
    }
    #expect(store.contentByteCount > 0)
    var writer = WireWriter()
    store.beginReadout()
    while let part = store.readOut(atMost: 1000) { writer.write(part) }
    var restored = KeyValueStore()
    var reader = WireReader(writer.bytes())
    try restored.restore(readingOut: &reader)
    #expect(restored.contentByteCount == store.contentByteCount)
    #expect(
      try KeyValueStore(restoring: store.snapshot()).contentByteCount == store.contentByteCount)
    _ = store.apply(.clear)
    #expect(store.contentByteCount == 0)
  }

  @Test("The memory of a store grows with its values, and falls when they are deleted")
  func size() {
    var store = KeyValueStore()
    for number in 0..<1000 {
      _ = store.apply(.put(Key("key \(number)"), value: [UInt8](repeating: 1, count: 1000)))
    }
    #expect(store.allocatedByteCount > 1_000_000 && store.allocatedByteCount < 1_200_000)
    for number in 0..<1000 { _ = store.apply(.delete(Key("key \(number)"))) }
    #expect(store.allocatedByteCount < 200_000)
  }
}
