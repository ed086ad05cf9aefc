import Replication

/// How many operations an open loop may have under way, by how fast they are answered.
///
/// What is due is sent whether or not earlier operations were answered. But a service that answers
/// fewer than come due would soon have more before it than it answers within their timeout, and
/// would then answer nothing in time any more, for the sake of requests that nobody waits for. So
/// only as many are under way as it answers within half of the timeout, at the rate of late; the
/// others wait at their clients and count as waiting from when they were due.
///
/// A service that has answered nothing of late is down, not overloaded: 1000 may be under way, or
/// as many as it answered before, if that is more. Without this limit it would be buried under
/// repeated requests in the moment in which it comes back.
public struct AnswerRate: Sendable {
  /// So many windows are half of the timeout.
  public static var windowCount: Int { 8 }
  /// So many operations may be under way while there are no answers to tell a rate.
  public static var withoutAnswers: Int { 1000 }

  public let window: Interval
  public var windowEnd: Instant
  /// Answers in the windows of the last half timeout, the present one at `present`.
  public var counts = Array(repeating: 0, count: AnswerRate.windowCount)
  public var present = 0
  public var sum = 0
  /// Windows that are over, up to `windowCount`.
  public var past = 0
  /// As many as were answered in the half timeout before the last answer.
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

  /// As many as are answered in half of the timeout, at the rate of late; `nil` if that is unknown.
  private var late: Int? { sum > 0 && past > 0 ? sum * AnswerRate.windowCount / past : nil }

  /// At least 1.
  public mutating func limit(at now: Instant) -> Int {
    advance(to: now)
    return late.map { max($0, 1) } ?? max(answered, AnswerRate.withoutAnswers)
  }
}
