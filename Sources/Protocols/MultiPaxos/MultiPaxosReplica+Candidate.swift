import Replication

extension MultiPaxosReplica {
  /// The replicas that have said that this one could win in this ballot.
  struct Prospect: Sendable {
    var ballot: Ballot
    var granted: UInt64
  }

  /// The state of a proposer in phase 1.
  struct Phase1: Sendable {
    /// The acceptors whose report is complete.
    var reported: UInt64 = 0
    /// The first slot of the page that is due from each acceptor, in membership order.
    var due: [LogIndex] = []
    /// The reported value of the highest ballot for each slot, in ascending order of slots.
    var recovered: [RecoveredValue] = []
    /// When to ask again for the page that is due, in membership order.
    var paces: [ResendPace] = []

    /// Adds a page. Both lists ascend, so this is one pass.
    mutating func merge(_ page: [RecoveredValue], lastReceivedWins: Bool) {
      guard let first = page.first?.slot else { return }
      guard let last = recovered.last?.slot, last >= first else { return recovered += page }
      var merged: [RecoveredValue] = []
      merged.reserveCapacity(recovered.count + page.count)
      var old = 0
      for value in page {
        while old < recovered.count, recovered[old].slot < value.slot {
          merged.append(recovered[old])
          old += 1
        }
        var best = value
        if old < recovered.count, recovered[old].slot == value.slot {
          if recovered[old].ballot >= value.ballot, !lastReceivedWins { best = recovered[old] }
          old += 1
        }
        merged.append(best)
      }
      merged += recovered[old...]
      recovered = merged
    }
  }

  /// How long a follower waits. The range grows with every attempt that a rival ended, so that
  /// duelling proposers do not collide again (PMMC §3).
  private var electionRange: ClosedRange<Interval> {
    let base = options.electionTimeout
    return base.lowerBound...(base.upperBound * (1 << min(lostAttempts, 4)))
  }

  mutating func electionTimerFired(at now: Instant, into effects: inout Effects<Self>) {
    switch role {
    case .leader: checkQuorum(into: &effects)
    case .candidate: break
    case .follower where isLearner: effects.setTimer(.election, after: options.electionTimeout)
    case .follower:
      // The timer is set once, not at every message of the leader: when it fires, this checks when
      // the leader was last heard.
      if let rest = electionRange.rest(after: silence(at: now)) {
        effects.setTimer(.election, after: rest)
      } else if options.prePrepare {
        askAround(at: now, into: &effects)
      } else {
        startPhase1(at: now, into: &effects)
      }
    }
  }

  /// For how long no leader has been heard. Never negative, even if the clock was set back.
  private func silence(at now: Instant) -> Interval { max(now - lastLeaderContact, .zero) }

  /// The ballot that the next attempt would have; `nil` if there are no more.
  private var nextBallot: Ballot? {
    let round = max(promised, highestSeen).round + 1
    return round <= Ballot.maximumRound ? Ballot(round: round, node: id) : nil
  }

  /// Asks whether a majority misses the leader as well, and again when the timer fires next.
  private mutating func askAround(at now: Instant, into effects: inout Effects<Self>) {
    guard let next = nextBallot else { return }
    effects.setTimer(.election, after: electionRange)
    prospect = Prospect(ballot: next, granted: bit(of: id))
    for replica in membership.replicas where replica != id {
      // Early, because neither the question nor its answer makes a promise.
      effects.sendEarly(.prePrepare(ballot: next), to: replica)
    }
    startIfGranted(at: now, into: &effects)
  }

  private mutating func startIfGranted(at now: Instant, into effects: inout Effects<Self>) {
    guard let prospect, isMajority(prospect.granted) else { return }
    startPhase1(at: now, into: &effects)
  }

  mutating func receivePrePrepare(
    _ ballot: Ballot, from sender: ReplicaID, at now: Instant, into effects: inout Effects<Self>
  ) {
    guard ballot.node == sender, isPossible(ballot), sender != id, !isLearner else { return }
    guard ballot > promised else { return effects.send(.preempted(by: promised), to: sender) }
    guard role != .leader, silence(at: now) >= options.electionTimeout.lowerBound else { return }
    effects.sendEarly(.prePromise(ballot: ballot), to: sender)
  }

  mutating func receivePrePromise(
    _ ballot: Ballot, from sender: ReplicaID, at now: Instant, into effects: inout Effects<Self>
  ) {
    guard role == .follower, prospect?.ballot == ballot else { return }
    let bit = bit(of: sender)
    prospect?.granted |= bit
    startIfGranted(at: now, into: &effects)
  }

  /// The leader's process has ended: stands for election without waiting for its silence.
  mutating func disconnected(_ replica: ReplicaID, into effects: inout Effects<Self>) {
    guard options.electOnDisconnect, role == .follower, !isLearner, leaderBallot != .none,
      replica == leaderBallot.node
    else { return }
    lastLeaderContact = .longAgo
    effects.setTimer(
      .election, after: id.turn(after: replica, of: membership, heartbeat: options.heartbeat))
  }

  /// Phase 1a, for all slots from the first unchosen one on, in a ballot above all that were ever
  /// seen.
  private mutating func startPhase1(at now: Instant, into effects: inout Effects<Self>) {
    guard let next = nextBallot else { return }
    assert(role == .follower && next.node == id && next > promised && next > highestSeen)
    prospect = nil
    ballot = next
    highestSeen = ballot
    promised = ballot
    // Bug: reuse-ballot.
    if !broken(.reuseBallot) { effects.persist(.promised(ballot)) }
    var pace = ResendPace(least: options.retransmission)
    pace.sent(UInt64(firstUnchosen.rawValue), first: true, at: now)
    candidacy = Phase1(
      due: Array(repeating: firstUnchosen, count: membership.replicas.count),
      paces: Array(repeating: pace, count: membership.replicas.count))
    // After the barrier, because a ballot that peers know must never be used again after a crash.
    let prepare = Message.prepare(
      ballot: ballot, from: firstUnchosen, held: heldSlots(from: firstUnchosen))
    for replica in membership.replicas { effects.send(prepare, to: replica) }
    // A candidate keeps its ballot until it leads or meets a higher one. New ballots without a
    // rival would only disturb the leader that the other replicas may have.
    effects.cancelTimer(.election)
    effects.setTimer(.resend, after: options.retransmission)
  }

  private func sendPrepare(
    from first: LogIndex, to replica: ReplicaID, into effects: inout Effects<Self>
  ) {
    effects.send(
      .prepare(ballot: ballot, from: first, held: heldSlots(from: first)), to: replica)
  }

  /// Asks again for the reports that are due.
  mutating func resendTimerFired(at now: Instant, into effects: inout Effects<Self>) {
    guard role == .candidate else { return }
    effects.setTimer(.resend, after: options.retransmission)
    for (position, replica) in membership.replicas.enumerated()
    where phase1.reported & (1 << UInt64(position)) == 0 && phase1.paces[position].isDue(at: now) {
      phase1.paces[position].sentAgain(at: now)
      sendPrepare(from: phase1.due[position], to: replica, into: &effects)
    }
  }

  mutating func receivePromise(
    _ ballot: Ballot, first: LogIndex, accepted: [AcceptedValue], next: LogIndex?,
    isContinued: Bool, from sender: ReplicaID, at now: Instant, into effects: inout Effects<Self>
  ) {
    let bit = bit(of: sender)
    guard role == .candidate, ballot == self.ballot, phase1.reported & bit == 0 else { return }
    let position = bit.trailingZeroBitCount
    guard phase1.due[position] == first, isPage(accepted, from: first, next: next),
      let values = complete(accepted)
    else { return }

    for value in values where value.ballot == .chosen {
      learn(value.value, at: value.slot, into: &effects)
    }
    commitChosen(into: &effects)
    // An acceptor holds no slot further than `reach` ahead of its chosen prefix, and that prefix is
    // learnt by now.
    if let last = accepted.last?.slot, last > firstUnchosen + SlotLog.reach { return }
    let open = values.filter { $0.slot >= firstUnchosen }
    // Bug: adopt-last-received.
    phase1.merge(open, lastReceivedWins: broken(.adoptLastReceived))

    phase1.paces[position].answered(through: UInt64(first.rawValue), at: now)
    if let next {
      phase1.due[position] = next
      phase1.paces[position].sent(UInt64(next.rawValue), first: true, at: now)
      if !isContinued { sendPrepare(from: next, to: sender, into: &effects) }
    } else {
      phase1.reported |= bit
      if isMajority(phase1.reported) { lead(at: now, into: &effects) }
    }
  }

  /// A snapshot has brought the candidate forward: it continues with the slots after it. The
  /// complete reports contain all it needs of those slots.
  mutating func resumePhase1(at now: Instant, into effects: inout Effects<Self>) {
    let first = firstUnchosen
    phase1.recovered.removeAll { $0.slot < first }
    for (position, replica) in membership.replicas.enumerated()
    where phase1.reported & (1 << UInt64(position)) == 0
      && phase1.due[position] < firstUnchosen
    {
      phase1.due[position] = firstUnchosen
      phase1.paces[position].restart(at: now)
      sendPrepare(from: firstUnchosen, to: replica, into: &effects)
    }
  }

  private func isPage(_ page: [AcceptedValue], from first: LogIndex, next: LogIndex?) -> Bool {
    var previous = first.previous
    for value in page {
      guard value.slot > previous else { return false }
      previous = value.slot
    }
    guard let next else { return true }
    return next > previous && next > first
  }

  /// An acceptor has promised a higher ballot than that of this replica's message.
  mutating func receivePreempted(by ballot: Ballot, into effects: inout Effects<Self>) {
    notice(ballot, into: &effects)
  }

  /// Notes a ballot. One higher than this replica's own ends its attempt or leadership at once.
  mutating func notice(_ seen: Ballot, into effects: inout Effects<Self>) {
    guard seen > highestSeen, isPossible(seen) else { return }
    highestSeen = seen
    if role != .follower { stepDown(into: &effects) }
  }

  /// Becomes a follower. Batches in the window may be chosen or not; their clients have to ask
  /// again.
  mutating func stepDown(into effects: inout Effects<Self>) {
    if role == .candidate { lostAttempts += 1 }
    let ended = leadership
    candidacy = nil
    leadership = nil
    // A leader that stepped down knows no later leader unless it has seen a higher ballot.
    let redirect = highestSeen > ballot ? highestSeen.node : nil
    if leaderBallot == ballot { leaderBallot = .none }
    if var ended {
      ended.queue.refuseAll(redirect: redirect, into: &effects)
      refuseReads(of: ended, redirect: redirect, into: &effects)
    }
    effects.cancelTimer(.heartbeat)
    effects.cancelTimer(.resend)
    effects.setTimer(.election, after: electionRange)
  }
}
