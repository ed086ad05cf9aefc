import Primitives
import Testing
import WireFormat

@testable import StateMachines

@Suite("A store is written out in parts while it changes")
struct ReadoutTests {
  private func key(_ number: Int) -> Key { Key(Array("key \(number)".utf8)) }

  private func change(_ store: inout KeyValueStore, _ random: inout RandomStream) {
    let key = key(random.below(60))
    let value = [UInt8](repeating: UInt8(random.below(256)), count: random.below(40))
    switch random.below(40) {
    case 0...9: _ = store.apply(.delete(key))
    case 10...14: _ = store.apply(.append(key, value: value))
    case 15...19: _ = store.apply(.put(key, value: Array("\(random.below(100))".utf8)))
    case 20...21: _ = store.apply(.increment(key, by: 1))
    case 22...23: _ = store.apply(.addDecimal(key, DecimalFraction(spelledBy: [0x31], in: 0..<1)!))
    case 24: _ = store.apply(.clear)
    case 25...29: _ = store.apply(.putIfPresent(key, value: value))
    case 30...34: _ = store.apply(.putIfAbsent(key, value: value))
    default:
      // Encoded puts overwrite a value in place.
      var reader = WireReader(KeyValueCommand.put(key, value: value).encoded())
      _ = try? store.apply(reading: &reader)
    }
  }

  @Test("The walk writes the state at its beginning, whatever changes meanwhile")
  func changing() throws {
    for seed in 1...200 as ClosedRange<UInt64> {
      var random = RandomStream(seed: seed)
      var store = KeyValueStore()
      for _ in 0..<random.below(120) { change(&store, &random) }
      let before = store.snapshot()
      store.beginReadout()
      var bytes: [UInt8] = []
      while let part = store.readOut(atMost: 1 + random.below(64)) {
        bytes += part
        for _ in 0..<random.below(12) { change(&store, &random) }
      }
      var reader = WireReader(bytes)
      var restored = KeyValueStore()
      try restored.restore(readingOut: &reader)
      try #require(restored.snapshot() == before, "seed \(seed)")
    }
  }

  @Test("A walk does not change the store, and can be repeated")
  func repeated() throws {
    var store = KeyValueStore()
    for number in 0..<1000 { _ = store.apply(.put(key(number), value: [1, 2, 3])) }
    let before = store.snapshot()
    for _ in 0..<2 {
      store.beginReadout()
      var bytes: [UInt8] = []
      var partCount = 0
      while let part = store.readOut(atMost: 1000) {
        #expect(part.count < 1100)
        partCount += 1
        bytes += part
      }
      #expect(partCount >= 15)
      var reader = WireReader(bytes)
      var restored = KeyValueStore()
      try restored.restore(readingOut: &reader)
      #expect(restored.snapshot() == before)
    }
    #expect(store.snapshot() == before)
  }

  @Test("Malformed entries are refused and restore no state", arguments: [1, 3, 5, 9])
  func malformed(length: Int) {
    var store = KeyValueStore()
    _ = store.apply(.put(key(1), value: [1, 2, 3]))
    store.beginReadout()
    let bytes = store.readOut(atMost: 100)!
    #expect(throws: WireError.self) {
      var reader = WireReader(Array(bytes[..<length]))
      var restored = KeyValueStore()
      try restored.restore(readingOut: &reader)
    }
  }
}
