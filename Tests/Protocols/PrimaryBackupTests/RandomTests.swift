import Primitives
import Raft
import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import PrimaryBackup
@testable import ViewService

/// A cluster of primary-backup with its authority under random schedules.
private struct PrimaryBackupWorld: RandomWorld {
  enum Own { case cut }

  static let weights: [(share: Int, act: RandomAct<SupervisedPrimaryBackup.Timer, Own>)] = [
    (670, .deliver), (210, .fire(.tick)), (10, .fire(.consensus(.heartbeat))),
    (10, .fire(.replica(.resend))), (4, .fire(.consensus(.election))), (46, .propose),
    (40, .read), (3, .crash), (10, .restart), (10, .own(.cut)),
  ]
  // Messages of an old primary have to overtake those of the new one now and then.
  static let network = RandomNetwork(window: 8, overtaking: 0.3, loss: 0.01, duplication: 0.05)

  var run: RandomRun<SupervisedPrimaryBackup>
  /// Rare cuts last long enough for the authority to remove a replica.
  private let cutChance: Double
  /// By view: who answered in it, and how many commits of each replica were looked at.
  private var answerers: [UInt64: ReplicaID] = [:]
  private var checked: [Int]

  init(seed: UInt64, bug: PrimaryBackupReplica.Bug?) {
    run = RandomRun(SupervisedCluster(replicas: 3, bug: bug), seed: seed)
    cutChance = seed.isMultiple(of: 2) ? 1 : 0.3
    checked = Array(repeating: 0, count: run.cluster.nodes.count)
    look(at: nil)
  }

  /// Separates a replica from the authority, from the other replicas, from both, or ends that.
  mutating func perform(_ act: Own) {
    guard run.random.chance(cutChance) else { return }
    let membership = run.cluster.membership
    let id = membership.replicas[run.random.below(membership.replicas.count)]
    let others = [
      [], [], membership.authority, membership.authority, membership.replicas,
      membership.replicas + membership.authority,
    ][run.random.below(6)]
    run.cluster.delivers = {
      !($0.from == id && others.contains($0.to) || $0.to == id && others.contains($0.from))
    }
  }

  /// Only one replica answers in a view.
  mutating func inspect(_ id: ReplicaID) {
    let node = run.cluster.nodes[id.index]
    if checked[id.index] > node.commits.count { checked[id.index] = 0 }
    for commit in node.commits[checked[id.index]...] where commit.answering {
      let view = node.core.replica?.log[commit.index].view ?? 0
      if let other = answerers[view], other != id {
        run.fail("\(other) and \(id) both answer in view \(view)")
      }
      answerers[view] = id
    }
    checked[id.index] = node.commits.count
  }

  /// Ends all faults and asks for one more update.
  mutating func heal() -> Bool {
    run.endFaults()
    guard run.cluster.settle(), let primary = run.cluster.primary else { return false }
    run.propose(at: primary)
    run.cluster.run()
    run.cluster.tick(beats)
    run.cluster.tick(beats)
    look(at: nil)
    return run.cluster.membership.replicas.allSatisfy {
      run.cluster.updates($0).last == run.lastProposed
    }
  }
}

@Suite struct RandomTests {
  @Test(
    "Whatever is lost, doubled, reordered or restarted: one history, fresh reads, and progress",
    arguments: 1...40 as ClosedRange<UInt64>)
  func sweep(seed: UInt64) {
    var world = PrimaryBackupWorld(seed: seed, bug: nil)
    world.step(1500)
    #expect(world.run.failure == nil, "seed \(seed)")
    let isHealed = world.heal()
    #expect(isHealed, "seed \(seed) does not come to an end")
    #expect(world.run.failure == nil, "seed \(seed) after healing")
    #expect(world.run.answeredThrough > 0)
  }

  @Test(
    "The sweep finds what a mistake breaks",
    arguments: PrimaryBackupReplica.Bug.allCases.filter { $0 != .continueWithoutBackup })
  func mistakes(bug: PrimaryBackupReplica.Bug) {
    let seed = (1...300 as ClosedRange<UInt64>).first { seed in
      var world = PrimaryBackupWorld(seed: seed, bug: bug)
      world.step(1500)
      if world.run.failure == nil { _ = world.heal() }
      return world.run.failure != nil
    }
    #expect(seed != nil)
  }

  @Test("A cluster without faults answers every read and update")
  func quiet() {
    var world = PrimaryBackupWorld(seed: 1, bug: nil)
    #expect(world.run.cluster.primary == a)
    for _ in 1...50 { world.run.propose(at: a) }
    world.run.read(at: a, seesCommitted: false)
    world.run.cluster.run()
    world.look(at: nil)
    #expect(world.run.answeredThrough == 50)
    #expect(world.run.readCount == 1)
  }
}
