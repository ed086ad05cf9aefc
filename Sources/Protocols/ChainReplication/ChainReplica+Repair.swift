import Replication
import ViewService

// Repair after lost messages. A replica sends entries a second time only if its successor shows
// that it lacks them, because it received entries that follow them, or because it answers that it
// does not hold entries that were sent. A silent neighbour is asked, at a pace that follows the
// round trip.

extension ChainReplica {
  /// Tells the predecessor that entries are missing before the received ones. Entries that were
  /// sent later report the gap again, because the report or the answer to it may be lost.
  mutating func reportGap(sentThrough: LogIndex, into effects: inout Effects<Self>) {
    guard sentThrough > reportedGap ?? .zero else { return }
    reportedGap = sentThrough
    sayWhereItStands(sentThrough: sentThrough, into: &effects)
  }

  /// Answers the predecessor's question where this replica stands.
  mutating func receiveHail(
    sentThrough: LogIndex, stable: LogIndex?, into effects: inout Effects<Self>
  ) {
    if let stable { receiveStable(stable) }
    sayWhereItStands(sentThrough: sentThrough, into: &effects)
  }

  mutating func setTimerIfNeeded(into effects: inout Effects<Self>) {
    guard !timerIsSet, isUnfinished else { return }
    timerIsSet = true
    effects.setTimer(.resend, after: options.resend)
  }

  /// Whether this replica waits for a neighbour.
  private var isUnfinished: Bool {
    awaitsPredecessor || awaitsSuccessor || awaitsJoiner
  }

  private var awaitsPredecessor: Bool { predecessor != nil && !isSynchronised }

  private var awaitsSuccessor: Bool {
    guard let successor, isComplete else { return false }
    return !successor.isOpen || acknowledged != log.lastIndex
  }

  private var awaitsJoiner: Bool {
    guard let joiner, isComplete else { return false }
    return !joiner.isOpen || joiner.matchIndex != log.lastIndex
  }

  /// Asks the neighbours that have not answered for the time of their pace, and sets the timer for
  /// the next one that will be due.
  mutating func resendTimerFired(into effects: inout Effects<Self>) {
    timerIsSet = false
    var wait: Interval?
    if awaitsPredecessor {
      if asking.isDue(at: now) {
        sayWhereItStands(sentThrough: .zero, into: &effects)
        asking.sentAgain(at: now)
      }
      wait = earlier(wait, asking)
    }
    if awaitsSuccessor, var link = successor {
      if ask(&link, into: &effects) { successor = link }
      wait = earlier(wait, link.pace)
    }
    if awaitsJoiner, var link = joiner {
      if ask(&link, into: &effects) { joiner = link }
      wait = earlier(wait, link.pace)
    }
    guard let wait else { return }
    timerIsSet = true
    effects.setTimer(.resend, after: max(wait, .milliseconds(1)))
  }

  private func earlier(_ wait: Interval?, _ pace: ResendPace) -> Interval {
    let own = pace.rest(at: now)
    return min(wait ?? own, own)
  }

  private func ask(
    _ link: inout Link, into effects: inout Effects<Self>
  ) -> Bool {
    guard link.pace.isDue(at: now) else { return false }
    hail(link, into: &effects)
    link.asked(at: now)
    return true
  }
}
