import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import ViewstampedReplication

@Suite("Viewstamped replication: state transfer and checkpoints (§5.1, §5.2)")
struct TransferTests {
  private func requests(in cluster: Cluster) -> [ViewstampedReplica.GetState] {
    cluster.inFlight.compactMap {
      if case .getState(let message) = $0.message { message } else { nil }
    }
  }

  @Test("A backup asks for what is missing before a Prepare, once, and for no more than that")
  func gap() {
    var cluster = Cluster(3)
    cluster.propose(1, at: 0)
    cluster.inFlight.removeAll { $0.to == ReplicaID(1) }
    for number in 2...4 as ClosedRange<UInt64> { cluster.propose(number, at: 0) }
    var carried = 0
    var asked: [ViewstampedReplica.GetState] = []
    cluster.delivers = { envelope in
      switch envelope.message {
      case .newState(let page): carried += page.batches.count
      case .getState(let request): asked.append(request)
      default: break
      }
      return true
    }
    cluster.run()
    #expect(asked == [.init(view: 0, op: .zero, through: LogIndex(1))])
    #expect(carried == 1 && cluster.core(1).log.lastOp == LogIndex(4))
    #expect(cluster.committed(0).count == 4)
  }

  @Test("A Commit shows a backup that the last Prepare was lost")
  func heartbeat() {
    var cluster = Cluster(3)
    cluster.propose(1, at: 0)
    cluster.inFlight.removeAll { $0.from != $0.to }
    cluster.run()
    #expect(cluster.committed(0).isEmpty)
    cluster.heartbeat(from: 0)
    #expect(cluster.committed(0) == [batch(1)])
  }

  @Test("A Commit asks for the PrepareOK that was lost")
  func lostPrepareOK() {
    var cluster = Cluster(3)
    cluster.delivers = { envelope in
      if case .prepareOK = envelope.message { return false }
      return true
    }
    cluster.propose(1, at: 0)
    cluster.run()
    cluster.heal()
    cluster.heartbeat(from: 0)
    #expect(cluster.committed(0) == [batch(1)])
  }

  @Test("A GetState that is lost is sent again in its time, and not sooner")
  func again() {
    var cluster = Cluster(3)
    cluster.propose(1, at: 0)
    cluster.inFlight.removeAll { $0.to == ReplicaID(1) }
    cluster.propose(2, at: 0)
    cluster.delivers = { envelope in
      if case .getState = envelope.message { return false }
      return true
    }
    cluster.run()
    #expect(cluster.core(1).transfer != nil)
    cluster.propose(3, at: 0)
    cluster.heal()
    cluster.run()
    #expect(cluster.core(1).log.lastOp == .zero)
    cluster.fire(.retransmission, at: ReplicaID(1))
    #expect(requests(in: cluster).count == 1)
    cluster.run()
    #expect(cluster.core(1).log.lastOp == LogIndex(3) && cluster.core(1).transfer == nil)
  }

  @Test("Pages are sent as far as they may be on their way, and the last one is answered")
  func pages() {
    var options = vrOptions(messageByteLimit: 1024)
    options.inFlightBytes = 4096
    var cluster = Cluster(3, options)
    cluster.only(0, 2)
    for number in 1...500 as ClosedRange<UInt64> {
      cluster.propose(number, at: 0)
      cluster.run()
    }
    var asked = 0
    var carried = 0
    cluster.delivers = { envelope in
      guard envelope.from.index == 1 || envelope.to.index == 1 else { return true }
      switch envelope.message {
      case .getState: asked += 1
      case .newState(let page): carried += page.batches.count
      case .prepare(let page): carried += page.batches.count
      default: break
      }
      return true
    }
    cluster.heartbeat(from: 0)
    for _ in 1...5 { cluster.heartbeat(from: 0) }
    #expect(cluster.core(1).log.lastOp == LogIndex(500))
    #expect(carried == 500 && asked >= 1)
  }

  @Test("A backup that lacks what has left the log is sent the checkpoint, and goes on behind it")
  func checkpoint() {
    var cluster = Cluster(3)
    cluster.only(0, 2)
    for number in 1...5 as ClosedRange<UInt64> { cluster.propose(number, at: 0) }
    cluster.run()
    var reference = SnapshotReference(index: .zero, epoch: 9)
    cluster.perform(at: ReplicaID(0)) { core, _, effects in
      reference = core.checkpoint(at: LogIndex(4), into: &effects)
      core.snapshotTaken(forgettingThrough: LogIndex(4))
    }
    #expect(reference == SnapshotReference(index: LogIndex(4), epoch: 0))
    cluster.heal()
    let request = ViewstampedReplica.GetState(view: 0, op: .zero, through: LogIndex(5))
    #expect(cluster.deliver(.getState(request), from: 1, to: 0).snapshotRequests == [ReplicaID(1)])
    cluster.heartbeat(from: 0)
    #expect(cluster.core(1).log.lastOp == .zero && cluster.core(1).transfer != nil)
    cluster.nodes[1].committedCount = 4
    cluster.perform(at: ReplicaID(1)) { core, now, effects in
      let isInstalled = core.install(reference, from: ReplicaID(0), at: now, into: &effects)
      #expect(isInstalled)
    }
    cluster.run()
    cluster.heartbeat(from: 0)
    #expect(cluster.core(1).log.lastOp == LogIndex(5) && cluster.core(1).log.base == LogIndex(4))
    #expect(cluster.core(1).commitNumber == LogIndex(5))
    #expect(cluster.core(1).invariantViolation() == nil)
    var effects = Effects<ViewstampedReplica>()
    var core = cluster.core(1)
    let isAgain = core.install(reference, from: ReplicaID(0), at: cluster.now, into: &effects)
    #expect(!isAgain)
  }

  @Test("A checkpoint's records say all that the records before it did")
  func recordsOfCheckpoint() {
    var cluster = Cluster(3)
    cluster.crash(ReplicaID(0))
    cluster.timeOut(1, 2)
    for number in 1...6 as ClosedRange<UInt64> { cluster.propose(number, at: 1) }
    cluster.run()
    var core = cluster.core(1)
    var effects = Effects<ViewstampedReplica>()
    _ = core.checkpoint(at: LogIndex(4), into: &effects)
    var fresh = ViewstampedReplica(
      id: ReplicaID(1), membership: cluster.membership, options: cluster.options)
    for record in effects.records { fresh.recover(record) }
    core.snapshotTaken(forgettingThrough: LogIndex(4))
    #expect(fresh.durableState.difference(from: core.durableState) == nil)
    #expect(fresh.viewNumber == 1 && fresh.lastNormalView == 1 && fresh.starts == 1)
  }
}
