/// Decides when to resend what one peer has not answered. All protocols use it, so that no protocol
/// repeats its messages sooner than the others.
///
/// The pace is the protocol's option or twice the smoothed round trip, whichever is longer, because
/// the answer to the first message may still be on its way when an earlier copy leaves. Each copy
/// doubles the pace, up to eight times the start (RFC 6298 §5.5), because a slow receiver still has
/// the first copy queued. One message at a time is measured. A message that was sent twice is not,
/// because its answer may belong to either copy (Karn & Partridge 1987).
///
/// A number that grows, such as a log index, a slot or a round, says which message is answered.
public struct ResendPace: Sendable, Equatable {
  @inlinable public static var mostDoublings: Int { 3 }

  /// The default of `least` in all protocols. Raft repeats a message with its heartbeat, so it is
  /// the default of that as well.
  public static var usualLeast: Interval { .milliseconds(50) }

  /// The protocol's option. The pace is never shorter.
  public var least: Interval
  public var roundTrip = RoundTripEstimate()
  /// Copies sent since the last answer, up to `mostDoublings`.
  public var doublings = 0
  /// The mark of the message that is measured, and when it left.
  public var measured: UInt64?
  public var measuredSince = Instant.longAgo
  /// The time from which the pace counts: when the first message in flight left, or the last answer
  /// came, or the last copy or question left.
  public var since = Instant.longAgo

  @inlinable
  public init(least: Interval) { self.least = least }

  /// How long to wait for an answer before the first copy.
  @inlinable
  public var firstPace: Interval { max(least, roundTrip.usual * 2) }

  /// How long to wait for an answer before the next copy.
  @inlinable
  public var pace: Interval { firstPace * (1 << doublings) }

  /// Notes that a message has left which the peer will answer with `mark` or a higher one.
  /// - Parameter first: no other message is on its way to this peer, so waiting begins now.
  @inlinable
  public mutating func sent(_ mark: UInt64, first: Bool, at now: Instant) {
    if first { since = now }
    guard measured == nil else { return }
    measured = mark
    measuredSince = now
  }

  /// Notes that the peer has answered everything up to `mark`, for the first time.
  @inlinable
  public mutating func answered(through mark: UInt64, at now: Instant) {
    since = now
    doublings = 0
    guard let measured, measured <= mark else { return }
    roundTrip.learn(max(now - measuredSince, .zero))
    self.measured = nil
  }

  /// How much longer to wait; zero or negative if it is time to send again.
  @inlinable
  public func rest(at now: Instant) -> Interval { pace - (now - since) }

  /// Whether it is time to send again.
  @inlinable
  public func isDue(at now: Instant) -> Bool { rest(at: now) <= .zero }

  /// Notes that the peer is asked for its position. Because no message is repeated, the answer to
  /// the message that is measured still counts.
  @inlinable
  public mutating func asked(at now: Instant) {
    since = now
    doublings = min(doublings + 1, ResendPace.mostDoublings)
  }

  /// Notes that the peer has answered a question, whatever it still lacks. The next question waits
  /// for one pace again, because questions are small and the way is free.
  ///
  /// If the answer covers the message that is measured, that message's own answer was lost. The
  /// time until now is then no round trip, because it includes the time until the question. Counted
  /// as one, it would lengthen the pace with each lost answer, and thereby the time until the next
  /// question.
  /// - Parameter mark: what the peer would have answered by itself up to now.
  @inlinable
  public mutating func answeredQuestion(through mark: UInt64, at now: Instant) {
    since = now
    doublings = 0
    if let measured, measured <= mark { self.measured = nil }
  }

  /// Notes that a copy leaves now.
  @inlinable
  public mutating func sentAgain(at now: Instant) {
    asked(at: now)
    measured = nil
  }

  /// Forgets the measured message, because the peer may have lost everything or this replica has a
  /// new role. The estimate of the round trip is kept.
  @inlinable
  public mutating func restart(at now: Instant) {
    since = now
    measured = nil
    doublings = 0
  }
}

extension OptionDeclaration {
  /// The option that bounds unacknowledged entries. It is the same for all protocols and counts
  /// bytes, because with a limit in messages or entries one protocol could flood a peer with large
  /// values and another could not.
  public static var inFlightBytes: OptionDeclaration {
    OptionDeclaration(
      "inFlightBytes", .integer(default: 4 << 20, range: 1024...(1 << 30)),
      "Bytes of entries on their way to one replica and not acknowledged; a larger entry travels "
        + "alone")
  }
}
