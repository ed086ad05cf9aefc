import Primitives
import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import Raft

/// A cluster of Raft replicas under random schedules, in which the properties of figure 3 of the
/// paper are watched after every step.
struct RaftWorld: RandomWorld {
  static let weights: [(share: Int, act: RandomAct<RaftReplica.Timer, Never>)] = [
    (780, .deliver), (70, .propose), (20, .read), (90, .fire(.heartbeat)), (10, .fire(.election)),
    (4, .isolate), (6, .slowDisk), (20, .releaseDisk), (4, .crash), (4, .restart),
  ]
  // Mostly near the front, so that the schedule is not only chaos.
  static let network = RandomNetwork(window: 4, overtaking: 0.3, loss: 0.05, duplication: 0.05)
  static let readsSeeCommitted = true

  var run: RandomRun<RaftReplica>
  private(set) var leaderCount = 0
  private var leaderOfTerm: [RaftReplica.Term: ReplicaID] = [:]

  init(seed: UInt64, replicas: Int, _ options: RaftReplica.Options) {
    run = RandomRun(Cluster(replicas, options), seed: seed)
    let first = run.anyone()
    run.cluster.elect(first)
  }

  /// One leader per term (Election Safety).
  mutating func inspect(_ id: ReplicaID) {
    guard run.cluster.isUp(id), run.cluster.core(id).role == .leader else { return }
    let term = run.cluster.core(id).currentTerm
    if let known = leaderOfTerm[term] {
      if known != id { run.fail("\(known) and \(id) lead term \(term)") }
    } else {
      leaderCount += 1
      leaderOfTerm[term] = id
    }
  }

  /// If two logs hold an entry with the same index and term, they are the same up to it (§5.3).
  mutating func inspectLogs() {
    for (left, right) in zip(run.cluster.nodes, run.cluster.nodes.dropFirst()) {
      let (left, right) = (left.core.log, right.core.log)
      var index = min(left.lastIndex, right.lastIndex)
      while index > .zero, left.term(at: index) != right.term(at: index) { index = index.previous }
      while index > .zero {
        if left[index] != right[index] { run.fail("two logs differ at \(index)") }
        index = index.previous
      }
    }
  }

  /// Ends all faults, lets one replica at a time stand for election and proposes one more update.
  mutating func heal() {
    run.endFaults()
    let replicas = run.cluster.membership.replicas
    // Heartbeats may depose the leader: a replica that is ahead in terms answers with its own.
    for attempt in 0..<8 * replicas.count {
      if leader == nil { run.cluster.elect(replicas[attempt % replicas.count]) }
      for id in replicas { run.cluster.heartbeat(from: id) }
    }
    guard let leader else { return }
    run.propose(at: leader)
    run.cluster.run()
    run.cluster.heartbeat(from: leader)
    look(at: nil)
  }

  private var leader: ReplicaID? {
    run.cluster.membership.replicas.first { run.cluster.core($0).role == .leader }
  }
}

@Suite("Random schedules")
struct RandomScheduleTests {
  @Test(
    "Under loss, reordering, duplication and crashes replicas agree, and progress afterwards",
    arguments: 1...60 as ClosedRange<UInt64>)
  func agreement(seed: UInt64) {
    let options = raftOptions(
      preVote: seed % 2 == 0, checkQuorum: seed % 3 != 0, inFlightLimit: 1 + Int(seed % 5))
    var world = RaftWorld(seed: seed, replicas: seed % 4 == 0 ? 5 : 3, options)
    world.step(3000)
    world.inspectLogs()
    #expect(world.run.failure == nil, "seed \(seed)")
    let committedCount = world.run.witness.batches.count
    world.heal()
    let batches = world.run.witness.batches
    #expect(world.run.failure == nil, "seed \(seed), healed")
    #expect(batches.count > committedCount, "seed \(seed)")
    #expect(batches.last == batch(world.run.lastProposed), "seed \(seed)")
    for node in world.run.cluster.nodes {
      #expect(node.core.commitIndex == node.core.log.lastIndex, "seed \(seed)")
      #expect(node.core.commitIndex.rawValue == batches.count, "seed \(seed)")
    }
  }

  @Test("The schedules elect leaders, commit updates and serve reads")
  func progress() {
    var leaderCount = 0
    var updateCount = 0
    var readCount = 0
    for seed in 1...10 as ClosedRange<UInt64> {
      var world = RaftWorld(seed: seed, replicas: 3, raftOptions())
      world.step(3000)
      leaderCount += world.leaderCount
      readCount += world.run.readCount
      updateCount += world.run.witness.batches.count { !$0.isNoop }
    }
    #expect(leaderCount >= 20)
    #expect(updateCount >= 100)
    #expect(readCount >= 30)
  }

  /// The other four need rarer coincidences, which `PaperTests` bring about step by step.
  @Test(
    "The schedules are harsh enough to catch mistakes",
    arguments: [
      RaftReplica.Bug.alwaysTruncate, .skipLogCheck, .longestLogWins, .ackEarly,
      .leaderCountsBeforeSync, .matchFromNextIndex, .commitPastMatch, .readBeforeOwnCommit,
      .readWithoutQuorum,
    ])
  func catches(bug: RaftReplica.Bug) {
    let seed = (1...1000 as ClosedRange<UInt64>).first { seed in
      var world = RaftWorld(
        seed: seed, replicas: seed % 2 == 0 ? 5 : 3,
        raftOptions(bug: bug, preVote: false, checkQuorum: false))
      world.step(3000)
      return world.run.failure != nil
    }
    #expect(seed != nil)
  }
}
