import Replication

/// How long a client waits for an answer before it asks again.
public enum Patience: Sendable, Equatable {
  /// As the round trips seen so far suggest (`RoundTrips`), doubled with each wait in vain.
  case adaptive
  /// Always this long.
  case fixed(Interval)
}

/// A retransmission timer from the round trips of one client, after RFC 6298 §2: the smoothed round
/// trip and four times its variation. The longest round trip of late counts besides, twice, because
/// a queue that is long now and then is no reason to ask again.
public struct RoundTrips: Sendable {
  /// No timer is shorter: a few turns of a busy replica take as long.
  public static var floor: Interval { .milliseconds(5) }
  /// The timer of a client that has seen no round trip (RFC 6298 §2.1).
  public static var initial: Interval { .seconds(1) }

  public var estimate = RoundTripEstimate()
  /// Fades by a 64th with each sample.
  public var longest = Interval.zero
  public var timer = RoundTrips.initial
  /// How often the timer has run out since the last sample, up to `mostDoublings`. It is remembered
  /// across operations (RFC 6298 §5.5 and §5.7).
  public var doublings = 0

  public static var mostDoublings: Int { 4 }

  public init() {}

  public var backedOff: Interval { timer * (1 << doublings) }

  public mutating func runOut() { doublings = min(doublings + 1, RoundTrips.mostDoublings) }

  public mutating func learn(_ sample: Interval) {
    doublings = 0
    longest = max(sample, longest - longest / 64)
    estimate.learn(sample)
    timer = max(
      RoundTrips.floor, max(estimate.smoothed! + estimate.variation * 4, longest * 2))
  }
}
