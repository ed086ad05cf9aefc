import Replication

// Linearizable reads that pass by the log. The paper's primary reads under leases (§6.3); here it
// asks, so that no clock matters. A read may be answered from the primary's state when (1) all that
// the view took over is committed; (2) f + 1 replicas have said, in a round begun after the read
// arrived, that they know no later view. Rounds do not wait for each other, and ride on Prepare.

extension ViewstampedReplica {
  mutating func requestRead(
    _ ticket: ReadTicket, updatesFollow: Bool, into effects: inout Effects<Self>
  ) {
    guard let startOp = primacy?.startOp else {
      return effects.refuseRead(ticket, redirect: redirect)
    }
    let hasCommitted = commitNumber >= startOp
    // Bug: read-without-quorum.
    if broken(.readWithoutQuorum), hasCommitted { return effects.read(ticket) }
    // Bug: read-before-view-commit.
    guard hasCommitted || broken(.readBeforeViewCommit) else {
      return primacy!.readsWaiting.append(ticket)
    }
    beginRound()
    primacy!.readsInRound.append((ticket, primacy!.readRound))
    if updatesFollow {
      primacy!.isRoundUnsent = true
    } else {
      announceRound(into: &effects)
    }
    answerReads(into: &effects)
  }

  /// Begins a round for the reads that waited for the first commits of the view.
  mutating func askForWaitingReads(into effects: inout Effects<Self>) {
    guard primacy!.startOp <= commitNumber else { return }
    beginRound()
    for ticket in primacy!.readsWaiting {
      primacy!.readsInRound.append((ticket, primacy!.readRound))
    }
    primacy!.readsWaiting.removeAll()
    announceRound(into: &effects)
    answerReads(into: &effects)
  }

  /// The primary knows of itself that it is in its view.
  private mutating func beginRound() {
    primacy!.readRound += 1
    primacy!.progress[ownSlot].answeredRound = primacy!.readRound
  }

  private mutating func announceRound(into effects: inout Effects<Self>) {
    for slot in membership.replicas.indices where slot != ownSlot {
      announceRound(to: slot, into: &effects)
    }
  }

  /// Tells a replica of the newest round, unless it owes the answers to many.
  mutating func announceRound(to slot: Int, into effects: inout Effects<Self>) {
    guard primacy!.progress[slot].mayAnnounce else { return }
    sendCommit(to: slot, asks: false, into: &effects)
  }

  mutating func receive(
    _ message: CommitOK, from slot: Int, into effects: inout Effects<Self>
  ) {
    guard primacy != nil, slot != ownSlot, message.view == viewNumber else { return }
    primacy!.progress[slot].isActive = true
    let round = message.readRound
    if round > primacy!.progress[slot].answeredRound, round <= primacy!.readRound {
      primacy!.progress[slot].answeredRound = round
      answerReads(into: &effects)
    }
    sendPrepare(to: slot, into: &effects)
    // Rounds that it was not told of, because it owed the answers to many.
    if !primacy!.readsInRound.isEmpty,
      primacy!.progress[slot].announcedRound < primacy!.readRound
    {
      announceRound(to: slot, into: &effects)
    }
  }

  /// Answers the reads of all rounds that a majority has answered.
  private mutating func answerReads(into effects: inout Effects<Self>) {
    guard let first = primacy!.readsInRound.first else { return }
    let rounds = primacy!.progress.map(\.answeredRound).sorted(by: >)
    let confirmed = rounds[membership.majority - 1]
    guard first.round <= confirmed else { return }
    let served = primacy!.readsInRound.prefix { $0.round <= confirmed }
    for read in served { effects.read(read.ticket) }
    primacy!.readsInRound.removeFirst(served.count)
  }

  /// Turns all reads away: this replica leads no more.
  mutating func refuseReads(into effects: inout Effects<Self>) {
    for read in primacy!.readsInRound { effects.refuseRead(read.ticket, redirect: nil) }
    for ticket in primacy!.readsWaiting { effects.refuseRead(ticket, redirect: nil) }
    primacy!.readsInRound.removeAll()
    primacy!.readsWaiting.removeAll()
  }
}
