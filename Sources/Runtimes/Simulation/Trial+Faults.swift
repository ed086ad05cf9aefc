import Environments
import Faults
import Primitives
import ReplicaHosting
import Replication
import Trials

/// Starts and ends faults.
extension Trial {
  public mutating func startFault(_ index: Int) {
    let fault = plannedFaults[index]
    // Each fault has its own stream, so its draws do not depend on how much earlier faults drew.
    faultRandom = RandomStream(seed: setup.plan.seed, purpose: .faults, number: index)
    let (nodes, entry) = inflict(fault.action, until: fault.end)
    let end = fault.end.map { min($0, .zero + setup.plan.duration) }
    injected.append(
      InjectedFault(
        kind: fault.action.kind, target: fault.action.targetText, nodes: nodes, start: world.now,
        end: entry.isInstant ? world.now : end, name: fault.name, disk: fault.action.diskFate))
    ledger.add(entry, key: index)
    adopt(entry)
    if let end = fault.end { world.schedule(.faultEnds(index), at: end) }
  }

  /// Resolves the fault's target, and carries out faults that take effect at once.
  public mutating func inflict(
    _ action: FaultAction, until end: Instant?
  ) -> (nodes: [Int], entry: FaultLedger.Entry) {
    if let reason = FaultTable.refusal(of: action, by: .simulation) { preconditionFailure(reason) }
    switch action {
    case .crash(let target, let disk):
      let hit = resolve(target)
      for number in hit { crash(number, disk: disk) }
      return (hit, .down(hit))
    case .pause(let target):
      let hit = resolve(target)
      // A process may stop inside a turn, too.
      for number in hit where faultRandom.chance(0.5) { nodes[number].stopInsideTurn() }
      return (hit, .paused(hit))
    case .slowCPU(let target, let factor):
      let hit = resolve(target)
      return (hit, .slowed(hit, factor: factor))
    case .partition(let shape):
      let (hit, entry) = targeting.partition(by: shape, nodes: views, random: &faultRandom)
      return (hit, entry.ending(at: end))
    case .link(let target, let what):
      let hit = resolve(target)
      return (hit, .degraded(hit, what, until: end))
    case .clock(let target, .jump(let interval)):
      let hit = resolve(target)
      for number in hit { nodes[number].clock.step(by: interval) }
      return (hit, .nothing)
    case .clock(let target, .drift(let drift)):
      let hit = resolve(target)
      return (hit, .drifting(hit, drift))
    case .disk(let target, .slow(let interval)):
      let hit = resolve(target)
      return (hit, .slowDisk(hit, by: interval))
    case .disk(let target, _):
      let hit = resolve(target)
      return (hit, .stalledDisk(hit))
    }
  }

  public mutating func endFault(_ index: Int) {
    guard let entry = ledger.remove(key: index) else { return }
    adopt(entry)
  }

  /// Applies the faults that hold after an entry of the ledger was added or removed.
  public mutating func adopt(_ entry: FaultLedger.Entry) {
    switch entry {
    case .cut, .degraded:
      world.network.adopt(ledger)
      world.scheduleRetransmissions()
    case .down(let hit), .paused(let hit), .slowed(let hit, _), .drifting(let hit, _),
      .slowDisk(let hit, _), .stalledDisk(let hit):
      for number in hit {
        nodes[number].adopt(
          ledger.faults(of: number), isDown: ledger.downs(of: number) > 0,
          isPaused: ledger.pauses(of: number) > 0, in: &world)
      }
    case .nothing: break
    }
  }

  public mutating func crash(_ number: Int, disk: DiskFate) {
    let kept = disk == .torn ? faultRandom.below(nodes[number].unsyncedCount + 1) : 0
    defer { if disk == .lost { nodes[number].loseDisk() } }
    guard nodes[number].isUp else { return nodes[number].crash(keepingTorn: 0) }
    nodes[number].usage = nodes[number].usage(at: world.now)
    nodes[number].busyUntil = world.now
    nodes[number].crash(keepingTorn: kept)
    world.network.resetConnections(of: number)
    if nodes[number].options.heedsDisconnects { closeConnections(of: number) }
  }

  /// The machine outlives the process and closes its connections. Every node that is not cut off
  /// sees that, after all messages that are still in flight.
  public mutating func closeConnections(of number: Int) {
    for other in nodes.indices where other != number {
      guard let time = world.network.closing(from: number, to: other, at: world.now) else {
        continue
      }
      world.schedule(.disconnected(node: other, from: number), at: time)
    }
  }

  /// What is known of each node for resolving the targets of faults, including nodes that are down.
  public var views: [NodeView] {
    // By position, because a closure that is given a node is given a copy of all of it.
    nodes.indices.map { NodeView(isUp: nodes[$0].isUp, status: nodes[$0].host.core.status) }
  }

  /// The nodes that a target resolves to now.
  public mutating func resolve(_ target: FaultTarget) -> [Int] {
    targeting.resolve(target, nodes: views, random: &faultRandom)
  }

  /// The nodes a partition singles out, and the directed links it cuts.
  public mutating func cuts(
    of shape: PartitionShape
  ) -> (nodes: [Int], links: [(from: Int, to: Int)]) {
    targeting.cuts(of: shape, nodes: views, random: &faultRandom)
  }
}
