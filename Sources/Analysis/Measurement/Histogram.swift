import Replication

/// Counts of durations in buckets whose width grows with the value, after Gil Tene's HdrHistogram:
/// 1,024 buckets per power of two, so that the width of a bucket is at most 0.1 % of its values.
/// Values below 2 µs are exact. Histograms of several trials are merged by adding counts, never by
/// averaging percentiles.
///
/// The unit is the nanosecond. Values above `largestNs` share one bucket; minimum and maximum are
/// exact.
public struct Histogram: Sendable, Equatable {
  @inlinable static var bits: Int { 10 }
  @inlinable static var octaves: Int { 34 }
  @inlinable static var buckets: Int { (octaves + 1) << bits }
  /// About 4.9 hours.
  @inlinable public static var largestNs: Int64 { Int64(1) << Int64(bits + octaves) - 1 }

  @usableFromInline var counts: [UInt64]
  @usableFromInline var recorded = 0
  public var count: Int { recorded }
  /// nil if empty.
  public var minimum: Interval? { count == 0 ? nil : .nanoseconds(least) }
  public var maximum: Interval? { count == 0 ? nil : .nanoseconds(most) }
  @usableFromInline var least = Int64.max
  @usableFromInline var most = Int64.min
  @usableFromInline var sum = 0.0

  public init() { counts = [UInt64](repeating: 0, count: Histogram.buckets) }

  /// Negative durations count as 0.
  @inlinable public mutating func record(_ durationNs: Int64, times: Int = 1) {
    guard times > 0 else { return }
    let value = max(durationNs, 0)
    counts[Histogram.bucket(of: value)] &+= UInt64(times)
    recorded += times
    sum += Double(value) * Double(times)
    least = min(least, value)
    most = max(most, value)
  }

  /// For a load that should have sent one request each `intervalNs` but waited for each answer
  /// instead: also adds the latencies that the requests it did not send would have had,
  /// `durationNs` less one interval, less two intervals, and so on. Valid only for a fixed
  /// interval. Latencies that are measured from the intended time need no such correction.
  public mutating func record(_ durationNs: Int64, expectedIntervalNs intervalNs: Int64) {
    record(durationNs)
    guard intervalNs > 0 else { return }
    var missedNs = durationNs - intervalNs
    while missedNs >= intervalNs {
      record(missedNs)
      missedNs -= intervalNs
    }
  }

  public mutating func merge(_ other: Histogram) {
    guard other.count > 0 else { return }
    for i in counts.indices { counts[i] &+= other.counts[i] }
    recorded += other.count
    sum += other.sum
    least = min(least, other.least)
    most = max(most, other.most)
  }

  /// The exact mean; nil if empty.
  public var mean: Double? { count == 0 ? nil : sum / Double(count) }

  @inlinable static func bucket(of value: Int64) -> Int {
    let bounded = UInt64(truncatingIfNeeded: min(value, largestNs))
    let shift = max(0, 63 - bits - bounded.leadingZeroBitCount)
    return shift << bits + Int(bounded >> UInt64(shift))
  }

  static func upperEnd(of bucket: Int) -> Int64 {
    let shift = max(0, bucket >> bits - 1)
    let mantissa = Int64(bucket - shift << bits)
    return (mantissa + 1) << Int64(shift) - 1
  }
}
