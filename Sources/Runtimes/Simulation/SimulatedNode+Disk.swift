import ReplicaHosting
import Replication
import WireFormat

/// The disk: records wait for a sync, and sends for records.
extension SimulatedNode {
  public mutating func append(in world: inout SharedWorld, from start: Int64) {
    for record in host.effects.records { usage.bytesWritten += record.encodedByteCount + 8 }
    log.append(contentsOf: host.effects.records)
    barrier.append(host.effects.records.count)
    // A disk that syncs at once may still have a sync under way that a fault has held up.
    if world.diskSampler == nil, diskStalls == 0, extraSyncTime == 0, !isSyncing {
      barrier.synced(barrier.appendedCount)
    } else {
      startSync(in: &world, at: start)
    }
  }

  /// Begins a sync of what waits, if none is under way.
  public mutating func startSync(in world: inout SharedWorld, at start: Int64) {
    guard !isSyncing, diskStalls == 0, !barrier.isOpen, isUp else { return }
    isSyncing = true
    syncTarget = world.groupCommit ? barrier.appendedCount : barrier.durableCount + 1
    let time = world.diskSampler?.next(&world.random) ?? 0
    world.schedule(.synced(node: number, life: life), at: start + time + extraSyncTime)
  }

  /// A sync has ended: what it covered is durable, and what waited for that leaves.
  public mutating func syncEnded(in world: inout SharedWorld) {
    if diskStalls > 0 || isPaused {
      syncIsOverdue = true
      return
    }
    syncIsOverdue = false
    isSyncing = false
    usage.syncs += 1
    barrier.synced(syncTarget)
    startSync(in: &world, at: world.now)
    // What the core sends because of a message to itself must not overtake what was held longer, so
    // those to itself are dealt with last.
    while let send = barrier.popReleased() {
      if send.to.index == number {
        ownMessages.append(send.message)
      } else {
        emit(
          send, bytes: Frame.byteCount(of: send.message), departing: world.now, in: &world)
      }
    }
    var position = 0
    while position < ownMessages.count {
      arrive(ownMessages[position], from: number, bytes: 0, in: &world)
      position += 1
    }
    if position > 0 { ownMessages.removeAll(keepingCapacity: true) }
  }

  public mutating func stallDisk() { diskStalls += 1 }

  public mutating func resumeDisk(in world: inout SharedWorld) {
    guard diskStalls > 0 else { return }
    diskStalls -= 1
    if syncIsOverdue { syncEnded(in: &world) } else { startSync(in: &world, at: world.now) }
  }
}
