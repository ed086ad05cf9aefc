import Measurement
import Primitives
import Testing

@Suite struct StatisticsTests {
  @Test(
    "Student's interval equals the textbook's, is reproducible, and narrows with more trials")
  func interval() throws {
    let few: [Double?] = [9, 10, 11, 12, 8]
    let estimate = Estimate(few)
    #expect(estimate.mean == 10 && estimate.count == 5)
    // 2.776 · √2.5 / √5.
    #expect(abs(try #require(estimate.margin) - 1.963_243) < 1e-6)
    #expect(abs(try #require(estimate.low) - 8.036_757) < 1e-6)
    #expect(estimate == Estimate(few))
    let many = Estimate((0..<20).flatMap { _ in few })
    #expect(many.margin! < estimate.margin! / 3)
  }

  @Test("One trial has no interval, zero trials have no mean, and non-numbers are left out")
  func small() {
    let one = Estimate([4])
    #expect(one.mean == 4 && one.low == nil && one.high == nil && one.deviation == nil)
    #expect(Estimate([]).mean == nil)
    let odd = Estimate([nil, .nan, .infinity, 2, 4])
    #expect(odd.count == 2 && odd.mean == 3)
  }

  @Test("Equal amounts give a point; equal times and shares give no interval")
  func equal() {
    let amount = Estimate([0.1, 0.1, 0.1, 0.1])
    #expect(amount.mean == 0.1 && amount.low == 0.1 && amount.high == 0.1)
    for kind in [ValueKind.skewed, .share] {
      let estimate = Estimate([0.1, 0.1, 0.1, 0.1], kind)
      #expect(estimate.mean == 0.1 && estimate.low == nil && estimate.high == nil)
    }
  }

  @Test("An interval ends at the metric's limits, and is open if few values bound nothing")
  func range() {
    #expect(Estimate([0, 10], .amount).low == 0)
    #expect(Estimate([0, 10], .difference).low! < 0)
    let share = Estimate([0.99, 0.98, 1], .share)
    #expect(share.high == 1 && share.low! < 0.98)
    for zeros in [[0, 40, 0], [0, 0, 0, 40, 0]] as [[Double]] {
      let mostlyZero = Estimate(zeros, .skewed)
      #expect(mostlyZero.low == 0 && mostlyZero.high == nil && mostlyZero.margin == nil)
    }
    for ones in [[1, 0.9, 1], [1, 1, 0.9, 1, 1]] as [[Double]] {
      let mostlyOne = Estimate(ones, .share)
      #expect(mostlyOne.low == nil && mostlyOne.high == 1)
    }
  }

  // MARK: Coverage

  /// The share of the intervals that hold the true mean. An open end includes all values, and
  /// samples without an interval are left out.
  private func coverage(
    _ sample: Samples, _ n: Int, _ kind: ValueKind, rounds: Int
  ) -> Double {
    var draws = Draws(seed: UInt64(n))
    var (held, all) = (0, 0)
    for _ in 0..<rounds {
      let estimate = Estimate((0..<n).map { _ in draws.next(sample) }, kind)
      guard estimate.low != nil || estimate.high != nil else { continue }
      all += 1
      let low = estimate.low ?? -.infinity
      let high = estimate.high ?? .infinity
      if low <= sample.mean && sample.mean <= high { held += 1 }
    }
    return Double(held) / Double(all)
  }

  // A percentile bootstrap covers 49, 74, 84, 90 and 93 %; the interval mean ± 1.96 errors 70, 81,
  // 88, 92 and 93 %; a 90 % interval 90 %.
  @Test("Student's interval covers 95 % of normal samples", arguments: [2, 3, 5, 10, 20])
  func normal(n: Int) {
    let covered = coverage(.normal, n, .amount, rounds: 2_000)
    #expect((0.94...0.96).contains(covered), "\(covered)")
  }

  // Student's t covers 92, 89, 88, 90 and 91 % of log-normal samples with σ = 0.75, and 94, 85, 82,
  // 84 and 90 % where half of the values are zero and the others exponential.
  @Test(
    "The interval of skewed values covers log-normal and zero-inflated samples",
    arguments: [2, 3, 5, 10, 20])
  func skewed(n: Int) {
    let rounds = n <= 3 ? 2_000 : 6_000 / n
    let logNormal = coverage(.logNormal, n, .skewed, rounds: rounds)
    #expect(logNormal >= 0.93, "\(logNormal)")
    let zeroInflated = coverage(.zeroInflated, n, .skewed, rounds: rounds)
    #expect(zeroInflated >= 0.93, "\(zeroInflated)")
  }

  @Test("Shares near 1 are covered like times near 0", arguments: [5, 10])
  func shares(n: Int) {
    let covered = coverage(.shareNearOne, n, .share, rounds: 300)
    #expect(covered >= 0.935, "\(covered)")
  }
}

/// Distributions of trial values, with their true means.
enum Samples {
  case normal, logNormal, zeroInflated, shareNearOne

  static let sigma = 0.75

  var mean: Double {
    switch self {
    case .normal: 10
    case .logNormal: RealFunctions.exp(Samples.sigma * Samples.sigma / 2)
    case .zeroInflated: 0.5
    case .shareNearOne: 1 - 0.3 * 0.05
    }
  }
}

struct Draws {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  /// A draw from (0, 1).
  mutating func uniform() -> Double {
    (Double(RandomStream.splitMix64(&state) >> 12) + 0.5) * 0x1p-52
  }

  mutating func next(_ sample: Samples) -> Double {
    switch sample {
    case .normal: 10 + RealFunctions.normalQuantile(uniform())
    case .logNormal: RealFunctions.exp(Samples.sigma * RealFunctions.normalQuantile(uniform()))
    case .zeroInflated: uniform() < 0.5 ? 0 : -RealFunctions.log(uniform())
    case .shareNearOne: uniform() < 0.7 ? 1 : 1 - 0.1 * uniform()
    }
  }
}
