import Primitives
import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import ViewstampedReplication

/// A cluster of replicas under random schedules.
struct ViewstampedWorld: RandomWorld {
  enum Own: Sendable {
    /// A crash that leaves enough replicas that remember.
    case crash
    case timePasses
  }

  static let weights: [(share: Int, act: RandomAct<ViewstampedReplica.Timer, Own>)] = [
    (780, .deliver), (70, .propose), (20, .read), (60, .fire(.commit)),
    (30, .fire(.retransmission)), (10, .fire(.viewChange)), (4, .isolate), (6, .slowDisk),
    (20, .releaseDisk), (6, .own(.crash)), (6, .restart), (110, .own(.timePasses)),
  ]
  // Mostly near the front, so that the schedule is not only chaos.
  static let network = RandomNetwork(window: 4, overtaking: 0.3, loss: 0.05, duplication: 0.05)
  static let readsSeeCommitted = true

  var run: RandomRun<ViewstampedReplica>
  private(set) var viewsLed: Set<ViewstampedReplica.View> = []
  private(set) var recoveryCount = 0
  private var recovering: Set<ReplicaID> = []

  init(seed: UInt64, replicas: Int, _ options: Options) {
    run = RandomRun(Cluster(replicas, options), seed: seed)
  }

  mutating func perform(_ act: Own) {
    switch act {
    case .crash: crash(run.anyone())
    case .timePasses:
      run.cluster.now = run.cluster.now + .milliseconds(Int64(run.random.below(40)))
    }
  }

  /// Without logs on disks, no more than f replicas are ever away, or recovering.
  private mutating func crash(_ id: ReplicaID) {
    let cluster = run.cluster
    let away = cluster.nodes.count { !$0.isUp || $0.core.state == .recovering }
    let mayCrash =
      cluster.options.recovery == .disk || away < (cluster.nodes.count - 1) / 2
      || cluster.core(id).state == .recovering
    if mayCrash { run.crash(id) }
  }

  mutating func inspect(_ id: ReplicaID) {
    let core = run.cluster.core(id)
    guard run.cluster.isUp(id), core.state != .recovering else {
      if run.cluster.isUp(id) { recovering.insert(id) } else { recovering.remove(id) }
      return
    }
    if core.primacy != nil { viewsLed.insert(core.viewNumber) }
    if recovering.remove(id) != nil { recoveryCount += 1 }
  }

  /// Ends all faults, lets time pass and asks for one more update.
  mutating func heal() {
    run.endFaults()
    for _ in 0..<400 {
      run.cluster.fireNextTimer()
      run.cluster.run()
    }
    guard let primary = run.cluster.primaries.last else { return }
    run.propose(at: primary)
    run.cluster.run()
    run.cluster.heartbeat(from: primary)
    look(at: nil)
  }
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
      var world = ViewstampedWorld(
        seed: seed, replicas: seed % 4 == 0 ? 5 : 3, Self.options(seed, recovery))
      world.step(3000)
      #expect(world.run.failure == nil, "seed \(seed)")
      let committedCount = world.run.witness.batches.count
      world.heal()
      let batches = world.run.witness.batches
      #expect(world.run.failure == nil, "seed \(seed), healed")
      #expect(batches.count > committedCount, "seed \(seed)")
      #expect(batches.last == batch(world.run.lastProposed), "seed \(seed)")
      for node in world.run.cluster.nodes {
        #expect(node.core.commitNumber == node.core.log.lastOp, "seed \(seed)")
        #expect(node.core.commitNumber.rawValue == batches.count, "seed \(seed)")
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
      var world = ViewstampedWorld(
        seed: seed, replicas: 3, Self.options(seed, seed % 4 < 2 ? .disk : .replicas))
      world.step(3000)
      viewCount += world.viewsLed.count
      updateCount += world.run.witness.batches.count
      readCount += world.run.readCount
      recoveryCount += world.recoveryCount
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
    let isCaught = (1...2000 as ClosedRange<UInt64>).contains { seed in
      var world = ViewstampedWorld(
        seed: seed, replicas: seed % 2 == 0 ? 5 : 3,
        vrOptions(bug: bug, sticky: seed % 3 == 0, recovery: recovery))
      world.step(2000)
      return world.run.failure != nil
    }
    #expect(isCaught)
  }
}
