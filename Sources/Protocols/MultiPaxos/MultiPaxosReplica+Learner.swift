import Replication
import WireFormat

/// A page of chosen values on its way.
struct Fetching: Sendable {
  var first: LogIndex
  var through: LogIndex
  /// The timer alone asks again: a leader speaks many times before a page is there, and every copy
  /// of a page would keep the link from the next one.
  var pace = RepeatPace()
  /// A page may take longer than a retransmission time.
  var isYoung = true
}

extension MultiPaxosReplica {
  /// How far the chosen prefix grows before it is recorded again.
  private static let recordingDistance = 1024

  /// A live leader was heard whose ballot this replica may follow.
  mutating func hear(_ ballot: Ballot, at now: Instant, into effects: inout Effects<Self>) {
    guard ballot >= leaderBallot else { return }
    if ballot > leaderBallot {
      notice(ballot, into: &effects)
      leaderBallot = ballot
      leaderCommitIndex = .zero
      fetching = nil
      lostAttempts = 0
    }
    lastLeaderContact = now
    prospect = nil
  }

  mutating func receiveHeartbeat(
    _ ballot: Ballot, commitIndex: LogIndex, round: UInt64, sender: ReplicaID, at now: Instant,
    into effects: inout Effects<Self>
  ) {
    guard ballot.node == sender, isPossible(ballot), sender != id else { return }
    let newest = max(promised, leaderBallot)
    guard ballot >= newest else { return effects.send(.preempted(by: newest), to: sender) }
    hear(ballot, at: now, into: &effects)
    // Early: it says what this replica has not done. A promise that is still on its way to the disk
    // has been taken into account, and one that follows is later than the round.
    effects.sendEarly(.heartbeatAcknowledged(ballot: ballot, round: round), to: sender)
    learnCommitIndex(commitIndex, of: ballot, into: &effects)
  }

  /// The leader of `ballot` says that all slots to `commitIndex` are chosen.
  mutating func learnCommitIndex(
    _ commitIndex: LogIndex, of ballot: Ballot, into effects: inout Effects<Self>
  ) {
    guard ballot == leaderBallot, role == .follower else { return }
    leaderCommitIndex = max(leaderCommitIndex, commitIndex)
    applyLeaderCommitIndex(into: &effects)
  }

  /// A commit index proves nothing about a value accepted in another ballot: the leader may have
  /// chosen a different one. Only what was accepted in the leader's own ballot is what the leader
  /// means.
  private mutating func applyLeaderCommitIndex(into effects: inout Effects<Self>) {
    var slot = firstUnchosen
    let end = min(leaderCommitIndex, log.lastIndex)
    while slot <= end {
      let held = log[slot].ballot
      // Bug: commit-index-marks-all.
      let isProven =
        held == leaderBallot || log[slot].isChosen
        || options.bug == .commitIndexMarksAll && held != .none
      guard isProven else { break }
      log[slot].isChosen = true
      slot = slot.next
    }
    commitChosen(into: &effects)
    if firstUnchosen <= leaderCommitIndex { fetch(into: &effects) }
  }

  /// Asks the leader for the slots that this replica cannot tell.
  private mutating func fetch(into effects: inout Effects<Self>) {
    guard fetching == nil, leaderBallot != .none, leaderBallot.node != id else { return }
    var through = firstUnchosen
    while through < leaderCommitIndex, through - firstUnchosen < Self.pageSlotCount {
      let next = through.next
      if log.contains(next), log[next].isChosen || log[next].ballot == leaderBallot { break }
      through = next
    }
    fetching = Fetching(first: firstUnchosen, through: through)
    // Early: a question promises nothing.
    effects.sendEarly(.fetch(from: firstUnchosen, through: through), to: leaderBallot.node)
    effects.setTimer(.retransmission, after: options.retransmission)
  }

  /// The page is not there yet: it, or the question, may be lost.
  mutating func repeatFetch(into effects: inout Effects<Self>) {
    guard var due = fetching else { return }
    // What was missing may have come another way.
    guard firstUnchosen <= due.through else { return fetching = nil }
    if !due.isYoung, due.pace.isDue() {
      effects.sendEarly(.fetch(from: due.first, through: due.through), to: leaderBallot.node)
    }
    due.isYoung = false
    fetching = due
    effects.setTimer(.retransmission, after: options.retransmission)
  }

  mutating func receiveFetch(
    from first: LogIndex, through: LogIndex, sender: ReplicaID, into effects: inout Effects<Self>
  ) {
    guard first >= log.firstIndex else { return }
    let last = min(through, commitIndex)
    var values: [Batch] = []
    var byteCount = 0
    var slot = first
    while slot <= last, values.count < Self.pageSlotCount, byteCount < Self.pageByteCount {
      values.append(log[slot].value)
      byteCount += log[slot].value.encodedByteCount
      slot = slot.next
    }
    guard !values.isEmpty else { return }
    // Early: what is chosen is durable at a majority, whatever this replica's disk does.
    effects.sendEarly(.learn(first: first, values: values), to: sender)
  }

  mutating func receiveLearn(
    first: LogIndex, values: [Batch], into effects: inout Effects<Self>
  ) {
    guard first >= log.firstIndex, first <= firstUnchosen + SlotLog.reach else { return }
    var slot = first
    for value in values {
      learn(value, at: slot, into: &effects)
      slot = slot.next
    }
    // Another page than the one that is due is a copy; the one that is due will come as well.
    if let due = fetching, first == due.first { fetching = nil }
    if role == .follower {
      applyLeaderCommitIndex(into: &effects)
    } else {
      commitChosen(into: &effects)
    }
  }

  /// Takes over a value that is known to be chosen.
  mutating func learn(_ value: Batch, at slot: LogIndex, into effects: inout Effects<Self>) {
    guard slot >= log.firstIndex, slot < firstUnchosen + SlotLog.reach else { return }
    log.extend(through: slot)
    let isSame = log[slot].ballot != .none && log[slot].value == value
    if log[slot].isChosen {
      if !isSame { violation = "slot \(slot) has two chosen values" }
      return
    }
    if !isSame {
      // This leader proposed something else there, so a higher ballot exists. It must fall silent
      // before its commit index passes the slot: followers would take its own proposal for the
      // chosen value.
      if role == .leader, slot < phase2.nextSlot { stepDown(into: &effects) }
      log[slot].ballot = .chosen
      log[slot].value = value
      effects.persist(.accepted(slot: slot, ballot: .chosen, value: value))
    }
    log[slot].isChosen = true
  }

  /// Commits the chosen slots that follow on what is committed, and no further than the first gap.
  mutating func commitChosen(into effects: inout Effects<Self>) {
    while firstUnchosen <= log.lastIndex {
      if !log[firstUnchosen].isChosen {
        // Bug: skip-holes.
        guard options.bug == .skipHoles, role == .leader, log.isChosen(firstUnchosen.next) else {
          return
        }
        log[firstUnchosen].value = .noop
        log[firstUnchosen].isChosen = true
      }
      effects.commit(
        log[firstUnchosen].value, at: firstUnchosen,
        answering: role == .leader && firstUnchosen > phase2.recoveredThrough)
      firstUnchosen = firstUnchosen.next
    }
  }

  /// Now and then notes how far the log is chosen, beside a record that has to be synced anyway.
  mutating func recordChosen(into effects: inout Effects<Self>) {
    guard commitIndex - recordedChosen >= Self.recordingDistance else { return }
    recordedChosen = commitIndex
    effects.persist(.chosen(through: commitIndex))
  }
}
