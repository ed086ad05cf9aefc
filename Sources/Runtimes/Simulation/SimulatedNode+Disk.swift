import Environments
import ReplicaHosting
import Replication
import Trials
import WireFormat

/// The disk: records wait for a sync, and sends wait for records.
extension SimulatedNode {
  /// Makes the appended records durable, at once or with a sync.
  public mutating func syncAppended(in world: inout SharedWorld) {
    if !world.disk.groupCommit { unsyncedWrites.append(barrier.appendedCount) }
    // A disk that syncs at once may still have an unfinished sync that a fault has delayed.
    if world.diskSampler == nil, !diskIsStalled, extraSyncTime == .zero, !isSyncing {
      noteDurable(barrier.appendedCount)
      noteSynced(in: &world)
    } else {
      // A turn's records are complete only after all its input has been received.
      turn.spend(0)
      startSync(in: &world, at: world.now + turn.elapsed)
    }
  }

  /// Begins a sync of the waiting records, if none is under way.
  public mutating func startSync(in world: inout SharedWorld, at start: Instant) {
    guard !isSyncing, !diskIsStalled, !barrier.isOpen, isUp else { return }
    isSyncing = true
    causes.syncStart = start
    syncTarget = unsyncedWrites.first ?? barrier.appendedCount
    var time = extraSyncTime
    if let sampler = world.diskSampler {
      time += sampler.next(&diskRandom)
      let bytes = byteCount(ofRecords: barrier.durableCount..<syncTarget)
      time += world.disk.transferTime(of: bytes)
    }
    world.schedule(.synced(node: number, incarnation: incarnation), at: start + time)
  }

  /// Ends a sync: its records are durable, and the messages that waited for them are sent.
  public mutating func syncEnded(in world: inout SharedWorld) {
    if diskIsStalled || isStopped {
      syncIsOverdue = true
      return
    }
    syncIsOverdue = false
    isSyncing = false
    usage.syncs += 1
    noteDurable(syncTarget)
    noteSynced(in: &world)
    startSync(in: &world, at: world.now)
    if barrier.hasReleased || host.hasUpdates { arriveSynced(in: &world) }
  }

  private mutating func noteDurable(_ count: Int) {
    barrier.synced(count)
    while let write = unsyncedWrites.first, write <= count { unsyncedWrites.removeFirst() }
  }

  /// Bytes of these records on the disk, each with its length and checksum. It is mutating only
  /// because calling a nonmutating method through a pointer would copy the whole node.
  public mutating func byteCount(ofRecords range: Range<Int>) -> Int {
    var bytes = 0
    for position in range { bytes += log[position - forgottenCount].encodedByteCount + 8 }
    return bytes
  }

  /// Drops durable records that will not be read, at least 64 at a time.
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
