import Replication

// Truncation (PMMC §4.2, Paxos Made Live §5.4): slots below a durable snapshot are forgotten. The
// host keeps the snapshots, for all protocols alike.
//
// A forgotten slot is chosen, and no replica may take it for empty. An acceptor that is asked for a
// report of such slots promises but reports nothing, and sends the proposer the snapshot: the
// proposer continues after that. It never fills these slots with no-ops, because it needs a
// majority of reports that begin at its first unchosen slot.

extension MultiPaxosReplica {
  public static var takesSnapshots: Bool { true }

  public static func message(carrying snapshot: SnapshotMessage) -> Message? {
    .snapshot(snapshot)
  }

  @inline(__always)
  public static func snapshotMessage(in message: Message) -> SnapshotMessage? {
    if case .snapshot(let snapshot) = message { snapshot } else { nil }
  }

  public static func snapshot(in record: Record) -> SnapshotReference? {
    if case .snapshot(let reference, _) = record { reference } else { nil }
  }

  /// The reference needs no epoch, because the slot number alone identifies the chosen value.
  public mutating func checkpoint(
    at index: LogIndex, into effects: inout Effects<Self>
  ) -> SnapshotReference {
    let reference = SnapshotReference(index: index, epoch: 0)
    persistCheckpoint(reference, isForeign: false, into: &effects)
    return reference
  }

  private mutating func persistCheckpoint(
    _ reference: SnapshotReference, isForeign: Bool, into effects: inout Effects<Self>
  ) {
    effects.beginCheckpoint()
    effects.persist(.snapshot(reference, isForeign: isForeign))
    effects.persist(.promised(promised))
    persistGenerations(into: &effects)
    recordedChosen = max(recordedChosen, reference.index)
    var slot = reference.index.next
    while slot <= log.lastIndex {
      if log[slot].ballot != .none {
        effects.persist(
          .accepted(slot: slot, ballot: log[slot].ballot, value: log[slot].value))
      }
      slot = slot.next
    }
  }

  /// Applies a checkpoint to the slots it covers.
  mutating func begin(behind reference: SnapshotReference, isForeign: Bool) {
    let index = reference.index
    if isForeign || log.lastIndex < index {
      log.forget(through: index)
    } else {
      while recordedChosen < index {
        recordedChosen = recordedChosen.next
        if log.contains(recordedChosen) { log[recordedChosen].isChosen = true }
      }
    }
    recordedChosen = max(recordedChosen, index)
    firstUnchosen = max(firstUnchosen, log.firstIndex)
  }

  public mutating func snapshotTaken(forgettingThrough index: LogIndex) {
    assert(index <= commitIndex, "only what is chosen is forgotten")
    log.forget(through: index)
  }

  public mutating func install(
    _ reference: SnapshotReference, from sender: ReplicaID, at now: Instant,
    into effects: inout Effects<Self>
  ) -> Bool {
    // Bug: install-older-snapshot. Values that were accepted since are dropped.
    let isOlder = reference.index <= commitIndex
    guard !isOlder || options.snapshots.bug == .installOlder, role != .leader else { return false }
    if isOlder {
      log.reset(behind: reference.index)
      firstUnchosen = reference.index.next
    }
    // The values held in the covered slots need not be the chosen ones.
    begin(behind: reference, isForeign: true)
    persistCheckpoint(reference, isForeign: true, into: &effects)
    reception.gap = max(reception.gap, firstUnchosen)
    commitChosen(into: &effects)
    if role == .candidate { resumePhase1(at: now, into: &effects) }
    return true
  }

  public mutating func recovered(_ reference: SnapshotReference) {
    begin(behind: reference, isForeign: false)
    firstUnchosen = max(firstUnchosen, reference.index.next)
  }
}
