import InProcess
import Replication
import Testing

@testable import Raft

@Suite("Log replication (§5.3)")
struct LogReplicationTests {
  @Test("Every replica commits what the leader proposes, in its order", arguments: [1, 2, 3, 5])
  func happyPath(count: Int) {
    var cluster = Cluster(count)
    cluster.elect(0)
    #expect(cluster.core(0).status.role == "leader")
    for number in 1...10 { cluster.propose(UInt64(number), at: 0) }
    cluster.run()
    cluster.heartbeat(from: 0)
    for replica in 0..<count {
      #expect(cluster.committed(replica) == (1...10).map { update($0) })
      #expect(cluster.core(replica).invariantViolation() == nil)
    }
  }
}
