import Primitives
import Replication

/// The state of one node, as known when a fault fires.
public struct NodeView: Sendable, Equatable {
  public var isUp: Bool
  /// The last status that the node reported; `nil` before its first report.
  public var status: ReplicaStatus?

  public init(isUp: Bool, status: ReplicaStatus?) {
    self.isUp = isUp
    self.status = status
  }
}

/// Resolves the targets of faults to nodes, from the nodes' last reports. Every runtime uses it, so
/// that a target means the same in all of them and the same random stream gives the same draws.
public struct FaultTargeting: Sendable {
  public let membership: Membership

  public init(membership: Membership) { self.membership = membership }

  private var replicas: [Int] { membership.replicas.map(\.index) }

  /// The replica in charge: among the replicas that are up and report to be in charge, the one with
  /// the highest epoch.
  /// - Parameter nodes: one view for each node of the membership, by number.
  public func leader(among nodes: [NodeView]) -> Int? {
    var best: (number: Int, epoch: UInt64)?
    for replica in membership.replicas where nodes[replica.index].isUp {
      guard let status = nodes[replica.index].status, status.isInCharge else { continue }
      if best.map({ status.epoch > $0.epoch }) ?? true { best = (replica.index, status.epoch) }
    }
    return best?.number
  }

  /// The nodes to which a target resolves at this moment, in ascending order. If no replica is in
  /// charge, one is drawn from all replicas that are up, so that a script never silently has no
  /// effect. The draw is empty only if the cluster has no suitable replica, such as a follower of
  /// the unreplicated server.
  /// - Parameter others: replicas that are already hit, from which no replica is drawn.
  public func resolve(
    _ target: FaultTarget, nodes: [NodeView], random: inout RandomStream, besides others: [Int] = []
  ) -> [Int] {
    let replicas = replicas.filter { !others.contains($0) }
    let up = replicas.filter { nodes[$0].isUp }
    let candidates = up.isEmpty ? replicas : up
    switch target {
    case .leader: return leader(among: nodes).map { [$0] } ?? draw(1, from: candidates, &random)
    case .tail:
      let tail = newest(candidates, of: nodes, where: \.isTail)
      return tail.map { [$0] } ?? draw(1, from: candidates, &random)
    case .follower:
      let leader = leader(among: nodes)
      return draw(1, from: candidates.filter { $0 != leader }, &random)
    case .random: return draw(1, from: candidates, &random)
    case .majority: return draw(replicas.count / 2 + 1, from: replicas, &random)
    case .minority: return draw((replicas.count - 1) / 2, from: replicas, &random)
    case .coordinator:
      let up = nodes.indices.filter { nodes[$0].isUp }
      let coordinator = newest(up, of: nodes, where: \.isCoordinator)
      return coordinator.map { [$0] } ?? draw(1, from: candidates, &random)
    case .all: return replicas
    case .replica(let number): return replicas.contains(number) ? [number] : []
    case .authority: return membership.authority.map(\.index)
    case .authorityNode(let number):
      let nodes = membership.authority.map(\.index)
      return nodes.indices.contains(number) ? [nodes[number]] : []
    case .several(let targets):
      // Named targets are resolved first, so that a random draw does not take their nodes.
      var hit: [Int] = []
      for target in targets.filter({ !$0.isDrawn }) + targets.filter(\.isDrawn) {
        let more = resolve(target, nodes: nodes, random: &random, besides: hit)
        hit += more.filter { !hit.contains($0) }
      }
      return hit.sorted()
    }
  }

  private func draw(_ count: Int, from numbers: [Int], _ random: inout RandomStream) -> [Int] {
    Array(numbers.shuffled(using: &random).prefix(count)).sorted()
  }

  /// Among the nodes whose last report says so, the one with the highest epoch.
  private func newest(
    _ numbers: [Int], of nodes: [NodeView], where says: KeyPath<ReplicaStatus, Bool>
  ) -> Int? {
    numbers.filter { nodes[$0].status?[keyPath: says] ?? false }.max {
      (nodes[$0].status?.epoch ?? 0) < (nodes[$1].status?.epoch ?? 0)
    }
  }

  /// The nodes that a partition singles out, the directed links that it cuts, and the nodes that
  /// clients cannot reach.
  public func partition(
    by shape: PartitionShape, nodes: [NodeView], random: inout RandomStream
  ) -> (nodes: [Int], entry: FaultLedger.Entry) {
    switch shape {
    case .clients(let target):
      let hit = resolve(target, nodes: nodes, random: &random)
      return (hit, .cut([], clients: hit))
    case .groups(let groups, let clients?):
      let (hit, links) = cuts(of: shape, nodes: nodes, random: &random)
      let reached = groups.indices.contains(clients) ? groups[clients] : []
      return (hit, .cut(links, clients: replicas.filter { !reached.contains($0) }))
    default:
      let (hit, links) = cuts(of: shape, nodes: nodes, random: &random)
      return (hit, .cut(links))
    }
  }

  /// The nodes that a partition singles out, and the directed links between nodes that it cuts.
  public func cuts(
    of shape: PartitionShape, nodes: [NodeView], random: inout RandomStream
  ) -> (nodes: [Int], links: [(from: Int, to: Int)]) {
    let replicas = replicas
    let authority = membership.authority.map(\.index)
    switch shape {
    case .clients: return ([], [])
    case .isolate(let target):
      let hit = resolve(target, nodes: nodes, random: &random)
      return (hit, between(hit, others(hit)))
    case .minorityWithLeader:
      let leader = resolve(.leader, nodes: nodes, random: &random)
      let size = max((replicas.count - 1) / 2, 1)
      let rest = replicas.filter { !leader.contains($0) }.shuffled(using: &random)
      let hit = (leader + rest.prefix(size - leader.count)).sorted()
      return (hit, between(hit, others(hit)))
    case .majorityRing:
      return (replicas, ringCuts(replicas, &random))
    case .bridge:
      let order = replicas.shuffled(using: &random)
      guard order.count > 2 else { return (replicas, between([order[0]], Array(order[1...]))) }
      let half = (order.count - 1) / 2
      let left = order[1...half].sorted()
      let right = order[(half + 1)...].sorted()
      return ([order[0]], between(left, right + authority))
    case .oneWay(let target, let direction):
      let hit = resolve(target, nodes: nodes, random: &random)
      let inbound = others(hit).flatMap { from in hit.map { (from: from, to: $0) } }
      return (hit, direction == .inbound ? inbound : inbound.map { (from: $0.to, to: $0.from) })
    case .groups(let groups, _):
      var sides = groups
      for replica in replicas where !groups.contains(where: { $0.contains(replica) }) {
        sides.append([replica])
      }
      let largest = sides.indices.max { sides[$0].count < sides[$1].count } ?? 0
      sides[largest] += authority
      var links: [(from: Int, to: Int)] = []
      for a in sides.indices {
        for b in sides.indices where b > a {
          // Groups may overlap: members of one group reach each other, whatever else they are in.
          links += between(sides[a], sides[b]).filter { from, to in
            from != to && !sides.contains { $0.contains(from) && $0.contains(to) }
              && !links.contains { $0.from == from && $0.to == to }
          }
        }
      }
      return (replicas, links)
    }
  }

  private func others(_ hit: [Int]) -> [Int] {
    (0..<membership.nodeCount).filter { !hit.contains($0) }
  }

  private func between(_ a: [Int], _ b: [Int]) -> [(from: Int, to: Int)] {
    a.flatMap { x in b.flatMap { y in [(from: x, to: y), (from: y, to: x)] } }
  }

  /// In a random ring each replica keeps the neighbours that make up a majority with itself, so
  /// that every replica sees a majority and no two see the same. Every replica sees the authority.
  private func ringCuts(
    _ replicas: [Int], _ random: inout RandomStream
  ) -> [(from: Int, to: Int)] {
    let ring = replicas.shuffled(using: &random)
    let count = ring.count
    let reach = max((count / 2 + 1) / 2, 1)
    var links: [(from: Int, to: Int)] = []
    for a in 0..<count {
      for b in 0..<count where a != b {
        let distance = min((b - a + count) % count, (a - b + count) % count)
        if distance > reach { links.append((ring[a], ring[b])) }
      }
    }
    // With three replicas or fewer all are neighbours. With three, one link is cut, which is the
    // smallest such ring.
    if links.isEmpty, count == 3 { links = between([ring[0]], [ring[1]]) }
    return links
  }
}

extension FaultTarget {
  /// Whether its nodes are always drawn at random.
  fileprivate var isDrawn: Bool {
    switch self {
    case .follower, .random, .majority, .minority: true
    default: false
    }
  }
}
