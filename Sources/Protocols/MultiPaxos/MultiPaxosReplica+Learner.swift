import Replication
import WireFormat

extension MultiPaxosReplica {
  /// The slots received in the ballot of the leader that this replica follows.
  struct Reception: Sendable {
    /// The first slot that is not held in this ballot and not known to be chosen.
    var gap = LogIndex(1)
    /// The first slot after the gap that is held; `nowhere` if there is none.
    var gapEnd = Reception.nowhere
    /// The newest round that was confirmed.
    var confirmedRound: UInt64 = 0

    static let nowhere = LogIndex(Int.max)

    /// Notes a message with slots from `first` on.
    mutating func note(_ first: LogIndex, isEmpty: Bool) {
      if !isEmpty, first > gap { gapEnd = min(gapEnd, first) }
    }
  }

  /// By how many slots the chosen prefix grows before it is recorded again. After a restart a
  /// replica counts the slots after the record as open, and is sent them again under a new ballot.
  private static let recordingDistance = 64

  /// Notes a message of a live leader whose ballot this replica may follow.
  mutating func hear(_ ballot: Ballot, at now: Instant, into effects: inout Effects<Self>) {
    guard ballot >= leaderBallot else { return }
    if ballot > leaderBallot {
      notice(ballot, into: &effects)
      leaderBallot = ballot
      leaderCommitIndex = .zero
      reception = Reception(gap: firstUnchosen)
      lostAttempts = 0
    }
    lastLeaderContact = now
    prospect = nil
  }

  mutating func receiveHeartbeat(
    _ ballot: Ballot, commitIndex: LogIndex, next: LogIndex, round: UInt64, from sender: ReplicaID,
    at now: Instant, into effects: inout Effects<Self>
  ) {
    guard ballot.node == sender, isPossible(ballot), sender != id else { return }
    let newest = max(promised, leaderBallot)
    guard ballot >= newest else { return effects.send(.preempted(by: newest), to: sender) }
    hear(ballot, at: now, into: &effects)
    let gap = firstGap(of: ballot, before: next)
    if isLearner {
      // The leader hears by that whose disk this is, and what it lacks.
      effects.send(
        .accepted(ballot: ballot, first: .zero, count: 0, gap: gap, standing: standing),
        to: sender)
    }
    confirm(round, of: ballot, gap: gap, isDue: true, to: sender, into: &effects)
    learnCommitIndex(commitIndex, of: ballot, into: &effects)
  }

  /// Confirms that this replica has promised no higher ballot; the caller has checked that.
  ///
  /// Early, because it states only that this replica has not made such a promise. A promise that is
  /// still being written to the disk has been taken into account, and a later one is later than the
  /// round.
  /// - Parameter isDue: the leader waits for an answer even if it has been told of this round
  ///   before.
  mutating func confirm(
    _ round: UInt64, of ballot: Ballot, gap: Gap, isDue: Bool, to leader: ReplicaID,
    into effects: inout Effects<Self>
  ) {
    guard !isLearner, ballot == leaderBallot, isDue || round > reception.confirmedRound else {
      return
    }
    reception.confirmedRound = max(reception.confirmedRound, round)
    let answer = Message.heartbeatAcknowledged(ballot: ballot, round: round, gap: gap)
    // One answer is enough for the messages of a turn.
    if let last = effects.earlySends.last, last.to == leader,
      case .heartbeatAcknowledged(ballot, let earlier, _) = last.message, earlier <= round
    {
      effects.replaceEarly(at: effects.earlySends.count - 1, by: answer)
    } else {
      effects.sendEarly(answer, to: leader)
    }
  }

  /// The first gap in the slots received in a ballot whose leader has offered all slots below
  /// `next`.
  mutating func firstGap(of ballot: Ballot, before next: LogIndex) -> Gap {
    guard ballot == leaderBallot else { return .unknown }
    var gap = max(reception.gap, firstUnchosen)
    while isReceived(gap) { gap = gap.next }
    reception.gap = gap
    if reception.gapEnd <= gap {
      // The gap has closed up to a held slot, and perhaps further; finds the end of the next gap.
      var end = gap.next
      while end <= log.lastIndex, !isReceived(end) { end = end.next }
      reception.gapEnd = end <= log.lastIndex ? end : Reception.nowhere
    }
    if gap < next { return Gap(first: gap, count: min(reception.gapEnd, next) - gap) }
    return Gap(
      first: gap, count: reception.gapEnd == Reception.nowhere ? 0 : reception.gapEnd - gap)
  }

  private func isReceived(_ slot: LogIndex) -> Bool {
    log.contains(slot) && (log[slot].isChosen || log[slot].ballot == leaderBallot)
  }

  /// The leader of `ballot` says that all slots to `commitIndex` are chosen.
  mutating func learnCommitIndex(
    _ commitIndex: LogIndex, of ballot: Ballot, into effects: inout Effects<Self>
  ) {
    guard ballot == leaderBallot, role == .follower else { return }
    leaderCommitIndex = max(leaderCommitIndex, commitIndex)
    applyLeaderCommitIndex(into: &effects)
  }

  /// Marks slots as chosen. A commit index proves nothing about a value accepted in another ballot,
  /// because the leader may have chosen a different one. It covers only values accepted in the
  /// leader's own ballot.
  private mutating func applyLeaderCommitIndex(into effects: inout Effects<Self>) {
    var slot = firstUnchosen
    let end = min(leaderCommitIndex, log.lastIndex)
    while slot <= end {
      let held = log[slot].ballot
      // Bug: commit-index-marks-all.
      let isProven =
        held == leaderBallot || log[slot].isChosen
        || broken(.commitIndexMarksAll) && held != .none
      guard isProven else { break }
      log[slot].isChosen = true
      slot = slot.next
    }
    commitChosen(into: &effects)
  }

  /// Stores a value that is known to be chosen.
  mutating func learn(_ value: Batch, at slot: LogIndex, into effects: inout Effects<Self>) {
    guard slot >= log.firstIndex, slot < firstUnchosen + SlotLog.reach else { return }
    log.extend(through: slot)
    let isSame = log[slot].ballot != .none && log[slot].value == value
    if log[slot].isChosen {
      if !isSame { brokenInvariant = "slot \(slot) has two chosen values" }
      return
    }
    assert(slot >= firstUnchosen, "what is committed is chosen already")
    if !isSame {
      log[slot].ballot = .chosen
      log[slot].value = value
      effects.persist(.accepted(slot: slot, ballot: .chosen, value: value))
    }
    log[slot].isChosen = true
  }

  /// Commits the chosen slots that follow the commit index, up to the first gap.
  mutating func commitChosen(into effects: inout Effects<Self>) {
    while firstUnchosen <= log.lastIndex {
      if !log[firstUnchosen].isChosen {
        // Bug: skip-holes.
        guard broken(.skipHoles), role == .leader, log.isChosen(firstUnchosen.next) else {
          return
        }
        log[firstUnchosen].value = .noop
        log[firstUnchosen].isChosen = true
      }
      effects.commit(
        log[firstUnchosen].value, at: firstUnchosen,
        answering: leadership != nil && firstUnchosen > phase2.recoveredThrough)
      firstUnchosen = firstUnchosen.next
    }
  }

  /// Records the chosen prefix after every `recordingDistance` slots, beside a record that has to
  /// be synced anyway.
  mutating func recordChosen(into effects: inout Effects<Self>) {
    guard commitIndex - recordedChosen >= Self.recordingDistance else { return }
    recordedChosen = commitIndex
    effects.persist(.chosen(through: commitIndex))
  }
}
