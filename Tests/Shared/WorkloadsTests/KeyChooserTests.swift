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

  @Test("Of conflicting operations all use the first key, and of the others no two clients one key")
  func conflict() {
    var chooser = KeyChooser(.conflict(share: 0.25), keys: 41, clients: 4)
    var random = RandomStream(seed: 2)
    var shared = 0
    for _ in 0..<4000 {
      for client in 0..<4 {
        let key = chooser.next(&random, client: client)
        if key == 0 { shared += 1 } else { #expect((key - 1) / 10 == client) }
      }
    }
    // A quarter of 16,000 draws; the standard deviation is 55.
    #expect(abs(shared - 4000) < 275)
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

  @Test(
    "A rank by multiplications is that of the power, or is left to it",
    arguments: [0.99, 0.98, 0.95, 0.9, 0.8, 0.75, 0.5], [100, 1_000_000, 10_000_000_000])
  func ranksByProducts(theta: Double, count: Int) {
    let ranks = ZipfianRanks(count: count, theta: theta)
    var random = RandomStream(seed: 2)
    var left = 0
    for _ in 0..<20_000 {
      // Powers from 1 to 1 / count, evenly over their logarithms.
      let base = RealFunctions.pow(1 / Double(count), random.unit() * (1 - theta))
      if let rank = ranks.rankByProducts(base) {
        #expect(rank == ranks.rankByPower(base))
      } else {
        left += 1
      }
    }
    #expect(left < 100)
  }

  @Test("Where rounding decides about a rank, and for other exponents, the power is taken")
  func ranksByPower() {
    let ranks = ZipfianRanks(count: 1 << 20, theta: 0.5)
    for rank in 3..<1000 {
      let base = (Double(rank) / 0x1p20).squareRoot()
      #expect(ranks.rankByProducts(base) == nil)
      #expect(ranks.rankByProducts(base * 1.0000001) == rank)
    }
    #expect(ZipfianRanks(count: 1000, theta: 0.7).rankByProducts(0.9) == nil)
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

  @Test(
    "Rejection-inversion draws each rank with the frequency of Zipf's law",
    arguments: [0.5, 0.99, 1, 1.000001, 1.2, 2, 4])
  func rejectionInversion(theta: Double) {
    let count = 200
    let ranks = RejectionInversion(count: count, theta: theta)
    var random = RandomStream(seed: 11)
    let draws = 40_000
    var counts = Array(repeating: 0, count: count)
    for _ in 0..<draws { counts[ranks.next(&random)] += 1 }
    let weights = (1...count).map { Foundation.pow(Double($0), -theta) }
    let sum = weights.reduce(0, +)
    // Ranks are pooled until 20 draws are expected, because chi-square needs about that many.
    var (chiSquare, cells) = (0.0, 0)
    var (seen, expected) = (0.0, 0.0)
    for rank in 0..<count {
      seen += Double(counts[rank])
      expected += weights[rank] / sum * Double(draws)
      guard expected >= 20 else { continue }
      chiSquare += (seen - expected) * (seen - expected) / expected
      cells += 1
      (seen, expected) = (0, 0)
    }
    let freedom = Double(cells - 1)
    #expect(chiSquare < freedom + 5 * (2 * freedom).squareRoot() + 5, "\(chiSquare) of \(cells)")
  }

  @Test("The integral of the curve and its inverse fit each other, also around exponent 1")
  func integrals() {
    for theta in [0.3, 0.999, 0.9999999, 1, 1.0000001, 1.01, 1.7] {
      for x in [1.5, 2, 1000.5, 1e6] {
        let area = RejectionInversion.integral(x, theta)
        #expect(abs(RejectionInversion.inverse(area, theta) / x - 1) < 1e-8, "\(theta) \(x)")
      }
    }
    #expect(abs(RejectionInversion.integral(1e6, 1) - Foundation.log(1e6)) < 1e-12)
    #expect(abs(RejectionInversion.integral(4, 2) - 0.75) < 1e-14)
  }

  @Test("The most popular key has the share of the first rank", arguments: [1, 1.2, 2, 10])
  func steepZipfian(theta: Double) {
    let counts = counts(KeyChooser(.zipfian(theta: theta), keys: 1000), draws: 30_000)
    let favourite = Int(KeyChooser.fnv1a(0) % 1000)
    #expect(counts.max() == counts[favourite])
    // The sum of i^-theta: 1,000 terms and the integral of the rest.
    let rest = { (x: Double) in
      theta == 1 ? Foundation.log(x) : -Foundation.pow(x, 1 - theta) / (theta - 1)
    }
    let sum =
      (1...1000).reduce(0) { $0 + Foundation.pow(Double($1), -theta) } + rest(1e10) - rest(1000.5)
    #expect(abs(Double(counts[favourite]) / 30_000 - 1 / sum - 0.001 * (1 - 1 / sum)) < 0.01)
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
