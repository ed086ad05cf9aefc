import Foundation
import Primitives
import Replication
import Testing

@testable import Workloads

@Suite struct KeyChooserTests {
  func counts(_ chooser: KeyChooser, draws: Int, seed: UInt64 = 1) -> [Int] {
    var chooser = chooser
    var random = RandomStream(seed: seed)
    var counts = Array(repeating: 0, count: chooser.count)
    for _ in 0..<draws { counts[chooser.next(&random)] += 1 }
    return counts
  }

  @Test("Zeta for ten billion items is the constant published by YCSB")
  func zeta() {
    let published = 26.46902820178302
    let zeta = ZipfianRanks.zeta(ZipfianRanks.scrambledCount, theta: 0.99)
    #expect(abs(zeta - published) / published < 1e-9)
  }

  @Test("Zeta by formula equals the sum", arguments: [0.2, 0.5, 0.99])
  func zetaSum(theta: Double) {
    var sum = 0.0
    for item in 1...50_000 { sum += Foundation.pow(Double(item), -theta) }
    #expect(abs(ZipfianRanks.zeta(50_000, theta: theta) - sum) / sum < 1e-12)
    #expect(ZipfianRanks.zeta(2, theta: theta) == 1 + RealFunctions.pow(2, -theta))
  }

  @Test("Ranks added one by one equal those made at once")
  func growing() {
    var grown = ZipfianRanks(count: 10, theta: 0.99)
    grown.grow(to: 5000)
    let made = ZipfianRanks(count: 5000, theta: 0.99)
    #expect(grown.count == 5000 && abs(grown.zeta - made.zeta) < 1e-11)
    for step in 0..<100 {
      #expect(grown.rank(of: Double(step) / 100) == made.rank(of: Double(step) / 100))
    }
  }

  @Test("The two most popular ranks have the frequency of Zipf's law, the others nearly so")
  func rankFrequencies() {
    let ranks = ZipfianRanks(count: 1000, theta: 0.99)
    var random = RandomStream(seed: 7)
    let draws = 60_000
    var counts = Array(repeating: 0, count: 1000)
    for _ in 0..<draws { counts[ranks.rank(of: random.unit())] += 1 }
    func expected(_ range: Range<Int>) -> Double {
      range.reduce(0) { $0 + Foundation.pow(Double($1 + 1), -0.99) } / ranks.zeta * Double(draws)
    }
    for rank in 0..<2 {
      let mean = expected(rank..<rank + 1)
      let chiSquare = (Double(counts[rank]) - mean) * (Double(counts[rank]) - mean) / mean
      #expect(chiSquare < 25, "rank \(rank)")
    }
    // Gray's approximation is accurate to some percent in each decade.
    for range in [2..<10, 10..<100, 100..<1000] {
      let seen = Double(counts[range].reduce(0, +))
      #expect(abs(seen - expected(range)) / expected(range) < 0.12, "\(range)")
    }
    #expect(ranks.rank(of: 0) == 0 && ranks.rank(of: 1.0.nextDown) == 999)
  }

  @Test("With few items every rank occurs")
  func fewItems() {
    for count in 1...3 {
      let ranks = ZipfianRanks(count: count, theta: 0.99)
      let seen = Set((0..<1000).map { ranks.rank(of: Double($0) / 1000) })
      #expect(seen == Set(0..<count))
    }
  }

  @Test("Ranks are scattered by YCSB's hash")
  func hash() {
    #expect(KeyChooser.fnv1a(0) == 6_284_781_860_667_377_211)
    #expect(KeyChooser.fnv1a(1) == 8_517_097_267_634_966_620)
    #expect(KeyChooser.fnv1a(9_999_999_999) == 3_605_131_173_811_637_474)
  }

  @Test("The scrambled zipfian's most popular key is that of its hash, with its share")
  func scrambled() {
    let counts = counts(KeyChooser(.zipfian(theta: 0.99), keys: 1000), draws: 30_000)
    let favourite = Int(KeyChooser.fnv1a(0) % 1000)
    #expect(counts.max() == counts[favourite])
    // The first rank has a share of 1 in 26.47, and the key also its part of all other ranks.
    #expect(abs(Double(counts[favourite]) / 30_000 - 1 / 26.469 - 0.001) < 0.006)
  }

  @Test("Keys stay popular while others are inserted")
  func insertsUnderZipfian() {
    var chooser = KeyChooser(.zipfian(theta: 0.99), keys: 1000)
    var random = RandomStream(seed: 1)
    var favourite = 0
    for _ in 0..<10_000 {
      if chooser.next(&random) == Int(KeyChooser.fnv1a(0) % 1000) { favourite += 1 }
      _ = chooser.insert()
    }
    #expect(favourite > 300)
  }

  @Test("Uniform keys are drawn equally often, inserted ones included")
  func uniform() {
    var chooser = KeyChooser(.uniform, keys: 9)
    let inserted = chooser.insert()
    #expect(inserted == 9 && chooser.count == 10)
    #expect(counts(chooser, draws: 10_000).allSatisfy { abs($0 - 1000) < 150 })
  }

  @Test("Hot keys get their share, evenly, and the other keys the rest")
  func hotspot() {
    let counts = counts(
      KeyChooser(.hotspot(keyShare: 0.1, operationShare: 0.9), keys: 100), draws: 20_000)
    #expect(abs(counts[..<10].reduce(0, +) - 18_000) < 5 * 43)
    #expect(counts[..<10].allSatisfy { abs($0 - 1800) < 200 })
    #expect(counts[10...].allSatisfy { $0 > 0 && $0 < 60 })
    // At least one key is hot, and all keys may be.
    let one = KeyChooser(.hotspot(keyShare: 0, operationShare: 1), keys: 5)
    #expect(self.counts(one, draws: 50)[0] == 50)
    let all = KeyChooser(.hotspot(keyShare: 1, operationShare: 0.5), keys: 5)
    #expect(self.counts(all, draws: 200).allSatisfy { $0 > 10 })
  }

  @Test("The newest key is the most popular, also after inserts")
  func latest() {
    var chooser = KeyChooser(.latest, keys: 50)
    for _ in 0..<50 { _ = chooser.insert() }
    let counts = counts(chooser, draws: 20_000)
    let zeta = ZipfianRanks.zeta(100, theta: 0.99)
    #expect(abs(Double(counts[99]) - 20_000 / zeta) < 5 * 60)
    #expect(counts[99] > counts[98] && counts[98] > counts[90] && counts[90] > counts[40])
  }
}
