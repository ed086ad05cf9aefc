import Replication

// Linearizable reads that take no slot. A read may be answered from the leader's state when 1. all
// that earlier ballots may have chosen is chosen in the leader's ballot and committed here, and 2.
// a majority has said, in a round begun after the read arrived, that it has promised no higher
// ballot:
//    then no other leader can have chosen anything before the read arrived.

/// The reads of a leader.
struct ReadQueue: Sendable {
  /// The newest round. Rounds are numbered through the life of the process.
  var round: UInt64 = 0
  /// Served by the rounds under way, oldest first.
  var inRound: [(round: UInt64, ticket: ReadTicket)] = []
  /// Arrived before the leader had recovered.
  var waiting: [ReadTicket] = []
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

  /// Begins a round for all reads that wait. Earlier rounds need not have ended, so that a read
  /// waits for one round trip and not for the rest of another one.
  mutating func startReadRound(into effects: inout Effects<Self>) {
    guard role == .leader, !reads.waiting.isEmpty else { return }
    // Bug: read-after-phase-1.
    guard hasRecovered || options.bug == .readAfterPhase1 else { return }
    reads.round += 1
    for ticket in reads.waiting { reads.inRound.append((reads.round, ticket)) }
    reads.waiting.removeAll(keepingCapacity: true)
    announceRound(into: &effects)
    finishReadRounds(into: &effects)
  }

  /// Tells everybody of the newest round: by what leaves in this turn anyway, else by a heartbeat.
  private mutating func announceRound(into effects: inout Effects<Self>) {
    var told = bit(of: id)
    var index = effects.earlySends.count
    let end = max(0, index - membership.replicas.count)
    while index > end {
      index -= 1
      let bit = bit(of: effects.earlySends[index].to)
      switch effects.earlySends[index].message {
      case .accept(ballot, let first, let values, let commitIndex, _) where told & bit == 0:
        effects.replaceEarly(
          at: index,
          by: .accept(
            ballot: ballot, first: first, values: values, commitIndex: commitIndex,
            round: reads.round))
        told |= bit
      case .heartbeat(ballot, let commitIndex, let next, _) where told & bit == 0:
        effects.replaceEarly(
          at: index,
          by: .heartbeat(
            ballot: ballot, commitIndex: commitIndex, next: next, round: reads.round))
        told |= bit
      default: continue
      }
    }
    for position in phase2.progress.indices {
      if told & (1 << UInt64(position)) == 0 {
        guard phase2.progress[position].mayAnnounce else { continue }
        sendHeartbeat(to: position, into: &effects)
      }
      phase2.progress[position].announcedRound = reads.round
    }
  }

  /// Offers values early: it claims nothing about this replica's disk. After a crash the ballot,
  /// which has been durable since phase 1, is never used again, so no slot can get a second value
  /// in it. A heartbeat of this turn is not needed beside it.
  func sendAccept(_ accept: Message, to replica: ReplicaID, into effects: inout Effects<Self>) {
    var index = effects.earlySends.count
    let end = max(0, index - membership.replicas.count)
    while index > end {
      index -= 1
      guard effects.earlySends[index].to == replica else { continue }
      guard case .heartbeat(ballot, _, _, _) = effects.earlySends[index].message else { break }
      return effects.replaceEarly(at: index, by: accept)
    }
    effects.sendEarly(accept, to: replica)
  }

  mutating func receiveHeartbeatAcknowledged(
    _ ballot: Ballot, round: UInt64, gap: Gap, sender: ReplicaID, at now: Instant,
    into effects: inout Effects<Self>
  ) {
    guard role == .leader, ballot == self.ballot, sender != id else { return }
    let bit = bit(of: sender)
    phase2.heardFrom |= bit
    let position = bit.trailingZeroBitCount
    if round > phase2.progress[position].confirmedRound, round <= reads.round {
      phase2.progress[position].confirmedRound = round
      finishReadRounds(into: &effects)
      if phase2.progress[position].announcedRound < reads.round, !reads.inRound.isEmpty {
        sendHeartbeat(to: position, into: &effects)
        phase2.progress[position].announcedRound = reads.round
      }
    }
    repair(gap, answering: nil, at: position, now: now, into: &effects)
  }

  /// Serves the reads whose rounds a majority has confirmed. An acceptor that confirms a round
  /// confirms all earlier rounds as well, because it has promised no higher ballot by now.
  private mutating func finishReadRounds(into effects: inout Effects<Self>) {
    var served = 0
    while served < reads.inRound.count {
      let round = reads.inRound[served].round
      var confirmations = bit(of: id)
      for position in phase2.progress.indices
      where phase2.progress[position].confirmedRound >= round {
        confirmations |= 1 << UInt64(position)
      }
      guard isMajority(confirmations) else { break }
      effects.read(reads.inRound[served].ticket)
      served += 1
    }
    if served > 0 { reads.inRound.removeFirst(served) }
  }

  mutating func refuseReads(redirect: ReplicaID?, into effects: inout Effects<Self>) {
    for read in reads.inRound { effects.refuseRead(read.ticket, redirect: redirect) }
    for ticket in reads.waiting { effects.refuseRead(ticket, redirect: redirect) }
    reads.inRound.removeAll()
    reads.waiting.removeAll()
  }
}
