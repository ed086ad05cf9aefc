import Primitives

/// The difference of a metric between two protocols, taken trial by trial under the same seeds. The
/// conditions that a seed gives to both protocols cancel out.
package struct PairedDifference: Sendable, Equatable {
  package enum Test: String, Sendable {
    case studentT = "paired t"
    /// For metrics that cannot pass a ceiling, where most pairs are equal and a few are far apart.
    case sign
  }

  package let test: Test
  /// The mean of first - second, over the trials in which both have a value.
  package let estimate: Estimate
  /// The probability that two runs of the same protocol differ by at least as much, before any
  /// correction. nil with fewer than `leastPairs` pairs, because they are too few to judge.
  package let p: Double?
  /// The number of pairs in which the first value is larger, and in which the second is.
  private let larger: Int
  private let smaller: Int

  package static let leastPairs = 3
  /// Two protocols are called different if p is below this after Holm's correction.
  package static let level = 0.05

  package init(_ first: [Double?], _ second: [Double?], test: Test = .studentT) {
    let differences = zip(first, second).compactMap { a, b -> Double? in
      guard let a, let b, a.isFinite, b.isFinite else { return nil }
      // Two values that differ only by rounding count as equal.
      return (a - b).magnitude <= 1e-12 * max(a.magnitude, b.magnitude) ? 0 : a - b
    }
    self.test = test
    estimate = Estimate(differences, .difference)
    larger = differences.count { $0 > 0 }
    smaller = differences.count { $0 < 0 }
    guard differences.count >= PairedDifference.leastPairs else {
      p = nil
      return
    }
    switch test {
    case .studentT: p = PairedDifference.student(estimate)
    case .sign: p = PairedDifference.sign(of: larger + smaller, most: max(larger, smaller))
    }
  }

  /// A standard deviation below this share of the mean is taken for rounding.
  private static let noSpread = 1e-9

  private static func student(_ estimate: Estimate) -> Double {
    guard let mean = estimate.mean, let deviation = estimate.deviation, mean != 0 else { return 1 }
    let n = estimate.count
    guard deviation > noSpread * mean.magnitude else {
      // Equal differences leave Student's t without a spread. Two values drawn alike differ by
      // exactly c in at most a quarter of the cases: walk from value to value in steps of c and put
      // every other one into the same class; the two values are of different classes, which have
      // the probabilities q and 1 - q at most, in this order, and q (1 - q) ≤ 1/4. The sum of P(c)ⁿ
      // over all c is then at most (1/4)ⁿ⁻¹.
      return Double(sign: .plus, exponent: 2 * (1 - n), significand: 1)
    }
    return RealFunctions.studentTails(
      mean / deviation * Double(n).squareRoot(), degrees: n - 1)
  }

  /// The exact two-sided sign test (Conover 1999 §3.4): the probability that at least
  /// `most` of `n` fair coins fall on the same side. Pairs without a difference are left out.
  static func sign(of n: Int, most: Int) -> Double {
    guard n > 0 else { return 1 }
    // The sum starts with all coins on one side, whose probability is 2⁻ⁿ, and goes down to `most`.
    // It uses logarithms because 2⁻ⁿ may be too small for a Double.
    var logarithm = -Double(n) * RealFunctions.log(2)
    var sum = RealFunctions.exp(logarithm)
    for heads in stride(from: n, to: most, by: -1) {
      logarithm += RealFunctions.log(Double(heads) / Double(n - heads + 1))
      sum += RealFunctions.exp(logarithm)
    }
    return min(1, 2 * sum)
  }

  // MARK: How many trials would tell

  static let mostTrials = 1_000

  /// How many trials would show the difference in four of five cases, if the true difference and
  /// spread are as estimated. nil if the two may be equal, or if more than 1,000 trials are needed.
  ///
  /// - Parameter level: the p-value that is needed, with the correction included.
  package func trialsToResolve(level: Double) -> Int? {
    guard p != nil else { return nil }
    let needed =
      switch test {
      case .studentT: studentTrials(level)
      case .sign: signTrials(level)
      }
    return needed.map { max($0, estimate.count + 1) }
  }

  /// Φ⁻¹(0.8).
  private static let power = 0.841_621_234

  private func studentTrials(_ level: Double) -> Int? {
    guard let mean = estimate.mean, let deviation = estimate.deviation, mean != 0 else {
      return nil
    }
    guard deviation > PairedDifference.noSpread * mean.magnitude else {
      return Int((1 - RealFunctions.log(level) / RealFunctions.log(4)).rounded(.up))
    }
    let ratio = mean.magnitude / deviation
    func isEnough(_ n: Int) -> Bool {
      let quantile = RealFunctions.studentQuantile(tails: level, degrees: n - 1)
      return ratio * Double(n).squareRoot() >= quantile + PairedDifference.power
    }
    var (low, high) = (PairedDifference.leastPairs - 1, PairedDifference.mostTrials)
    guard isEnough(high) else { return nil }
    while low + 1 < high {
      let middle = (low + high) / 2
      if isEnough(middle) { high = middle } else { low = middle }
    }
    return high
  }

  private func signTrials(_ level: Double) -> Int? {
    let unequal = larger + smaller
    guard unequal > 0, larger != smaller else { return nil }
    let share = Double(max(larger, smaller)) / Double(unequal)
    // The normal approximation of the sign test, but at least as many pairs as are needed to reach
    // `level` when all fall on one side.
    let z = -RealFunctions.normalQuantile(level / 2)
    let root = (z / 2 + PairedDifference.power * (share * (1 - share)).squareRoot()) / (share - 0.5)
    let least = 1 - RealFunctions.log(level) / RealFunctions.log(2)
    let pairs = max(root * root, least) * Double(estimate.count) / Double(unequal)
    return pairs <= Double(PairedDifference.mostTrials) ? Int(pairs.rounded(.up)) : nil
  }
}

/// Holm's correction (Holm 1979): if all protocols that are compared together are in fact equal,
/// the chance that any pair is called different stays below the level.
package enum Holm {
  /// The corrected p-values, in the order given. Comparisons without a p-value do not count.
  package static func corrected(_ values: [Double?]) -> [Double?] {
    let order = values.indices.filter { values[$0] != nil }
      .sorted { (values[$0] ?? 1, $0) < (values[$1] ?? 1, $1) }
    var result = [Double?](repeating: nil, count: values.count)
    var largest = 0.0
    for (rank, index) in order.enumerated() {
      largest = max(largest, min(1, (values[index] ?? 1) * Double(order.count - rank)))
      result[index] = largest
    }
    return result
  }
}
