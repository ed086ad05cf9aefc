import Replication

/// The judgement of the replica that feeds the joiner whether the joiner follows the log as fast as
/// it grows, and all entries it lacks are on their way. It is the same for all protocols under an
/// authority, because one that let slower joiners become members would wait for them afterwards.
///
/// The measure is time, after the rounds of Ongaro 2014 §4.2.1: the entries that the log had when a
/// round began have reached the joiner's disk within the time in which the joiner is expected to
/// answer. A limit in entries would keep a cluster under a large load, or with a long way to the
/// joiner, from ever growing. Hysteresis keeps the judgement from changing with every batch.
public struct CatchUpRounds: Sendable {
  /// The end of the log when the round began. The round ends when the joiner holds it.
  public private(set) var end = LogIndex.zero
  public private(set) var since = Instant.longAgo
  /// How long the joiner was expected to need for an answer when the round began. Answers to this
  /// round do not count, because they would make any round look as long as expected.
  private var limit = Interval.zero
  private var hasCaughtUp = false

  public init() {}

  /// Begins a round that ends when the joiner holds everything up to `end`.
  /// - Parameter pace: how the joiner answers.
  public mutating func begin(through end: LogIndex, pace: ResendPace, at now: Instant) {
    self.end = end
    since = now
    limit = pace.firstPace
  }

  /// Notes that the joiner holds everything up to `matchIndex` of a log that ends at `last`. If
  /// that ends the round, the next one begins.
  public mutating func count(
    through matchIndex: LogIndex, of last: LogIndex, pace: ResendPace, at now: Instant
  ) {
    guard matchIndex >= end else { return }
    let duration = now - since
    if duration <= limit || matchIndex >= last {
      hasCaughtUp = true
    } else if duration > limit * 2 {
      hasCaughtUp = false
    }
    begin(through: last, pace: pace, at: now)
  }

  /// Whether the joiner, which holds everything up to `matchIndex`, has caught up.
  public func hasCaughtUp(through matchIndex: LogIndex, at now: Instant) -> Bool {
    hasCaughtUp && (matchIndex >= end || now - since <= limit * 2)
  }
}
