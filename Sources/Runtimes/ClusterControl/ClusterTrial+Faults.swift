import ClusterMessages
import Faults
import Glibc
import LoadDriving
import Primitives
import Replication
import Trials
import WriteAheadLog

/// Starts and ends faults on real processes.
extension ClusterTrial {
  mutating func startFault(_ index: Int) throws {
    let fault = plannedFaults[index]
    // Each fault has its own stream, so its draws do not depend on how much earlier faults drew.
    faultRandom = RandomStream(seed: setup.plan.seed, purpose: .faults, number: index)
    let (hit, entry) = try inflict(fault.action)
    let end = fault.end.map { min($0, .zero + setup.plan.duration) }
    injected.append(
      InjectedFault(
        kind: fault.action.kind, target: fault.action.targetText, nodes: hit,
        planned: fault.start, start: driver.now,
        end: entry.isInstant ? driver.now : end, name: fault.name, disk: fault.action.diskFate))
    ledger.add(entry, key: index)
    if let end = fault.end { agenda.push(.faultEnds(index), at: end) }
    pushFaults()
  }

  mutating func inflict(
    _ action: FaultAction
  ) throws -> (nodes: [Int], entry: FaultLedger.Entry) {
    let injector = processes.isOurs ? FaultInjector.ownProcesses : .othersProcesses
    if let reason = FaultTable.refusal(of: action, by: injector) { preconditionFailure(reason) }
    switch action {
    case .crash(let target, let disk):
      let hit = resolve(target)
      for node in hit { try crash(node, disk: disk) }
      return (hit, .down(hit))
    case .pause(let target):
      let hit = resolve(target)
      for node in hit { processes.signal(node, SIGSTOP) }
      return (hit, .paused(hit))
    case .slowCPU(let target, let factor):
      let hit = resolve(target)
      return (hit, .slowed(hit, factor: factor))
    case .partition(let shape):
      return targeting.partition(by: shape, nodes: views, random: &faultRandom)
    case .link(let target, let what):
      let hit = resolve(target)
      return (hit, .degraded(hit, what, until: nil))
    case .clock(let target, .jump(let interval)):
      let hit = resolve(target)
      for node in hit { driver.port.order(.stepClock(interval), to: node) }
      return (hit, .nothing)
    case .clock(let target, .drift(let drift)):
      let hit = resolve(target)
      return (hit, .drifting(hit, drift))
    case .disk(let target, let what):
      let hit = resolve(target)
      return (hit, inflict(what, on: hit))
    }
  }

  mutating func inflict(_ what: DiskFault, on hit: [Int]) -> FaultLedger.Entry {
    switch what {
    case .slow(let interval): return .slowDisk(hit, by: interval)
    case .stall: return .stalledDisk(hit)
    case .error:
      for node in hit { driver.port.order(.disk(.syncError), to: node) }
      return .down(hit)
    case .full:
      for node in hit { driver.port.order(.disk(.full), to: node) }
      return .down(hit)
    case .bitRot:
      for node in hit {
        mayRefuse[node] = true
        driver.port.order(.disk(.bitFlip), to: node)
      }
      return .nothing
    }
  }

  mutating func resolve(_ target: FaultTarget) -> [Int] {
    targeting.resolve(target, nodes: views, random: &faultRandom)
  }

  mutating func crash(_ node: Int, disk: DiskFate) throws {
    processes.end(node)
    driver.port.setDown(node, true)
    guard let directory = processes.directory(of: node) else { return }
    switch disk {
    case .kept: break
    case .torn:
      try LogSurgery.tearTail(directory, random: &faultRandom)
    case .lost:
      try LogSurgery.wipe(directory)
      processes.noteLostDirectory(of: node)
    }
  }

  mutating func endFault(_ index: Int) throws {
    guard let entry = ledger.remove(key: index) else { return }
    switch entry {
    case .down(let hit):
      for node in hit where ledger.downs(of: node) == 0 { try revive(node) }
    case .paused(let hit):
      for node in hit where ledger.pauses(of: node) == 0 {
        if ledger.downs(of: node) == 0, !processes.isStarted(node) {
          try revive(node)
        } else {
          processes.signal(node, SIGCONT)
        }
      }
    case .slowed, .cut, .degraded, .drifting, .slowDisk, .stalledDisk, .nothing: break
    }
    pushFaults()
  }

  /// Starts a node again that is down; during a pause, the end of the pause does that.
  mutating func revive(_ node: Int) throws {
    guard ledger.pauses(of: node) == 0 else { return }
    // The node still runs if a disk that was to fail has not been used since the fault.
    if processes.isStarted(node), !processes.hasEnded(node) {
      processes.end(node)
    }
    try processes.start(node)
    driver.port.setDown(node, false)
  }

  mutating func pushFaults() {
    for node in meters.indices { pushFaults(to: node) }
    driver.port.flush()
  }

  mutating func pushFaults(to node: Int) {
    let faults = ledger.faults(of: node)
    guard faults != meters[node].toldFaults else { return }
    if driver.port.order(.faults(faults), to: node) { meters[node].toldFaults = faults }
  }
}
