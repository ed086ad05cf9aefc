import Primitives
import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import ViewstampedReplication

/// A cluster under a scheduler that delivers in any order, loses, duplicates, crashes and fires
/// timers as a seed tells it, and that watches what must hold after every step.
struct RandomSchedule {
  private(set) var cluster: Cluster
  private var random: RandomStream
  private(set) var witness = CommitWitness()
  /// What was seen to be wrong first.
  private(set) var failure: String?
  private(set) var primaryOfView: [UInt64: Int] = [:]
  private var nextUpdate: UInt64 = 1
  private var committedAtRequest: [Int] = []
  private(set) var readCount = 0
  private(set) var recoveryCount = 0
  private var isolated: Int?
  private var count: Int { cluster.nodes.count }

  init(seed: UInt64, replicas: Int, _ options: Options) {
    cluster = Cluster(replicas, options)
    random = RandomStream(seed: seed)
  }

  mutating func run(steps: Int) {
    for step in 0..<steps where failure == nil { check(act(), step) }
  }

  private mutating func act() -> Int {
    let replica = random.below(count)
    let id = ReplicaID(replica)
    if random.chance(0.1) { cluster.now = cluster.now + .milliseconds(Int64(random.below(40))) }
    switch random.below(1000) {
    case ..<780: return deliverAny() ?? replica
    case ..<850:
      cluster.handle(.requested(batch(nextUpdate)), at: id)
      nextUpdate += 1
    case ..<870:
      committedAtRequest.append(witness.batches.count)
      cluster.handle(
        .readRequested(ReadTicket(UInt64(committedAtRequest.count - 1))), at: id)
    case ..<930: cluster.fire(.commit, at: id)
    case ..<960: cluster.fire(.retransmission, at: id)
    case ..<970: cluster.fire(.viewChange, at: id)
    case ..<974: isolated = isolated == nil ? replica : nil
    case ..<994:
      if cluster.nodes[replica].holdsDisk {
        cluster.releaseDisk(id)
      } else {
        cluster.nodes[replica].holdsDisk = random.chance(0.3)
      }
    default: crashOrRestart(replica)
    }
    return replica
  }

  /// Without logs on disks, no more than f replicas are ever away, or recovering.
  private mutating func crashOrRestart(_ replica: Int) {
    let id = ReplicaID(replica)
    guard cluster.nodes[replica].isUp else { return cluster.restart(id) }
    let away = cluster.nodes.count { !$0.isUp || $0.core.state == .recovering }
    let mayCrash =
      cluster.options.recovery == .disk || away < (count - 1) / 2
      || cluster.core(replica).state == .recovering
    if mayCrash { cluster.crash(id) }
  }

  private mutating func deliverAny() -> Int? {
    guard !cluster.inFlight.isEmpty else { return nil }
    let span = random.chance(0.7) ? min(4, cluster.inFlight.count) : cluster.inFlight.count
    let envelope = cluster.inFlight.remove(at: random.below(span))
    let isLocal = envelope.from == envelope.to
    if !isLocal, random.chance(0.05) { return nil }
    if !isLocal, envelope.from.index == isolated || envelope.to.index == isolated { return nil }
    if !isLocal, random.chance(0.05) { cluster.inFlight.append(envelope) }
    let wasRecovering = cluster.core(envelope.to.index).state == .recovering
    cluster.handle(.received(envelope.message, from: envelope.from), at: envelope.to)
    if wasRecovering, cluster.core(envelope.to.index).state == .normal { recoveryCount += 1 }
    return envelope.to.index
  }

  private mutating func check(_ replica: Int, _ step: Int) {
    guard cluster.nodes[replica].isUp else { return }
    let core = cluster.core(replica)
    if let violation = core.invariantViolation() {
      failure = "step \(step), replica \(replica): \(violation)"
    }
    if core.primacy != nil { primaryOfView[core.viewNumber] = replica }
    witness.note(cluster)
    if let op = witness.disagreement {
      failure = "step \(step): replicas disagree on operation \(op)"
    }
    for ticket in cluster.nodes[replica].reads {
      readCount += 1
      if cluster.nodes[replica].committedCount < committedAtRequest[Int(ticket.rawValue)] {
        failure = "step \(step): replica \(replica) served a stale read"
      }
    }
    cluster.nodes[replica].reads = []
  }

  /// Ends all faults, lets time pass and asks for one more update.
  mutating func heal() {
    isolated = nil
    for replica in 0..<count {
      if !cluster.nodes[replica].isUp { cluster.restart(ReplicaID(replica)) }
      cluster.releaseDisk(ReplicaID(replica))
    }
    cluster.run()
    for _ in 0..<400 {
      cluster.fireNextTimer()
      cluster.run()
    }
    guard let primary = cluster.primaries.last else { return }
    cluster.propose(nextUpdate, at: primary)
    cluster.run()
    cluster.heartbeat(from: primary)
    for replica in 0..<count { check(replica, -1) }
  }

  var lastProposed: Batch { batch(nextUpdate) }
}

@Suite("Viewstamped replication: random schedules")
struct RandomScheduleTests {
  private static func options(_ seed: UInt64, _ recovery: Options.Recovery) -> Options {
    vrOptions(
      sticky: seed % 2 == 0, recovery: recovery, inFlightLimit: 1 + Int(seed % 5),
      messageByteLimit: seed % 3 == 0 ? 1024 : 1 << 20)
  }

  @Test(
    "Under loss, reordering, duplication and crashes replicas agree, and get on when it is over",
    arguments: [Options.Recovery.disk, .replicas])
  func agreement(recovery: Options.Recovery) {
    for seed in 1...60 as ClosedRange<UInt64> {
      var schedule = RandomSchedule(
        seed: seed, replicas: seed % 4 == 0 ? 5 : 3, Self.options(seed, recovery))
      schedule.run(steps: 3000)
      #expect(schedule.failure == nil, "seed \(seed)")
      let committedCount = schedule.witness.batches.count
      schedule.heal()
      #expect(schedule.failure == nil, "seed \(seed), healed")
      #expect(schedule.witness.batches.count > committedCount, "seed \(seed)")
      #expect(schedule.witness.batches.last == schedule.lastProposed, "seed \(seed)")
      for node in schedule.cluster.nodes {
        #expect(node.core.commitNumber == node.core.log.lastOp, "seed \(seed)")
        #expect(node.core.commitNumber.rawValue == schedule.witness.batches.count, "seed \(seed)")
      }
    }
  }

  @Test("The schedules are kind enough to change views, commit, read and recover")
  func progress() {
    var viewCount = 0
    var updateCount = 0
    var readCount = 0
    var recoveryCount = 0
    for seed in 1...20 as ClosedRange<UInt64> {
      var schedule = RandomSchedule(
        seed: seed, replicas: 3, Self.options(seed, seed % 4 < 2 ? .disk : .replicas))
      schedule.run(steps: 3000)
      viewCount += schedule.primaryOfView.count
      updateCount += schedule.witness.batches.count
      readCount += schedule.readCount
      recoveryCount += schedule.recoveryCount
    }
    #expect(viewCount >= 40)
    #expect(updateCount >= 200)
    #expect(readCount >= 60)
    #expect(recoveryCount >= 5)
  }

  @Test(
    "The schedules are harsh enough to catch mistakes",
    arguments: [
      ViewstampedReplica.Bug.prepareOKBeforeDurable, .primaryCountsBeforeSync, .answerBeforeCommit,
      .startWithoutQuorum, .volatileLastNormal, .keepTail, .primaryResumes,
      .readWithoutQuorum, .readBeforeViewCommit, .forgetfulReplica, .longestLogWins, .volatileView,
    ])
  func catches(bug: ViewstampedReplica.Bug) {
    let recovery: Options.Recovery = bug == .forgetfulReplica ? .replicas : .disk
    let isCaught = (1...400 as ClosedRange<UInt64>).contains { seed in
      var schedule = RandomSchedule(
        seed: seed, replicas: seed % 2 == 0 ? 5 : 3,
        vrOptions(bug: bug, sticky: seed % 3 == 0, recovery: recovery))
      schedule.run(steps: 2000)
      return schedule.failure != nil
    }
    #expect(isCaught)
  }
}
