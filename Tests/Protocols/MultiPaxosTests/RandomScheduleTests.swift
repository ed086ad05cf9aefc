import Primitives
import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import MultiPaxos

private struct Acceptance: Hashable {
  var slot: LogIndex
  var ballot: Ballot
}

/// A cluster of Multi-Paxos replicas under random schedules.
struct MultiPaxosWorld: RandomWorld {
  /// A crash, which may take the disk of a minority.
  enum Own { case crash }

  static let weights: [(share: Int, act: RandomAct<MultiPaxosReplica.Timer, Own>)] = [
    (320, .deliver), (30, .propose), (10, .read), (8, .fire(.heartbeat)), (2, .fire(.resend)),
    (4, .fire(.election)), (4, .isolate), (8, .slowDisk), (16, .releaseDisk), (2, .own(.crash)),
    (2, .restart),
  ]
  static let network = RandomNetwork(window: 40, loss: 0.05, duplication: 0.05)

  var run: RandomRun<MultiPaxosReplica>
  /// What was accepted in each ballot and slot, anywhere, and how many records have been compared.
  private var accepted: [Acceptance: Batch] = [:]
  private var comparedRecords: [Int]
  /// Whether crashes take disks.
  private let losesDisks: Bool

  init(
    seed: UInt64, replicas: Int, bug: MultiPaxosReplica.Bug? = nil, losesDisks: Bool = false
  ) {
    run = RandomRun(Cluster(replicas, bug: bug, window: 8, queue: 8), seed: seed)
    run.start = { cluster, id, generation in cluster.restart(id, generation: generation) }
    comparedRecords = Array(repeating: 0, count: replicas)
    self.losesDisks = losesDisks
  }

  mutating func perform(_ act: Own) {
    let id = run.anyone()
    guard run.cluster.isUp(id) else { return }
    let learners = run.cluster.membership.replicas.filter {
      $0 != id && run.cluster.core($0).isLearner
    }
    let isAllowed = learners.count + 1 <= (run.cluster.nodes.count - 1) / 2
    guard losesDisks, isAllowed, run.random.chance(0.6) else { return run.crash(id) }
    run.loseDisk(id)
    run.cluster.nodes[id.index].core.isLearner = true
    comparedRecords[id.index] = 0
  }

  mutating func inspect(_ id: ReplicaID) {
    let records = run.cluster.nodes[id.index].records
    for record in records[comparedRecords[id.index]...] { compare(record) }
    comparedRecords[id.index] = records.count
  }

  /// Within a ballot all acceptors accept the same value in a slot.
  private mutating func compare(_ record: MultiPaxosReplica.Record) {
    guard case .accepted(let slot, let ballot, let value) = record, ballot != .chosen else {
      return
    }
    let first = accepted[Acceptance(slot: slot, ballot: ballot)]
    if let first, first != value {
      run.fail("ballot \(ballot) has two values in slot \(slot)")
    }
    accepted[Acceptance(slot: slot, ballot: ballot)] = value
  }

  /// Ends all faults and lets one replica lead until all agree on everything.
  mutating func calm() {
    run.endFaults()
    let replicas = run.cluster.membership.replicas
    for _ in 0..<60 {
      for id in replicas {
        run.cluster.fire(.heartbeat, at: id)
        run.cluster.fire(.resend, at: id)
      }
      run.cluster.run(limit: 20_000)
      if leader == nil { run.cluster.fire(.election, at: run.anyone()) }
      run.cluster.run(limit: 20_000)
      look(at: nil)
    }
  }

  var leader: ReplicaID? {
    run.cluster.membership.replicas.first { run.cluster.core($0).status.isInCharge }
  }
}

@Suite("Multi-Paxos under random schedules")
struct RandomScheduleTests {
  @Test("Replicas agree under loss, reordering, crashes and slow disks", arguments: [3, 5])
  func agreement(replicas: Int) {
    var chosenInTotal = 0
    for seed in 1...UInt64(30) {
      var world = MultiPaxosWorld(seed: seed, replicas: replicas)
      world.step(2500)
      chosenInTotal += world.run.witness.batches.count
      world.calm()
      expectService(in: &world, "seed \(seed), \(replicas) replicas")
    }
    #expect(chosenInTotal > 500, "the schedules must choose something")
  }

  @Test(
    "Replicas agree although crashes take disks of a minority, again and again", arguments: [3, 5])
  func lostDisks(replicas: Int) {
    var lost: UInt64 = 0
    var chosen = 0
    for seed in 1...UInt64(60) {
      var world = MultiPaxosWorld(seed: seed, replicas: replicas, losesDisks: true)
      world.step(4000)
      lost += world.run.generations.reduce(0, +)
      chosen += world.run.witness.batches.count
      world.calm()
      expectService(in: &world, "seed \(seed), \(replicas) replicas")
      #expect(world.run.cluster.nodes.allSatisfy { !$0.core.isLearner }, "seed \(seed)")
    }
    #expect(lost > 60 && chosen > 500, "\(lost) disks were lost, \(chosen) values chosen")
  }

  /// Nothing is wrong, and once the faults end a new value is chosen that every replica learns.
  private func expectService(in world: inout MultiPaxosWorld, _ name: String) {
    #expect(world.run.failure == nil, "\(name)")
    guard let leader = world.leader else {
      Issue.record("\(name): no replica leads after the faults")
      return
    }
    world.run.propose(at: leader)
    world.calm()
    for node in world.run.cluster.nodes {
      #expect(node.commits.last?.batch == batch(world.run.lastProposed), "\(name)")
    }
  }

  /// These need a restart, or three leaders, between two messages of one slot; `PaperTests`
  /// bring that about step by step.
  private static let rare: Set<MultiPaxosReplica.Bug> = [
    .reuseBallot, .volatilePromise, .countAcrossBallots,
  ]

  @Test(
    "Random schedules catch a replica without one of its rules",
    arguments: MultiPaxosReplica.Bug.allCases.filter { !rare.contains($0) })
  func catches(bug: MultiPaxosReplica.Bug) {
    for seed in 1...UInt64(200) {
      for replicas in [3, 5] {
        var world = MultiPaxosWorld(
          seed: seed, replicas: replicas, bug: bug, losesDisks: bug == .forgetfulAcceptor)
        world.step(2500)
        if world.run.failure == nil { world.calm() }
        if world.run.failure != nil { return }
      }
    }
    Issue.record("\(bug.rawValue) was not caught")
  }
}
