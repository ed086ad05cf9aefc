import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import ViewstampedReplication

@Suite("What a backup does with a checkpoint of another")
struct SnapshotRuleTests {
  @Test(
    "One that is older than what is committed is not installed, or what was acknowledged is lost",
    arguments: [nil, SnapshotBug.installOlder])
  func older(bug: SnapshotBug?) {
    var options = vrOptions()
    options.snapshots.bug = bug
    var cluster = Cluster(3, options)
    cluster.only(a, b)
    cluster.propose(7, at: a)
    cluster.propose(8, at: a)
    cluster.run()
    cluster.heartbeat(from: a)
    #expect(cluster.updates(1) == [7, 8])
    var isInstalled = false
    cluster.perform(at: b) { core, now, effects in
      let old = SnapshotReference(index: LogIndex(1), epoch: 0)
      isInstalled = core.install(old, from: a, at: now, into: &effects)
    }
    #expect(isInstalled == (bug != nil))
    // What a host does with its own state then.
    if isInstalled { cluster.nodes[1].committedCount = 1 }
    cluster.crash(a)
    cluster.heal()
    cluster.timeOut(b, c)
    // Replica c never had the operations, so the new view has what b still has.
    #expect(cluster.primaries == [b])
    #expect(cluster.core(b).log.lastOp == LogIndex(isInstalled ? 1 : 2))
  }

  @Test("A crash in the middle of a checkpoint costs no operation that was durable before")
  func tornCheckpoints() {
    let (recordCount, losses) = tornCheckpoint(
      behind: [
        .append(at: LogIndex(1), view: 0, (1...9).map { batch($0) }),
        .view(3, lastNormal: 3),
        // A cut, and an operation that takes the place of another one.
        .append(at: LogIndex(7), view: 3, []),
        .append(at: LogIndex(6), view: 3, (16...19).map { batch($0) }),
      ], at: LogIndex(2)
    ) {
      ViewstampedReplica(
        id: a, membership: Membership(replicas: 3), options: vrOptions(messageByteLimit: 64))
    }
    #expect(recordCount > 4 && losses == [])
  }
}
