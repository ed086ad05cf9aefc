import Replication
import WireFormat

extension MultiPaxosReplica {
  /// The most bytes and slots in a report or an `accept`, unless a single value is larger.
  static let pageByteCount = 1 << 20
  static let pageSlotCount = 1024

  /// Phase 1b (Lamport 2001 §2.2): promises, and reports everything accepted from `first` on.
  mutating func receivePrepare(
    _ ballot: Ballot, first: LogIndex, held: [HeldSlots], from sender: ReplicaID, at now: Instant,
    into effects: inout Effects<Self>
  ) {
    guard ballot.node == sender, isPossible(ballot), first > .zero, !isLearner else { return }
    guard ballot >= promised else {
      return effects.send(.preempted(by: promised), to: sender)
    }
    if ballot > promised {
      notice(ballot, into: &effects)
      promised = ballot
      // Bug: volatile-promise.
      if !broken(.volatilePromise) { effects.persist(.promised(ballot)) }
    }
    // The new proposer gets as much time to finish as a leader, again for each page of the report.
    lastLeaderContact = now
    guard first >= log.firstIndex else { return effects.sendSnapshot(to: sender) }
    sendReport(from: first, held: held, to: sender, into: &effects)
  }

  /// Phase 2b: accepts unless a higher ballot was promised. An acceptance also promises the ballot.
  mutating func receiveAccept(
    _ ballot: Ballot, first: LogIndex, values: [Batch], commitIndex: LogIndex, round: UInt64,
    from sender: ReplicaID, at now: Instant, into effects: inout Effects<Self>
  ) {
    guard ballot.node == sender, isPossible(ballot), sender != id else { return }
    // Bug: accept-below-promise.
    guard ballot >= promised || broken(.acceptBelowPromise) else {
      return effects.send(.preempted(by: promised), to: sender)
    }
    hear(ballot, at: now, into: &effects)
    // Slots out of reach are ignored, because this replica lags too far behind; the leader offers
    // them again.
    guard first > .zero, first.rawValue < Int.max / 4,
      first + values.count <= firstUnchosen + SlotLog.reach
    else { return learnCommitIndex(commitIndex, of: ballot, into: &effects) }

    // The record of an acceptance is the record of the promise as well.
    promised = max(promised, ballot)
    var slot = first
    for value in values {
      // Forgotten slots are chosen: see `acceptValue` about chosen slots.
      if slot < log.firstIndex {
        slot = slot.next
        continue
      }
      acceptValue(value, at: slot, in: ballot, into: &effects)
      slot = slot.next
    }
    if ballot == leaderBallot { reception.note(first, isEmpty: values.isEmpty) }
    let gap = firstGap(of: ballot, before: first)
    confirm(round, of: ballot, gap: gap, isDue: values.isEmpty, to: sender, into: &effects)
    let reply = Message.accepted(
      ballot: ballot, first: first, count: values.count, gap: gap, standing: standing)
    // Bug: accepted-before-durable.
    if broken(.acceptedBeforeDurable) {
      effects.sendEarly(reply, to: sender)
    } else {
      effects.send(reply, to: sender)
    }
    learnCommitIndex(commitIndex, of: ballot, into: &effects)
  }

  /// Stores `value` in `slot` durably. The caller checks that the ballot may do so.
  ///
  /// A slot that is known to be chosen keeps its value. A proposer that was overtaken without this
  /// acceptor's knowledge may still offer another value. Acknowledging that does no harm, because a
  /// majority has promised the ballot that overtook it, so its value can never be chosen.
  mutating func acceptValue(
    _ value: Batch, at slot: LogIndex, in ballot: Ballot, into effects: inout Effects<Self>
  ) {
    // Bug: accept-below-promise.
    assert(ballot == promised || broken(.acceptBelowPromise), "an acceptance is a promise, too")
    if slot == log.lastIndex.next {
      log.append(Slot(ballot: ballot, votes: 0, value: value, isChosen: false))
    } else {
      log.extend(through: slot)
      if log[slot].isChosen, log[slot].value != value { return }
      let held = log[slot].ballot
      // A learnt value, or the same message again: the value is in the log, and the barrier covers
      // the reply.
      if held == .chosen { return }
      if held == ballot {
        if log[slot].value != value {
          brokenInvariant = "ballot \(ballot) has two values in slot \(slot)"
        }
        return
      }
      log[slot].ballot = ballot
      log[slot].value = value
    }
    effects.persist(.accepted(slot: slot, ballot: ballot, value: value))
    recordChosen(into: &effects)
  }
}
