import Replication
import ViewService

// A replica whose log ends before the primary's begins is sent a snapshot. It then sends a summary
// of its log, as at the start of a view, and is sent the entries that follow.
extension PrimaryBackupReplica {
  public static var takesSnapshots: Bool { true }

  public mutating func checkpoint(
    at index: LogIndex, into effects: inout Effects<Self>
  ) -> SnapshotReference {
    let reference = SnapshotReference(index: index, epoch: log.view(at: index) ?? 0)
    persistLog(behind: reference, into: &effects)
    return reference
  }

  private func persistLog(
    behind reference: SnapshotReference, into effects: inout Effects<Self>
  ) {
    var next = reference.index.next
    for entry in log.entries(from: next, through: log.lastIndex) {
      effects.persist(Record(index: next, entry: entry))
      next = next.next
    }
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
    guard !isOlder || options.snapshots.bug == .installOlder, role != .primary,
      reference.epoch <= view.number + longestEpochJump
    else { return false }
    if isOlder { log.reset(to: reference) } else { log.begin(behind: reference) }
    commitIndex = reference.index
    // Committed entries are in the log of every later primary.
    verified = max(verified, reference.index)
    persistLog(behind: reference, into: &effects)
    if role == .backup || role == .joiner, let primary = view.members.first {
      effects.send(
        .summary(view: view.number, round: Message.unasked, runs: log.runs), to: primary)
    }
    return true
  }

  public mutating func recover(_ reference: SnapshotReference) {
    log.begin(behind: reference)
    commitIndex = max(commitIndex, log.base)
  }

  public mutating func recovered(_ reference: SnapshotReference) {
    log.begin(behind: reference)
    commitIndex = max(commitIndex, reference.index)
  }
}
