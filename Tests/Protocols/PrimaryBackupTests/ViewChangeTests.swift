import SteppedCluster
import ProtocolTesting
import Replication
import Testing
import ViewService

@testable import PrimaryBackup

@Suite struct ViewChangeTests {

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
