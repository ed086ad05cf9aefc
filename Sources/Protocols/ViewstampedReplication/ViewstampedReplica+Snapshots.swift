import Replication

// Checkpoints: §5.1 of the paper. The host keeps them, the same way for all protocols; the log
// knows where it begins. A replica that lacks operations which have left the log is sent a
// checkpoint.

extension ViewstampedReplica {
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
    let reference = SnapshotReference(index: index, epoch: log.view(at: index) ?? 0)
    persistCheckpoint(reference, into: &effects)
    return reference
  }

  /// Persists all that the records so far say, but for the operations that the checkpoint covers.
  private func persistCheckpoint(
    _ reference: SnapshotReference, into effects: inout Effects<Self>
  ) {
    effects.beginCheckpoint()
    effects.persist(.snapshot(reference))
    guard options.recovery == .disk else { return effects.persist(.started(starts)) }
    effects.persist(.view(viewNumber, lastNormal: lastNormalView))
    if hasRecovered { effects.persist(.recovered) }
    effects.persist(.incarnations(incarnations))
    var op = reference.index
    while op < log.lastOp {
      let page = log.page(after: op, through: log.lastOp, byteLimit: options.messageByteLimit)
      effects.persist(.append(at: op.next, view: page.view, page.batches))
      op = op + page.batches.count
    }
  }

  public mutating func snapshotTaken(forgettingThrough index: LogIndex) {
    log.forget(through: index)
  }

  /// Who sent it does not matter: what is committed is committed in every view.
  public mutating func install(
    _ reference: SnapshotReference, from sender: ReplicaID, at now: Instant,
    into effects: inout Effects<Self>
  ) -> Bool {
    // Bug: install-older-snapshot. Operations that were acknowledged since are dropped.
    let isOlder = reference.index <= commitNumber
    guard !isOlder || options.snapshots.bug == .installOlder, primacy == nil, !isStarting,
      isPossible(reference.epoch)
    else { return false }
    if isOlder { log.reset(to: reference) } else { log.begin(behind: reference) }
    heldBack.removeAll()
    commitNumber = reference.index
    persistCheckpoint(reference, into: &effects)
    if transfer != nil {
      transfer?.hasProgressed = true
      goOn(isPaused: true, at: now, into: &effects)
    } else if state == .normal {
      acknowledge(into: &effects)
    }
    return true
  }

  /// The log of this replica's view is chosen, and its StartView on its way to the disk.
  private var isStarting: Bool {
    state == .viewChange && lastNormalView == viewNumber && primary(of: viewNumber) == ownSlot
  }

  public mutating func recovered(_ reference: SnapshotReference) {
    log.begin(behind: reference)
    commitNumber = max(commitNumber, reference.index)
  }
}
