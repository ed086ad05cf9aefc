import Environments
import Faults
import Replication
import Trials
import ReplicaHosting

/// Pauses, crashes and restarts.
extension SimulatedNode {
  /// Goes by the faults that hold now. The end of the last of a kind lets the node go on.
  public mutating func adopt(
    _ faults: NodeFaults, isDown: Bool, isPaused willPause: Bool, in world: inout SharedWorld
  ) {
    slowness = faults.slowness
    extraSyncTime = faults.syncDelay
    if clock.faultDrift != faults.drift {
      clock.setFaultDrift(faults.drift, at: world.now)
      rescheduleTimers(in: &world)
    }
    if diskIsStalled, !faults.syncStalls { resumeDisk(in: &world) }
    diskIsStalled = faults.syncStalls
    if isPaused, !willPause { resume(in: &world) }
    isPaused = willPause
    if !isUp, !isReadingLog, !isDown { beginRestart(in: &world) }
  }

  /// A pause is about to begin that catches the process inside its next turn: what arrives until
  /// then is judged before the pause, and what the core asks for because of it leaves after the
  /// pause. A process that stands still already stays where it is.
  public mutating func stopInsideTurn() {
    if isUp, !isPaused { pausesInsideTurn = true }
  }

  /// The process goes on after a pause.
  public mutating func resume(in world: inout SharedWorld) {
    isPaused = false
    pausesInsideTurn = false
    guard isUp else { return }
    if standsInsideTurn {
      standsInsideTurn = false
      lend(in: &world) { $0.carryOutTurn() }
      finishTurn(in: &world)
    }
    if startIsOverdue {
      startIsOverdue = false
      start(in: &world)
    }
    if syncIsOverdue { syncEnded(in: &world) }
    if storeIsOverdue { storeEnded(in: &world) }
    if !inbox.isEmpty { scheduleTurn(in: &world) }
  }

  /// Ends the process. `keepsTorn` of the records that were not durable yet survive.
  public mutating func crash(keepingTorn kept: Int) {
    life += 1
    // What is durable stays so while it is read.
    guard isUp else { return isReadingLog = false }
    precondition(keepsLog, "a node that forgets its log cannot start again")
    isUp = false
    pausesInsideTurn = false
    standsInsideTurn = false
    turn = TurnTime()
    log.removeLast(barrier.appendedCount - barrier.durableCount - kept)
    inbox.removeAll()
    turnIsScheduled = false
    isSyncing = false
    syncIsOverdue = false
    startIsOverdue = false
    storing = nil
    storeIsOverdue = false
    for timer in timerDue.indices {
      timerDue[timer] = .max
      timerScheduled[timer] = .max
      timerHasFired[timer] = false
    }
  }

  /// The process has ended, and its disk is empty when it starts again.
  public mutating func loseDisk() {
    log.removeAll()
    diskGeneration = UInt64(life)
  }

  /// How many records are appended but not durable.
  public var unsyncedCount: Int { barrier.appendedCount - barrier.durableCount }

  /// Bytes of log and snapshot that a start reads.
  private mutating func bytesToRead() -> Int {
    byteCount(ofRecords: forgottenCount..<forgottenCount + log.count)
      + (snapshots.last?.content.count ?? 0)
  }

  /// The process starts again: it reads its snapshot and its log, and is there for others when it
  /// has.
  public mutating func beginRestart(in world: inout SharedWorld) {
    let time = world.disk.transferTime(of: bytesToRead())
    guard time > 0 else { return restart(in: &world) }
    isReadingLog = true
    world.schedule(.hasReadLog(node: number, life: life), at: world.now + time)
  }

  /// The process goes on from what is on the disk. What it decodes of that keeps its processor busy
  /// first.
  public mutating func restart(in world: inout SharedWorld) {
    isUp = true
    isReadingLog = false
    world.network.resetConnections(of: number)
    host = Host(
      id: ReplicaID(number), membership: membership, options: options,
      seed: seed &+ UInt64(life) &* 0x9E37_79B9)
    host.application = initialState
    if diskGeneration > 0 { host.core.takePlace(generation: diskGeneration) }
    for record in log { host.recover(record) }
    let kept = snapshots
    let problem = host.recoverSnapshot(firstRecord: forgottenCount) { reference in
      kept.last { $0.reference == reference }?.content
    }
    if let problem { world.violations.note("replica \(number): \(problem)") }
    host.snapshots.handledByteCount = 0
    turn.receiving = Double(bytesToRead()) * world.cpu.perByte * slowness
    barrier = DurabilityBarrier(recovered: forgottenCount + log.count)
    commits = CommittedBatches()
    commits.agreedCount = host.appliedIndex.rawValue
    busyUntil = world.now
    if isPaused {
      startIsOverdue = true
    } else {
      start(in: &world)
    }
  }
}
