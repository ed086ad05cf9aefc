import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import MultiPaxos

@Suite("Multi-Paxos: phase 2, learning and reads")
struct PhaseTwoTests {
  @Test("Accept may overtake the leader's disk, the leader's own vote may not")
  func lanes() {
    var cluster = Cluster()
    cluster.elect(a)
    cluster.nodes[a.index].holdsDisk = true
    cluster.only(a, b)
    cluster.propose(1, at: a)
    #expect(cluster.inFlight.map(\.to) == [b, c])
    cluster.run()
    #expect(cluster.committed(a) == [], "b alone is no majority")
    cluster.releaseDisk(a)
    cluster.run()
    #expect(cluster.committed(a) == [batch(1)])
  }

  @Test("An acceptance is recorded, raises the promise, and is acknowledged behind the barrier")
  func acceptance() {
    var replica = Bare(b)
    let message = Message.accept(
      ballot: ballot(3, a), first: slot(2), values: [batch(2)], commitIndex: .zero, round: 0)
    replica.receive(message, from: a)
    #expect(
      replica.effects.records == [
        .accepted(slot: slot(2), ballot: ballot(3, a), value: batch(2))
      ])
    #expect(replica.effects.earlySends.isEmpty)
    let reply = Message.accepted(
      ballot: ballot(3, a), first: slot(2), count: 1, gap: Gap(first: slot(1), count: 1))
    #expect(replica.sent(to: a) == [reply])
    #expect(replica.core.promised == ballot(3, a))
    replica.receive(message, from: a)
    #expect(replica.effects.records == [], "a duplicate needs no second record")
    #expect(replica.sent(to: a) == [reply])
    replica.receive(
      .accept(
        ballot: ballot(2, c), first: slot(2), values: [batch(9)], commitIndex: .zero, round: 0),
      from: c)
    #expect(replica.sent(to: c) == [.preempted(by: ballot(3, a))])
    #expect(replica.effects.records == [])
  }

  @Test("A higher ballot ends a leadership at once")
  func demotion() {
    var cluster = Cluster(3, window: 1)
    cluster.elect(a)
    cluster.propose(1, at: a)
    cluster.propose(2, at: a)
    cluster.handle(.readRequested(ReadTicket(1)), at: a)
    cluster.handle(.received(.prepare(ballot: ballot(2, b), from: slot(1)), from: b), at: a)
    #expect(!cluster[a].status.isInCharge)
    #expect(cluster.nodes[a.index].refusedBatches.map(\.refused) == [batch(2)])
    #expect(cluster.nodes[a.index].refusedBatches.map(\.redirect) == [b])
    #expect(cluster.nodes[a.index].refusedReads.map(\.refused) == [ReadTicket(1)])
    #expect(cluster.nodes[a.index].refusedReads.map(\.redirect) == [b])
    cluster.propose(3, at: a)
    #expect(cluster.nodes[a.index].refusedBatches.count == 2)
  }

  @Test("A full window queues, a full queue refuses")
  func bounds() {
    var cluster = Cluster(3, window: 2, queue: 3)
    cluster.elect(a)
    for number in 1...UInt64(7) { cluster.propose(number, at: a) }
    #expect(cluster[a].log.lastIndex == slot(2))
    #expect(cluster.nodes[a.index].refusedBatches.map(\.refused) == [batch(6), batch(7)])
    // A client that was redirected to this replica would come back at once.
    #expect(cluster.nodes[a.index].refusedBatches.map(\.redirect) == [nil, nil])
    cluster.run()
    #expect(cluster.committed(a) == (1...5).map(batch))
  }

  @Test("Requests go to the leader, others say where it is")
  func redirection() {
    var cluster = Cluster()
    cluster.propose(1, at: b)
    cluster.elect(a)
    cluster.propose(2, at: b)
    cluster.handle(.readRequested(ReadTicket(1)), at: c)
    #expect(cluster.nodes[b.index].refusedBatches.map(\.redirect) == [nil, a])
    #expect(cluster.nodes[c.index].refusedReads.map(\.refused) == [ReadTicket(1)])
    #expect(cluster.nodes[c.index].refusedReads.map(\.redirect) == [a])
  }

  @Test("Lost values are offered again, and so are all that a replica missed while it was away")
  func catchingUp() {
    var cluster = Cluster()
    cluster.elect(a)
    cluster.only(a)
    for number in 1...UInt64(1000) { cluster.propose(number, at: a) }
    cluster.run()
    #expect(cluster[a].commitIndex == .zero)
    cluster.only(a, b)
    cluster.fire(.heartbeat, at: a)
    cluster.run()
    for number in 1001...UInt64(5000) {
      cluster.propose(number, at: a)
      if number % 500 == 0 { cluster.run() }
    }
    cluster.run()
    #expect(cluster[a].commitIndex == slot(5000))
    cluster.heal()
    cluster.fire(.heartbeat, at: a)
    cluster.run()
    cluster.fire(.heartbeat, at: a)
    cluster.run()
    #expect(cluster.committed(c) == (1...5000).map(batch))
  }

  @Test("A leader without a majority gives up within two election timeouts")
  func isolation() {
    var cluster = Cluster()
    cluster.elect(a)
    cluster.only(a)
    cluster.propose(1, at: a)
    cluster.run()
    cluster.fire(.election, at: a)
    cluster.run()
    cluster.fire(.election, at: a)
    #expect(!cluster[a].status.isInCharge)
    #expect(cluster[a].redirect == nil)
    // The rest goes on, and the healed replica does not keep them from it.
    cluster.only(b, c)
    cluster.elect(b)
    cluster.propose(2, at: b)
    cluster.fire(.election, at: a)
    cluster.run()
    cluster.heal()
    cluster.fire(.heartbeat, at: b)
    cluster.run()
    for id in [a, b, c] where cluster[id].role != .leader { cluster.fire(.election, at: id) }
    cluster.run()
    #expect(cluster.nodes.filter { $0.core.status.isInCharge }.count == 1)
    #expect(cluster.agrees)
  }

  @Test("One replica alone works, through messages to itself")
  func alone() {
    var cluster = Cluster(1)
    cluster.elect(a)
    cluster.propose(1, at: a)
    #expect(cluster.committed(a) == [])
    cluster.run()
    cluster.handle(.readRequested(ReadTicket(1)), at: a)
    cluster.run()
    #expect(cluster.committed(a) == [batch(1)])
    #expect(cluster.nodes[0].reads == [ReadTicket(1)])
    cluster.fire(.election, at: a)
    #expect(cluster[a].role == .leader)
  }
}
