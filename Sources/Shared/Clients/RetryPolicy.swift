import Primitives
import Replication

/// What keeps clients from making an overload worse. By default an attempt that is not answered in
/// time is followed by the next one at once (`ClientMachine`).
public struct RetryPolicy: Sendable, Equatable {
  /// Exponential backoff with full jitter: before it sends a request again, a client waits for a
  /// time drawn between zero and a bound, which begins at the lower end of this range and doubles
  /// with each repetition up to the upper end.
  public var backoff: ClosedRange<Interval>?
  /// A retry budget: all clients together may repeat requests this many times for each answer.
  public var budget: Double?
  /// Whether requests say how long the client still waits (`RequestLimits.dropsLate`).
  public var tellsTimeLeft = false
  /// Whether an operation has certainly had no effect if each attempt was refused as `busy`. It is
  /// false over networks that duplicate requests: one copy may be refused, the other taken.
  public var refusalsAreDefinite = true
  /// For the jitter.
  public var seed: UInt64 = 0

  public init(backoff: ClosedRange<Interval>? = nil, budget: Double? = nil) {
    self.backoff = backoff
    self.budget = budget
  }

  /// The pause before the `repetition`th repetition of a request, counted from 1. It depends on the
  /// request alone, and not on what other clients draw.
  public func pause(before repetition: Int, of id: RequestID) -> Interval? {
    guard let backoff else { return nil }
    var bound = backoff.lowerBound
    for _ in 1..<max(repetition, 1) where bound < backoff.upperBound { bound = bound * 2 }
    let key = RandomStream.scramble(seed &+ RandomStream.scramble(id.client.rawValue))
    var random = RandomStream(seed: key &+ id.sequence, label: UInt64(repetition))
    return min(bound, backoff.upperBound).scaled(by: random.unit())
  }
}

/// The tokens that clients share: each repetition of a request takes one, and each answer adds a
/// part of one. A full bucket lets clients find the new replica in charge after a crash.
public struct RetryBudget: Sendable {
  public static let capacity = 500.0

  public let perAnswer: Double
  public private(set) var tokens = RetryBudget.capacity

  public init(perAnswer: Double) { self.perAnswer = perAnswer }

  public var allows: Bool { tokens >= 1 }
  public mutating func spend(_ count: Int) { tokens -= Double(count) }
  public mutating func noteAnswer() { tokens = min(tokens + perAnswer, Self.capacity) }
}
