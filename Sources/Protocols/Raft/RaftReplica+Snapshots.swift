import Replication

// Log compaction: §7 of the paper. The host keeps the snapshots; the log knows where it begins.

extension RaftReplica {
  public static var takesSnapshots: Bool { true }

  public static func message(carrying snapshot: SnapshotMessage) -> Message? {
    .snapshot(snapshot)
  }

  @inline(__always)
  public static func snapshotMessage(in message: Message) -> SnapshotMessage? {
    if case .snapshot(let snapshot) = message { snapshot } else { nil }
  }

  public static func snapshot(in record: Record) -> SnapshotReference? {
    if case .snapshot(let reference) = record { reference } else { nil }
  }

  public mutating func checkpoint(
    at index: LogIndex, into effects: inout Effects<Self>
  ) -> SnapshotReference {
    let reference = SnapshotReference(index: index, epoch: log.term(at: index) ?? 0)
    begin(behind: reference, into: &effects)
    return reference
  }

  /// Persists the content of all records so far, except for the entries that the snapshot covers.
  private func begin(
    behind reference: SnapshotReference, into effects: inout Effects<Self>
  ) {
    effects.beginCheckpoint()
    effects.persist(.snapshot(reference))
    effects.persist(.vote(term: currentTerm, votedFor: votedFor))
    if standing.generation > 0, !standing.isLearner { effects.persist(.promoted) }
    var next = reference.index.next
    while next <= log.lastIndex {
      let page = log.slice(
        from: next, through: log.lastIndex, byteLimit: options.messageByteLimit)
      effects.persist(.append(at: next, page.entries))
      next = next + page.entries.count
    }
  }

  public mutating func snapshotTaken(forgettingThrough index: LogIndex) {
    assert(index <= commitIndex, "only what is committed leaves the log")
    log.forget(through: index)
    guard role == .leader else { return }
    for slot in progress.indices
    where slot != ownSlot && progress[slot].nextIndex <= log.base {
      progress[slot].noteBehindLog(first: log.firstIndex)
    }
  }

  /// "InstallSnapshot RPC, receiver" of figure 13 of the paper, from step 6 on. The sender does not
  /// matter, because a committed entry is committed in every term.
  public mutating func install(
    _ reference: SnapshotReference, from sender: ReplicaID, at now: Instant,
    into effects: inout Effects<Self>
  ) -> Bool {
    // Bug: install-older-snapshot. Entries that were acknowledged since are dropped.
    let isOlder = reference.index <= commitIndex
    guard !isOlder || options.snapshots.bug == .installOlder, role != .leader,
      reference.epoch <= currentTerm + longestEpochJump
    else { return false }
    if isOlder { log.reset(to: reference) } else { log.begin(behind: reference) }
    heldBack.removeAll()
    commitIndex = reference.index
    begin(behind: reference, into: &effects)
    if let leader, leader != id {
      effects.send(
        .appendAccepted(
          AppendAccepted(
            term: currentTerm, matchIndex: reference.index, readRound: 0, standing: standing)),
        to: leader)
    }
    return true
  }

  public mutating func recovered(_ reference: SnapshotReference) {
    log.begin(behind: reference)
    commitIndex = max(commitIndex, reference.index)
  }
}

extension RaftReplica.Log {
  /// Returns a request without the entries that have left this log. They are committed, so the
  /// leader of every later term has the same, and the logs are known to match up to the base.
  func withoutForgotten(_ request: RaftReplica.AppendEntries) -> RaftReplica.AppendEntries {
    assert(request.prevLogIndex < base, "the request begins with entries that have left the log")
    var rest = request
    rest.entries.removeFirst(min(base - request.prevLogIndex, request.entries.count))
    rest.prevLogIndex = base
    rest.prevLogTerm = term(at: base) ?? 0
    return rest
  }
}
