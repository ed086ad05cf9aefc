import Replication
import ReplicaHosting

/// Pauses, crashes and restarts.
extension SimulatedNode {
  public mutating func pause() { pauses += 1 }

  public mutating func resume(in world: inout SharedWorld) {
    pauses -= 1
    guard pauses == 0 else { return }
    guard isUp else { return }
    if startIsOverdue {
      startIsOverdue = false
      start(in: &world)
    }
    if syncIsOverdue { syncEnded(in: &world) }
    if !inbox.isEmpty { scheduleTurn(in: &world) }
  }

  /// Ends the process. `keepsTorn` of the records that were not durable yet survive.
  public mutating func crash(keepingTorn kept: Int) {
    crashes += 1
    guard crashes == 1 else { return }
    life += 1
    log.removeLast(barrier.appendedCount - barrier.durableCount - kept)
    inbox.removeAll()
    turnIsScheduled = false
    isSyncing = false
    syncIsOverdue = false
    startIsOverdue = false
    for timer in timerDue.indices {
      timerDue[timer] = .max
      timerScheduled[timer] = .max
      timerHasFired[timer] = false
    }
  }

  /// How many records are appended but not durable.
  public var unsyncedCount: Int { barrier.appendedCount - barrier.durableCount }

  /// Ends one crash. After the last one the process starts again from what is on the disk.
  public mutating func restart(in world: inout SharedWorld) {
    crashes -= 1
    guard crashes == 0 else { return }
    host = Host(
      id: ReplicaID(number), membership: membership, options: options,
      seed: seed &+ UInt64(life) &* 0x9E37_79B9)
    for record in log { host.recover(record) }
    barrier = DurabilityBarrier(recovered: log.count)
    commits = []
    busyUntil = world.now
    if isPaused {
      startIsOverdue = true
    } else {
      start(in: &world)
    }
  }
}
