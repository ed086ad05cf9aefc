import Replication

// Linearizable reads without log entries: ReadIndex, §6.4 of the thesis.
//
// A read may be answered from the leader's state when (1) the leader has committed an entry of its own
// term, and so knows all that was committed before it; (2) a majority has said, in a round of heartbeats
// begun after the read arrived, that it knows no newer leader; (3) all that was committed when the round
// began has been applied, which the order of commits and reads in a turn ensures.

extension RaftReplica {
  mutating func requestRead(_ ticket: ReadTicket, into effects: inout Effects<RaftReplica>) {
    guard role == .leader else { return effects.refuseRead(ticket, redirect: leader) }
    // Bug: read-without-quorum.
    if options.bug == .readWithoutQuorum, hasCommittedInTerm { return effects.read(ticket) }
    readsWaiting.append(ticket)
    startReadRound(into: &effects)
  }

  private var hasCommittedInTerm: Bool { commitIndex >= termStartIndex }

  /// Begins a round for all reads that wait, unless one is running: one round serves them all.
  mutating func startReadRound(into effects: inout Effects<RaftReplica>) {
    guard readsInRound.isEmpty, !readsWaiting.isEmpty else { return }
    // Bug: read-before-own-commit.
    guard hasCommittedInTerm || options.bug == .readBeforeOwnCommit else { return }
    swap(&readsInRound, &readsWaiting)
    readRound += 1
    sendHeartbeats(into: &effects)
    // No disk is involved, and the leader knows of itself that it has seen no newer term.
    noteReadRound(readRound, answeredBy: ownSlot, into: &effects)
  }

  mutating func receive(
    _ reply: RoundConfirmed, from slot: Int, into effects: inout Effects<RaftReplica>
  ) {
    guard slot != ownSlot, isForThisLeader(replyIn: reply.term, into: &effects) else { return }
    progress[slot].isActive = true
    noteReadRound(reply.readRound, answeredBy: slot, into: &effects)
  }

  /// A replica has answered a message that was sent when `round` was the newest.
  mutating func noteReadRound(
    _ round: UInt64, answeredBy slot: Int, into effects: inout Effects<RaftReplica>
  ) {
    guard round > progress[slot].answeredRound, round <= readRound else { return }
    progress[slot].answeredRound = round
    guard round == readRound, !readsInRound.isEmpty else { return }
    var answeredCount = 0
    for replica in progress where replica.answeredRound == readRound { answeredCount += 1 }
    guard answeredCount >= membership.majority else { return }
    for ticket in readsInRound { effects.read(ticket) }
    readsInRound.removeAll(keepingCapacity: true)
    startReadRound(into: &effects)
  }

  /// Turns all reads away: this replica leads no more.
  mutating func refuseReads(into effects: inout Effects<RaftReplica>) {
    for ticket in readsInRound { effects.refuseRead(ticket, redirect: leader) }
    for ticket in readsWaiting { effects.refuseRead(ticket, redirect: leader) }
    readsInRound.removeAll(keepingCapacity: true)
    readsWaiting.removeAll(keepingCapacity: true)
  }
}
