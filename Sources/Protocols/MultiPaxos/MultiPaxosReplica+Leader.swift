import Replication
import WireFormat

/// What a distinguished proposer keeps in phase 2. Votes are in the slots themselves.
struct Phase2: Sendable {
  /// The next slot to propose in.
  var nextSlot = LogIndex(1)
  /// The values to propose again, ascending; consumed up to `recoveredCount`.
  var recovered: [AcceptedValue] = []
  var recoveredCount = 0
  /// The last slot that an earlier ballot may have used. Free slots up to here are filled with
  /// no-ops.
  var recoveredThrough = LogIndex.zero
  /// Slots below it were proposed before the last retransmission.
  var repeatBelow = LogIndex(1)
  /// How often each acceptor is asked again, in membership order.
  var paces: [RepeatPace] = []
  /// Who has answered since the quorum was last checked.
  var heardFrom: UInt64 = 0
  /// Batches that found the window full.
  var queue = BatchQueue()
}

extension MultiPaxosReplica {
  /// Phase 1 is done: proposes again what may have been chosen, fills gaps, and serves clients.
  mutating func lead(into effects: inout Effects<Self>) {
    role = .leader
    lostAttempts = 0
    leaderBallot = ballot
    leaderCommitIndex = .zero
    phase2 = Phase2()
    phase2.nextSlot = firstUnchosen
    phase2.repeatBelow = firstUnchosen
    phase2.recovered = phase1.recovered
    phase2.recoveredThrough = max(phase1.recovered.last?.slot ?? .zero, commitIndex)
    phase2.heardFrom = bit(of: id)
    phase2.paces = Array(repeating: RepeatPace(), count: membership.replicas.count)
    phase1 = Phase1()
    var slot = firstUnchosen
    while slot <= log.lastIndex {
      log[slot].votes = 0
      slot = slot.next
    }
    effects.setTimer(.heartbeat, after: options.heartbeat)
    effects.setTimer(.retransmission, after: options.retransmission)
    effects.setTimer(.election, after: options.electionTimeout)
    broadcastHeartbeat(into: &effects)
    proposeWhatFits(into: &effects)
  }

  mutating func request(_ batch: Batch, into effects: inout Effects<Self>) {
    guard role == .leader else { return effects.refuse(batch, redirect: redirect) }
    if phase2.queue.isEmpty, phase2.nextSlot > phase2.recoveredThrough,
      phase2.nextSlot > log.lastIndex, phase2.nextSlot < firstUnchosen + options.window
    {
      return propose([batch], into: &effects)
    }
    guard phase2.queue.count < options.queue else { return effects.refuse(batch, redirect: nil) }
    phase2.queue.append(batch)
    proposeWhatFits(into: &effects)
  }

  /// Proposes recovered values, then queued ones, as far as the window allows.
  mutating func proposeWhatFits(into effects: inout Effects<Self>) {
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
      propose(values, into: &effects)
    }
  }

  /// What has to be proposed in a slot, in order of precedence: what is known to be chosen there,
  /// what phase 1 found, a no-op for a gap, and what clients ask for.
  private mutating func nextValue(for slot: LogIndex) -> Batch? {
    while phase2.recoveredCount < phase2.recovered.count,
      phase2.recovered[phase2.recoveredCount].slot < slot
    { phase2.recoveredCount += 1 }
    if log.isChosen(slot) { return log[slot].value }
    guard slot <= phase2.recoveredThrough else { return phase2.queue.removeFirst() }
    guard phase2.recoveredCount < phase2.recovered.count,
      phase2.recovered[phase2.recoveredCount].slot == slot
    else { return .noop }
    return phase2.recovered[phase2.recoveredCount].value
  }

  /// Phase 2a for the next slots. The leader accepts like everybody else, and like everybody else
  /// it counts only once its acceptance is durable: by a message to itself.
  private mutating func propose(_ values: [Batch], into effects: inout Effects<Self>) {
    let first = phase2.nextSlot
    for value in values {
      acceptValue(value, at: phase2.nextSlot, in: ballot, into: &effects)
      phase2.nextSlot = phase2.nextSlot.next
    }
    effects.send(.accepted(ballot: ballot, first: first, count: values.count), to: id)
    let accept = Message.accept(
      ballot: ballot, first: first, values: values, commitIndex: commitIndex)
    for replica in membership.replicas where replica != id {
      // Early: it claims nothing about this replica's disk. After a crash the ballot, which has
      // been durable since phase 1, is never used again, so no slot can get a second value in it.
      effects.sendEarly(accept, to: replica)
    }
  }

  mutating func receiveAccepted(
    _ ballot: Ballot, first: LogIndex, count: Int, sender: ReplicaID,
    into effects: inout Effects<Self>
  ) {
    guard role == .leader, count > 0 else { return }
    // Bug: count-across-ballots.
    guard ballot == self.ballot || options.bug == .countAcrossBallots else { return }
    let bit = bit(of: sender)
    phase2.heardFrom |= bit
    phase2.paces[bit.trailingZeroBitCount].reset()
    var slot = max(first, firstUnchosen)
    let end = min(first + count, phase2.nextSlot)
    while slot < end {
      // Bug: count-duplicate-acks.
      let vote =
        options.bug == .countDuplicateAcknowledgements
        ? ~log[slot].votes & (log[slot].votes &+ 1) : bit
      log[slot].votes |= vote
      if isMajority(log[slot].votes) { log[slot].isChosen = true }
      slot = slot.next
    }
    guard log.isChosen(firstUnchosen) || options.bug == .skipHoles else { return }
    commitChosen(into: &effects)
    proposeWhatFits(into: &effects)
    startReadRound(into: &effects)
  }

  mutating func heartbeatTimerFired(into effects: inout Effects<Self>) {
    guard role == .leader else { return }
    broadcastHeartbeat(into: &effects)
    effects.setTimer(.heartbeat, after: options.heartbeat)
  }

  func broadcastHeartbeat(into effects: inout Effects<Self>) {
    let heartbeat = Message.heartbeat(
      ballot: ballot, commitIndex: commitIndex, round: reads.round)
    for replica in membership.replicas where replica != id {
      // Early: it tells of a ballot that a majority has promised and of slots that a majority
      // holds.
      effects.sendEarly(heartbeat, to: replica)
    }
  }

  mutating func retransmissionTimerFired(into effects: inout Effects<Self>) {
    switch role {
    case .follower: return repeatFetch(into: &effects)
    case .candidate: repeatPrepare(into: &effects)
    case .leader:
      for (position, replica) in membership.replicas.enumerated() where replica != id {
        if phase2.paces[position].isDue() { repeatAccepts(to: replica, into: &effects) }
      }
      phase2.repeatBelow = phase2.nextSlot
    }
    effects.setTimer(.retransmission, after: options.retransmission)
  }

  /// Sends once more what was proposed a while ago, is not chosen, and lacks this acceptor's vote;
  /// at most one page.
  private func repeatAccepts(to replica: ReplicaID, into effects: inout Effects<Self>) {
    let bit = bit(of: replica)
    var slot = firstUnchosen
    var byteCount = 0
    var slotCount = 0
    while slot < phase2.repeatBelow, byteCount < Self.pageByteCount, slotCount < Self.pageSlotCount
    {
      let first = slot
      var values: [Batch] = []
      while slot < phase2.repeatBelow, !log[slot].isChosen, log[slot].votes & bit == 0,
        byteCount < Self.pageByteCount, values.count < Self.pageSlotCount
      {
        values.append(log[slot].value)
        byteCount += log[slot].value.encodedByteCount
        slot = slot.next
      }
      slotCount += values.count
      if values.isEmpty {
        slot = slot.next
      } else {
        // Early, as the first time.
        effects.sendEarly(
          .accept(ballot: ballot, first: first, values: values, commitIndex: commitIndex),
          to: replica)
      }
    }
  }

  /// A leader that no majority answers makes room: its clients should look elsewhere.
  mutating func checkQuorum(into effects: inout Effects<Self>) {
    guard isMajority(phase2.heardFrom) else { return stepDown(into: &effects) }
    phase2.heardFrom = bit(of: id)
    effects.setTimer(.election, after: options.electionTimeout)
  }
}
