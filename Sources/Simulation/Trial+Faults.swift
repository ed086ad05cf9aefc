import Faults
import Replication
import ReplicaHosting

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
      }
    nodes[number].crash(keepingTorn: kept)
  }

  /// The nodes that a target means at this moment, in ascending order. Where nobody is in charge the
  /// draw is among all replicas that are up, so that a script never silently does nothing. Only a
  /// cluster without such a replica (a follower of the unreplicated server) is spared.
  public mutating func resolve(_ target: FaultTarget) -> [Int] {
    let replicas = setup.membership.replicas.map(\.index)
    let up = replicas.filter { nodes[$0].isUp }
    let candidates = up.isEmpty ? replicas : up
    func draw(_ count: Int, from numbers: [Int]) -> [Int] {
      Array(numbers.shuffled(using: &faultRandom).prefix(count)).sorted()
    }
    switch target {
    case .leader: return leader().map { [$0] } ?? draw(1, from: candidates)
    case .tail:
      let tail = candidates.filter { nodes[$0].host.core.status.isTail }.max {
        nodes[$0].host.core.status.epoch < nodes[$1].host.core.status.epoch
      }
      return tail.map { [$0] } ?? draw(1, from: candidates)
    case .follower:
      let leader = leader()
      let others = candidates.filter { $0 != leader }
      return draw(1, from: others)
    case .random: return draw(1, from: candidates)
    case .majority: return draw(replicas.count / 2 + 1, from: replicas)
    case .minority: return draw((replicas.count - 1) / 2, from: replicas)
    case .coordinator:
      let coordinator = nodes.indices.filter {
        nodes[$0].isUp && nodes[$0].host.core.status.isCoordinator
      }.max { nodes[$0].host.core.status.epoch < nodes[$1].host.core.status.epoch }
      return coordinator.map { [$0] } ?? draw(1, from: candidates)
    case .all: return replicas
    case .replica(let number): return replicas.contains(number) ? [number] : []
    }
  }

  /// The nodes a partition singles out, and the directed links it cuts.
  public mutating func cuts(
    of shape: PartitionShape
  ) -> (nodes: [Int], links: [(from: Int, to: Int)]) {
    let replicas = setup.membership.replicas.map(\.index)
    let authority = setup.membership.authority.map(\.index)
    switch shape {
    case .isolate(let target):
      let hit = resolve(target)
      let rest = nodes.indices.filter { !hit.contains($0) }
      return (hit, between(hit, rest))
    case .minorityWithLeader:
      let leader = resolve(.leader)
      let size = max((replicas.count - 1) / 2, 1)
      let others = replicas.filter { !leader.contains($0) }.shuffled(using: &faultRandom)
      let hit = (leader + others.prefix(size - leader.count)).sorted()
      return (hit, between(hit, nodes.indices.filter { !hit.contains($0) }))
    case .majorityRing:
      return (replicas, ringCuts(replicas))
    case .bridge:
      let order = replicas.shuffled(using: &faultRandom)
      guard order.count > 2 else { return (replicas, between([order[0]], Array(order[1...]))) }
      let half = (order.count - 1) / 2
      let left = order[1...half].sorted()
      let right = order[(half + 1)...].sorted()
      return ([order[0]], between(left, right + authority))
    case .oneWay(let target, let direction):
      let hit = resolve(target)
      let rest = nodes.indices.filter { !hit.contains($0) }
      let inbound = rest.flatMap { from in hit.map { (from: from, to: $0) } }
      return (hit, direction == .inbound ? inbound : inbound.map { (from: $0.to, to: $0.from) })
    case .groups(let groups):
      var sides = groups
      for replica in replicas where !groups.contains(where: { $0.contains(replica) }) {
        sides.append([replica])
      }
      let largest = sides.indices.max { sides[$0].count < sides[$1].count } ?? 0
      sides[largest] += authority
      var links: [(from: Int, to: Int)] = []
      for a in sides.indices {
        for b in sides.indices where b > a { links += between(sides[a], sides[b]) }
      }
      return (replicas, links)
    }
  }

  public func between(_ a: [Int], _ b: [Int]) -> [(from: Int, to: Int)] {
    a.flatMap { x in b.flatMap { y in [(from: x, to: y), (from: y, to: x)] } }
  }

  /// In a random ring each replica keeps the neighbours that make up a majority with itself, so that
  /// every replica sees a majority and no two see the same. The authority is seen by all.
  public mutating func ringCuts(_ replicas: [Int]) -> [(from: Int, to: Int)] {
    let ring = replicas.shuffled(using: &faultRandom)
    let count = ring.count
    let reach = max((count / 2 + 1) / 2, 1)
    var links: [(from: Int, to: Int)] = []
    for a in 0..<count {
      for b in 0..<count where a != b {
        let distance = min((b - a + count) % count, (a - b + count) % count)
        if distance > reach { links.append((ring[a], ring[b])) }
      }
    }
    // With three replicas or fewer everyone is a neighbour: cut one link, as the smallest such ring.
    if links.isEmpty, count == 3 { links = between([ring[0]], [ring[1]]) }
    return links
  }
}
