import Primitives

/// What one sample has more than another whose trials have nothing in common, such as runs of two
/// machines: Welch's t test, which does not take the spreads for equal.
public struct UnpairedDifference: Sendable, Equatable {
  /// Of first - second; nil if one has no values.
  public let mean: Double?
  /// Of the 95 % interval; nil with fewer than two values on a side.
  public let low: Double?
  public let high: Double?
  /// How likely samples of the same thing differ by as much; nil with fewer than
  /// `PairedDifference.leastPairs` values on a side.
  public let p: Double?

  public init(_ first: [Double?], _ second: [Double?]) {
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
    // A spread that small comes from rounding.
    guard error > 1e-12 * max(x.magnitude, y.magnitude) else {
      (low, high) = (mean, mean)
      // Of equal values each side shows nothing but that it repeats itself.
      p = isEnough ? (mean.magnitude <= 1e-12 * max(x.magnitude, y.magnitude) ? 1 : 0) : nil
      return
    }
    // Welch and Satterthwaite, rounded down to the wider side.
    let degrees = max(
      1,
      Int((u + v) * (u + v) / (u * u / Double(a.count - 1) + v * v / Double(b.count - 1))))
    let quantile = RealFunctions.studentQuantile(tails: PairedDifference.level, degrees: degrees)
    low = mean - quantile * error
    high = mean + quantile * error
    p = isEnough ? RealFunctions.studentTails(mean / error, degrees: degrees) : nil
  }
}
