import Environments
import Faults
import Primitives
import ReplicaHosting
import Replication
import Stubs
import Testing
import Trials

@testable import Simulation

@Suite struct FaultTargetTests {
  /// Five replicas (1 is in charge in epoch 2, 3 still believes that it is, 4 is the tail), and an
  /// authority of three led by 6.
  func cluster() -> ProbeTrial {
    var trial = probes(5, authority: 3)
    trial.nodes[1].host.core.status.isInCharge = true
    trial.nodes[1].host.core.status.epoch = 2
    trial.nodes[3].host.core.status.isInCharge = true
    trial.nodes[3].host.core.status.epoch = 1
    trial.nodes[4].host.core.status.isTail = true
    trial.nodes[4].host.core.status.epoch = 2
    trial.nodes[6].host.core.status.isCoordinator = true
    trial.nodes[6].host.core.status.epoch = 7
    return trial
  }

  /// The node sets hit by many draws of a target.
  func draws(_ target: FaultTarget, in trial: inout ProbeTrial) -> Set<[Int]> {
    var seen: Set<[Int]> = []
    for _ in 0..<200 { seen.insert(trial.resolve(target)) }
    return seen
  }

  @Test("A target hits the nodes that it names")
  func targets() {
    var trial = cluster()
    #expect(draws(.leader, in: &trial) == [[1]])
    #expect(draws(.tail, in: &trial) == [[4]])
    #expect(draws(.coordinator, in: &trial) == [[6]])
    #expect(draws(.follower, in: &trial) == [[0], [2], [3], [4]])
    #expect(draws(.random, in: &trial) == [[0], [1], [2], [3], [4]])
    #expect(draws(.all, in: &trial) == [[0, 1, 2, 3, 4]])
    #expect(draws(.replica(2), in: &trial) == [[2]])
    #expect(draws(.replica(6), in: &trial) == [[]])
    let majorities = draws(.majority, in: &trial)
    let minorities = draws(.minority, in: &trial)
    #expect(majorities.count == 10 && majorities.allSatisfy { $0.count == 3 && $0 == $0.sorted() })
    #expect(minorities.count == 10 && minorities.allSatisfy { $0.count == 2 && $0 == $0.sorted() })
  }

  @Test("Replicas that are down are spared, unless all are down")
  func down() {
    var trial = cluster()
    trial.nodes[1].crash(keepingTorn: 0)
    #expect(draws(.leader, in: &trial) == [[3]])
    trial.nodes[3].crash(keepingTorn: 0)
    #expect(draws(.leader, in: &trial) == [[0], [2], [4]])
    #expect(draws(.random, in: &trial) == [[0], [2], [4]])
    for number in [0, 2, 4] { trial.nodes[number].crash(keepingTorn: 0) }
    #expect(draws(.random, in: &trial).count == 5)
  }

  @Test("A cluster of one has no follower and no minority")
  func single() {
    var trial = probes(1)
    trial.nodes[0].host.core.status.isInCharge = true
    #expect(trial.resolve(.follower) == [] && trial.resolve(.minority) == [])
    #expect(trial.resolve(.majority) == [0] && trial.resolve(.leader) == [0])
  }
}

@Suite struct DisconnectTests {
  /// The notes of nodes 1, 2 and 3 after node 0 crashed at 10 ms.
  func notes(heeds: Bool, _ prepare: (inout ProbeTrial) -> Void = { _ in }) -> [[String]] {
    var trial = probes(4, heedsDisconnects: heeds)
    trial.pass(to: 10)
    prepare(&trial)
    trial.crash(0, disk: .kept)
    trial.crash(0, disk: .kept)
    trial.pass(to: 30)
    return (1..<trial.nodes.count).map { number in
      trial.nodes[number].host.core.notes.filter { $0 != "start@0" }
    }
  }

  @Test("Nodes see a process end once, one latency later, if their protocol asks for it")
  func seen() {
    #expect(notes(heeds: true) == [["lost 0@11000"], ["lost 0@11000"], ["lost 0@11000"]])
    #expect(notes(heeds: false) == [[], [], []])
  }

  @Test("No end is seen over a cut link, by a node that is down, or before earlier messages")
  func unseen() {
    let found = notes(heeds: true) { trial in
      trial.ledger.add(.cut([(from: 0, to: 1)]), key: 1)
      trial.world.network.adopt(trial.ledger)
      trial.nodes[2].crash(keepingTorn: 0)
      trial.world.transmit(7, from: 0, to: 3, bytes: 0, departing: 15_000_000)
    }
    #expect(found == [[], [], ["7@16000", "lost 0@16000"]])
  }

  @Test("A paused node sees the end when it continues")
  func paused() {
    var trial = probes(2, heedsDisconnects: true)
    trial.nodes[1].isPaused = true
    trial.crash(0, disk: .kept)
    trial.pass(to: 20)
    #expect(trial.nodes[1].host.core.notes == ["start@0"])
    trial.nodes[1].resume(in: &trial.world)
    trial.pass(to: 21)
    #expect(trial.nodes[1].host.core.notes == ["start@0", "lost 0@20000"])
  }
}

@Suite struct PartitionTests {
  /// For each node, the nodes to which it can send.
  func reach(
    _ shape: PartitionShape, replicas: Int, authority: Int = 0, seed: UInt64 = 1
  ) -> (hit: [Int], reach: [Set<Int>]) {
    var trial = probes(replicas, authority: authority) { $0.plan.seed = seed }
    trial.nodes[0].host.core.status.isInCharge = true
    let (hit, links) = trial.cuts(of: shape)
    let all = Set(0..<replicas + authority)
    var reach = all.map { _ in all }
    for link in links { reach[link.from].remove(link.to) }
    return (hit, reach)
  }

  /// Whether links are cut in both directions, and no node is cut from itself.
  func isSymmetric(_ reach: [Set<Int>]) -> Bool {
    reach.indices.allSatisfy { a in
      reach[a].contains(a) && reach[a].allSatisfy { reach[$0].contains(a) }
    }
  }

  @Test("An isolated target reaches no node outside it, including the authority")
  func isolate() {
    let (hit, reach) = reach(.isolate(.leader), replicas: 3, authority: 3)
    #expect(hit == [0] && isSymmetric(reach))
    #expect(reach[0] == [0] && reach[1] == [1, 2, 3, 4, 5])
  }

  @Test(
    "The replica in charge is with the largest minority",
    arguments: [(3, 1), (4, 1), (5, 2), (7, 3)])
  func minorityWithLeader(replicas: Int, size: Int) {
    let (hit, reach) = reach(.minorityWithLeader, replicas: replicas, authority: 3)
    #expect(hit.count == size && hit.contains(0) && isSymmetric(reach))
    #expect(reach[0] == Set(hit))
    let rest = Set(0..<replicas + 3).subtracting(hit)
    for other in rest { #expect(reach[other] == rest) }
  }

  @Test("In a ring each node reaches a majority, all different", arguments: [3, 4, 5, 6, 7])
  func majorityRing(replicas: Int) {
    for seed in 1...5 as ClosedRange<UInt64> {
      let (hit, reach) = reach(.majorityRing, replicas: replicas, authority: 3, seed: seed)
      #expect(hit == Array(0..<replicas) && isSymmetric(reach))
      let views = reach[..<replicas].map { $0.filter { $0 < replicas } }
      #expect(views.allSatisfy { $0.count >= replicas / 2 + 1 })
      #expect(Set(views).count == replicas && views.contains { $0.count < replicas })
      #expect(reach[replicas...].allSatisfy { $0.count == replicas + 3 })
    }
  }

  @Test("A bridge reaches both halves, which do not reach each other", arguments: [3, 4, 5, 7])
  func bridge(replicas: Int) {
    let (hit, reach) = reach(.bridge, replicas: replicas, authority: 3)
    let bridge = hit[0]
    #expect(hit.count == 1 && isSymmetric(reach) && reach[bridge].count == replicas + 3)
    let halves = Set(reach.indices.filter { $0 != bridge }.map { reach[$0].subtracting([bridge]) })
    #expect(halves.count == 2)
    let sizes = halves.map { $0.filter { $0 < replicas }.count }.sorted()
    #expect(sizes == [(replicas - 1) / 2, replicas - 1 - (replicas - 1) / 2])
  }

  @Test("One way: the target cannot receive, or cannot send")
  func oneWay() {
    let deaf = reach(.oneWay(.leader, .inbound), replicas: 3, authority: 1).reach
    #expect(deaf == [[0, 1, 2, 3], [1, 2, 3], [1, 2, 3], [1, 2, 3]])
    let mute = reach(.oneWay(.leader, .outbound), replicas: 3, authority: 1).reach
    #expect(mute == [[0], [0, 1, 2, 3], [0, 1, 2, 3], [0, 1, 2, 3]])
  }

  @Test("Groups reach only themselves; a node in none is alone; the authority joins the largest")
  func groups() {
    let reach = reach(.groups([[0, 1], [2, 3, 4]]), replicas: 6, authority: 1).reach
    #expect(
      reach == [[0, 1], [0, 1], [2, 3, 4, 6], [2, 3, 4, 6], [2, 3, 4, 6], [5], [2, 3, 4, 6]])
  }

  @Test("A partition cuts links while it lasts; overlapping partitions end separately")
  func lasting() {
    var trial = probes(
      3,
      faults: [
        TimedFault(
          at: .milliseconds(1), duration: .milliseconds(10),
          action: .partition(.isolate(.replica(0)))),
        TimedFault(
          at: .milliseconds(5), duration: .milliseconds(10),
          action: .partition(.groups([[0], [1, 2]]))),
      ]
    ) { $0.environment.network.transport = .datagram }
    for time in [2, 12, 16] as [Int64] {
      trial.pass(to: time)
      trial.tell(0, Probe.early + UInt64(time))
    }
    trial.pass(to: 20)
    #expect(trial.notes(1) == ["16@17000"])
  }
}
