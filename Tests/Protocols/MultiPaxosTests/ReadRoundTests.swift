import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import MultiPaxos

@Suite("Multi-Paxos: rounds that confirm the ballot for reads")
struct ReadRoundTests {
  @Test("Several rounds run at once, and a replica that confirms one confirms all before it")
  func rounds() {
    var cluster = Cluster()
    cluster.elect(a)
    for ticket in 1...3 { cluster.handle(.readRequested(ReadTicket(UInt64(ticket))), at: a) }
    #expect(cluster[a].phase2.readsInRound.map(\.round) == [1, 2, 3])
    func confirm(_ round: UInt64) {
      cluster.handle(
        .received(
          .heartbeatAcknowledged(ballot: ballot(1, a), round: round, gap: .unknown), from: b),
        at: a)
    }
    confirm(0)
    #expect(cluster.nodes[a.index].reads == [])
    confirm(2)
    #expect(cluster.nodes[a.index].reads == [ReadTicket(1), ReadTicket(2)])
    // A round that has not begun confirms nothing.
    confirm(9)
    #expect(cluster.nodes[a.index].reads == [ReadTicket(1), ReadTicket(2)])
    cluster.run()
    #expect(cluster.nodes[a.index].reads == [1, 2, 3].map { ReadTicket($0) })
  }

  @Test("In a turn that proposes, in either order, the Accepts carry the round")
  func roundsRideOnAccepts() {
    for readsFirst in [true, false] {
      var cluster = Cluster()
      cluster.elect(a)
      cluster.perform(at: a) { core, now, effects in
        if readsFirst { core.handle(.readRequested(ReadTicket(1)), at: now, into: &effects) }
        core.handle(.requested(batch(1)), at: now, into: &effects)
        if !readsFirst { core.handle(.readRequested(ReadTicket(1)), at: now, into: &effects) }
      }
      let messages = cluster.inFlight.filter { $0.from != $0.to }.map(\.message)
      let accept = Message.accept(
        ballot: ballot(1, a), first: slot(1), values: [batch(1)], commitIndex: .zero, round: 1)
      #expect(messages == [accept, accept])
      // The confirmation waits for no disk.
      for id in [b, c] { cluster.nodes[id.index].holdsDisk = true }
      cluster.run()
      #expect(cluster.nodes[a.index].reads == [ReadTicket(1)])
      #expect(cluster.committed(a) == [])
    }
  }

  @Test("A round that an Accept has confirmed is not confirmed again, and a turn confirms once")
  func confirmsOnce() {
    var replica = Bare(c)
    let accept = Message.accept(
      ballot: ballot(1, a), first: slot(1), values: [batch(1)], commitIndex: .zero, round: 4)
    replica.receive(accept, from: a)
    #expect(replica.effects.earlySends.count == 1)
    replica.receive(accept, from: a)
    #expect(replica.effects.earlySends.isEmpty)
    replica.effects.removeAll()
    for round in 5...6 as ClosedRange<UInt64> {
      let beat = Message.heartbeat(
        ballot: ballot(1, a), commitIndex: .zero, next: slot(2), round: round)
      replica.core.handle(.received(beat, from: a), at: replica.now, into: &replica.effects)
    }
    #expect(
      replica.sent(to: a) == [
        .heartbeatAcknowledged(
          ballot: ballot(1, a), round: 6, gap: Gap(first: slot(2), count: 0))
      ])
  }

  @Test("A replica that promised a higher ballot confirms neither heartbeats nor Accepts")
  func promisedHigher() {
    var replica = Bare(c)
    replica.receive(.prepare(ballot: ballot(2, b), from: slot(1)), from: b)
    replica.receive(
      .heartbeat(ballot: ballot(1, a), commitIndex: .zero, next: slot(1), round: 1), from: a)
    #expect(replica.sent(to: a) == [.preempted(by: ballot(2, b))])
    replica.receive(
      .accept(
        ballot: ballot(1, a), first: slot(1), values: [batch(1)], commitIndex: .zero, round: 2),
      from: a)
    #expect(replica.sent(to: a) == [.preempted(by: ballot(2, b))])
  }

  @Test("A promise counts for reads after a restart as well")
  func promiseCountsAfterARestart() {
    var replica = Bare(c)
    replica.core.recover(.promised(ballot(2, b)))
    replica.receive(
      .heartbeat(ballot: ballot(1, a), commitIndex: .zero, next: slot(1), round: 1), from: a)
    #expect(replica.sent(to: a) == [.preempted(by: ballot(2, b))])
  }

  @Test("Confirmations of an earlier round do not serve the reads of a later one")
  func earlierConfirmations() {
    var cluster = Cluster()
    cluster.elect(a)
    cluster.handle(.readRequested(ReadTicket(1)), at: a)
    cluster.run()
    #expect(cluster.nodes[a.index].reads == [ReadTicket(1)])
    cluster.only(b, c)
    cluster.elect(b)
    cluster.propose(1, at: b)
    cluster.run()
    cluster.handle(.readRequested(ReadTicket(2)), at: a)
    cluster.run()
    #expect(cluster.nodes[a.index].reads == [ReadTicket(1)])
  }

  @Test(
    "A replica that is cut off is not sent a message for each read, and is told when it is back")
  func silentReplica() {
    var cluster = Cluster()
    cluster.elect(a)
    cluster.only(a, b)
    var sent = 0
    for ticket in 1...500 as ClosedRange<UInt64> {
      cluster.handle(.readRequested(ReadTicket(ticket)), at: a)
      sent += cluster.inFlight.filter { $0.to == c }.count
      cluster.run()
    }
    #expect(cluster.nodes[a.index].reads.count == 500)
    #expect(sent == 4)
    // b is away now: the reads that wait are served as soon as c answers the heartbeat's timer.
    cluster.only(a, c)
    for ticket in 501...510 as ClosedRange<UInt64> {
      cluster.handle(.readRequested(ReadTicket(ticket)), at: a)
    }
    cluster.run()
    cluster.fire(.heartbeat, at: a)
    cluster.run()
    #expect(cluster.nodes[a.index].reads.count == 510)
  }

  @Test("After an answer to an old round the newest one is announced")
  func answerToAnOldRound() {
    var cluster = Cluster()
    cluster.elect(a)
    for ticket in 1...100 as ClosedRange<UInt64> {
      cluster.handle(.readRequested(ReadTicket(ticket)), at: a)
    }
    cluster.run()
    #expect(cluster.nodes[a.index].reads.count == 100)
  }
}
