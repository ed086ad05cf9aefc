import Faults
import Primitives
import Replication
import Testing

@Suite struct FaultTargetingTests {
  private let targeting = FaultTargeting(membership: Membership(replicas: 5, authority: 3))

  /// Eight running nodes, none of them in charge.
  private var nodes: [NodeView] {
    (0..<8).map { _ in NodeView(isUp: true, status: status()) }
  }

  private func status(
    inCharge: Bool = false, tail: Bool = false, coordinator: Bool = false, epoch: UInt64 = 0
  ) -> ReplicaStatus {
    ReplicaStatus(
      role: "probe", isInCharge: inCharge, isTail: tail, isCoordinator: coordinator, epoch: epoch,
      commitIndex: .zero, lastIndex: .zero)
  }

  /// The node sets hit by many draws of a target.
  private func draws(_ target: FaultTarget, _ nodes: [NodeView]) -> Set<[Int]> {
    var random = RandomStream(seed: 3)
    var seen: Set<[Int]> = []
    for _ in 0..<200 { seen.insert(targeting.resolve(target, nodes: nodes, random: &random)) }
    return seen
  }

  @Test("The node in charge is the running replica that claims it with the highest epoch")
  func leader() {
    var nodes = nodes
    #expect(targeting.leader(among: nodes) == nil)
    nodes[3].status = status(inCharge: true, epoch: 4)
    nodes[1].status = status(inCharge: true, epoch: 5)
    #expect(targeting.leader(among: nodes) == 1)
    nodes[1].isUp = false
    #expect(targeting.leader(among: nodes) == 3)
    nodes[6].status = status(inCharge: true, epoch: 9)
    #expect(targeting.leader(among: nodes) == 3, "the authority is not in charge of the replicas")
  }

  @Test("A node without a reported status is not in charge, and can be hit like any other")
  func silent() {
    let nodes = Array(repeating: NodeView(isUp: true, status: nil), count: 8)
    #expect(targeting.leader(among: nodes) == nil)
    for target in [FaultTarget.leader, .tail, .coordinator, .random, .follower] {
      #expect(draws(target, nodes) == [[0], [1], [2], [3], [4]], "\(target)")
    }
  }

  @Test("A list hits each node once, and random targets are drawn among the other nodes")
  func lists() {
    var nodes = nodes
    nodes[1].status = status(inCharge: true, epoch: 1)
    #expect(draws(.several([.leader, .replica(3), .replica(1)]), nodes) == [[1, 3]])
    #expect(
      draws(.several([.random, .random, .replica(0), .leader]), nodes)
        == [[0, 1, 2, 3], [0, 1, 2, 4], [0, 1, 3, 4]])
  }

  @Test("The authority's nodes are hit by number or all; without an authority no node is hit")
  func authority() {
    #expect(draws(.authority, nodes) == [[5, 6, 7]])
    #expect(draws(.authorityNode(1), nodes) == [[6]])
    #expect(draws(.several([.authorityNode(0), .replica(2)]), nodes) == [[2, 5]])
    let alone = FaultTargeting(membership: Membership(replicas: 3))
    var random = RandomStream(seed: 3)
    for target in [FaultTarget.authority, .authorityNode(0)] {
      #expect(alone.resolve(target, nodes: Array(nodes.prefix(3)), random: &random).isEmpty)
    }
  }

  @Test("A partition can separate clients from a target, or from all groups but their own")
  func clients() {
    var random = RandomStream(seed: 3)
    func cut(_ shape: PartitionShape) -> (links: Int, clients: [Int]) {
      let (_, entry) = targeting.partition(by: shape, nodes: nodes, random: &random)
      guard case .cut(let links, let clients, _) = entry else { return (-1, []) }
      return (links.count, clients)
    }
    #expect(cut(.clients(.replica(2))) == (0, [2]))
    #expect(cut(.groups([[0, 1], [2, 3, 4]], clients: 0)) == (2 * 2 * 6, [2, 3, 4]))
    #expect(cut(.groups([[0, 1], [2, 3, 4]])) == (2 * 2 * 6, []))
  }

  @Test("A replica in two groups reaches both, and each link is cut once")
  func overlappingGroups() {
    var random = RandomStream(seed: 3)
    let shape = PartitionShape.groups([[0, 1, 2], [2, 3, 4], [1, 3]])
    let links = targeting.cuts(of: shape, nodes: nodes, random: &random).links
    let between = Set(links.filter { $0.from < 5 && $0.to < 5 }.map { [$0.from, $0.to] })
    #expect(between == [[0, 3], [3, 0], [0, 4], [4, 0], [1, 4], [4, 1]])
    #expect(Set(links.map { [$0.from, $0.to] }).count == links.count)
  }

  @Test(
    "Tail and coordinator are those of the newest epoch; the coordinator may be an authority node")
  func tailAndCoordinator() {
    var nodes = nodes
    nodes[0].status = status(tail: true, epoch: 1)
    nodes[4].status = status(tail: true, epoch: 2)
    nodes[5].status = status(coordinator: true, epoch: 1)
    nodes[7].status = status(coordinator: true, epoch: 2)
    #expect(draws(.tail, nodes) == [[4]])
    #expect(draws(.coordinator, nodes) == [[7]])
    nodes[7].isUp = false
    #expect(draws(.coordinator, nodes) == [[5]])
  }

  @Test("The same stream gives the same targets and cuts, and the same number of draws")
  func determinism() {
    let shapes: [PartitionShape] = [
      .isolate(.random), .minorityWithLeader, .majorityRing, .bridge, .oneWay(.follower, .inbound),
    ]
    var one = RandomStream(seed: 7)
    var other = RandomStream(seed: 7)
    for shape in shapes {
      let a = targeting.cuts(of: shape, nodes: nodes, random: &one)
      let b = targeting.cuts(of: shape, nodes: nodes, random: &other)
      #expect(a.nodes == b.nodes && a.links.map(\.from) == b.links.map(\.from))
      #expect(a.links.map(\.to) == b.links.map(\.to) && !a.links.isEmpty)
    }
    #expect(one.next() == other.next())
  }

  @Test("An isolated replica loses the authority too; groups leave it with the largest group")
  func authorityNodes() {
    var random = RandomStream(seed: 1)
    let isolated = targeting.cuts(of: .isolate(.replica(2)), nodes: nodes, random: &random)
    #expect(isolated.nodes == [2] && isolated.links.count == 14)
    #expect(isolated.links.contains { $0.from == 2 && $0.to == 6 })
    let groups = targeting.cuts(of: .groups([[0, 1], [2, 3, 4]]), nodes: nodes, random: &random)
    #expect(groups.links.contains { $0.from == 0 && $0.to == 7 })
    #expect(!groups.links.contains { $0.from == 3 && $0.to == 7 })
  }
}
