import SteppedCluster
import Replication
import Testing

@testable import Raft

@Suite("Linearizable reads (thesis §6.4)")
struct ReadTests {
  private func tickets(_ range: ClosedRange<UInt64>) -> [ReadTicket] {
    range.map { ReadTicket($0) }
  }

  private func requests(in cluster: Cluster) -> Int {
    cluster.inFlight.count {
      if case .appendEntries = $0.message { true } else { false }
    }
  }

  @Test("A read is served after one round of heartbeats", arguments: [1, 2, 3, 5])
  func oneRound(count: Int) {
    var cluster = Cluster(count)
    cluster.elect(0)
    cluster.handle(.readRequested(ReadTicket(1)), at: ReplicaID(0))
    #expect(requests(in: cluster) == count - 1)
    #expect(cluster.nodes[0].reads.isEmpty == (count > 1))
    cluster.run()
    #expect(cluster.nodes[0].reads == tickets(1...1))
  }

  @Test("A read waits for no disk: followers confirm a round while they write")
  func noDisk() {
    var cluster = Cluster(3)
    cluster.elect(0)
    for node in 1...2 { cluster.nodes[node].holdsDisk = true }
    cluster.handle(.requested(update(1)), at: ReplicaID(0))
    cluster.run()
    let committed = cluster.nodes[0].committedCount
    cluster.handle(.readRequested(ReadTicket(1)), at: ReplicaID(0))
    cluster.run()
    #expect(cluster.nodes[0].reads == tickets(1...1))
    #expect(cluster.nodes[0].committedCount == committed)
    for node in 1...2 { cluster.releaseDisk(ReplicaID(node)) }
    cluster.run()
    #expect(cluster.nodes[0].committedCount == committed + 1)
  }

  @Test("Reads that arrive while a round runs share the next one")
  func sharedRound() {
    var cluster = Cluster(3)
    cluster.elect(0)
    for ticket in tickets(1...5) { cluster.handle(.readRequested(ticket), at: ReplicaID(0)) }
    #expect(requests(in: cluster) == 2)
    let before = cluster.deliveredCount
    cluster.run()
    #expect(cluster.deliveredCount - before == 8)
    #expect(cluster.nodes[0].reads == tickets(1...5))
  }

  @Test("A reply to a heartbeat sent before the read arrived does not confirm the read")
  func earlierHeartbeat() {
    var cluster = Cluster(3)
    cluster.elect(0)
    cluster.fire(.heartbeat, at: ReplicaID(0))
    let old = cluster.inFlight
    cluster.inFlight = []
    cluster.handle(.readRequested(ReadTicket(1)), at: ReplicaID(0))
    cluster.inFlight = old
    cluster.run()
    #expect(cluster.nodes[0].reads.isEmpty)
    // The round is repeated by the next heartbeat.
    cluster.heartbeat(from: 0)
    #expect(cluster.nodes[0].reads == tickets(1...1))
  }

  @Test("Reads wait for the first commit of the term, and then for a round")
  func waitForOwnCommit() {
    var cluster = Cluster(3)
    cluster.delivers = { envelope in
      guard case .appendEntries = envelope.message else { return true }
      return false
    }
    cluster.elect(0)
    cluster.handle(.readRequested(ReadTicket(1)), at: ReplicaID(0))
    cluster.run()
    #expect(cluster.nodes[0].reads.isEmpty)
    cluster.connectAll()
    cluster.heartbeat(from: 0)
    #expect(cluster.nodes[0].commits.count == 1)
    #expect(cluster.nodes[0].reads == tickets(1...1))
  }

  @Test("Replicas that do not lead refuse reads; a leader that is deposed refuses those that wait")
  func refusal() {
    var cluster = Cluster(3)
    cluster.elect(0)
    cluster.handle(.readRequested(ReadTicket(9)), at: ReplicaID(1))
    #expect(cluster.nodes[1].refusedReads.map(\.refused) == tickets(9...9))
    #expect(cluster.nodes[1].refusedReads.map(\.redirect) == [ReplicaID(0)])
    cluster.connectOnly(0)
    for ticket in tickets(1...3) { cluster.handle(.readRequested(ticket), at: ReplicaID(0)) }
    cluster.run()
    let effects = cluster.deliver(.newerTerm(4), from: 1, to: 0)
    #expect(effects.refusedReads.map(\.refused) == tickets(1...3))
    #expect(effects.reads.isEmpty)
    #expect(cluster.core(0).invariantViolation() == nil)
  }

  @Test("A read sees every update that was committed when it arrived")
  func seesCommits() {
    var cluster = Cluster(3)
    cluster.elect(0)
    cluster.propose(1, at: 0)
    cluster.run()
    cluster.crash(ReplicaID(0))
    cluster.fire(.election, at: ReplicaID(1))
    cluster.handle(.readRequested(ReadTicket(1)), at: ReplicaID(1))
    cluster.run()
    // The first ticket came too early for the replica that is leader now.
    #expect(cluster.nodes[1].refusedReads.map(\.refused) == tickets(1...1))
    cluster.handle(.readRequested(ReadTicket(2)), at: ReplicaID(1))
    cluster.run()
    #expect(cluster.nodes[1].reads == tickets(2...2))
    #expect(cluster.committed(1) == [update(1)])
  }
}
