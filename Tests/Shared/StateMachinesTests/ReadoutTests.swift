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
      let order = store.values.keys
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
      try #require(restored.values.keys == order, "seed \(seed)")
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

  @Test("A scan that began before a snapshot goes on in the restored store, and misses no key")
  func scan() throws {
    for seed in 1...40 as ClosedRange<UInt64> {
      var random = RandomStream(seed: seed)
      var store = KeyValueStore()
      for number in 0..<50 { _ = store.apply(.put(key(number), value: [1])) }
      for _ in 0..<20 { _ = store.apply(.delete(key(random.below(50)))) }
      let staying = Set(store.values.keys.map(\.bytes))
      func page(_ store: KeyValueStore, _ cursor: UInt64) throws -> (UInt64, [[UInt8]]) {
        guard
          case .page(let next, let keys) = store.query(
            .scan(from: cursor, count: 7, pattern: Array("*".utf8)))
        else { throw WireError.malformed("no page") }
        return (next, keys)
      }
      var (cursor, met) = try page(store, 0)
      // Keys come and go while the snapshot is written, and before the scan goes on.
      store.beginReadout()
      var bytes: [UInt8] = []
      while let part = store.readOut(atMost: 1 + random.below(64)) {
        bytes += part
        for _ in 0..<3 { _ = store.apply(.put(key(100 + random.below(40)), value: [2])) }
        for _ in 0..<3 { _ = store.apply(.delete(key(100 + random.below(40)))) }
      }
      var reader = WireReader(bytes)
      var restored = KeyValueStore()
      try restored.restore(readingOut: &reader)
      while cursor != 0 {
        let (next, keys) = try page(restored, cursor)
        met += keys
        cursor = next
      }
      try #require(staying.subtracting(met).isEmpty, "seed \(seed)")
    }
  }

  @Test("Entries with a gap, or a key twice, restore nothing")
  func wrongOrder() {
    for (positions, keys) in [([0, 2], [1, 2]), ([0, 0], [1, 2]), ([0, 1], [1, 1])] {
      var writer = WireWriter()
      for (position, number) in zip(positions, keys) {
        writer.write(UInt32(position))
        writer.writeCounted(key(number).bytes)
        writer.writeCounted([7])
      }
      #expect(throws: WireError.self) {
        var reader = WireReader(writer.bytes())
        var restored = KeyValueStore()
        try restored.restore(readingOut: &reader)
      }
    }
  }

  @Test("Bytes that are no entries restore nothing", arguments: [1, 3, 5, 9, 13])
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
