import Replication

/// Limits how many operations of an open loop may be outstanding, by the rate at which they are
/// answered.
///
/// Due operations are sent whether or not earlier ones were answered. But if a service answers
/// fewer operations than come due, its queue soon takes longer than the timeout. Then it answers no
/// operation in time, because it works on requests that clients have given up. So the limit is the
/// number of operations that the service answers within half of the timeout at its recent rate. The
/// other operations wait at their clients, and their latency counts from when they were due.
///
/// A service without recent answers is down and not overloaded: then 1000 operations may be
/// outstanding, or as many as it answered before, if that is more. Without this limit it would be
/// flooded with repeated requests when it comes back.
public struct AnswerRate: Sendable {
  /// The number of windows in half of the timeout.
  public static var windowCount: Int { 8 }
  /// How many operations may be outstanding while there are no answers from which to derive a rate.
  public static var withoutAnswers: Int { 1000 }

  public let window: Interval
  public var windowEnd: Instant
  /// Answers per window over the last half timeout; the current window is at `present`.
  public var counts = Array(repeating: 0, count: AnswerRate.windowCount)
  public var present = 0
  public var sum = 0
  /// The number of completed windows, up to `windowCount`.
  public var past = 0
  /// The number of answers in the half timeout before the last answer.
  public var answered = 0

  public init(timeout: Interval) {
    window = max(timeout / (2 * AnswerRate.windowCount), .microseconds(1))
    windowEnd = .zero + window
  }

  public mutating func advance(to now: Instant) {
    while now >= windowEnd {
      windowEnd = windowEnd + window
      past = min(past + 1, AnswerRate.windowCount)
      present = (present + 1) % AnswerRate.windowCount
      sum -= counts[present]
      counts[present] = 0
    }
  }

  public mutating func noteAnswer(at now: Instant) {
    advance(to: now)
    counts[present] += 1
    sum += 1
    answered = late ?? answered
  }

  /// The number of answers in half of the timeout at the recent rate; `nil` if the rate is unknown.
  private var late: Int? { sum > 0 && past > 0 ? sum * AnswerRate.windowCount / past : nil }

  /// The limit; at least 1.
  public mutating func limit(at now: Instant) -> Int {
    advance(to: now)
    return late.map { max($0, 1) } ?? max(answered, AnswerRate.withoutAnswers)
  }
}
