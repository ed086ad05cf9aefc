import Replication
import WireFormat

// Snapshots. The host keeps those of a replica, as in all protocols. The authority's state is so
// small that it is kept in the log itself: a checkpoint of the authority's log begins with it.

extension WithAuthority {
  public static var takesSnapshots: Bool { Replica.takesSnapshots }

  public static func message(carrying snapshot: SnapshotMessage) -> Message? {
    .authority(.snapshot(snapshot))
  }

  @inline(__always)
  public static func snapshotMessage(in message: Message) -> SnapshotMessage? {
    if case .snapshot(let snapshot)? = message.authority { snapshot } else { nil }
  }

  public static func snapshot(in record: Record) -> SnapshotReference? {
    if case .snapshot(let reference) = record { reference } else { nil }
  }

  public mutating func checkpoint(
    at index: LogIndex, into effects: inout Effects<Self>
  ) -> SnapshotReference {
    guard let reference = replica?.checkpoint(at: index, into: &replicaEffects) else {
      preconditionFailure("a node of the authority commits nothing that the host knows of")
    }
    persistCheckpoint(reference, into: &effects)
    return reference
  }

  /// Persists a replica's checkpoint, whose own records are in `replicaEffects`.
  private mutating func persistCheckpoint(
    _ reference: SnapshotReference, into effects: inout Effects<Self>
  ) {
    effects.beginCheckpoint()
    effects.persist(.snapshot(reference))
    effects.persist(.incarnation(viewLease.incarnation))
    if viewLease.lastRecorded.number > 0 {
      effects.persist(.adopting(viewLease.lastRecorded.number))
    }
    effects.take(&replicaEffects, record: Record.replica, timer: Timer.replica)
  }

  public mutating func snapshotTaken(forgettingThrough index: LogIndex) {
    replica?.snapshotTaken(forgettingThrough: index)
  }

  public mutating func install(
    _ reference: SnapshotReference, from sender: ReplicaID, at now: Instant,
    into effects: inout Effects<Self>
  ) -> Bool {
    let isInstalled =
      replica?.install(reference, from: sender, at: now, into: &replicaEffects) ?? false
    if isInstalled { persistCheckpoint(reference, into: &effects) }
    return isInstalled
  }

  public mutating func recovered(_ reference: SnapshotReference) {
    replica?.recovered(reference)
  }
}

// The authority.

extension WithAuthority {
  /// Entries between two checkpoints of the authority's log.
  static var authorityInterval: Int { 32 }

  /// Writes a checkpoint of the authority's log when the log has grown by `authorityInterval`.
  mutating func checkpointAuthority(into effects: inout Effects<Self>) {
    guard authority.appliedIndex - authority.snapshotIndex >= Self.authorityInterval,
      let reference = consensus?.checkpoint(at: authority.appliedIndex, into: &consensusEffects)
    else { return }
    persistAuthority(reference, into: &effects)
  }

  /// Persists the authority's checkpoint. The consensus core's own records are in
  /// `consensusEffects`.
  private mutating func persistAuthority(
    _ reference: SnapshotReference, into effects: inout Effects<Self>
  ) {
    let state = authority.machine.snapshot()
    effects.beginCheckpoint()
    effects.persist(.authority(reference, state))
    effects.forward(
      consensusEffects, record: Record.consensus, message: { .authority(.consensus($0.encoded())) },
      timer: Timer.consensus)
    consensusEffects.removeAll()
    consensus?.snapshotTaken(forgettingThrough: reference.index)
    authority.snapshot = (reference, state)
  }

  /// Sends the authority's state to those of its nodes that lack entries which have left the log.
  ///
  /// Early, because the message promises nothing.
  mutating func sendAuthoritySnapshots(into effects: inout Effects<Self>) {
    guard let (reference, state) = authority.snapshot else { return }
    for node in consensusEffects.snapshotRequests {
      let page = SnapshotPage(
        reference: reference, offset: 0, totalByteCount: state.count, bytes: state)
      guard let message = Consensus.message(carrying: .page(page)) else { return }
      effects.sendEarly(.authority(.consensus(message.encoded())), to: node)
    }
  }

  /// Installs the state of the authority that another of its nodes has sent.
  mutating func installAuthority(
    _ page: SnapshotPage, from sender: ReplicaID, at now: Instant, into effects: inout Effects<Self>
  ) {
    guard membership.authority.contains(sender), page.bytes.count == page.totalByteCount,
      page.reference.index > authority.appliedIndex,
      var machine = try? ViewServiceStateMachine(restoring: page.bytes),
      machine.isPossible(after: authority.machine),
      consensus?.install(page.reference, from: sender, at: now, into: &consensusEffects) == true
    else { return }
    machine.bug = options.bug
    authority.machine = machine
    authority.appliedIndex = page.reference.index
    persistAuthority(page.reference, into: &effects)
  }

  mutating func recoverAuthority(_ reference: SnapshotReference, _ state: [UInt8]) {
    guard var machine = try? ViewServiceStateMachine(restoring: state) else { return }
    machine.bug = options.bug
    authority.machine = machine
    authority.appliedIndex = reference.index
    authority.snapshot = (reference, state)
    consensus?.recovered(reference)
    consensus?.snapshotTaken(forgettingThrough: reference.index)
  }
}
