import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import ViewstampedReplication

@Suite("Viewstamped replication: linearizable reads without the log")
struct ReadTests {
  private func tickets(_ range: ClosedRange<UInt64>) -> [ReadTicket] {
    range.map { ReadTicket($0) }
  }

  @Test("A read is served after one round", arguments: [1, 2, 3, 5])
  func oneRound(count: Int) {
    var cluster = Cluster(count)
    cluster.handle(.readRequested(ReadTicket(1)), at: a)
    #expect(cluster.inFlight.count == count - 1)
    #expect(cluster.nodes[0].reads.isEmpty == (count > 1))
    cluster.run()
    #expect(cluster.nodes[0].reads == tickets(1...1))
  }

  @Test("A read waits for no disk")
  func noDisk() {
    var cluster = Cluster(3)
    for id in [b, c] { cluster.slowDisk(id) }
    cluster.propose(1, at: a)
    cluster.handle(.readRequested(ReadTicket(1)), at: a)
    cluster.run()
    #expect(cluster.nodes[0].reads == tickets(1...1) && cluster.committed(a).isEmpty)
  }

  @Test("Updates of the same turn carry the round, and no message goes out for it alone")
  func rides() {
    var cluster = Cluster(3)
    cluster.perform(at: a) { core, now, effects in
      core.handle(.readRequested(ReadTicket(1), updatesFollow: true), at: now, into: &effects)
      core.handle(.requested(batch(1)), at: now, into: &effects)
    }
    #expect(cluster.inFlight.count { $0.from != $0.to } == 2)
    cluster.run()
    #expect(cluster.nodes[0].reads == tickets(1...1) && cluster.committed(a) == [batch(1)])
  }

  @Test("A backup that cannot be sent the updates of the turn is asked by a Commit")
  func fullWindow() {
    var cluster = Cluster(3, vrOptions(inFlightLimit: 1))
    cluster.propose(1, at: a)
    cluster.inFlight = []
    cluster.perform(at: a) { core, now, effects in
      core.handle(.readRequested(ReadTicket(1), updatesFollow: true), at: now, into: &effects)
      core.handle(.requested(batch(2)), at: now, into: &effects)
    }
    cluster.run()
    #expect(cluster.nodes[0].reads == tickets(1...1))
  }

  @Test("Rounds do not wait for each other; to a silent replica few are announced")
  func manyRounds() {
    var cluster = Cluster(3)
    for ticket in tickets(1...20) { cluster.handle(.readRequested(ticket), at: a) }
    #expect(cluster.inFlight.count { $0.to == b } == Int(mostUnansweredRounds))
    cluster.run()
    #expect(cluster.nodes[0].reads == tickets(1...20))
  }

  @Test("An answer to an earlier round does not confirm a read")
  func earlierRound() {
    var cluster = Cluster(3)
    cluster.fire(.commit, at: a)
    let old = cluster.inFlight
    cluster.inFlight = []
    cluster.handle(.readRequested(ReadTicket(1)), at: a)
    cluster.inFlight = old
    cluster.run()
    #expect(cluster.nodes[0].reads.isEmpty)
    cluster.heartbeat(from: a)
    #expect(cluster.nodes[0].reads == tickets(1...1))
  }

  @Test("Reads wait for the commits that the view took over, and then for a round")
  func waiting() {
    var cluster = Cluster(3)
    cluster.propose(1, at: a)
    cluster.run()
    cluster.crash(a)
    cluster.delivers = { envelope in
      if case .prepareOK = envelope.message { return false }
      return true
    }
    cluster.timeOut(b, c)
    cluster.handle(.readRequested(ReadTicket(1)), at: b)
    cluster.run()
    #expect(cluster.nodes[1].reads.isEmpty)
    cluster.heal()
    cluster.heartbeat(from: b)
    #expect(cluster.nodes[1].reads == tickets(1...1) && cluster.committed(b) == [batch(1)])
  }

  @Test("Backups refuse reads; a deposed primary refuses those that wait")
  func refusal() {
    var cluster = Cluster(3)
    cluster.handle(.readRequested(ReadTicket(9)), at: b)
    #expect(cluster.nodes[1].refusedReads.map(\.redirect) == [a])
    cluster.only(a)
    for ticket in tickets(1...3) { cluster.handle(.readRequested(ticket), at: a) }
    cluster.run()
    let effects = cluster.deliver(.newerView(4), from: b, to: a)
    #expect(effects.refusedReads.map(\.refused) == tickets(1...3) && effects.reads.isEmpty)
    #expect(cluster.core(a).invariantViolation() == nil)
  }
}
