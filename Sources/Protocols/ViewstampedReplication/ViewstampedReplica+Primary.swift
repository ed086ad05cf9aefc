import Replication
import WireFormat

// The primary's half of normal operation: §4.1 of the paper.

extension ViewstampedReplica {
  mutating func request(_ batch: Batch, into effects: inout Effects<Self>) {
    guard primacy != nil else { return effects.refuse(batch, redirect: redirect) }
    prepare(batch, into: &effects)
  }

  /// Who may be in charge, to the best of this replica's knowledge.
  var redirect: ReplicaID? {
    guard state == .normal, primary(of: viewNumber) != ownSlot else { return nil }
    return membership.replicas[primary(of: viewNumber)]
  }

  /// Numbers an operation and offers it to everyone (§4.1, steps 2 and 3).
  private mutating func prepare(_ batch: Batch, into effects: inout Effects<Self>) {
    assert(
      state == .normal && primary(of: viewNumber) == ownSlot,
      "only the primary of a view that has started numbers operations (§4.1, step 2)")
    let op = log.lastOp.next
    let byteCount = batch.encodedByteCount
    let batches = [batch]
    log.append(batch, in: viewNumber)
    persist(.append(at: op, view: viewNumber, batches), into: &effects)
    countOwn(through: op, into: &effects)
    for slot in membership.replicas.indices where slot != ownSlot {
      var isSent = false
      if primacy!.progress[slot].next != op {
        isSent = sendPrepare(to: slot, into: &effects)
      } else if primacy!.progress[slot].hasRoom(for: byteCount, options) {
        primacy!.progress[slot].noteSent(through: op, byteCount: byteCount)
        sendPrepare(batches, from: op, to: slot, into: &effects)
        isSent = true
      }
      if primacy!.isRoundUnsent, !isSent { announceRound(to: slot, into: &effects) }
    }
    primacy!.isRoundUnsent = false
  }

  /// The primary's own PrepareOK, which comes back to it once its disk has the operation.
  private func countOwn(through op: LogIndex, into effects: inout Effects<Self>) {
    let reply = Message.prepareOK(PrepareOK(view: viewNumber, op: op))
    // Bug: primary-counts-before-sync.
    if broken(.primaryCountsBeforeSync) {
      effects.sendEarly(reply, to: id)
    } else {
      effects.send(reply, to: id)
    }
  }

  /// Sends a page of what a backup has not been sent, if there is room for one, and says whether it
  /// did. The answer brings the next one.
  @discardableResult
  mutating func sendPrepare(to slot: Int, into effects: inout Effects<Self>) -> Bool {
    let next = primacy!.progress[slot].next
    guard next <= log.lastOp else { return false }
    guard next > log.base else {
      // It has acknowledged nothing for as long as a snapshot takes: it is told of the last
      // operation, and fetches.
      primacy!.progress[slot].noteToldLog(through: log.lastOp)
      return false
    }
    let limit = min(primacy!.progress[slot].room(options), options.messageByteLimit)
    let page = log.page(after: next.previous, through: log.lastOp, byteLimit: limit)
    guard primacy!.progress[slot].hasRoom(for: page.byteCount, options) else { return false }
    primacy!.progress[slot].noteSent(
      through: next.previous + page.batches.count, byteCount: page.byteCount)
    sendPrepare(page.batches, from: next, to: slot, into: &effects)
    return true
  }

  /// Early: the primary may replicate operations while its own disk writes them, because it counts
  /// itself only when told by its disk, and does not lead this view again after a crash. The view
  /// is durable: the primary has seen its own StartView.
  private mutating func sendPrepare(
    _ batches: [Batch], from op: LogIndex, to slot: Int, into effects: inout Effects<Self>
  ) {
    primacy!.progress[slot].announcedRound = primacy!.readRound
    effects.sendEarly(
      .prepare(
        Prepare(
          view: viewNumber, op: op, commit: commitNumber, readRound: primacy!.readRound,
          batches: batches)), to: membership.replicas[slot])
  }

  mutating func commitTimerFired(into effects: inout Effects<Self>) {
    guard primacy != nil else { return }
    effects.setTimer(.commit, after: options.heartbeat)
    for slot in membership.replicas.indices where slot != ownSlot {
      let progress = primacy!.progress[slot]
      sendCommit(to: slot, asks: progress.prepared < progress.next.previous, into: &effects)
    }
  }

  /// Commit stands in for the next Prepare if there is none (§4.1, step 6). It comes behind all
  /// that was sent, so a backup that lacks any of that asks for it.
  mutating func sendCommit(to slot: Int, asks: Bool, into effects: inout Effects<Self>) {
    primacy!.progress[slot].announcedRound = primacy!.readRound
    // Early: it tells of a view that has started and of operations that a majority has.
    effects.sendEarly(
      .commit(
        Commit(
          view: viewNumber, commit: commitNumber, op: primacy!.progress[slot].next.previous,
          readRound: primacy!.readRound, asks: asks)), to: membership.replicas[slot])
  }

  mutating func receive(
    _ message: PrepareOK, from slot: Int, into effects: inout Effects<Self>
  ) {
    // Bug: count-any-view. Across views a replica may drop what it had.
    guard primacy != nil, message.op <= log.lastOp,
      message.view == viewNumber || broken(.countAnyView)
    else { return }
    primacy!.progress[slot].isActive = true
    primacy!.progress[slot].notePrepared(through: message.op)
    if slot != ownSlot { sendPrepare(to: slot, into: &effects) }
    if message.op > commitNumber { advanceCommitNumber(into: &effects) }
  }

  /// Commits what f + 1 replicas have prepared in this view, the primary among them or not (§4.1,
  /// step 5). What the view took over counts like what came in it, because whoever says PrepareOK
  /// has the whole log with which the view started.
  mutating func advanceCommitNumber(into effects: inout Effects<Self>) {
    let progress = primacy!.progress
    var committed = commitNumber
    for candidate in progress.indices where progress[candidate].prepared > committed {
      let op = progress[candidate].prepared
      var holders = 0
      for holder in progress.indices where progress[holder].prepared >= op { holders += 1 }
      // Bug: answer-before-commit.
      let isOwn = broken(.answerBeforeCommit) && candidate == ownSlot
      if holders >= membership.majority || isOwn { committed = op }
    }
    guard committed > commitNumber else { return }
    commit(through: committed, into: &effects)
    if !primacy!.readsWaiting.isEmpty { askForWaitingReads(into: &effects) }
  }

  /// A primary that no majority has answered for a whole timeout may have been replaced: it leads
  /// no more, so that clients look elsewhere and backups do not wait for it. It does not lead this
  /// view again.
  mutating func checkMajority(into effects: inout Effects<Self>) {
    var activeCount = 1
    for slot in membership.replicas.indices
    where slot != ownSlot && primacy!.progress[slot].isActive {
      activeCount += 1
      primacy!.progress[slot].isActive = false
    }
    if activeCount < membership.majority {
      lastContact = .longAgo
      endPrimacy(into: &effects)
    }
  }

  mutating func endPrimacy(into effects: inout Effects<Self>) {
    guard primacy != nil else { return }
    refuseReads(into: &effects)
    primacy = nil
    effects.cancelTimer(.commit)
  }
}
