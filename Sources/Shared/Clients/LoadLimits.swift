import Primitives
import Replication

/// What bounds a load beside its arrivals: how many operations it has, and how many each client of
/// a closed loop begins per second.
public struct LoadLimits: Sendable {
  /// The load is done after this many answers since `countedFrom`; nil for no limit.
  public let answers: Int?
  public let countedFrom: Instant
  /// The time from one operation of a client to its next, by group of clients, as with
  /// `ClientGroup`; nil for no limit.
  public let intervals: [Interval?]
  /// When the last of `answers` arrived.
  public private(set) var doneAt: Instant?
  private var count = 0
  /// When each client's last operation should have begun.
  private var starts: [Instant] = []

  /// - Parameter rates: operations per second of each client, by group.
  public init(answers: Int? = nil, countedFrom: Instant = .zero, rates: [Double?] = []) {
    self.answers = answers
    self.countedFrom = countedFrom
    intervals = rates.map { rate in rate.map { Interval(nanoseconds: Int64(1e9 / $0)) } }
  }

  public mutating func noteAnswer(at now: Instant) {
    guard let answers, doneAt == nil, now >= countedFrom else { return }
    count += 1
    if count == answers { doneAt = now }
  }

  /// When a client of a closed loop begins its first operation. Clients with a rate are spread over
  /// its interval, because they would begin together again and again.
  public mutating func firstStart(of client: Int, _ random: inout RandomStream) -> Instant {
    let range = interval(of: client)?.nanoseconds ?? 1_000_000
    let start = Instant(nanoseconds: Int64(random.below(Int(range))))
    if !intervals.isEmpty { starts.append(start) }
    return start
  }

  /// When a client begins its next operation, which it could begin at `earliest`. As in YCSB, a
  /// client that has fallen behind begins at once until it has caught up.
  public mutating func nextStart(of client: Int, from earliest: Instant) -> Instant {
    guard let interval = interval(of: client) else { return earliest }
    starts[client] = starts[client] + interval
    return max(earliest, starts[client])
  }

  private func interval(of client: Int) -> Interval? {
    intervals.isEmpty ? nil : intervals[client % intervals.count]
  }
}
