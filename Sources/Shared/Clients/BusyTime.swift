import Replication

/// The time that clients spend on operations in a measured interval, summed over the clients.
///
/// It is counted as operations begin and end, independently of the load's history, so that each can
/// be checked against the other.
public struct BusyTime: Sendable {
  /// When the interval begins.
  public let start: Instant
  /// When it ends at the latest.
  public var end = Instant.never
  /// How many operations are under way.
  public private(set) var underWay = 0
  /// The ends of operations less their beginnings, with wrap-around, because neither sum is bounded
  /// by their difference.
  private var sumNs: Int64 = 0

  public init(from start: Instant) { self.start = start }

  public mutating func begin(at now: Instant) {
    underWay += 1
    sumNs &-= offsetNs(of: now)
  }

  public mutating func finish(at now: Instant) {
    underWay -= 1
    sumNs &+= offsetNs(of: now)
  }

  /// The time in the interval up to `end`, after which no operation has begun or ended. Operations
  /// that are under way count until then.
  public func total(until end: Instant) -> Interval {
    let rest = Int64(underWay) &* max(end - start, .zero).nanoseconds
    return Interval(nanoseconds: sumNs &+ rest)
  }

  /// How long after the beginning of the interval a time is, if it lies in the interval; otherwise
  /// the nearer end of the interval counts.
  private func offsetNs(of time: Instant) -> Int64 {
    (min(max(time, start), end) - start).nanoseconds
  }
}
