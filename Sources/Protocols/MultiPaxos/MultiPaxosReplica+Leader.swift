import Replication
import WireFormat

extension MultiPaxosReplica {
  /// The state of a distinguished proposer in phase 2. Votes are in the slots themselves.
  struct Phase2: Sendable {
    /// The next slot to propose in.
    var nextSlot = LogIndex(1)
    /// The values to propose again, ascending; consumed up to `recoveredCount`.
    var recovered: [RecoveredValue] = []
    var recoveredCount = 0
    /// The last slot that an earlier ballot may have used. Free slots up to here are filled with
    /// no-ops.
    var recoveredThrough = LogIndex.zero
    /// The slots that each acceptor has been sent and has answered, in membership order.
    var progress: [Progress] = []
    /// The replicas that have answered since the quorum was last checked.
    var heardFrom: UInt64 = 0
    /// Batches that found the window full.
    var queue = BatchQueue()
    /// The acceptors that have taken note of the generations that the leader knows.
    var notedBy: UInt64 = 0
    /// Reads that a round will answer, oldest first.
    var readsInRound: [(round: UInt64, ticket: ReadTicket)] = []
    /// Reads that arrived before the leader had recovered.
    var waitingReads: [ReadTicket] = []
  }

  /// Phase 1 is done: proposes again the values that may have been chosen, fills gaps, and serves
  /// clients.
  mutating func lead(at now: Instant, into effects: inout Effects<Self>) {
    assert(role == .candidate && isMajority(phase1.reported), "a majority has reported")
    let recovered = phase1.recovered
    candidacy = nil
    lostAttempts = 0
    leaderBallot = ballot
    leaderCommitIndex = .zero
    leadership = Phase2(
      nextSlot: firstUnchosen, recovered: recovered,
      recoveredThrough: max(recovered.last?.slot ?? .zero, commitIndex),
      progress: generations.map {
        Progress(next: firstUnchosen, resendAfter: options.retransmission, generation: $0)
      }, heardFrom: bit(of: id))
    var slot = firstUnchosen
    while slot <= log.lastIndex {
      log[slot].votes = 0
      slot = slot.next
    }
    effects.setTimer(.heartbeat, after: options.heartbeat)
    effects.cancelTimer(.resend)
    effects.setTimer(.election, after: options.electionTimeout)
    for position in phase2.progress.indices where membership.replicas[position] != id {
      sendHeartbeat(to: position, into: &effects)
    }
    proposeWhatFits(at: now, into: &effects)
  }

  mutating func propose(_ batch: Batch, at now: Instant, into effects: inout Effects<Self>) {
    guard role == .leader else { return effects.refuse(batch, redirect: redirect) }
    if phase2.queue.isEmpty, phase2.nextSlot > phase2.recoveredThrough,
      phase2.nextSlot > log.lastIndex, phase2.nextSlot < firstUnchosen + options.window
    {
      return proposeNext([batch], byteCount: batch.encodedByteCount, at: now, into: &effects)
    }
    guard phase2.queue.count < options.queue else { return effects.refuse(batch, redirect: nil) }
    phase2.queue.append(batch)
    proposeWhatFits(at: now, into: &effects)
  }

  /// Proposes recovered values, then queued ones, as far as the window allows.
  mutating func proposeWhatFits(at now: Instant, into effects: inout Effects<Self>) {
    phase2.nextSlot = max(phase2.nextSlot, firstUnchosen)
    while true {
      var values: [Batch] = []
      var byteCount = 0
      while phase2.nextSlot + values.count < firstUnchosen + options.window,
        values.count < Self.pageSlotCount, byteCount < Self.pageByteCount,
        let value = nextValue(for: phase2.nextSlot + values.count)
      {
        byteCount += value.encodedByteCount
        values.append(value)
      }
      guard !values.isEmpty else { return }
      proposeNext(values, byteCount: byteCount, at: now, into: &effects)
    }
  }

  /// The value to propose in a slot, in order of precedence: the value that phase 1 found, which is
  /// the chosen one if any replica that reported knows it; a no-op for a gap; the next client
  /// batch.
  private mutating func nextValue(for slot: LogIndex) -> Batch? {
    while phase2.recoveredCount < phase2.recovered.count,
      phase2.recovered[phase2.recoveredCount].slot < slot
    { phase2.recoveredCount += 1 }
    guard slot <= phase2.recoveredThrough else { return phase2.queue.removeFirst() }
    guard phase2.recoveredCount < phase2.recovered.count,
      phase2.recovered[phase2.recoveredCount].slot == slot
    else { return .noop }
    return phase2.recovered[phase2.recoveredCount].value
  }

  /// Phase 2a for the next slots. The leader accepts like every other acceptor, and counts its
  /// acceptance only once it is durable, by a message to itself.
  private mutating func proposeNext(
    _ values: [Batch], byteCount: Int, at now: Instant, into effects: inout Effects<Self>
  ) {
    let first = phase2.nextSlot
    assert(first >= firstUnchosen, "no value is proposed for a slot that is chosen")
    for value in values {
      acceptValue(value, at: phase2.nextSlot, in: ballot, into: &effects)
      phase2.nextSlot = phase2.nextSlot.next
    }
    effects.send(
      .accepted(
        ballot: ballot, first: first, count: values.count, gap: .unknown, standing: standing),
      to: id)
    let accept = Message.accept(
      ballot: ballot, first: first, values: values, commitIndex: commitIndex, round: readRound)
    for position in phase2.progress.indices where membership.replicas[position] != id {
      if phase2.progress[position].next == first,
        phase2.progress[position].hasRoom(for: byteCount, limit: options.inFlightBytes)
      {
        phase2.progress[position].noteSent(through: phase2.nextSlot, byteCount, at: now)
        sendAccept(accept, to: membership.replicas[position], into: &effects)
      } else {
        offer(to: position, at: now, into: &effects)
      }
    }
  }

  mutating func receiveAccepted(
    _ ballot: Ballot, first: LogIndex, count: Int, gap: Gap, standing: DiskStanding,
    from sender: ReplicaID, at now: Instant, into effects: inout Effects<Self>
  ) {
    guard role == .leader, count >= 0 else { return }
    // Bug: count-across-ballots.
    guard ballot == self.ballot || broken(.countAcrossBallots) else { return }
    let bit = bit(of: sender)
    let position = bit.trailingZeroBitCount
    guard heed(standing, of: position, gap: gap, at: now, into: &effects) else { return }
    if !standing.isLearner {
      phase2.heardFrom |= bit
      noteVotes(bit, from: first, to: first + count)
    }
    if sender != id, ballot == self.ballot {
      phase2.progress[position].noteAnswer(count: count)
      let isLater = count > 0 || phase2.progress[position].answersLaterQuestion(at: now)
      acknowledge(
        gap, answering: isLater ? first : nil, from: position, at: now, into: &effects)
      promote(position, into: &effects)
    }
    // Bug: skip-holes.
    guard log.isChosen(firstUnchosen) || broken(.skipHoles) else { return }
    commitChosen(into: &effects)
    proposeWhatFits(at: now, into: &effects)
    startReadRound(into: &effects)
  }

  /// An acceptor holds these slots durably.
  mutating func noteVotes(_ bit: UInt64, from first: LogIndex, to end: LogIndex) {
    var slot = max(first, firstUnchosen)
    let end = min(end, phase2.nextSlot)
    while slot < end {
      // Bug: count-duplicate-acks.
      let vote =
        broken(.countDuplicateAcknowledgements)
        ? ~log[slot].votes & (log[slot].votes &+ 1) : bit
      log[slot].votes |= vote
      if isMajority(log[slot].votes) { log[slot].isChosen = true }
      slot = slot.next
    }
  }

  mutating func heartbeatTimerFired(at now: Instant, into effects: inout Effects<Self>) {
    guard role == .leader else { return }
    effects.setTimer(.heartbeat, after: options.heartbeat)
    if phase2.progress.contains(where: \.standing.isLearner) {
      tellGenerations(into: &effects)
    }
    for position in phase2.progress.indices where membership.replicas[position] != id {
      let progress = phase2.progress[position]
      if progress.acknowledged < progress.next || progress.next < phase2.nextSlot {
        // Offers no value, but asks for the answer that is due, because that may be lost. And an
        // acceptor that was sent a snapshot says in its answer how far the snapshot has brought it.
        phase2.progress[position].noteQuestion(at: now)
        sendAccept(
          .accept(
            ballot: ballot, first: progress.next, values: [], commitIndex: commitIndex,
            round: readRound), to: membership.replicas[position], into: &effects)
      } else {
        sendHeartbeat(to: position, into: &effects)
      }
    }
  }

  /// Early, because it names a ballot that a majority has promised and slots that a majority holds.
  func sendHeartbeat(to position: Int, into effects: inout Effects<Self>) {
    effects.sendEarly(
      .heartbeat(
        ballot: ballot, commitIndex: commitIndex, next: phase2.progress[position].next,
        round: readRound), to: membership.replicas[position])
  }

  /// A leader that no majority answers steps down, so that its clients look for another leader.
  mutating func checkQuorum(into effects: inout Effects<Self>) {
    guard isMajority(phase2.heardFrom) else { return stepDown(into: &effects) }
    phase2.heardFrom = bit(of: id)
    effects.setTimer(.election, after: options.electionTimeout)
  }
}
