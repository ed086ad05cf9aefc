import Replication

// The backup's half of normal operation: §4.1, steps 4 and 7 of the paper.

extension ViewstampedReplica {
  /// Whether a message of a view's primary is one to act on. One of a later view shows that the
  /// view has started without this replica.
  private mutating func heed(
    _ view: View, from slot: Int, at now: Instant, into effects: inout Effects<Self>
  ) -> Bool {
    guard slot != ownSlot, slot == primary(of: view) else { return false }
    if view < viewNumber {
      tellView(to: slot, into: &effects)
      return false
    }
    if view > viewNumber { enter(view, at: now, asking: .primary, into: &effects) }
    lastContact = now
    change.stopWanting(ownSlot, view: view)
    return true
  }

  /// Tells the primary that this replica knows no later view, so that the primary may answer reads.
  ///
  /// Early: it promises nothing. A majority says so before the primary answers. A later view needs
  /// a DoViewChange of at least one of that majority, sent after this moment and hence after the
  /// read arrived.
  private mutating func confirm(
    _ round: UInt64, isDue: Bool, to slot: Int, into effects: inout Effects<Self>
  ) {
    guard isDue || round > confirmedRound else { return }
    confirmedRound = max(confirmedRound, round)
    effects.sendEarly(
      .commitOK(CommitOK(view: viewNumber, readRound: round)), to: membership.replicas[slot])
  }

  mutating func receive(
    _ message: Prepare, from slot: Int, at now: Instant, into effects: inout Effects<Self>
  ) {
    guard heed(message.view, from: slot, at: now, into: &effects) else { return }
    confirm(message.readRound, isDue: false, to: slot, into: &effects)
    guard state == .normal else { return heldBack.hold(message, options) }
    // Operations are prepared in order: what is missing is fetched first (§4.1, step 4).
    guard message.op <= log.lastOp.next else {
      heldBack.hold(message, options)
      return fetchGap(through: message.op.previous, at: now, into: &effects)
    }
    take(message, into: &effects)
    takeHeldBack(into: &effects)
    acknowledge(into: &effects)
  }

  mutating func receive(
    _ message: Commit, from slot: Int, at now: Instant, into effects: inout Effects<Self>
  ) {
    guard heed(message.view, from: slot, at: now, into: &effects) else { return }
    confirm(message.readRound, isDue: true, to: slot, into: &effects)
    guard state == .normal else { return }
    commit(through: min(message.commit, log.lastOp), into: &effects)
    if message.op > log.lastOp {
      fetchGap(through: message.op, at: now, into: &effects)
    } else if message.asks {
      acknowledge(into: &effects)
    }
  }

  /// Adds the operations that are new. Within a view the logs of backups are prefixes of the
  /// primary's, so what is known is the same.
  private mutating func take(_ message: Prepare, into effects: inout Effects<Self>) {
    assert(message.op <= log.lastOp.next, "operations are prepared in order (§4.1, step 4)")
    let known = log.lastOp.next - message.op
    if known < message.batches.count {
      let new = Array(message.batches[known...])
      let op = log.lastOp.next
      log.append(contentsOf: new, in: message.view)
      persist(.append(at: op, view: message.view, new), into: &effects)
    }
    commit(through: min(message.commit, log.lastOp), into: &effects)
  }

  mutating func takeHeldBack(into effects: inout Effects<Self>) {
    while let next = heldBack.next(after: log.lastOp) { take(next, into: &effects) }
  }

  /// PrepareOK stands for all operations up to its number (§4.1, step 4).
  func acknowledge(into effects: inout Effects<Self>) {
    assert(state == .normal, "PrepareOK is said only in a view that has started (§4.2, step 5)")
    let reply = Message.prepareOK(PrepareOK(view: viewNumber, op: log.lastOp))
    let primary = membership.replicas[primary(of: viewNumber)]
    // Bug: prepare-ok-before-durable.
    if broken(.prepareOKBeforeDurable) {
      effects.sendEarly(reply, to: primary)
    } else {
      effects.send(reply, to: primary)
    }
  }
}
