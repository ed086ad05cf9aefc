import Replication

/// Percentiles of the recorded values, of one histogram or of two together.
extension Histogram {
  /// The smallest recorded value that at least ⌈p/100 · n⌉ values do not exceed. It is rounded up
  /// to the upper end of its bucket, but never beyond the maximum. 0 gives the minimum. nil if
  /// empty.
  package func percentile(_ p: Double) -> Interval? {
    guard count > 0 else { return nil }
    guard p > 0 else { return .nanoseconds(least) }
    return .nanoseconds(value(rank: Histogram.rank(p, of: count)))
  }

  /// The value of this rank (1 is the smallest) among the values recorded here and in `other`.
  func value(rank: Int, with other: Histogram? = nil) -> Int64 {
    let least = min(least, other?.least ?? .max)
    let most = max(most, other?.most ?? .min)
    guard rank < count + (other?.count ?? 0) else { return most }
    var cumulative = 0
    for (bucket, n) in counts.enumerated() {
      cumulative += Int(n) + Int(other?.counts[bucket] ?? 0)
      if cumulative >= rank { return max(least, min(most, Histogram.upperEnd(of: bucket))) }
    }
    return most
  }

  /// ⌈p/100 · n⌉, at least 1 and at most n. The product is first reduced by a share of 10⁻¹⁴,
  /// because 99.9/100 has no exact binary form and 999.0000000000001 must not become 1,000.
  static func rank(_ p: Double, of n: Int) -> Int {
    let exact = p / 100 * Double(n)
    let rounded = (exact - exact * 1e-14).rounded(.up)
    return max(1, min(n, Int(rounded)))
  }
}
