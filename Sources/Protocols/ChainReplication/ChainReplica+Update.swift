import Replication
import ViewService

// Failure-free operation (van Renesse & Schneider 2004 §2, §3): updates down, acknowledgements up.
//
// A replica forwards entries in the turn in which it receives them, and writes them meanwhile, so
// that all disks of the chain work at the same time. After the entries travels `stable`: up to
// there all replicas before have finished writing. The tail commits entries that are stable before
// it and durable on its own disk. An update therefore costs the chain's hops and one write instead
// of a write at every hop. ChainReplica+View.swift argues why that is safe.

extension ChainReplica {
  /// The head numbers an update; any other replica refuses it. The end of the turn sends it down
  /// the chain.
  mutating func propose(_ batch: Batch, into effects: inout Effects<Self>) {
    guard isHead else { return effects.refuse(batch, redirect: view.members.first) }
    // Without a redirect, because only the head takes updates, and a redirected client would come
    // back at once.
    guard log.lastIndex - commitIndex < options.window else {
      return effects.refuse(batch, redirect: nil)
    }
    log.append(ViewEntry(view: view.number, batch: batch))
  }

  /// Takes entries from the predecessor, in order: a gap is reported, repetitions are skipped.
  mutating func receiveForward(_ forward: Forward, into effects: inout Effects<Self>) {
    // Bug: accept-any-view.
    guard isSynchronised || broken(.acceptAnyView) else { return }
    if forward.stable > .zero { receiveStable(forward.stable) }
    let wasComplete = isComplete
    let last = log.lastIndex
    guard forward.previous <= last else {
      return reportGap(sentThrough: forward.previous, into: &effects)
    }
    guard log.view(at: forward.previous) == forward.previousView else { return }
    let heldCount = last - forward.previous
    // Bug: accept-any-view.
    let latestView = broken(.acceptAnyView) ? UInt64.max : view.number
    if heldCount < forward.entries.count,
      isSensible(forward.entries[heldCount...], in: latestView)
    {
      for position in heldCount..<forward.entries.count { log.append(forward.entries[position]) }
      if heldCount == 0 { arrived = LogPage(first: last.next, entries: forward.entries) }
      reportedGap = nil
    }
    if isComplete, !wasComplete { beginServing(into: &effects) }
    owesReceipt = owesReceipt || forward.wantsReceipt
  }

  /// Whether the views of these entries may follow those in the log: they never descend, and an
  /// entry of a view later than the message's would keep this replica from adopting that view.
  private func isSensible(_ entries: ArraySlice<ViewEntry>, in view: UInt64) -> Bool {
    var latest = log.lastView
    for position in entries.indices {
      guard entries[position].view >= latest, entries[position].view <= view else { return false }
      latest = entries[position].view
    }
    return true
  }

  /// Up to here the log is durable at this replica and at all before it; `nil` until the
  /// predecessor has reported `stable` in this view.
  var stable: LogIndex? {
    if isHead { return durable }
    guard isSynchronised, let upstreamStable else { return nil }
    return min(durable, upstreamStable)
  }

  /// The predecessor reports how far it and all before it have written. For the joiner these are
  /// all members, so it learns from the report what is committed.
  mutating func receiveStable(_ index: LogIndex) {
    upstreamStable = max(upstreamStable ?? index, index)
  }

  /// Whether this replica's disk may be the last that an entry has to reach to be committed.
  private var decides: Bool {
    // Bug: ack-at-head.
    isTail || isHead && broken(.ackAtHead)
  }

  /// This replica's own disk has written the log up to here.
  mutating func receiveDurable(_ index: LogIndex) {
    durable = max(durable, min(index, log.lastIndex))
  }

  /// Commits the entries that are stable at the tail: the tail answers the clients.
  mutating func commitStable(into effects: inout Effects<Self>) {
    guard decides || isJoiner, let stable else { return }
    if decides { noteAcknowledged(min(stable, log.lastIndex), answering: true, into: &effects) }
    if isJoiner, let upstreamStable {
      commit(through: upstreamStable, answering: false, into: &effects)
    }
  }

  mutating func receiveAcknowledge(
    _ index: LogIndex, into effects: inout Effects<Self>
  ) {
    guard isSynchronised, index <= log.lastIndex else { return }
    if successor != nil, !isTail { link.reports(index, at: now) }
    noteAcknowledged(index, answering: false, into: &effects)
  }

  /// All members hold everything up to `index`: commits it here. The end of the turn passes the
  /// acknowledgement up the chain.
  private mutating func noteAcknowledged(
    _ index: LogIndex, answering: Bool, into effects: inout Effects<Self>
  ) {
    if let acknowledged, acknowledged >= index { return }
    assert(index <= log.lastIndex, "what is acknowledged is held by every member")
    acknowledged = index
    // The tail acknowledges what is durable at every member.
    if isHead { receiveDurable(index) }
    commit(through: index, answering: answering, into: &effects)
    if isHead, index >= establishedFrom { isEstablished = true }
  }

  private mutating func commit(
    through index: LogIndex, answering: Bool, into effects: inout Effects<Self>
  ) {
    let end = min(index, log.lastIndex)
    while commitIndex < end {
      commitIndex = commitIndex.next
      effects.commit(
        log[commitIndex].batch, at: commitIndex,
        answering: answering && commitIndex > recoveredThrough)
    }
  }

  /// The tail answers reads at once from what is committed; any other replica refuses them.
  mutating func requestRead(_ ticket: ReadTicket, into effects: inout Effects<Self>) {
    if servesReads {
      effects.read(ticket)
    } else {
      effects.refuseRead(ticket, redirect: isTail ? nil : view.members.last)
    }
  }

  /// A tail may answer once it has committed all that earlier tails may have acknowledged.
  var servesReads: Bool {
    // Bug: serve-stale-role.
    if broken(.serveStaleRole), !isTail { return view.members.contains(id) }
    // Bug: joiner-serves-during-copy.
    if broken(.joinerServesDuringCopy), isTail || isJoiner { return true }
    return isTail && isSynchronised && commitIndex >= servesFrom
  }
}

// The end of a turn writes one record and sends one message to each neighbour, however many events
// the turn had.

extension ChainReplica {
  public mutating func endTurn(at now: Instant, into effects: inout Effects<Self>) {
    guard view.number > 0 else { return }
    self.now = now
    commitStable(into: &effects)
    let written = hasUnsaved ? save(into: &effects) : nil
    if successor != nil, link.lacks(entriesThrough: log.lastIndex, stable: stable) {
      sendEntries(written, into: &effects)
    }
    if let predecessor, let acknowledged, acknowledged > toldAcknowledged ?? LogIndex(-1) {
      toldAcknowledged = acknowledged
      // Early, because the entries were durable on every disk before the tail acknowledged them.
      effects.sendEarly(.acknowledge(view: view.number, acknowledged), to: predecessor)
    }
    if !timerIsSet { setTimerIfNeeded(into: &effects) }
  }

  /// Whether this turn has something for the disk, or for a neighbour once the disk has it.
  private var hasUnsaved: Bool {
    let last = log.lastIndex
    return savedThrough < last || awaitedThrough < last || owesCut || owesReceipt
      // Bug: count-undurable.
      || broken(.countUndurable)
  }

  /// Writes the entries that this turn has added to the log, and asks to be told when they are
  /// durable.
  /// - Returns: the last page that was written.
  private mutating func save(into effects: inout Effects<Self>) -> LogPage {
    let last = log.lastIndex
    var page = LogPage(first: savedThrough.next)
    while savedThrough < last {
      let end = log.pageEnd(
        from: savedThrough.next, through: last, byteLimit: ViewLog.pageByteLimit)
      page.first = savedThrough.next
      page.entries =
        arrived.covers(from: page.first, through: end)
        ? arrived.entries : log.entries(from: page.first, through: end)
      effects.persist(.entries(first: page.first, page.entries))
      savedThrough = end
    }
    assert(durable <= last && commitIndex <= last, "what is durable or committed is in the log")
    // Behind the records of entries: those may repeat entries that were cut and must not get lost.
    if owesCut { effects.persist(.entries(first: last.next, [])) }
    owesCut = false
    // Bug: count-undurable.
    if broken(.countUndurable) { durable = last }
    arrived.entries = []
    awaitDisk(behind: page.first.previous, into: &effects)
    if owesReceipt, let predecessor {
      effects.send(.receipt(view: view.number, last), to: predecessor)
    }
    owesReceipt = false
    return page
  }

  /// Asks to be told when the log is durable, for `stable`.
  ///
  /// For the head alone, `stable` is what its own disk has written. If no earlier entry is pending,
  /// it therefore sends `stable` to its successor behind the barrier, in place of the message to
  /// itself, which saves a turn for each update that comes alone. It learns that the entries are
  /// durable from the acknowledgement. With entries pending it does not, because the `stable` of
  /// several turns travels with the next entries.
  /// - Parameter previous: the last entry before those that this turn has added.
  private mutating func awaitDisk(behind previous: LogIndex, into effects: inout Effects<Self>) {
    let last = log.lastIndex
    guard isSynchronised, awaitedThrough < last else { return }
    awaitedThrough = last
    if isHead, !decides, acknowledged == previous, previous < last {
      link.toldStable = last
      effects.send(.stable(view: view.number, last), to: link.to)
    } else {
      effects.send(.durable(view: view.number, last), to: id)
    }
  }
}
