import Environments
import ReplicaHosting
import Replication
import Trials
import WireFormat

/// A write that the disk has not made durable.
public struct DiskWrite: Sendable {
  /// The number of records on the disk up to the write's end.
  public var end: Int
  /// The length of its records.
  public var byteCount: Int
}

/// The disk: records wait for a sync, and sends wait for records.
extension SimulatedNode {
  /// Makes the appended records durable, at once or with a sync.
  /// - Parameter bytes: the length of the turn's records.
  public mutating func syncAppended(_ bytes: Int, in world: inout SharedWorld) {
    unsyncedWrites.append(DiskWrite(end: barrier.appendedCount, byteCount: bytes))
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
    syncTarget = barrier.appendedCount
    if !world.disk.groupCommit, let write = unsyncedWrites.first { syncTarget = write.end }
    var time = extraSyncTime
    if let sampler = world.diskSampler {
      time += sampler.next(&diskRandom)
      var bytes = 0
      for write in unsyncedWrites where write.end <= syncTarget { bytes += write.byteCount }
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
    let rest = unsyncedWrites.firstIndex { $0.end > count } ?? unsyncedWrites.count
    unsyncedWrites.removeFirst(rest)
  }

  /// Bytes of these records on the disk, each with its length and checksum.
  @inline(__always)
  public static func byteCount(of records: [Core.Record]) -> Int {
    var bytes = 0
    for position in records.indices { bytes += records[position].encodedByteCount + 8 }
    return bytes
  }

  public mutating func resumeDisk(in world: inout SharedWorld) {
    diskIsStalled = false
    if syncIsOverdue { syncEnded(in: &world) } else { startSync(in: &world, at: world.now) }
    if storeIsOverdue { storeEnded(in: &world) }
  }
}
