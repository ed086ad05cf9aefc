import Replication
import SteppedCluster

// What hosts do about snapshots, without their bytes: a replica's state is what it has committed.

extension InProcessCluster {
  /// Takes a snapshot of all that a replica has committed. It is durable at once, and what it
  /// covers leaves the log.
  public mutating func takeSnapshot(at id: ReplicaID) -> SnapshotReference {
    let index = LogIndex(nodes[id.index].committedCount)
    let before = nodes[id.index].records.count
    var reference = SnapshotReference(index: index, epoch: 0)
    perform(at: id) { core, _, effects in reference = core.checkpoint(at: index, into: &effects) }
    nodes[id.index].records.removeSubrange(..<before)
    nodes[id.index].core.snapshotTaken(forgettingThrough: index)
    return reference
  }

  /// Puts the snapshot of `sender` in the place of what a replica holds, if that replica needs it.
  /// - Returns: whether it did.
  public mutating func install(
    _ reference: SnapshotReference, of sender: ReplicaID, at id: ReplicaID
  ) -> Bool {
    let old = nodes[id.index]
    nodes[id.index].commits = Array(nodes[sender.index].commits[..<reference.index.rawValue])
    for position in nodes[id.index].commits.indices {
      nodes[id.index].commits[position].answering = false
    }
    nodes[id.index].committedCount = reference.index.rawValue
    var isInstalled = false
    perform(at: id) { core, now, effects in
      isInstalled = core.install(reference, from: sender, at: now, into: &effects)
    }
    if isInstalled {
      nodes[id.index].records.removeSubrange(..<old.records.count)
    } else {
      nodes[id.index].commits = old.commits
      nodes[id.index].committedCount = old.committedCount
    }
    return isInstalled
  }
}

/// Recovers a replica from its records and from each part of a checkpoint behind them that a crash
/// may leave.
/// - Parameters:
///   - records: what the replica has on its disk; all of it was durable before.
///   - index: the last entry that the checkpoint covers.
///   - make: makes a replica without records.
/// - Returns: the number of records of the checkpoint, and for each part of it that loses something
///   of the state, a sentence.
public func tornCheckpoint<Core: ReplicaCore>(
  behind records: [Core.Record], at index: LogIndex, _ make: () -> Core
) -> (recordCount: Int, losses: [String]) {
  var core = make()
  for record in records { core.recover(record) }
  let state = core.durableState
  var effects = Effects<Core>()
  _ = core.checkpoint(at: index, into: &effects)
  var losses: [String] = []
  for kept in 0...effects.records.count {
    var recovered = make()
    for record in records + effects.records[..<kept] { recovered.recover(record) }
    if let difference = recovered.durableState.difference(from: state) {
      losses.append("with \(kept) of \(effects.records.count) records: \(difference)")
    }
  }
  return (effects.records.count, losses)
}
