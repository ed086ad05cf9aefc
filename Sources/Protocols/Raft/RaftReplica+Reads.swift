import Replication

// Linearizable reads without log entries: ReadIndex, §6.4 of the thesis.
//
// A read may be answered from the leader's state when (1) the leader has committed an entry of its
// own term, and so knows all that was committed before it; (2) a majority has said, in a round
// begun after the read arrived, that it knows no newer leader; (3) all that was committed when the
// round began has been applied, which the order of commits and reads in a turn ensures.
//
// A round is a number that all AppendEntries carry from then on. Rounds do not wait for each other:
// a replica that answers one answers all before it.

extension RaftReplica {
  /// Reads and the rounds they wait for, oldest first.
  struct ReadQueue: Sendable {
    struct Pending: Sendable {
      var ticket: ReadTicket
      var round: UInt64
    }

    private var pending: [Pending] = []
    private var head = 0

    var isEmpty: Bool { head == pending.count }
    var first: Pending? { isEmpty ? nil : pending[head] }

    mutating func append(_ ticket: ReadTicket, round: UInt64) {
      pending.append(Pending(ticket: ticket, round: round))
    }

    mutating func removeFirst() {
      head += 1
      if head == pending.count {
        removeAll()
      } else if head >= 64, head * 2 > pending.count {
        pending.removeFirst(head)
        head = 0
      }
    }

    mutating func removeAll() {
      pending.removeAll(keepingCapacity: true)
      head = 0
    }
  }

  mutating func requestRead(
    _ ticket: ReadTicket, updatesFollow: Bool, into effects: inout Effects<Self>
  ) {
    guard role == .leader else { return effects.refuseRead(ticket, redirect: leader) }
    let hasCommittedInTerm = commitIndex >= leading.termStartIndex
    // Bug: read-without-quorum.
    if broken(.readWithoutQuorum), hasCommittedInTerm { return effects.read(ticket) }
    // Bug: read-before-own-commit.
    guard hasCommittedInTerm || broken(.readBeforeOwnCommit) else {
      return leading.waitingReads.append(ticket)
    }
    beginRound()
    leading.readsInRound.append(ticket, round: leading.readRound)
    if updatesFollow {
      leading.isRoundUnsent = true
    } else {
      announceRound(into: &effects)
    }
    answerReads(into: &effects)
  }

  /// Begins a round for the reads that waited for the first commit of the term.
  mutating func askForWaitingReads(into effects: inout Effects<Self>) {
    beginRound()
    for ticket in leading.waitingReads {
      leading.readsInRound.append(ticket, round: leading.readRound)
    }
    leading.waitingReads.removeAll()
    announceRound(into: &effects)
    answerReads(into: &effects)
  }

  private mutating func announceRound(into effects: inout Effects<Self>) {
    for slot in progress.indices where slot != ownSlot { announceRound(to: slot, into: &effects) }
  }

  /// Tells a replica of the newest round, unless it has too many unanswered ones.
  mutating func announceRound(to slot: Int, into effects: inout Effects<Self>) {
    if progress[slot].mayAnnounce { sendHeartbeat(to: slot, into: &effects) }
  }

  /// Begins a round. The leader answers it at once, because no disk is involved, and the leader
  /// knows that it has seen no newer term itself.
  mutating func beginRound() {
    leading.readRound += 1
    progress[ownSlot].answeredRound = leading.readRound
  }

  mutating func receiveRoundConfirmed(
    _ reply: RoundConfirmed, from slot: Int, at now: Instant,
    into effects: inout Effects<Self>
  ) {
    guard slot != ownSlot, isForThisLeader(replyIn: reply.term, into: &effects) else { return }
    progress[slot].isActive = true
    noteReadRound(reply.readRound, answeredBy: slot, into: &effects)
    sendEntries(to: slot, at: now, into: &effects)
    // The replica was not told of some rounds, because it had too many unanswered ones.
    if !leading.readsInRound.isEmpty, progress[slot].announcedRound < leading.readRound {
      announceRound(to: slot, into: &effects)
    }
  }

  /// A replica has answered a message that was sent when `round` was the newest.
  mutating func noteReadRound(
    _ round: UInt64, answeredBy slot: Int, into effects: inout Effects<Self>
  ) {
    guard round > progress[slot].answeredRound, round <= leading.readRound else { return }
    progress[slot].answeredRound = round
    if let first = leading.readsInRound.first, first.round <= round { answerReads(into: &effects) }
  }

  /// Answers the reads of all rounds that a majority has answered.
  private mutating func answerReads(into effects: inout Effects<Self>) {
    let confirmed = leading.reachedByMajority(of: membership, above: 0) { $0.answeredRound }
    while let first = leading.readsInRound.first, first.round <= confirmed {
      effects.read(first.ticket)
      leading.readsInRound.removeFirst()
    }
  }

  /// Refuses all reads, because this replica no longer leads.
  func refuseReads(of ended: Leadership, into effects: inout Effects<Self>) {
    assert(role == .follower, "reads end with the leadership")
    var inRound = ended.readsInRound
    while let first = inRound.first {
      effects.refuseRead(first.ticket, redirect: leader)
      inRound.removeFirst()
    }
    for ticket in ended.waitingReads { effects.refuseRead(ticket, redirect: leader) }
  }
}
