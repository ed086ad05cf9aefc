import Environments
import ReplicaHosting
import Replication
import Trials
import WireFormat

/// The disk: records wait for a sync, and sends for records.
extension SimulatedNode {
  /// Makes durable what has been appended, at once or with a sync.
  public mutating func syncAppended(in world: inout SharedWorld) {
    // A disk that syncs at once may still have a sync under way that a fault has held up.
    if world.diskSampler == nil, !diskIsStalled, extraSyncTime == 0, !isSyncing {
      barrier.synced(barrier.appendedCount)
    } else {
      // The records of a turn are there when all of it has been received.
      turn.spend(0)
      startSync(in: &world, at: world.now + Int64(turn.elapsed))
    }
  }

  /// Begins a sync of what waits, if none is under way.
  public mutating func startSync(in world: inout SharedWorld, at start: Int64) {
    guard !isSyncing, !diskIsStalled, !barrier.isOpen, isUp else { return }
    isSyncing = true
    syncTarget = world.disk.groupCommit ? barrier.appendedCount : barrier.durableCount + 1
    var time = extraSyncTime
    if let sampler = world.diskSampler {
      time += sampler.next(&diskRandom)
      let bytes = byteCount(ofRecords: barrier.durableCount..<syncTarget)
      time += world.disk.transferTime(of: bytes)
    }
    world.schedule(.synced(node: number, life: life), at: start + time)
  }

  /// A sync has ended: what it covered is durable, and what waited for that leaves.
  public mutating func syncEnded(in world: inout SharedWorld) {
    if diskIsStalled || isStopped {
      syncIsOverdue = true
      return
    }
    syncIsOverdue = false
    isSyncing = false
    usage.syncs += 1
    barrier.synced(syncTarget)
    startSync(in: &world, at: world.now)
    if barrier.hasReleased { arriveSynced(in: &world) }
  }

  /// Bytes of these records on the disk, each with its length and checksum. Mutating only because
  /// the whole node would be copied to ask it through a pointer.
  public mutating func byteCount(ofRecords range: Range<Int>) -> Int {
    var bytes = 0
    for position in range { bytes += log[position - forgottenCount].encodedByteCount + 8 }
    return bytes
  }

  /// Drops durable records that nobody will read, now and then.
  public mutating func forgetDurable() {
    let count = barrier.durableCount - forgottenCount
    guard !keepsLog, count >= 64 else { return }
    log.removeFirst(count)
    forgottenCount += count
  }

  public mutating func resumeDisk(in world: inout SharedWorld) {
    diskIsStalled = false
    if syncIsOverdue { syncEnded(in: &world) } else { startSync(in: &world, at: world.now) }
    if storeIsOverdue { storeEnded(in: &world) }
  }
}
