import Replication

// Linearizable reads that take no slot. A read may be answered from the leader's state when
// 1. all that earlier ballots may have chosen is chosen in the leader's ballot and committed here, and
// 2. a majority has said, in a round begun after the read arrived, that it has promised no higher ballot:
//    then no other leader can have chosen anything before the read arrived.

/// The reads of a leader.
struct ReadQueue: Sendable {
  /// The newest round. Rounds are numbered through the life of the process.
  var round: UInt64 = 0
  /// Served by the current round; no round is under way while it is empty.
  var inRound: [ReadTicket] = []
  /// Arrived after it began, or before the leader had recovered.
  var waiting: [ReadTicket] = []
  /// Who has confirmed the ballot in the current round.
  var confirmations: UInt64 = 0
}

extension MultiPaxosReplica {
  /// Everything that an earlier leader may have acknowledged is committed here.
  var hasRecovered: Bool { commitIndex >= phase2.recoveredThrough }

  mutating func requestRead(_ ticket: ReadTicket, into effects: inout Effects<Self>) {
    guard role == .leader else { return effects.refuseRead(ticket, redirect: redirect) }
    // Bug: read-without-quorum.
    if options.bug == .readWithoutQuorum, hasRecovered { return effects.read(ticket) }
    reads.waiting.append(ticket)
    startReadRound(into: &effects)
  }

  /// Begins a round for all reads that wait, unless one is under way: one round serves them all.
  mutating func startReadRound(into effects: inout Effects<Self>) {
    guard role == .leader, reads.inRound.isEmpty, !reads.waiting.isEmpty else { return }
    // Bug: read-after-phase-1.
    guard hasRecovered || options.bug == .readAfterPhase1 else { return }
    swap(&reads.inRound, &reads.waiting)
    reads.round += 1
    reads.confirmations = bit(of: id)
    broadcastHeartbeat(into: &effects)
    finishReadRound(into: &effects)
  }

  mutating func receiveHeartbeatAcknowledged(
    _ ballot: Ballot, round: UInt64, sender: ReplicaID, into effects: inout Effects<Self>
  ) {
    guard role == .leader, ballot == self.ballot else { return }
    phase2.heardFrom |= bit(of: sender)
    guard round == reads.round, !reads.inRound.isEmpty else { return }
    reads.confirmations |= bit(of: sender)
    finishReadRound(into: &effects)
  }

  private mutating func finishReadRound(into effects: inout Effects<Self>) {
    guard isMajority(reads.confirmations) else { return }
    for ticket in reads.inRound { effects.read(ticket) }
    reads.inRound.removeAll(keepingCapacity: true)
    startReadRound(into: &effects)
  }

  mutating func refuseReads(redirect: ReplicaID?, into effects: inout Effects<Self>) {
    for ticket in reads.inRound + reads.waiting { effects.refuseRead(ticket, redirect: redirect) }
    reads.inRound.removeAll()
    reads.waiting.removeAll()
  }
}
