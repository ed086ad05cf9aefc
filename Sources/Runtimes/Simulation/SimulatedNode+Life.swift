import Environments
import Faults
import ReplicaHosting
import Replication
import Trials

/// Pauses, crashes and restarts.
extension SimulatedNode {
  /// Applies the faults that hold now. When the last fault of a kind has ended, the node resumes.
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

  /// Announces a pause that stops the process inside its next turn. Input that arrives until then
  /// is handled before the pause, and the effects are carried out after it. A process that is
  /// paused already is not affected.
  public mutating func stopInsideTurn() {
    if isUp, !isPaused { pausesInsideTurn = true }
  }

  /// Resumes the process after a pause.
  public mutating func resume(in world: inout SharedWorld) {
    isPaused = false
    pausesInsideTurn = false
    guard isUp else { return }
    if standsInsideTurn {
      standsInsideTurn = false
      world.causes.current = causes.turn
      lend(in: &world) { $0.carryOutTurn() }
      noteHeld(in: world)
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

  /// Ends the process. Of the records that are not durable yet, the first `kept` survive.
  public mutating func crash(keepingTorn kept: Int) {
    incarnation += 1
    // Reading the log does not change what is durable.
    guard isUp else { return isReadingLog = false }
    precondition(keepsLog, "a node that forgets its log cannot start again")
    isUp = false
    pausesInsideTurn = false
    standsInsideTurn = false
    turn = TurnTime()
    causes = NodeCauses()
    log.removeLast(barrier.appendedCount - barrier.durableCount - kept)
    inbox.removeAll()
    turnIsScheduled = false
    isSyncing = false
    unsyncedWrites = []
    syncIsOverdue = false
    startIsOverdue = false
    storing = nil
    storeIsOverdue = false
    for timer in timers.indices { timers[timer] = NodeTimer() }
  }

  /// Empties the disk of a process that has ended.
  public mutating func loseDisk() {
    log.removeAll()
    diskGeneration = UInt64(incarnation)
  }

  /// Number of records that are appended but not durable.
  public var unsyncedCount: Int { barrier.appendedCount - barrier.durableCount }

  /// Bytes of log and snapshot that are read at a start.
  private mutating func bytesToRead() -> Int {
    Self.byteCount(of: log) + (snapshots.last?.content.count ?? 0)
  }

  /// Starts the process again: it reads its snapshot and its log, and takes part when it has read
  /// them.
  public mutating func beginRestart(in world: inout SharedWorld) {
    let time = world.disk.transferTime(of: bytesToRead())
    guard time > .zero else { return restart(in: &world) }
    isReadingLog = true
    world.schedule(.hasReadLog(node: number, incarnation: incarnation), at: world.now + time)
  }

  /// Recovers the process from its disk. Decoding what it has read keeps its processor busy first.
  public mutating func restart(in world: inout SharedWorld) {
    isUp = true
    isReadingLog = false
    world.network.resetConnections(of: number)
    host = Host(
      id: ReplicaID(number), membership: membership, options: options,
      seed: seed &+ UInt64(incarnation) &* 0x9E37_79B9, limits: limits)
    host.application = initialState
    if diskGeneration > 0 { host.core.takePlace(generation: diskGeneration) }
    for record in log { host.recover(record) }
    let kept = snapshots
    let problem = host.recoverSnapshot(firstRecord: forgottenCount) { reference in
      kept.last { $0.reference == reference }?.content
    }
    if let problem { world.violations.note("replica \(number): \(problem)", at: world.now) }
    host.snapshots.handledByteCount = 0
    turn.receivingNs = Double(bytesToRead()) * world.cpu.perByteNs * slowness
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
