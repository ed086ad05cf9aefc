import ReplicaHosting
import Replication
import Trials
import WireFormat

/// The disk: records wait for a sync, and sends for records.
extension SimulatedNode {
  /// Makes durable what has been appended, at once or with a sync.
  public mutating func syncAppended(in world: inout SharedWorld, at start: Int64) {
    // A disk that syncs at once may still have a sync under way that a fault has held up.
    if world.diskSampler == nil, !diskIsStalled, extraSyncTime == 0, !isSyncing {
      barrier.synced(barrier.appendedCount)
    } else {
      startSync(in: &world, at: start)
    }
  }

  /// Begins a sync of what waits, if none is under way.
  public mutating func startSync(in world: inout SharedWorld, at start: Int64) {
    guard !isSyncing, !diskIsStalled, !barrier.isOpen, isUp else { return }
    isSyncing = true
    syncTarget = world.groupCommit ? barrier.appendedCount : barrier.durableCount + 1
    let time = world.diskSampler?.next(&world.random) ?? 0
    world.schedule(.synced(node: number, life: life), at: start + time + extraSyncTime)
  }

  /// A sync has ended: what it covered is durable, and what waited for that leaves.
  public mutating func syncEnded(in world: inout SharedWorld) {
    if diskIsStalled || isPaused {
      syncIsOverdue = true
      return
    }
    syncIsOverdue = false
    isSyncing = false
    usage.syncs += 1
    barrier.synced(syncTarget)
    startSync(in: &world, at: world.now)
    _ = lend(cost: 0, in: &world) { $0.releaseSends() }
    var position = 0
    while position < ownMessages.count {
      arrive(ownMessages[position], from: number, bytes: 0, in: &world)
      position += 1
    }
    if position > 0 { ownMessages.removeAll(keepingCapacity: true) }
  }

  public mutating func resumeDisk(in world: inout SharedWorld) {
    diskIsStalled = false
    if syncIsOverdue { syncEnded(in: &world) } else { startSync(in: &world, at: world.now) }
  }
}
