import Replication
import Testing

@testable import Primitives

@Suite struct FlatTableTests {
  @Test("A table equals a dictionary through inserts, replacements and removals")
  func againstDictionary() {
    var table = FlatTable<ClientID, Int>()
    var reference: [ClientID: Int] = [:]
    var random = RandomStream(seed: 8)
    for step in 0..<8000 {
      let key = ClientID(UInt64(random.below(300)))
      if random.chance(0.4) {
        table.remove(key)
        reference[key] = nil
      } else {
        table.set(key, to: step)
        reference[key] = step
      }
      let probe = ClientID(UInt64(random.below(300)))
      if table.count != reference.count || table[probe] != reference[probe] {
        Issue.record("step \(step)")
      }
    }
    for (key, value) in reference where table[key] != value { Issue.record("\(key)") }
  }

  /// Keys whose hashes begin with twelve zero bits under the publicly known words.
  private static func collidingKeys(_ count: Int) -> [ClientID] {
    var keys: [ClientID] = []
    var number: UInt64 = 0
    while keys.count < count {
      if FlatHashSecret.known.mix(number) >> 52 == 0 { keys.append(ClientID(number)) }
      number += 1
    }
    return keys
  }

  @Test("Keys chosen to collide do so only if the secret words are known")
  func chosenKeys() {
    let keys = Self.collidingKeys(1000)
    var known = FlatTable<ClientID, Int>()
    for (number, key) in keys.enumerated() { known.set(key, to: number) }
    #expect(known.longestProbe > 900)
    for seed in 0..<20 as Range<UInt64> {
      var random = RandomStream(seed: seed)
      let secret = FlatHashSecret(random.next(), random.next())
      var drawn = FlatTable<ClientID, Int>(secret: secret)
      for (number, key) in keys.enumerated() { drawn.set(key, to: number) }
      #expect(drawn.longestProbe < 64, "seed \(seed)")
      var rekeyed = known
      rekeyed.rekey(secret)
      #expect(rekeyed.longestProbe < 64 && rekeyed.keys == known.keys)
      #expect(keys.indices.allSatisfy { rekeyed[keys[$0]] == $0 })
    }
  }
}
