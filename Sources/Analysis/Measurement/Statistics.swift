import Primitives

/// How a metric's values are distributed over trials. This decides how the confidence interval of
/// their mean is computed.
package enum ValueKind: Sendable, Equatable {
  /// A difference of two trials, of any sign: Student's t.
  case difference
  /// A rate or cost, never negative: Student's t.
  case amount
  /// A time or count with a long upper tail or many zeros: bootstrap-t.
  case skewed
  /// A share of a whole, often close to 0 or 1: bootstrap-t.
  case share

  var range: ClosedRange<Double> {
    switch self {
    case .difference: -.infinity ... .infinity
    case .amount, .skewed: 0 ... .infinity
    case .share: 0...1
    }
  }

  /// The method's name for the description of a column.
  package var method: String {
    switch self {
    case .difference, .amount: "Student's t"
    case .skewed, .share: "bootstrap-t; of few trials Student's t at 99 %"
    }
  }
}

/// A mean over trials with an interval that contains the true mean in 95 of 100 cases. Samples of
/// one trial depend on each other, so only whole trials count as independent.
///
/// *Student's t* is exact for normal values and too narrow for skewed ones: with exponential values
/// and ten trials it covers 90 %. *Bootstrap-t* (Efron & Tibshirani 1993 §12.5) takes the quantiles
/// of (mean* - mean) / error* over resamples instead of Student's. Its 97 % interval is used,
/// united with Student's, because together they cover 93 to 99 % of log-normal (σ up to 0.75),
/// exponential and zero-inflated samples; see StatisticsTests. With fewer than ten values the ends
/// of bootstrap-t are unreliable (±1,600 where Student's are ±50), so Student's 99 % interval is
/// used instead, except where several values equal the minimum or the maximum: there bootstrap-t
/// shows that the trials do not bound the mean. Three values are too few for it to show that, so an
/// end is left open by rule: two zeros and one time above zero have no upper end, because the 99 %
/// interval would cover 92 % of zero-inflated samples.
package struct Estimate: Sendable, Equatable {
  /// The number of trials that had a value.
  package let count: Int
  /// nil if no trial had a value.
  package let mean: Double?
  /// nil with fewer than two trials, and where the trials do not bound the mean on that side: if
  /// only one of four times is above zero, the trials do not show how large the mean may be. Equal
  /// times or shares have no interval for the same reason.
  package let low: Double?
  package let high: Double?
  /// The sample's standard deviation; nil with fewer than two trials.
  package let deviation: Double?

  /// Missing and non-finite values are left out. The same values give the same interval on every
  /// machine.
  package init(_ values: [Double?], _ kind: ValueKind = .amount) {
    let sample = Sample(values.compactMap { $0 }.filter(\.isFinite))
    count = sample.values.count
    mean = count > 0 ? sample.mean : nil
    deviation = count > 1 ? sample.deviation : nil
    guard count > 1 else {
      low = nil
      high = nil
      return
    }
    let ends = sample.interval(kind)
    low = ends.low.isFinite ? max(ends.low, kind.range.lowerBound) : nil
    high = ends.high.isFinite ? min(ends.high, kind.range.upperBound) : nil
  }

  /// The distance from the mean to the farther end of the interval; nil if an end is missing.
  package var margin: Double? {
    guard let mean, let low, let high else { return nil }
    return max(mean - low, high - mean)
  }
}

/// Values with their mean and standard deviation. Sums are taken of the differences from the first
/// value, so that equal values give exactly that value as the mean and a deviation of 0.
private struct Sample {
  var values: [Double]
  var mean = 0.0
  var deviation = 0.0

  init(_ values: [Double]) {
    self.values = values
    guard let first = values.first else { return }
    let n = Double(values.count)
    mean = first + values.reduce(0) { $0 + ($1 - first) } / n
    guard values.count > 1 else { return }
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    deviation = (squares / (n - 1)).squareRoot()
  }

  var standardError: Double { deviation / Double(values.count).squareRoot() }

  func interval(_ kind: ValueKind) -> (low: Double, high: Double) {
    switch kind {
    case .difference, .amount:
      return student(tails: 0.05)
    case .skewed, .share:
      guard deviation > 0 else { return (-.infinity, .infinity) }
      if values.count == 3, isHeaped { return openInterval() }
      guard values.count > 3, values.count >= 10 || isHeaped else { return student(tails: 0.01) }
      let (student, bootstrap) = (student(tails: 0.05), bootstrapT())
      return (min(student.low, bootstrap.low), max(student.high, bootstrap.high))
    }
  }

  /// Whether more than one value equals the minimum, or the maximum, such as several zeros.
  private var isHeaped: Bool {
    let (least, most) = (values.min(), values.max())
    return values.count { $0 == least } > 1 || values.count { $0 == most } > 1
  }

  /// The interval of three values of which two are equal: open on the side of the third one.
  private func openInterval() -> (low: Double, high: Double) {
    let ends = student(tails: 0.01)
    let median = values.sorted()[1]
    return median == values.min() ? (ends.low, .infinity) : (-.infinity, ends.high)
  }

  private func student(tails: Double) -> (low: Double, high: Double) {
    let quantile = RealFunctions.studentQuantile(tails: tails, degrees: values.count - 1)
    return (mean - quantile * standardError, mean + quantile * standardError)
  }

  private static let resamples = 999
  /// How many of the sorted resamples lie beyond each end of the interval, so that 3 % lie outside.
  private static let tail = 14

  private func bootstrapT() -> (low: Double, high: Double) {
    // The generator always starts at 0, so all samples of one size are resampled with the same
    // picks.
    var state: UInt64 = 0
    let n = UInt64(values.count)
    let deviations = values.map { $0 - mean }
    var ratios = (0..<Sample.resamples).map { _ -> Double in
      var (sum, squares, least, most) = (0.0, 0.0, Double.infinity, -Double.infinity)
      for _ in deviations {
        let pick = Int(RandomStream.splitMix64(&state).multipliedFullWidth(by: n).high)
        let value = deviations[pick]
        sum += value
        squares += value * value
        least = min(least, value)
        most = max(most, value)
      }
      // Equal picks have a standard error of 0, so the ratio is infinite (or 0 if the picks equal
      // the mean).
      if least == most { return least > 0 ? .infinity : least < 0 ? -.infinity : 0 }
      let count = Double(n)
      let variance = (squares - sum * sum / count) / (count - 1)
      return sum / count / (max(variance, .leastNormalMagnitude) / count).squareRoot()
    }
    ratios.sort()
    return (
      mean - ratios[Sample.resamples - 1 - Sample.tail] * standardError,
      mean - ratios[Sample.tail] * standardError
    )
  }
}
