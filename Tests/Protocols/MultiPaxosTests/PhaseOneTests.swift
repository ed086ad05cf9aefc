import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import MultiPaxos

@Suite("Multi-Paxos: phase 1")
struct PhaseOneTests {
  @Test("A candidate's ballot is above all it has seen, and durable before Prepare leaves")
  func candidacy() {
    var replica = Bare(b)
    replica.receive(.preempted(by: ballot(6, c)), from: c)
    replica.fire(.election, after: .milliseconds(300))
    #expect(replica.core.status.role == "candidate")
    #expect(replica.effects.records == [.promised(ballot(7, b))])
    #expect(replica.effects.earlySends.isEmpty)
    #expect(replica.effects.sends.map(\.to) == [a, b, c])
    #expect(replica.sent(to: b) == [.prepare(ballot: ballot(7, b), from: slot(1))])
  }

  @Test("A follower that sees its leader's process end starts phase 1 in its turn, if asked to")
  func disconnected() {
    for heeds in [true, false] {
      var replica = Bare(c, electsOnDisconnect: heeds)
      replica.now = .zero + .seconds(3600)
      // No replica leads yet.
      replica.disconnect(a)
      #expect(replica.effects.timerChanges.isEmpty)
      replica.receive(
        .accept(
          ballot: ballot(1, a), first: slot(1), values: [batch(1)], commitIndex: slot(1),
          round: 0),
        from: a)
      replica.disconnect(b)
      #expect(replica.effects.timerChanges.isEmpty)
      replica.disconnect(a)
      // The second in turn: a tenth of a heartbeat and a whole one.
      let turn = Interval.milliseconds(55)
      #expect(replica.effects.timerChanges == (heeds ? [.set(.election, after: turn...turn)] : []))
      replica.fire(.election, after: turn)
      #expect(replica.core.status.role == (heeds ? "candidate" : "follower"))
    }
  }

  @Test("A promise is durable before it is sent, and reports all accepted values")
  func promise() {
    var replica = Bare(b)
    let old = ballot(1, a)
    replica.receive(
      .accept(
        ballot: old, first: slot(1), values: [batch(1), batch(2)], commitIndex: slot(1),
        round: 0),
      from: a)
    replica.receive(.prepare(ballot: ballot(2, c), from: slot(1)), from: c)
    #expect(replica.effects.records == [.promised(ballot(2, c))])
    #expect(replica.effects.earlySends.isEmpty)
    #expect(
      replica.sent(to: c) == [
        .promise(
          ballot: ballot(2, c), from: slot(1),
          accepted: [
            AcceptedValue(slot: slot(1), ballot: .chosen, value: batch(1)),
            AcceptedValue(slot: slot(2), ballot: old, value: batch(2)),
          ], next: nil)
      ])
    // A repeated Prepare is answered again, and costs no record.
    replica.receive(.prepare(ballot: ballot(2, c), from: slot(2)), from: c)
    #expect(replica.effects.records == [])
    #expect(replica.effects.sends.count == 1)
    // A lower ballot is answered with the higher one.
    replica.receive(.prepare(ballot: ballot(1, a), from: slot(1)), from: a)
    #expect(replica.sent(to: a) == [.preempted(by: ballot(2, c))])
  }

  @Test("Recovery rebuilds promises and acceptances")
  func recovery() {
    var cluster = Cluster()
    cluster.elect(a)
    for number in 1...UInt64(3000) { cluster.propose(number, at: a) }
    cluster.run()
    let before = cluster[b]
    cluster.crash(b)
    cluster.restart(b)
    let after = cluster[b]
    #expect(after.promised == before.promised)
    #expect(after.log.lastIndex == before.log.lastIndex)
    for number in 1...3000 {
      #expect(after.log[slot(number)].ballot == before.log[slot(number)].ballot)
      #expect(after.log[slot(number)].value == before.log[slot(number)].value)
    }
    // The recorded part of the chosen prefix is committed at once, from slot 1.
    #expect(after.commitIndex >= slot(1024) && after.commitIndex <= before.commitIndex)
    #expect(cluster.committed(b).first == batch(1))
    cluster.fire(.heartbeat, at: a)
    cluster.run()
    #expect(cluster[b].commitIndex == slot(3000))
  }

  @Test("A long report comes in pages, and a proposer that lags learns from them")
  func pages() {
    var cluster = Cluster(3, window: 4096)
    cluster.elect(a)
    cluster.only(a, b)
    for number in 1...UInt64(3000) { cluster.propose(number, at: a) }
    cluster.run()
    cluster.fire(.heartbeat, at: a)
    cluster.run()
    cluster.propose(3001, at: a)
    cluster.run()
    cluster.crash(a)
    cluster.heal()
    cluster.elect(c)
    #expect(cluster[c].role == .leader)
    #expect(cluster.committed(c) == (1...3001).map(batch))
    // What b knew to be chosen was not proposed again.
    #expect(cluster[b].log[slot(1)].ballot == ballot(1, a))
    #expect(cluster[b].log[slot(3001)].ballot == ballot(2, c))
    cluster.propose(3002, at: c)
    cluster.run()
    #expect(cluster.committed(c).last == batch(3002))
    #expect(cluster.agrees)
  }

  @Test("A Prepare is answered by as many pages as may be in flight at once")
  func severalPages() {
    for (inFlightBytes, prepares) in [(4 << 20, 1), (1 << 20, 3)] {
      var cluster = Cluster(3, window: 4096, inFlightBytes: inFlightBytes)
      cluster.elect(a)
      cluster.only(a, b)
      for number in 1...UInt64(3000) { cluster.propose(number, at: a) }
      cluster.run()
      cluster.crash(a)
      cluster.heal()
      cluster.fire(.election, at: c)
      var asked: [LogIndex] = []
      var reported = 0
      while !cluster.inFlight.isEmpty {
        switch cluster.inFlight[0].message {
        case .prepare(_, let from, _) where cluster.inFlight[0].to == b: asked.append(from)
        case .promise(_, _, let accepted, _, _, _): reported += accepted.count
        default: break
        }
        cluster.run(limit: 1)
      }
      #expect(asked.count == prepares)
      #expect(reported == 3000, "each page is sent once")
      #expect(cluster.committed(c) == (1...3000).map(batch))
    }
  }

  @Test("A page that overtakes an earlier one is not taken, or values between them would be missed")
  func overtakingPage() {
    var candidate = Bare(b)
    candidate.fire(.election, after: .seconds(1))
    let mine = candidate.core.ballot
    let value = AcceptedValue(slot: slot(1), ballot: ballot(1, a), value: batch(1))
    let first = Message.promise(ballot: mine, from: slot(1), accepted: [value], next: slot(2))
    let last = Message.promise(ballot: mine, from: slot(2), accepted: [], next: nil)
    candidate.receive(.promise(ballot: mine, from: slot(1), accepted: [], next: nil), from: b)
    candidate.receive(last, from: a)
    #expect(candidate.core.role == .candidate)
    candidate.receive(first, from: a)
    candidate.receive(last, from: a)
    #expect(candidate.core.role == .leader)
    let isHeld = candidate.core.log.contains(slot(1))
    #expect(isHeld && candidate.core.log[slot(1)].value == batch(1))
  }

  @Test("An acceptor that has forgotten slots in question sends the snapshot of them, no report")
  func forgottenSlots() {
    var acceptor = Bare(c)
    acceptor.receive(
      .accept(
        ballot: ballot(1, a), first: slot(1), values: [batch(1)], commitIndex: slot(1), round: 0),
      from: a)
    acceptor.core.snapshotTaken(forgettingThrough: slot(1))
    acceptor.receive(.prepare(ballot: ballot(2, b), from: slot(1)), from: b)
    #expect(acceptor.sent(to: b).isEmpty)
    #expect(acceptor.effects.snapshotRequests == [b])
    #expect(acceptor.core.promised == ballot(2, b))
  }

  @Test("A lost page is asked for again")
  func lostPages() {
    var cluster = Cluster()
    cluster.delivers = { _ in false }
    cluster.elect(a)
    #expect(cluster[a].role == .candidate)
    cluster.heal()
    cluster.fire(.resend, at: a)
    cluster.run()
    #expect(cluster[a].role == .leader)
    #expect(cluster[a].ballot == ballot(1, a), "no new ballot without a rival")
  }

  @Test("A replica that hears a leader does not start phase 1")
  func patience() {
    var replica = Bare(b)
    replica.now = .zero + .milliseconds(100)
    replica.receive(
      .heartbeat(ballot: ballot(1, a), commitIndex: .zero, next: slot(1), round: 0), from: a)
    replica.fire(.election, after: .milliseconds(100))
    #expect(replica.core.status.role == "follower")
    #expect(
      replica.effects.timerChanges == [
        .set(.election, after: Interval.milliseconds(50)...Interval.milliseconds(200))
      ])
    replica.fire(.election, after: .milliseconds(50))
    #expect(replica.core.status.role == "candidate")
  }

}
