import ProtocolTesting
import Primitives
import Replication
import SteppedCluster
import Testing

@testable import Raft

/// A cluster under a scheduler that delivers in any order, loses, duplicates, crashes and fires
/// timers as a seed tells it, and that watches the properties of figure 3 of the paper after every
/// step.
struct RandomSchedule {
  private(set) var cluster: Cluster
  private var random: RandomStream
  private(set) var witness = CommitWitness()
  /// What was seen to be wrong first.
  private(set) var failure: String?
  private(set) var leaderCount = 0
  private var leaderOfTerm: [RaftReplica.Term: Int] = [:]
  private var nextUpdate: UInt64 = 1
  /// Per ticket: what was committed anywhere when the read was asked for.
  private var committedAtRequest: [Int] = []
  private var isTicketClosed: [Bool] = []
  private(set) var readCount = 0
  /// Cut off from all others for a while.
  private var isolated: Int?
  private var notedCommits: [Int]
  private var count: Int { cluster.nodes.count }

  init(seed: UInt64, replicas: Int, _ options: RaftReplica.Options) {
    cluster = Cluster(replicas, options)
    random = RandomStream(seed: seed)
    notedCommits = Array(repeating: 0, count: replicas)
    cluster.elect(ReplicaID(random.below(replicas)))
  }

  mutating func run(steps: Int) {
    for step in 0..<steps where failure == nil {
      check(act(), afterStep: step)
    }
    if failure == nil { checkLogMatching() }
  }

  /// Lets something happen to one replica and says to which.
  private mutating func act() -> Int {
    let replica = random.below(count)
    let id = ReplicaID(replica)
    switch random.below(1000) {
    case ..<780: return deliverAny() ?? replica
    case ..<850:
      cluster.handle(.requested(batch(nextUpdate)), at: id)
      nextUpdate += 1
    case ..<870:
      let ticket = ReadTicket(UInt64(committedAtRequest.count))
      committedAtRequest.append(witness.batches.count)
      isTicketClosed.append(false)
      cluster.handle(.readRequested(ticket), at: id)
    case ..<960: cluster.fire(.heartbeat, at: id)
    case ..<970: cluster.fire(.election, at: id)
    case ..<974: isolated = isolated == nil ? replica : nil
    case ..<994:
      if cluster.nodes[replica].holdsDisk {
        cluster.releaseDisk(id)
      } else {
        cluster.nodes[replica].holdsDisk = random.chance(0.3)
      }
    default:
      if cluster.nodes[replica].isUp {
        cluster.crash(id)
      } else {
        notedCommits[replica] = 0
        cluster.restart(id)
      }
    }
    return replica
  }

  private mutating func deliverAny() -> Int? {
    guard !cluster.inFlight.isEmpty else { return nil }
    // Mostly near the front, so that the schedule is not only chaos.
    let span = random.chance(0.7) ? min(4, cluster.inFlight.count) : cluster.inFlight.count
    let envelope = cluster.inFlight.remove(at: random.below(span))
    let isLocal = envelope.from == envelope.to
    if !isLocal, random.chance(0.05) { return nil }
    if !isLocal, envelope.from.index == isolated || envelope.to.index == isolated { return nil }
    if !isLocal, random.chance(0.05) { cluster.inFlight.append(envelope) }
    cluster.handle(.received(envelope.message, from: envelope.from), at: envelope.to)
    return envelope.to.index
  }

  private mutating func check(_ replica: Int, afterStep step: Int) {
    guard cluster.nodes[replica].isUp else { return }
    let core = cluster.core(ReplicaID(replica))
    if let violation = core.invariantViolation() {
      failure = "step \(step), replica \(replica): \(violation)"
    }
    if core.role == .leader {
      let known = leaderOfTerm[core.currentTerm]
      if known == nil { leaderCount += 1 }
      if let known, known != replica {
        failure = "step \(step): \(known) and \(replica) lead term \(core.currentTerm)"
      }
      leaderOfTerm[core.currentTerm] = replica
    }
    if cluster.nodes[replica].commits.count > notedCommits[replica] {
      witness.note(cluster.nodes[replica].commits[notedCommits[replica]...])
      notedCommits[replica] = cluster.nodes[replica].commits.count
    }
    checkReads(replica, step)
    if let index = witness.disagreement {
      failure = "step \(step): replicas disagree on entry \(index)"
    }
  }

  /// A read sees all that was committed when it was asked for, and is answered once.
  private mutating func checkReads(_ replica: Int, _ step: Int) {
    let node = cluster.nodes[replica]
    guard !node.reads.isEmpty || !node.refusedReads.isEmpty else { return }
    for ticket in node.reads {
      readCount += 1
      if node.committedCount < committedAtRequest[Int(ticket.rawValue)] {
        failure = "step \(step): replica \(replica) served a stale read"
      }
    }
    for ticket in node.reads + node.refusedReads.map(\.refused) {
      if isTicketClosed[Int(ticket.rawValue)] { failure = "step \(step): a read answered twice" }
      isTicketClosed[Int(ticket.rawValue)] = true
    }
    cluster.nodes[replica].reads = []
    cluster.nodes[replica].refusedReads = []
  }

  /// If two logs hold an entry with the same index and term, they are the same up to it (§5.3).
  private mutating func checkLogMatching() {
    for a in 0..<count {
      for b in 0..<a {
        let (left, right) = (cluster.nodes[a].core.log, cluster.nodes[b].core.log)
        var index = min(left.lastIndex, right.lastIndex)
        while index > .zero, left.term(at: index) != right.term(at: index) {
          index = index.previous
        }
        while index > .zero {
          if left[index] != right[index] { failure = "logs of \(a) and \(b) differ at \(index)" }
          index = index.previous
        }
      }
    }
  }

  /// Restarts what is down, ends all faults, lets one replica at a time stand for election and
  /// proposes one more update.
  mutating func heal() {
    for replica in 0..<count {
      if !cluster.nodes[replica].isUp {
        notedCommits[replica] = 0
        cluster.restart(ReplicaID(replica))
      }
      cluster.releaseDisk(ReplicaID(replica))
    }
    cluster.run()
    // Heartbeats may depose the leader: a replica that is ahead in terms answers with its own.
    for attempt in 0..<8 * count {
      if leader == nil { cluster.elect(ReplicaID(attempt % count)) }
      for replica in 0..<count { cluster.heartbeat(from: ReplicaID(replica)) }
    }
    guard let leader else { return }
    cluster.propose(nextUpdate, at: ReplicaID(leader))
    cluster.run()
    cluster.heartbeat(from: ReplicaID(leader))
    for replica in 0..<count { check(replica, afterStep: -1) }
  }

  var leader: Int? { cluster.nodes.firstIndex { $0.core.role == .leader } }
  var lastProposed: Batch { batch(nextUpdate) }
}

@Suite("Random schedules")
struct RandomScheduleTests {
  @Test(
    "Under loss, reordering, duplication and crashes replicas agree, and get on when it is over",
    arguments: 1...60 as ClosedRange<UInt64>)
  func agreement(seed: UInt64) {
    let options = raftOptions(
      preVote: seed % 2 == 0, checkQuorum: seed % 3 != 0, inFlightLimit: 1 + Int(seed % 5))
    var schedule = RandomSchedule(seed: seed, replicas: seed % 4 == 0 ? 5 : 3, options)
    schedule.run(steps: 3000)
    #expect(schedule.failure == nil, "seed \(seed)")
    let committedCount = schedule.witness.batches.count
    schedule.heal()
    #expect(schedule.failure == nil, "seed \(seed), healed")
    #expect(schedule.witness.batches.count > committedCount, "seed \(seed)")
    #expect(schedule.witness.batches.last == schedule.lastProposed, "seed \(seed)")
    for node in schedule.cluster.nodes {
      #expect(node.core.commitIndex == node.core.log.lastIndex, "seed \(seed)")
      #expect(node.core.commitIndex.rawValue == schedule.witness.batches.count, "seed \(seed)")
    }
  }

  @Test("The schedules are kind enough to elect leaders, commit updates and serve reads")
  func progress() {
    var leaderCount = 0
    var updateCount = 0
    var readCount = 0
    for seed in 1...10 as ClosedRange<UInt64> {
      var schedule = RandomSchedule(seed: seed, replicas: 3, raftOptions())
      schedule.run(steps: 3000)
      leaderCount += schedule.leaderCount
      readCount += schedule.readCount
      updateCount += schedule.witness.batches.count { !$0.isNoop }
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
    let isCaught = (1...1000 as ClosedRange<UInt64>).contains { seed in
      var schedule = RandomSchedule(
        seed: seed, replicas: seed % 2 == 0 ? 5 : 3,
        raftOptions(bug: bug, preVote: false, checkQuorum: false))
      schedule.run(steps: 3000)
      return schedule.failure != nil
    }
    #expect(isCaught)
  }
}
