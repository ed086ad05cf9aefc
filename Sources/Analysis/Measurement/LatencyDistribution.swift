import Replication

/// The latencies of operations. Operations without an answer are included, because percentiles over
/// the answered ones alone would hide the worst cases.
///
/// For an operation without an answer only a lower bound of its latency is known:
/// - An operation that was still *open* when measuring ended has waited at least until then. The
///   end of the trial says nothing about the service, so the operation is ordered by the time that
///   it had waited.
/// - An *abandoned* operation (given up, refused or never sent) was never served, so it is worse
///   than every operation that was served, and is ordered after all of them. Its bound is the time
///   until the service next acknowledged an operation of the same class (a read or a write),
///   because it would have waited at least that long if its client had not given up. The client's
///   `timeout` is not a property of the service, and with this bound it does not matter: an
///   operation that came due at the start of an outage of 3 s counts with 3 s, whether it was given
///   up after 200 ms or answered in the end.
///
/// A percentile whose rank exceeds the number of answers could fall among the operations without an
/// answer. Such a percentile is itself a lower bound.
package struct LatencyDistribution: Sendable, Equatable {
  package private(set) var answered = Histogram()
  /// nil if empty, to save memory; the same holds for `abandoned`.
  package private(set) var open: Histogram?
  package private(set) var abandoned: Histogram?

  /// A latency that is exact or a lower bound.
  package struct Value: Sendable, Equatable {
    package var time: Interval
    package var isLowerBound: Bool

    package init(time: Interval, isLowerBound: Bool) {
      self.time = time
      self.isLowerBound = isLowerBound
    }
  }

  package init() {}

  package init(answered: Histogram, open: Histogram? = nil, abandoned: Histogram? = nil) {
    self.answered = answered
    self.open = open.flatMap { $0.count > 0 ? $0 : nil }
    self.abandoned = abandoned.flatMap { $0.count > 0 ? $0 : nil }
  }

  /// The number of operations, with an answer or without.
  package var count: Int { answered.count + censored }
  /// The number of operations without an answer.
  package var censored: Int { (open?.count ?? 0) + (abandoned?.count ?? 0) }

  mutating func record(answeredAfterNs latencyNs: Int64) { answered.record(latencyNs) }

  mutating func record(openForNs waitNs: Int64) {
    if open == nil { open = Histogram() }
    open?.record(waitNs)
  }

  mutating func record(abandonedForNs waitNs: Int64) {
    if abandoned == nil { abandoned = Histogram() }
    abandoned?.record(waitNs)
  }

  package mutating func merge(_ other: LatencyDistribution) {
    answered.merge(other.answered)
    open = LatencyDistribution.merged(open, other.open)
    abandoned = LatencyDistribution.merged(abandoned, other.abandoned)
  }

  private static func merged(_ a: Histogram?, _ b: Histogram?) -> Histogram? {
    guard var merged = a, let b else { return a ?? b }
    merged.merge(b)
    return merged
  }

  /// The mean over all operations; a lower bound if some have no answer. nil if there are no
  /// operations.
  package var mean: Double? {
    let parts = [answered, open, abandoned].compactMap { $0 }
    guard count > 0 else { return nil }
    return parts.reduce(0) { $0 + ($1.mean ?? 0) * Double($1.count) } / Double(count)
  }

  /// nil if there are no operations. 0 gives the fastest answer.
  package func percentile(_ p: Double) -> Value? {
    guard count > 0 else { return nil }
    if p <= 0, let least = answered.minimum {
      return Value(time: least, isLowerBound: false)
    }
    let rank = Histogram.rank(p, of: count)
    let placed = answered.count + (open?.count ?? 0)
    let worst = max(answered.maximum ?? .zero, open?.maximum ?? .zero).nanoseconds
    let value =
      if rank > placed, let abandoned {
        max(worst, abandoned.value(rank: rank - placed))
      } else if rank == placed {
        worst
      } else {
        answered.value(rank: rank, with: open)
      }
    return Value(time: Interval(nanoseconds: value), isLowerBound: rank > answered.count)
  }
}
