import Replication

// Linearizable reads that take no slot. A read may be answered from the leader's state when (1) all
// values that earlier ballots may have chosen are chosen in the leader's ballot and committed here,
// and (2) a majority has said, in a round begun after the read arrived, that it has promised no
// higher ballot. Then no other leader can have chosen a value before the read arrived.

extension MultiPaxosReplica {
  /// Whether all values that an earlier leader may have acknowledged are committed here.
  var hasRecovered: Bool { commitIndex >= phase2.recoveredThrough }

  mutating func requestRead(_ ticket: ReadTicket, into effects: inout Effects<Self>) {
    guard role == .leader else { return effects.refuseRead(ticket, redirect: redirect) }
    // Bug: read-without-quorum.
    if broken(.readWithoutQuorum), hasRecovered { return effects.read(ticket) }
    phase2.waitingReads.append(ticket)
    startReadRound(into: &effects)
  }

  /// Begins a round for all reads that wait. Earlier rounds need not have ended, so a read waits
  /// for one round trip and not also for the rest of an earlier one.
  mutating func startReadRound(into effects: inout Effects<Self>) {
    guard role == .leader, !phase2.waitingReads.isEmpty else { return }
    // Bug: read-after-phase-1.
    guard hasRecovered || broken(.readAfterPhase1) else { return }
    readRound += 1
    for ticket in phase2.waitingReads { phase2.readsInRound.append((readRound, ticket)) }
    phase2.waitingReads.removeAll(keepingCapacity: true)
    announceRound(into: &effects)
    finishReadRounds(into: &effects)
  }

  /// Tells all replicas of the newest round: in a message that leaves in this turn anyway, else in
  /// a heartbeat.
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
            round: readRound))
        told |= bit
      case .heartbeat(ballot, let commitIndex, let next, _) where told & bit == 0:
        effects.replaceEarly(
          at: index,
          by: .heartbeat(
            ballot: ballot, commitIndex: commitIndex, next: next, round: readRound))
        told |= bit
      default: continue
      }
    }
    for position in phase2.progress.indices {
      if told & (1 << UInt64(position)) == 0 {
        guard phase2.progress[position].mayAnnounce else { continue }
        sendHeartbeat(to: position, into: &effects)
      }
      phase2.progress[position].announcedRound = readRound
    }
  }

  /// Offers values early, because that makes no claim about this replica's disk. After a crash the
  /// ballot, which has been durable since phase 1, is never used again, so no slot can get a second
  /// value in it. A heartbeat of this turn is not needed beside it.
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
    _ ballot: Ballot, round: UInt64, gap: Gap, from sender: ReplicaID, at now: Instant,
    into effects: inout Effects<Self>
  ) {
    guard role == .leader, ballot == self.ballot, sender != id else { return }
    let bit = bit(of: sender)
    phase2.heardFrom |= bit
    let position = bit.trailingZeroBitCount
    if round > phase2.progress[position].confirmedRound, round <= readRound {
      phase2.progress[position].confirmedRound = round
      finishReadRounds(into: &effects)
      if phase2.progress[position].announcedRound < readRound, !phase2.readsInRound.isEmpty {
        sendHeartbeat(to: position, into: &effects)
        phase2.progress[position].announcedRound = readRound
      }
    }
    repair(gap, answering: nil, at: position, now: now, into: &effects)
  }

  /// Serves the reads whose rounds a majority has confirmed. An acceptor that confirms a round
  /// confirms all earlier rounds as well, because it has promised no higher ballot by now.
  private mutating func finishReadRounds(into effects: inout Effects<Self>) {
    var served = 0
    while served < phase2.readsInRound.count {
      let round = phase2.readsInRound[served].round
      var confirmations = bit(of: id)
      for position in phase2.progress.indices
      where phase2.progress[position].confirmedRound >= round {
        confirmations |= 1 << UInt64(position)
      }
      guard isMajority(confirmations) else { break }
      effects.read(phase2.readsInRound[served].ticket)
      served += 1
    }
    if served > 0 { phase2.readsInRound.removeFirst(served) }
  }

  /// Refuses all reads, because this replica no longer leads.
  func refuseReads(
    of ended: Phase2, redirect: ReplicaID?, into effects: inout Effects<Self>
  ) {
    assert(role == .follower, "reads end with the leadership")
    for read in ended.readsInRound { effects.refuseRead(read.ticket, redirect: redirect) }
    for ticket in ended.waitingReads { effects.refuseRead(ticket, redirect: redirect) }
  }
}
