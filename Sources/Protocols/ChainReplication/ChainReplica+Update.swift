import Replication
import ViewService

// Failure-free operation (van Renesse & Schneider 2004 §2, §3): updates down, acknowledgements up.
//
// A replica hands an entry on with `send`, that is, once the entry is durable here, although
// `sendEarly` would save a disk write per hop. With `sendEarly` an entry could be durable
// downstream and lost upstream, when the upstream replica restarts; it would then number another
// update at the same index, and the replicas behind it would hold a history that is no prefix of
// its own. It is also what the published latency of a chain counts: (n + 1) messages and n writes
// in a row.

extension ChainReplica {
  /// The head numbers an update and sends it on its way; any other replica refuses it.
  mutating func propose(_ batch: Batch, into effects: inout Effects<ChainReplica>) {
    guard isHead else { return effects.refuse(batch, redirect: view.members.first) }
    guard log.lastIndex - committed < options.window else {
      return effects.refuse(batch, redirect: id)
    }
    append([ViewEntry(view: view.number, batch: batch)], into: &effects)
  }

  /// Takes entries from the predecessor, in order: a gap is reported, repetitions are skipped.
  mutating func receive(_ forward: Forward, into effects: inout Effects<ChainReplica>) {
    // Bug: accept-any-view.
    guard isSynchronised || options.bug == .acceptAnyView else { return }
    let wasComplete = isComplete
    let last = log.lastIndex
    guard forward.previous <= last else { return reportGap(into: &effects) }
    guard log.view(at: forward.previous) == forward.previousView else { return }
    let heldCount = last - forward.previous
    if heldCount == 0 {
      append(forward.entries, into: &effects)
    } else if heldCount < forward.entries.count {
      append(Array(forward.entries[heldCount...]), into: &effects)
    }
    if isComplete, !wasComplete { beginServing(into: &effects) }
    learnCommitted(min(forward.committed, forward.last), into: &effects)
    // Behind the barrier: the receipt says that the entries are durable.
    if forward.wantsReceipt, let predecessor {
      effects.send(.receipt(view: view.number, forward.last), to: predecessor)
    }
  }

  /// Appends entries behind the log, hands them on, and at the tail waits for the own disk.
  private mutating func append(
    _ entries: [ViewEntry], into effects: inout Effects<ChainReplica>
  ) {
    guard let first = entries.first, first.view >= log.lastView else { return }
    let previous = log.lastIndex
    let previousView = log.lastView
    for entry in entries { log.append(entry) }
    effects.persist(.entries(first: previous.next, entries))
    hasReportedGap = false
    let forward = Forward(
      previous: previous, previousView: previousView, entries: entries, committed: committed,
      wantsReceipt: false)
    handOn(forward, into: &effects)
    awaitOwnDisk(into: &effects)
    setTimerIfNeeded(into: &effects)
  }

  /// Whether this replica's own disk is what an entry has to reach to be committed.
  private var decides: Bool {
    // Bug: ack-at-head.
    isTail || isHead && options.bug == .ackAtHead
  }

  /// Has the tail hear of it when everything it holds now is durable.
  func awaitOwnDisk(into effects: inout Effects<ChainReplica>) {
    guard decides, isSynchronised else { return }
    effects.send(.durable(view: view.number, log.lastIndex), to: id)
  }

  /// What is durable at the tail is committed: the tail answers the clients and tells its
  /// predecessor.
  mutating func countOwnDisk(
    through index: LogIndex, into effects: inout Effects<ChainReplica>
  ) {
    guard decides, isSynchronised else { return }
    noteAcknowledged(index, answering: true, into: &effects)
  }

  mutating func receiveAcknowledgement(
    of index: LogIndex, into effects: inout Effects<ChainReplica>
  ) {
    guard isSynchronised else { return }
    noteAcknowledged(index, answering: false, into: &effects)
  }

  /// The tail holds everything up to `index`: commits it here and passes the word up the chain.
  mutating func noteAcknowledged(
    _ index: LogIndex, answering: Bool, into effects: inout Effects<ChainReplica>
  ) {
    guard index <= log.lastIndex else { return }
    if let acknowledged, acknowledged >= index { return }
    acknowledged = index
    commit(through: index, answering: answering, into: &effects)
    if let predecessor {
      // Early, because it promises nothing of this replica's disk but what was durable when the
      // entry was handed on; what it promises of the tail's disk has been durable there before it
      // set out.
      effects.sendEarly(.acknowledge(view: view.number, index), to: predecessor)
    } else if !isEstablished, index >= establishedFrom {
      isEstablished = true
    }
  }

  /// The predecessor knows these entries to be committed, which a replica that was restarted, or
  /// has just joined, may not know yet.
  private mutating func learnCommitted(
    _ index: LogIndex, into effects: inout Effects<ChainReplica>
  ) {
    guard index > committed else { return }
    commit(through: index, answering: false, into: &effects)
  }

  private mutating func commit(
    through index: LogIndex, answering: Bool, into effects: inout Effects<ChainReplica>
  ) {
    let end = min(index, log.lastIndex)
    while committed < end {
      committed = committed.next
      effects.commit(
        log[committed].batch, at: committed,
        answering: answering && committed > recoveredThrough)
    }
  }

  /// The tail answers reads at once from what is committed; any other replica refuses them.
  mutating func answer(_ ticket: ReadTicket, into effects: inout Effects<ChainReplica>) {
    if servesReads {
      effects.read(ticket)
    } else {
      effects.refuseRead(ticket, redirect: isTail ? nil : view.members.last)
    }
  }

  /// A tail may answer once it has committed all that earlier tails may have acknowledged.
  var servesReads: Bool {
    // Bug: serve-stale-role, joiner-serves-during-copy.
    switch options.bug {
    case .serveStaleRole where !isTail: view.members.contains(id)
    case .joinerServesDuringCopy where isTail || isJoiner: true
    default: isTail && isSynchronised && committed >= servesFrom
    }
  }
}
