/// A mean over trials with its 95 % interval. Samples inside a trial depend on each other, so only
/// whole trials are counted as independent.
public struct Estimate: Sendable, Equatable {
  /// Trials that had a value.
  public let count: Int
  /// nil without any.
  public let mean: Double?
  /// The percentile bootstrap's 95 % interval (Efron 1979); nil with fewer than two trials.
  public let low: Double?
  public let high: Double?

  public static let resamples = 4_000

  /// Values that do not exist or are not finite are left out. The same values and seed give the same
  /// interval everywhere.
  public init(_ values: [Double?], seed: UInt64 = 0) {
    let sample = values.compactMap { $0 }.filter(\.isFinite)
    count = sample.count
    guard !sample.isEmpty else {
      mean = nil
      low = nil
      high = nil
      return
    }
    let center = Estimate.mean(sample)
    mean = center
    guard sample.count > 1 else {
      low = nil
      high = nil
      return
    }
    // Whatever is drawn from equal values, its mean is theirs.
    guard sample.contains(where: { $0 != center }) else {
      low = center
      high = center
      return
    }
    var state = seed
    // Deviations from the mean are summed, so that equal values give a point and not a rounding error.
    let deviations = sample.map { $0 - center }
    var means = (0..<Estimate.resamples).map { _ in
      var sum = 0.0
      for _ in deviations {
        let pick = Estimate.draw(&state).multipliedFullWidth(by: UInt64(deviations.count)).high
        sum += deviations[Int(pick)]
      }
      return center + sum / Double(deviations.count)
    }
    means.sort()
    let tail = Estimate.resamples / 40
    // No mean lies outside of the values, so a rounding error must not put it there (below zero, say).
    low = max(min(means[tail], center), sample.min()!)
    high = min(max(means[Estimate.resamples - 1 - tail], center), sample.max()!)
  }

  private static func mean(_ sample: [Double]) -> Double {
    // Around the first value: equal values give exactly that value.
    let first = sample[0]
    return first + sample.reduce(0) { $0 + ($1 - first) } / Double(sample.count)
  }

  /// SplitMix64 (Steele, Lea & Flood 2014).
  private static func draw(_ state: inout UInt64) -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// What one protocol has more than another, trial by trial under the same seeds, so that what both
/// meet alike cancels out.
public struct PairedDifference: Sendable, Equatable {
  /// Of first − second, over the trials in which both have a value.
  public let estimate: Estimate

  public init(_ first: [Double?], _ second: [Double?], seed: UInt64 = 0) {
    estimate = Estimate(
      zip(first, second).map { a, b in
        guard let a, let b else { return nil }
        return a - b
      }, seed: seed)
  }

  /// Whether the interval excludes zero. Without an interval nothing may be called different.
  public var isDifferent: Bool {
    guard let low = estimate.low, let high = estimate.high else { return false }
    return low > 0 || high < 0
  }
}
