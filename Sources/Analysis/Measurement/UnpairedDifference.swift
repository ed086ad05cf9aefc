import Primitives

/// The difference of the means of two independent samples, such as runs on two machines, by Welch's
/// t test, which does not assume equal variances.
package struct UnpairedDifference: Sendable, Equatable {
  /// The mean of first less the mean of second; nil if one sample has no values.
  package let mean: Double?
  /// The ends of the 95 % interval; nil if a sample has fewer than two values.
  package let low: Double?
  package let high: Double?
  /// The probability that two samples of the same distribution differ by at least as much; nil if a
  /// sample has fewer than `PairedDifference.leastPairs` values.
  package let p: Double?

  package init(_ first: [Double?], _ second: [Double?]) {
    let (a, b) = (Estimate(first, .difference), Estimate(second, .difference))
    guard let x = a.mean, let y = b.mean else {
      (mean, low, high, p) = (nil, nil, nil, nil)
      return
    }
    let mean = x - y
    self.mean = mean
    guard let s = a.deviation, let t = b.deviation else {
      (low, high, p) = (nil, nil, nil)
      return
    }
    let (u, v) = (s * s / Double(a.count), t * t / Double(b.count))
    let error = (u + v).squareRoot()
    let isEnough = min(a.count, b.count) >= PairedDifference.leastPairs
    // A smaller standard error is taken for rounding.
    guard error > 1e-12 * max(x.magnitude, y.magnitude) else {
      (low, high) = (mean, mean)
      // Without any spread the samples are certainly equal (p = 1) or certainly different (p = 0).
      p = isEnough ? (mean.magnitude <= 1e-12 * max(x.magnitude, y.magnitude) ? 1 : 0) : nil
      return
    }
    // The degrees of freedom by Welch and Satterthwaite, rounded down, which widens the interval.
    let degrees = max(
      1,
      Int((u + v) * (u + v) / (u * u / Double(a.count - 1) + v * v / Double(b.count - 1))))
    let quantile = RealFunctions.studentQuantile(tails: PairedDifference.level, degrees: degrees)
    low = mean - quantile * error
    high = mean + quantile * error
    p = isEnough ? RealFunctions.studentTails(mean / error, degrees: degrees) : nil
  }
}
