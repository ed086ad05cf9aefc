import Environments
import Primitives
import Replication

/// Draws from a `DelayDistribution`: from a table of quantiles, computed once, and by formula in
/// the outermost cells, where a table would cut off the tail.
public struct LatencySampler: Sendable {
  private static let bits: UInt64 = 10
  private static let cells = 1 << bits

  private let distribution: DelayDistribution
  private let quantilesNs: [Int64]
  private let fixedNs: Int64?

  public init(_ distribution: DelayDistribution) {
    self.distribution = distribution
    if case .constant(let interval) = distribution {
      fixedNs = interval.nanoseconds
      quantilesNs = []
    } else {
      fixedNs = nil
      quantilesNs = (0..<Self.cells).map { cell in
        Self.quantileNs((Double(cell) + 0.5) / Double(Self.cells), of: distribution)
      }
    }
  }

  /// The highest draws of the last cell round to 1, for which a normal distribution has no
  /// quantile.
  private static let nearlyOne = 1.0.nextDown

  /// The next latency, never negative.
  public func next(_ random: inout RandomStream) -> Interval {
    value(of: random.next())
  }

  /// The latency that a random word stands for.
  public func value(of word: UInt64) -> Interval {
    if let fixedNs { return .nanoseconds(fixedNs) }
    let cell = Int(word & UInt64(Self.cells - 1))
    if cell > 0 && cell < Self.cells - 1 { return .nanoseconds(quantilesNs[cell]) }
    let within = (Double(word >> 12) + 0.5) * 0x1p-52
    return .nanoseconds(
      Self.quantileNs((Double(cell) + within) / Double(Self.cells), of: distribution))
  }

  public var median: Interval { .nanoseconds(fixedNs ?? quantilesNs[Self.cells / 2]) }

  private static func quantileNs(
    _ probability: Double, of distribution: DelayDistribution
  ) -> Int64 {
    let value: Double
    switch distribution {
    case .constant(let interval): return interval.nanoseconds
    case .uniform(let range):
      let width = Double((range.upperBound - range.lowerBound).nanoseconds)
      value = Double(range.lowerBound.nanoseconds) + probability * width
    case .normal(let mean, let deviation):
      value =
        Double(mean.nanoseconds)
        + Double(deviation.nanoseconds) * RealFunctions.normalQuantile(min(probability, nearlyOne))
    case .lognormal(let median, let sigma):
      value =
        Double(median.nanoseconds)
        * RealFunctions.exp(sigma * RealFunctions.normalQuantile(min(probability, nearlyOne)))
    case .exponential(let minimum, let mean):
      value =
        Double(minimum.nanoseconds)
        - Double(mean.nanoseconds) * RealFunctions.log(1 - probability)
    }
    // One hour is the upper limit, so that a heavy tail cannot dominate a trial.
    return Int64(min(max(value, 0), 3.6e12))
  }
}
