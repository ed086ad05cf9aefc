/// When to send again what one peer has not answered. All protocols use it, so that none repeats
/// its messages sooner than the others.
///
/// The pace is the option of the protocol or twice the smoothed round trip, whichever is longer,
/// because a copy that leaves sooner overtakes an answer that is on its way. Each copy doubles it,
/// up to 8 times (RFC 6298 §5.5), because a peer that is slow and not deaf has the first copy still
/// before it. One message at a time is measured, and none that was sent twice, because its answer
/// may belong to either copy (Karn & Partridge 1987).
///
/// Messages and answers are told apart by a number that grows: a log index, a slot, a round.
public struct ResendPace: Sendable, Equatable {
  @inlinable public static var mostDoublings: Int { 3 }

  /// The option of the protocol: the pace is never shorter.
  public var least: Interval
  public var roundTrip = RoundTripEstimate()
  /// Copies sent since the last answer, up to `mostDoublings`.
  public var doublings = 0
  /// The message that is measured, and when it left.
  public var measured: UInt64?
  public var measuredSince = Instant.longAgo
  /// When something was last sent or answered: the time from which the pace counts.
  public var since = Instant.longAgo

  @inlinable
  public init(least: Interval) { self.least = least }

  /// How long to wait for an answer.
  @inlinable
  public var pace: Interval {
    let longest = max(least, roundTrip.usual * 2)
    return longest * (1 << doublings)
  }

  /// A message has left that the peer will answer with `mark` or a higher one.
  /// - Parameter first: nothing else is on its way to this peer, so that waiting begins now.
  @inlinable
  public mutating func sent(_ mark: UInt64, first: Bool, at now: Instant) {
    if first { since = now }
    guard measured == nil else { return }
    measured = mark
    measuredSince = now
  }

  /// The peer has answered everything up to `mark`, which was news.
  @inlinable
  public mutating func answered(through mark: UInt64, at now: Instant) {
    since = now
    doublings = 0
    guard let measured, measured <= mark else { return }
    roundTrip.learn(max(now - measuredSince, .zero))
    self.measured = nil
  }

  /// How much longer to wait; not above zero if it is time to send again.
  @inlinable
  public func rest(at now: Instant) -> Interval { pace - (now - since) }

  /// Whether it is time to send again.
  @inlinable
  public func isDue(at now: Instant) -> Bool { rest(at: now) <= .zero }

  /// The peer is asked where it stands. No message is repeated, so that the one that is measured
  /// may still be answered.
  @inlinable
  public mutating func asked(at now: Instant) {
    since = now
    doublings = min(doublings + 1, ResendPace.mostDoublings)
  }

  /// A copy leaves now.
  @inlinable
  public mutating func sentAgain(at now: Instant) {
    asked(at: now)
    measured = nil
  }

  /// The peer may have lost everything, or this replica has a new office: what was measured counts
  /// no more. The round trip is kept.
  @inlinable
  public mutating func restart(at now: Instant) {
    since = now
    measured = nil
    doublings = 0
  }
}

extension OptionDeclaration {
  /// The same knob for all protocols, because a limit in messages or entries lets one protocol
  /// flood a peer with large values and another not.
  public static var inFlightBytes: OptionDeclaration {
    OptionDeclaration(
      "inFlightBytes", .integer(default: 4 << 20, range: 1024...(1 << 30)),
      "Bytes of entries on their way to one replica and not acknowledged; a larger entry travels "
        + "alone")
  }
}
