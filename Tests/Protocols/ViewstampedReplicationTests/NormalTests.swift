import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import ViewstampedReplication

@Suite("Viewstamped replication: normal operation (§4.1)")
struct NormalTests {
  private func prepares(in cluster: Cluster) -> [ViewstampedReplica.Prepare] {
    cluster.inFlight.compactMap {
      if case .prepare(let message) = $0.message { message } else { nil }
    }
  }

  @Test(
    "View 0 needs no view change: replica 0 leads it, the others follow", arguments: [1, 2, 3, 5])
  func firstView(count: Int) {
    let cluster = Cluster(count)
    #expect(cluster.primaries == [a])
    #expect(cluster.nodes.allSatisfy { $0.core.viewNumber == 0 && $0.core.state == .normal })
  }

  @Test("Prepare, PrepareOK, commit: one round trip, and backups hear of it with the next Prepare")
  func happy() {
    var cluster = Cluster(3)
    cluster.propose(1, at: a)
    #expect(prepares(in: cluster).count == 2)
    cluster.run()
    #expect(cluster.committed(a) == [batch(1)])
    #expect(cluster.nodes[0].commits.allSatisfy { $0.answering })
    #expect(cluster.committed(b).isEmpty)
    cluster.propose(2, at: a)
    cluster.run()
    #expect(cluster.committed(a) == [batch(1), batch(2)])
    #expect(cluster.committed(b) == [batch(1)])
    #expect(cluster.nodes[1].commits.allSatisfy { !$0.answering })
    // Or with a Commit, if there is no next one (step 6).
    cluster.heartbeat(from: a)
    #expect(cluster.committed(b) == [batch(1), batch(2)])
  }

  @Test("Operations are sent ahead of PrepareOK, up to a limit, and the rest when it has room")
  func pipelining() {
    var cluster = Cluster(3, vrOptions(inFlightLimit: 2))
    for number in 1...5 as ClosedRange<UInt64> { cluster.propose(number, at: a) }
    #expect(prepares(in: cluster).map(\.batches.count) == [1, 1, 1, 1])
    cluster.run()
    #expect(cluster.committed(a).count == 5)
    #expect(cluster.core(b).log.lastOp == LogIndex(5) && cluster.core(c).log.lastOp == LogIndex(5))
  }

  @Test("A large operation travels alone, whatever the limits are")
  func largeOperation() {
    var small = vrOptions(messageByteLimit: 1024)
    small.inFlightBytes = 1024
    var cluster = Cluster(3, small)
    let large = Batch(
      (1...200 as ClosedRange<UInt64>).map {
        (id: RequestID(client: ClientID(2), sequence: $0), command: $0)
      })
    cluster.handle(.requested(large), at: a)
    cluster.propose(2, at: a)
    cluster.run()
    #expect(cluster.committed(a) == [large, batch(2)])
  }

  @Test("A repeated Prepare changes nothing but is acknowledged again")
  func repeatedPrepare() {
    var cluster = Cluster(3)
    cluster.propose(1, at: a)
    let copy = cluster.inFlight.first { $0.to == b }!
    cluster.run()
    let records = cluster.nodes[1].records
    let effects = cluster.deliver(copy.message, from: a, to: b)
    #expect(cluster.nodes[1].records == records && effects.records.isEmpty)
    #expect(effects.sends.map(\.message) == [.prepareOK(.init(view: 0, op: LogIndex(1)))])
  }
}
