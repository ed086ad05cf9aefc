import Replication

/// How long a client waits for an answer before it sends its request again.
public enum Patience: Sendable, Equatable {
  /// A time derived from the round trips measured so far (`RoundTrips`), doubled with each timeout.
  case adaptive
  /// Always this time.
  case fixed(Interval)
}

/// A retransmission timer from the round trips of one client, after RFC 6298 §2: the smoothed round
/// trip plus four times its variation. It is at least twice the longest recent round trip, because
/// an occasional long queue is not a reason to send again.
public struct RoundTrips: Sendable {
  /// The shortest timer, because a few turns of a busy replica take as long.
  public static var floor: Interval { .milliseconds(5) }
  /// The timer of a client that has not measured a round trip yet (RFC 6298 §2.1).
  public static var initial: Interval { .seconds(1) }

  public var estimate = RoundTripEstimate()
  /// The longest recent round trip; it decays by 1/64 with each sample.
  public var longest = Interval.zero
  public var timer = RoundTrips.initial
  /// How often the timer has run out since the last sample, up to `mostDoublings`. It is remembered
  /// across operations (RFC 6298 §5.5 and §5.7).
  public var doublings = 0

  public static var mostDoublings: Int { 4 }

  public init() {}

  /// The timer of the next attempt, doubled for each attempt that has timed out.
  public var backedOff: Interval { timer * (1 << doublings) }

  /// Notes that an attempt has timed out.
  public mutating func runOut() { doublings = min(doublings + 1, RoundTrips.mostDoublings) }

  /// Notes the round trip of an attempt that was answered.
  public mutating func learn(_ sample: Interval) {
    doublings = 0
    longest = max(sample, longest - longest / 64)
    estimate.learn(sample)
    timer = max(
      RoundTrips.floor, max(estimate.smoothed! + estimate.variation * 4, longest * 2))
  }
}
