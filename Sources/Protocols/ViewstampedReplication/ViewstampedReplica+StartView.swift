import Replication

// How a view starts: §4.2, steps 3 to 5, of the paper.

extension ViewstampedReplica {
  mutating func receive(
    _ message: DoViewChange, from slot: Int, at now: Instant, into effects: inout Effects<Self>
  ) {
    guard primary(of: message.view) == ownSlot, message.lastNormalView < message.view else {
      return
    }
    guard message.view >= viewNumber else { return tellView(to: slot, into: &effects) }
    if message.view > viewNumber { enter(message.view, at: now, into: &effects) }
    if primacy != nil, slot != ownSlot { return tellLog(to: slot, into: &effects) }
    // A view starts once.
    guard state == .viewChange, lastNormalView < viewNumber, transfer == nil else { return }
    // Bug: count-messages.
    guard broken(.countMessages) || !change.done.contains(where: { $0.slot == slot })
    else { return }
    change.done.append((slot, message))
    // Bug: count-lost-life. What a replica said before it lost its state counts no more, once one
    // of those who helped it to recover is among those who start the view.
    learn(message.incarnations, into: &effects)
    if !broken(.countLostLife) {
      let known = incarnations
      change.done.removeAll { done in
        let own = done.message.incarnations
        return (done.slot < own.count ? own[done.slot] : Incarnation()) < known[done.slot]
      }
    }
    // Bug: start-without-quorum.
    let needed = broken(.startWithoutQuorum) ? 1 : membership.majority
    guard change.done.count >= needed else { return }
    chooseLog(at: now, into: &effects)
  }

  /// The log of the latest normal view, and of these the longest (§4.2, step 3). What a majority
  /// prepared in any earlier view is in it, because one of that majority is among the f + 1 here,
  /// and logs of later views were chosen alike.
  private mutating func chooseLog(at now: Instant, into effects: inout Effects<Self>) {
    var best = change.done[0]
    for other in change.done.dropFirst() {
      let (a, b) = (other.message, best.message)
      // Bug: longest-log-wins.
      let isBetter =
        broken(.longestLogWins)
        ? a.op > b.op : (a.lastNormalView, a.op) > (b.lastNormalView, b.op)
      if isBetter { best = other }
    }
    let committed = change.done.map(\.message.commit).max() ?? .zero
    adopt(
      .best, from: best.slot, op: best.message.op, committed: committed,
      history: best.message.history, at: now, into: &effects)
  }

  /// Makes the log the same as another one: drops what differs, and fetches what is missing.
  mutating func adopt(
    _ purpose: Transfer.Purpose, from slot: Int, op: LogIndex, committed: LogIndex,
    history: [Viewstamp], at now: Instant, into effects: inout Effects<Self>
  ) {
    guard op >= commitNumber else {
      brokenInvariant =
        brokenInvariant ?? "view \(viewNumber) starts with \(op), behind what is committed here"
      return
    }
    let common = min(log.commonPrefix(with: history, committed: commitNumber), op)
    // Bug: keep-tail.
    if common < log.lastOp, !broken(.keepTail) {
      log.truncate(after: common)
      persist(.append(at: common.next, view: viewNumber, []), into: &effects)
    }
    // Bug: normal-before-transfer.
    guard log.lastOp >= op || broken(.normalBeforeTransfer) && purpose == .view else {
      return fetch(
        purpose, from: slot, through: op, commit: committed, at: now, into: &effects)
    }
    switch purpose {
    case .best: startView(committed: committed, into: &effects)
    case .view, .gap: becomeNormal(committed: committed, at: now, into: &effects)
    }
  }

  /// The log of the new view is here: tells all of it, and itself as well, so that the view is
  /// durable when this replica begins to lead it (§4.2, step 3).
  mutating func startView(committed: LogIndex, into effects: inout Effects<Self>) {
    assert(
      state == .viewChange && primary(of: viewNumber) == ownSlot,
      "only the primary of a new view starts it (§4.2, step 3)")
    transfer = nil
    noteNormal(into: &effects)
    let message = StartView(
      view: viewNumber, op: log.lastOp, commit: min(committed, log.lastOp), history: log.history)
    for replica in membership.replicas { effects.send(.startView(message), to: replica) }
  }

  private mutating func noteNormal(into effects: inout Effects<Self>) {
    lastNormalView = viewNumber
    if lostGeneration > 0 {
      lostGeneration = 0
      hasRecovered = true
      persist(.recovered, into: &effects)
    }
    // Bug: volatile-last-normal-view.
    if !broken(.volatileLastNormal) {
      persist(.view(viewNumber, lastNormal: viewNumber), into: &effects)
    }
  }

  mutating func receive(
    _ message: StartView, from slot: Int, at now: Instant, into effects: inout Effects<Self>
  ) {
    guard slot == primary(of: message.view) else { return }
    guard message.view >= viewNumber else { return tellView(to: slot, into: &effects) }
    guard slot != ownSlot else { return lead(message, at: now, into: &effects) }
    if message.view > viewNumber {
      enter(message.view, at: now, asking: .nobody, into: &effects)
    }
    lastContact = now
    // A repetition does not disturb what has begun.
    guard state == .viewChange, transfer == nil else {
      if state == .normal { acknowledge(into: &effects) }
      return
    }
    adopt(
      .view, from: slot, op: message.op, committed: message.commit, history: message.history,
      at: now, into: &effects)
  }

  /// This replica is the primary of its view from now on.
  private mutating func lead(
    _ message: StartView, at now: Instant, into effects: inout Effects<Self>
  ) {
    guard message.view == viewNumber, lastNormalView == viewNumber, primacy == nil,
      state == .viewChange, message.op == log.lastOp
    else { return }
    endChange(at: now, into: &effects)
    primacy = Primacy(
      startOp: log.lastOp,
      progress: membership.replicas.map { _ in Progress(next: log.lastOp.next) })
    primacy!.progress[ownSlot].notePrepared(through: log.lastOp)
    commit(through: message.commit, into: &effects)
    effects.setTimer(.commit, after: options.heartbeat)
    advanceCommitNumber(into: &effects)
  }

  /// The replica has the log with which its view started (§4.2, step 5).
  mutating func becomeNormal(
    committed: LogIndex, at now: Instant, into effects: inout Effects<Self>
  ) {
    noteNormal(into: &effects)
    endChange(at: now, into: &effects)
    commit(through: min(committed, log.lastOp), into: &effects)
    takeHeldBack(into: &effects)
    acknowledge(into: &effects)
  }

  private mutating func endChange(at now: Instant, into effects: inout Effects<Self>) {
    state = .normal
    recovery = nil
    transfer = nil
    lastContact = now
    change.attempts = 0
    change.done = []
    for slot in change.wanted.indices { change.wanted[slot] = nil }
    effects.cancelTimer(.retransmission)
    effects.setTimer(.viewChange, after: options.viewChangeTimeout)
  }

  /// Answers a replica that does not know yet that the view has started. Early: the view is
  /// durable, and of the operations nothing is claimed but that the primary has them.
  mutating func tellLog(to slot: Int, into effects: inout Effects<Self>) {
    primacy!.progress[slot].noteToldLog(through: log.lastOp)
    effects.sendEarly(.startView(currentLog), to: membership.replicas[slot])
  }

  var currentLog: StartView {
    StartView(view: viewNumber, op: log.lastOp, commit: commitNumber, history: log.history)
  }
}
