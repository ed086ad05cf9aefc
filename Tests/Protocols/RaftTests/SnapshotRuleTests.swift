import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import Raft

@Suite("What a follower does with a snapshot of another")
struct SnapshotRuleTests {
  @Test(
    "One that is older than what is committed is not installed, or what was acknowledged is lost",
    arguments: [nil, SnapshotBug.installOlder])
  func older(bug: SnapshotBug?) {
    var options = raftOptions(preVote: false, checkQuorum: false)
    options.snapshots.bug = bug
    var cluster = Cluster(3, options)
    cluster.elect(0)
    cluster.only(0, 1)
    cluster.propose(7, at: 0)
    cluster.run()
    cluster.heartbeat(from: 0)
    #expect(cluster.updates(1) == [7])
    // The no-op with which the term began.
    let old = SnapshotReference(index: LogIndex(1), epoch: cluster.core(0).currentTerm)
    var isInstalled = false
    cluster.perform(at: ReplicaID(1)) { core, now, effects in
      isInstalled = core.install(old, from: ReplicaID(0), at: now, into: &effects)
    }
    #expect(isInstalled == (bug != nil))
    // What a host does with its own state then.
    if isInstalled { cluster.nodes[1].committedCount = old.index.rawValue }
    cluster.crash(ReplicaID(0))
    cluster.heal()
    cluster.elect(2)
    // Replica 2 never had the update.
    #expect((cluster.core(2).role == .leader) == isInstalled)
  }

  @Test("A crash in the middle of a checkpoint costs no entry that was durable before")
  func tornCheckpoints() {
    let entries = (1...9 as ClosedRange<UInt64>).map {
      RaftReplica.Entry(term: $0 < 5 ? 1 : 2, batch: batch($0))
    }
    let (recordCount, losses) = tornCheckpoint(
      behind: [.vote(term: 2, votedFor: ReplicaID(1)), .append(at: LogIndex(1), entries)],
      at: LogIndex(2)
    ) {
      RaftReplica(
        id: ReplicaID(0), membership: Membership(replicas: 3),
        options: raftOptions(messageByteLimit: 64))
    }
    #expect(recordCount > 4 && losses == [])
  }
}
