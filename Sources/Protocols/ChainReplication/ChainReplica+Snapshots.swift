import Replication
import ViewService

// A replica whose log ends before its predecessor's begins is sent a snapshot. It is a joiner, or a
// member that was away. The content of a snapshot is committed, so it is durable at all members,
// and in the log of every later head. After installing it the replica says where it stands.
extension ChainReplica {
  public static var takesSnapshots: Bool { true }

  public mutating func checkpoint(
    at index: LogIndex, into effects: inout Effects<Self>
  ) -> SnapshotReference {
    let reference = SnapshotReference(index: index, epoch: log.view(at: index) ?? 0)
    persistLog(behind: index, into: &effects)
    return reference
  }

  private func persistLog(behind index: LogIndex, into effects: inout Effects<Self>) {
    var next = index.next
    while next <= log.lastIndex {
      let page = log.page(from: next, through: log.lastIndex)
      effects.persist(.entries(first: next, page))
      next = next + page.count
    }
    // The log may have been cut, and no record says so yet.
    effects.persist(.entries(first: next, []))
  }

  public mutating func snapshotTaken(forgettingThrough index: LogIndex) {
    assert(index <= commitIndex, "only what is committed leaves the log")
    log.forget(through: index)
  }

  public mutating func install(
    _ reference: SnapshotReference, from sender: ReplicaID, at now: Instant,
    into effects: inout Effects<Self>
  ) -> Bool {
    // Bug: install-older-snapshot. Entries that were acknowledged since are dropped.
    let isOlder = reference.index <= commitIndex
    guard !isOlder || options.snapshots.bug == .installOlder, !isHead,
      reference.epoch <= view.number + longestEpochJump
    else { return false }
    self.now = now
    if isOlder || log.view(at: reference.index) != reference.epoch {
      log.reset(to: reference)
      arrived.entries = []
      // This replica is told when the records of the new log are durable.
      durable = .zero
      awaitedThrough = .zero
    }
    commitIndex = reference.index
    let last = log.lastIndex
    savedThrough = last
    owesCut = false
    recoveredThrough = max(min(recoveredThrough, last), reference.index)
    reportedGap = nil
    persistLog(behind: reference.index, into: &effects)
    if isComplete { beginServing(into: &effects) }
    sayWhereItStands(into: &effects)
    return true
  }

  public mutating func recover(_ reference: SnapshotReference) {
    log.begin(behind: reference)
    recoveredThrough = log.lastIndex
    durable = log.lastIndex
    savedThrough = log.lastIndex
    commitIndex = max(commitIndex, log.base)
  }

  public mutating func recovered(_ reference: SnapshotReference) {
    log.begin(behind: reference)
    commitIndex = max(commitIndex, reference.index)
  }
}
