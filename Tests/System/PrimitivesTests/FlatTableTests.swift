import Primitives
import Replication
import Testing

@Suite struct FlatTableTests {
  @Test("A table holds what a dictionary would, through inserts, replacements and removals")
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
}
