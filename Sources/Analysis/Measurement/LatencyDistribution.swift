/// How long operations took, those without an answer included, so that no percentile is taken over
/// the survivors.
///
/// For an operation without an answer only a lower bound is known:
/// - One that was still *open* when measuring ended has waited so long. The end of the trial says
///   nothing about the service, so the operation stands at that time in the order.
/// - One that was *abandoned* (given up, refused, never sent) was never served, so it is worse than
///   every operation that was, and stands behind all of them. Its bound is the time to the moment
///   at which the service next acknowledged an operation of the same class (a read or a write):
///   until then it would have waited, too, if its client had had more patience. The client's
///   `timeout` is no property of the service, and with this bound it does not matter: for an outage
///   of 3 s an operation that came due at its start counts with 3 s, whether it was given up after
///   200 ms or answered in the end.
///
/// A percentile whose rank exceeds the number of answers could fall among the operations without
/// one. It is a lower bound itself.
public struct LatencyDistribution: Sendable, Equatable {
  public private(set) var answered = Histogram()
  /// nil without any, to save room; so is `abandoned`.
  public private(set) var open: Histogram?
  public private(set) var abandoned: Histogram?

  /// A value that is exact or a lower bound, ns.
  public struct Value: Sendable, Equatable {
    public var nanoseconds: Int64
    public var isLowerBound: Bool

    public init(nanoseconds: Int64, isLowerBound: Bool) {
      self.nanoseconds = nanoseconds
      self.isLowerBound = isLowerBound
    }
  }

  public init() {}

  public init(answered: Histogram, open: Histogram? = nil, abandoned: Histogram? = nil) {
    self.answered = answered
    self.open = open.flatMap { $0.count > 0 ? $0 : nil }
    self.abandoned = abandoned.flatMap { $0.count > 0 ? $0 : nil }
  }

  /// Operations, with an answer or without.
  public var count: Int { answered.count + censored }
  /// Operations without an answer.
  public var censored: Int { (open?.count ?? 0) + (abandoned?.count ?? 0) }

  mutating func record(answeredAfter nanoseconds: Int64) { answered.record(nanoseconds) }

  mutating func record(openFor nanoseconds: Int64) {
    if open == nil { open = Histogram() }
    open?.record(nanoseconds)
  }

  mutating func record(abandonedFor nanoseconds: Int64) {
    if abandoned == nil { abandoned = Histogram() }
    abandoned?.record(nanoseconds)
  }

  public mutating func merge(_ other: LatencyDistribution) {
    answered.merge(other.answered)
    open = LatencyDistribution.merged(open, other.open)
    abandoned = LatencyDistribution.merged(abandoned, other.abandoned)
  }

  private static func merged(_ a: Histogram?, _ b: Histogram?) -> Histogram? {
    guard var merged = a, let b else { return a ?? b }
    merged.merge(b)
    return merged
  }

  /// Over all operations; a lower bound if some have no answer. nil without any.
  public var mean: Double? {
    let parts = [answered, open, abandoned].compactMap { $0 }
    guard count > 0 else { return nil }
    return parts.reduce(0) { $0 + ($1.mean ?? 0) * Double($1.count) } / Double(count)
  }

  /// nil without any operation. 0 gives the fastest answer.
  public func percentile(_ p: Double) -> Value? {
    guard count > 0 else { return nil }
    if p <= 0, let least = answered.minimum {
      return Value(nanoseconds: least, isLowerBound: false)
    }
    let rank = Histogram.rank(p, of: count)
    let placed = answered.count + (open?.count ?? 0)
    let worst = max(answered.maximum ?? 0, open?.maximum ?? 0)
    let value =
      if rank > placed, let abandoned {
        max(worst, abandoned.value(rank: rank - placed))
      } else if rank == placed {
        worst
      } else {
        answered.value(rank: rank, with: open)
      }
    return Value(nanoseconds: value, isLowerBound: rank > answered.count)
  }
}
