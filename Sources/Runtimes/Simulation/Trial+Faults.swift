import Environments
import Faults
import Primitives
import ReplicaHosting
import Replication

/// Faults fire and end.
extension Trial {
  public mutating func startFault(_ index: Int) {
    let fault = plan[index]
    let (nodes, undo) = inflict(fault.action, key: index)
    let end = fault.end.map { min($0, setup.duration.nanoseconds) }
    occurrences.append(
      Occurrence(
        kind: fault.action.kind, target: fault.action.targetText, nodes: nodes, start: world.now,
        end: end))
    activeFaults[index] = undo
    if let end = fault.end { world.schedule(.faultEnds(index), at: end) }
  }

  public mutating func inflict(
    _ action: FaultAction, key: Int
  ) -> (nodes: [Int], undo: FaultUndo) {
    switch action {
    case .crash(let target, let disk):
      let hit = resolve(target)
      for number in hit { crash(number, disk: disk) }
      return (hit, .restart(hit))
    case .pause(let target):
      let hit = resolve(target)
      for number in hit { nodes[number].pause() }
      return (hit, .resume(hit))
    case .slowCPU(let target, let factor):
      let hit = resolve(target)
      for number in hit { nodes[number].slowness *= factor }
      return (hit, .speedUp(hit, factor: factor))
    case .partition(let shape):
      let (hit, links) = cuts(of: shape)
      for link in links { world.network.cut(from: link.from, to: link.to) }
      return (hit, .mend(links))
    case .link(let target, let what):
      let hit = resolve(target)
      world.network.degrade(
        key: key, nodes: hit,
        what: NetworkState.LinkDegradationState(
          loss: what.loss, duplicate: what.duplicate, reorder: what.reorder,
          corrupt: what.corrupt, extraLatency: what.extraLatency.nanoseconds,
          nanosecondsPerByte: NetworkState.nanosecondsPerByte(what.bandwidth),
          until: plan[key].end ?? .max))
      return (hit, .restoreLinks(key: key))
    case .clock(let target, .jump(let interval)):
      let hit = resolve(target)
      for number in hit { nodes[number].clock.step(by: interval) }
      return (hit, .nothing)
    case .clock(let target, .drift(let drift)):
      let hit = resolve(target)
      for number in hit {
        nodes[number].clock.addDrift(drift, at: world.now)
        nodes[number].rescheduleTimers(in: &world)
      }
      return (hit, .steadyClocks(hit, drift: drift))
    case .disk(let target, .slow(let interval)):
      let hit = resolve(target)
      for number in hit { nodes[number].extraSyncTime += interval.nanoseconds }
      return (hit, .quickenDisk(hit, by: interval.nanoseconds))
    case .disk(let target, .stall):
      let hit = resolve(target)
      for number in hit { nodes[number].stallDisk() }
      return (hit, .releaseDisk(hit))
    case .disk(_, .error), .disk(_, .full), .disk(_, .bitRot):
      preconditionFailure("an experiment with this disk fault is refused for the simulator")
    }
  }

  public mutating func endFault(_ index: Int) {
    guard let undo = activeFaults.removeValue(forKey: index) else { return }
    switch undo {
    case .restart(let hit): for number in hit { nodes[number].restart(in: &world) }
    case .resume(let hit): for number in hit { nodes[number].resume(in: &world) }
    case .speedUp(let hit, let factor): for number in hit { nodes[number].slowness /= factor }
    case .mend(let links):
      for link in links { world.network.mend(from: link.from, to: link.to) }
    case .restoreLinks(let key): world.network.restore(key: key)
    case .steadyClocks(let hit, let drift):
      for number in hit {
        nodes[number].clock.removeDrift(drift, at: world.now)
        nodes[number].rescheduleTimers(in: &world)
      }
    case .quickenDisk(let hit, let time):
      for number in hit { nodes[number].extraSyncTime -= time }
    case .releaseDisk(let hit): for number in hit { nodes[number].resumeDisk(in: &world) }
    case .nothing: break
    }
  }

  public mutating func crash(_ number: Int, disk: DiskFate) {
    let kept =
      switch disk {
      case .kept: 0
      case .torn: faultRandom.below(nodes[number].unsyncedCount + 1)
      case .lost:
        preconditionFailure("an experiment that loses a disk is refused for the simulator")
      }
    let wasUp = nodes[number].isUp
    nodes[number].crash(keepingTorn: kept)
    if wasUp, nodes[number].options.heedsDisconnects { closeConnections(of: number) }
  }

  /// The machine outlives the process and closes its connections: whoever is not cut off sees that, behind
  /// everything that is on its way.
  public mutating func closeConnections(of number: Int) {
    for other in nodes.indices where other != number {
      guard let time = world.network.closing(from: number, to: other, at: world.now) else {
        continue
      }
      world.schedule(.disconnected(node: other, from: number), at: time)
    }
  }

  /// What the faults' targets are told apart by, of every node. Also of those that are down.
  public var views: [NodeView] {
    nodes.map { NodeView(isUp: $0.isUp, status: $0.host.core.status) }
  }

  /// The nodes that a target means at this moment.
  public mutating func resolve(_ target: FaultTarget) -> [Int] {
    aim.resolve(target, nodes: views, random: &faultRandom)
  }

  /// The nodes a partition singles out, and the directed links it cuts.
  public mutating func cuts(
    of shape: PartitionShape
  ) -> (nodes: [Int], links: [(from: Int, to: Int)]) {
    aim.cuts(of: shape, nodes: views, random: &faultRandom)
  }

  private var aim: FaultAim { FaultAim(membership: setup.membership) }
}
