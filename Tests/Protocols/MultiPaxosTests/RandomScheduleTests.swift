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
  static let weights: [(share: Int, act: RandomAct<MultiPaxosReplica.Timer, Never>)] = [
    (320, .deliver), (30, .propose), (10, .read), (8, .fire(.heartbeat)), (2, .fire(.resend)),
    (4, .fire(.election)), (4, .isolate), (8, .slowDisk), (16, .releaseDisk), (2, .crash),
    (2, .restart),
  ]
  static let network = RandomNetwork(window: 40, loss: 0.05, duplication: 0.05)

  var run: RandomRun<MultiPaxosReplica>
  /// What was accepted in each ballot and slot, anywhere, and how many records have been compared.
  private var accepted: [Acceptance: Batch] = [:]
  private var comparedRecords: [Int]

  init(seed: UInt64, replicas: Int, bug: MultiPaxosReplica.Bug? = nil) {
    run = RandomRun(Cluster(replicas, bug: bug, window: 8, queue: 8), seed: seed)
    comparedRecords = Array(repeating: 0, count: replicas)
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
      #expect(world.run.failure == nil, "seed \(seed), \(replicas) replicas")
      // Liveness: once the faults end, a new value is chosen and everybody learns it.
      guard let leader = world.leader else {
        Issue.record("seed \(seed), \(replicas) replicas: nobody leads after the faults")
        continue
      }
      world.run.propose(at: leader)
      world.calm()
      for node in world.run.cluster.nodes {
        #expect(node.commits.last?.batch == batch(world.run.lastProposed), "seed \(seed)")
      }
    }
    #expect(chosenInTotal > 500, "the schedules must choose something")
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
        var world = MultiPaxosWorld(seed: seed, replicas: replicas, bug: bug)
        world.step(2500)
        if world.run.failure == nil { world.calm() }
        if world.run.failure != nil { return }
      }
    }
    Issue.record("\(bug.rawValue) was not caught")
  }
}
