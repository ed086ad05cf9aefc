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
    awaitsPredecessor || awaitsSuccessor
  }

  private var awaitsPredecessor: Bool { predecessor != nil && !isSynchronised }

  private var awaitsSuccessor: Bool {
    guard successor != nil, isComplete else { return false }
    return !link.isOpen || (isTail ? link.matchIndex : acknowledged) != log.lastIndex
  }

  /// Asks the neighbours that have not answered for the time of their pace, and sets the timer for
  /// the next one that will be due.
  mutating func resendTimerFired(into effects: inout Effects<Self>) {
    timerIsSet = false
    var wait: Interval?
    if awaitsPredecessor {
      if asking.isDue(at: now) {
        sayWhereItStands(into: &effects)
        asking.sentAgain(at: now)
      }
      wait = earlier(wait, asking)
    }
    if awaitsSuccessor {
      if link.pace.isDue(at: now) {
        recallStable(into: &effects)
        hail(into: &effects)
        link.asked(at: now)
      }
      wait = earlier(wait, link.pace)
    }
    guard let wait else { return }
    timerIsSet = true
    effects.setTimer(.resend, after: max(wait, .milliseconds(1)))
  }

  /// The head does not know yet that its disk has written everything, and the `stable` that was to
  /// say so to the successor may be lost (see `awaitDisk`). The head asks to be told as well, and
  /// then sends `stable` again.
  private mutating func recallStable(into effects: inout Effects<Self>) {
    guard isHead, durable < savedThrough else { return }
    link.toldStable = link.toldStable.map { min($0, durable) }
    effects.send(.durable(view: view.number, savedThrough), to: id)
  }

  private func earlier(_ wait: Interval?, _ pace: ResendPace) -> Interval {
    let own = pace.rest(at: now)
    return min(wait ?? own, own)
  }
}
