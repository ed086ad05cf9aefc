import SteppedCluster
import ProtocolTesting
import Replication
import Testing
import ViewService

@testable import PrimaryBackup

@Suite struct ViewChangeTests {
  @Test("A view is established when all members hold what its primary began with")
  func establishing() {
    var cluster = Cluster()
    cluster.begin(1, [0, 1, 2])
    #expect(cluster.core(0).report == Report(view: 1, isEstablished: true))
    cluster.propose(5, at: 0)
    cluster.run()
    cluster.nodes[2].holdsDisk = true
    cluster.begin(2, [1, 2])
    #expect(!cluster.core(1).report.isEstablished)
    cluster.releaseDisk(ReplicaID(2))
    cluster.run()
    #expect(cluster.core(1).report.isEstablished)
    #expect(cluster.updates(1) == [5])
    #expect(cluster.nodes[1].commits.allSatisfy { !$0.answering })
  }

  @Test(
    "A new primary brings all members to its own state; unless it does, an answered update is lost",
    arguments: [nil, PrimaryBackupReplica.Bug.skipSync])
  func synchronisation(bug: PrimaryBackupReplica.Bug?) {
    var cluster = Cluster(bug: bug)
    cluster.begin(1, [0, 1, 2])
    cluster.isolate(2)
    cluster.propose(5, at: 0)
    cluster.run()
    cluster.begin(2, [1, 2], to: [1])
    // Replica 2 has nothing yet. With the mistake, view 2 counts as established all the same.
    let answered = cluster.updates(1)
    #expect(answered == (bug == nil ? [] : [5]))
    #expect(cluster.core(1).report.isEstablished == (bug != nil))
    cluster.crash(ReplicaID(1))
    cluster.heal()
    cluster.begin(3, [2])
    cluster.propose(6, at: 2)
    cluster.run()
    #expect(cluster.updates(2).starts(with: answered) == (bug == nil))
  }

  @Test("Entries that the primary lacks are replaced, also on the disk")
  func divergence() {
    var cluster = Cluster()
    cluster.begin(1, [0, 1, 2])
    cluster.propose(1, at: 0)
    cluster.run()
    cluster.delivers = { $0.to != ReplicaID(1) }
    for value in 2...4 { cluster.propose(UInt64(value), at: 0) }
    cluster.run()
    #expect(cluster.core(2).log.lastIndex == LogIndex(4))
    cluster.heal()
    cluster.crash(ReplicaID(0))
    cluster.begin(2, [1, 2])
    cluster.propose(7, at: 1)
    cluster.run()
    cluster.beat(1)
    #expect(cluster.updates(1) == [1, 7])
    #expect(cluster.updates(2) == [1, 7])
    #expect(cluster.core(2).log.lastIndex == LogIndex(2))
    cluster.crash(ReplicaID(2))
    cluster.restart(ReplicaID(2))
    #expect(cluster.core(2).log.runs == cluster.core(1).log.runs)
  }

  @Test(
    "A replica refuses a replaced primary, which then stops; accepted, it splits the history",
    arguments: [nil, PrimaryBackupReplica.Bug.acceptAnyView])
  func oldPrimary(bug: PrimaryBackupReplica.Bug?) {
    var cluster = Cluster(replicas: 2, bug: bug)
    cluster.begin(1, [0, 1])
    cluster.begin(2, [1], to: [1])
    cluster.propose(5, at: 1)
    cluster.run()
    cluster.propose(6, at: 0)
    cluster.run()
    #expect(cluster.updates(1) == [5])
    if bug == nil {
      #expect(cluster.updates(0).isEmpty)
      #expect(cluster.core(0).status.role == "deposed")
      cluster.propose(7, at: 0)
      #expect(cluster.nodes[0].refusedBatches.count == 1)
    } else {
      #expect(cluster.updates(0) == [6])
      #expect(cluster.core(1).invariantViolation() != nil)
    }
  }

  @Test("Messages of a view that is not known yet wait for the authority")
  func laterView() {
    var cluster = Cluster(replicas: 2)
    cluster.begin(1, [0, 1])
    cluster.begin(2, [0, 1], to: [0])
    cluster.propose(5, at: 0)
    cluster.run()
    #expect(cluster.core(1).log.lastIndex == .zero)
    cluster.begin(2, [0, 1], to: [1])
    #expect(cluster.updates(0) == [5])
  }

  @Test(
    "Reads wait until it is known what was acknowledged; answered at once, they are stale",
    arguments: [nil, PrimaryBackupReplica.Bug.readUnestablished])
  func readsOfNewPrimary(bug: PrimaryBackupReplica.Bug?) {
    var cluster = Cluster(bug: bug)
    cluster.begin(1, [0, 1, 2])
    cluster.propose(5, at: 0)
    cluster.run()
    // Answered at replica 0; replica 1 has it, but does not know that it is committed.
    #expect(cluster.updates(0) == [5])
    cluster.announce(2, [1, 2], to: [1])
    cluster.handle(.readRequested(ReadTicket(1)), at: ReplicaID(1))
    #expect(cluster.nodes[1].reads.isEmpty == (bug == nil))
    #expect(cluster.updates(1).isEmpty)
    cluster.run()
    cluster.begin(2, [1, 2], to: [2])
    #expect(cluster.updates(1) == [5])
    #expect(cluster.nodes[1].reads == [ReadTicket(1)])
  }

  @Test("Reads that wait are refused when the primary is replaced")
  func waitingReads() {
    var cluster = Cluster()
    cluster.announce(1, [0, 1], to: [0])
    cluster.handle(.readRequested(ReadTicket(1)), at: ReplicaID(0))
    #expect(cluster.nodes[0].reads.isEmpty)
    cluster.begin(2, [1, 0], to: [0])
    #expect(cluster.nodes[0].refusedReads.map(\.refused) == [ReadTicket(1)])
    #expect(cluster.nodes[0].refusedReads.first?.redirect == ReplicaID(1))
  }

  @Test("A joiner is fed the log and becomes a member; nothing waits for it before")
  func joiner() {
    var cluster = Cluster(inFlightBytes: 4 * entryBytes)
    cluster.begin(1, [0, 1])
    for value in 1...20 { cluster.propose(UInt64(value), at: 0) }
    cluster.run()
    cluster.isolate(2)
    cluster.begin(2, [0, 1], joiner: 2)
    cluster.propose(21, at: 0)
    cluster.run()
    #expect(cluster.updates(0).count == 21)
    #expect(!cluster.core(0).report.joinerHasCaughtUp)
    cluster.heal()
    cluster.beat(0)
    #expect(cluster.core(0).report.joinerHasCaughtUp)
    #expect(cluster.core(2).log.lastIndex == LogIndex(21))
    cluster.begin(3, [0, 1, 2])
    cluster.propose(22, at: 0)
    cluster.run()
    cluster.beat(0)
    #expect(cluster.updates(2) == Array(1...22))
    cluster.isolate(2)
    cluster.propose(23, at: 0)
    cluster.run()
    #expect(cluster.updates(0).count == 22)
  }

  @Test("A restarted replica is inert until it learns of a view")
  func restart() {
    var cluster = Cluster(replicas: 2)
    cluster.begin(1, [0, 1])
    cluster.propose(5, at: 0)
    cluster.run()
    cluster.crash(ReplicaID(0))
    cluster.restart(ReplicaID(0))
    cluster.propose(6, at: 0)
    #expect(cluster.nodes[0].refusedBatches.count == 1)
    #expect(cluster.core(0).report == Report(view: 0))
    cluster.begin(2, [1, 0])
    cluster.propose(7, at: 1)
    cluster.run()
    cluster.beat(1)
    #expect(cluster.updates(0) == [5, 7])
  }

  @Test("All replicas may restart at once")
  func totalRestart() {
    var cluster = Cluster()
    cluster.begin(1, [0, 1, 2])
    for value in 1...5 { cluster.propose(UInt64(value), at: 0) }
    cluster.run()
    for id in 0..<3 { cluster.crash(ReplicaID(id)) }
    for id in 0..<3 { cluster.restart(ReplicaID(id)) }
    cluster.begin(2, [0, 1, 2])
    #expect(cluster.updates(0) == [1, 2, 3, 4, 5])
    #expect(cluster.nodes[0].commits.allSatisfy { !$0.answering })
  }
}
