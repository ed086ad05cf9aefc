import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import MultiPaxos

/// The rules of Multi-Paxos in the order of "Paxos Made Simple" (Lamport 2001), to be read with the
/// paper at hand. Where a known bug breaks a rule, the test plays its story twice: by the rule, and
/// with that bug.
///
/// - `PaperTests.swift`: §2.2 choosing a value, §2.3 learning it, §2.4 progress
/// - `PaperTests+Log.swift`: §2.5 the implementation, §3 the log; Chandra et al. 2007
@Suite("Multi-Paxos, in the order of the paper")
struct PaperTests {
  @Test("§2.2, P1: an acceptor accepts the first proposal that it receives")
  func firstProposal() {
    var replica = Bare(c)
    replica.receive(
      .accept(
        ballot: ballot(1, a), first: slot(1), values: [batch(1)], commitIndex: .zero, round: 0),
      from: a)
    #expect(
      replica.effects.records
        == [.accepted(slot: slot(1), ballot: ballot(1, a), value: batch(1))])
    #expect(
      replica.sent(to: a) == [
        .accepted(
          ballot: ballot(1, a), first: slot(1), count: 1, gap: Gap(first: slot(2), count: 0))
      ])
  }

  @Test("§2.2, P1a: no acceptor accepts below its promise")
  func nothingBelowThePromise() {
    expectRule(.acceptBelowPromise) { cluster in
      cluster.elect(a)
      cluster.only(b, c)
      cluster.elect(b)
      cluster.only(a, c)
      cluster.propose(1, at: a)
      cluster.run()
      cluster.only(b, c)
      cluster.propose(2, at: b)
      cluster.run()
    }
  }

  @Test("§2.2, P2c: a proposer adopts the value of the highest ballot")
  func theHighestBallotIsAdopted() {
    expectRule(.adoptLastReceived) { cluster in
      cluster.elect(c)
      cluster.only(c)
      cluster.propose(1, at: c)
      cluster.run()
      cluster.only(a, b)
      cluster.elect(a)
      cluster.propose(2, at: a)
      cluster.run()
      cluster.crash(a)
      cluster.only(b, c)
      cluster.elect(b)
    }
  }

  @Test("§2.2 A value is chosen by a majority within one ballot")
  func votesAreOfOneBallot() {
    expectRule(
      .countAcrossBallots,
      story: { cluster in
        cluster.elect(a)
        cluster.delivers = { $0.from == a && $0.to == b }
        cluster.propose(1, at: a)
        cluster.run()
        cluster.only(c, d, e)
        cluster.elect(e)
        cluster.only(e)
        cluster.propose(2, at: e)
        cluster.run()
        // Again a, with the promises of b and c; b does not get to accept in the new ballot.
        cluster.delivers = {
          if case .accept = $0.message, $0.to == b { return false }
          return $0.from < d && $0.to < d
        }
        for _ in 0..<5 where !(cluster[a].role == .leader && cluster[a].ballot.round > 1) {
          cluster.elect(a)
        }
        // The old acknowledgement of b arrives at last.
        cluster.handle(
          .received(
            .accepted(ballot: ballot(1, a), first: slot(1), count: 1, gap: .unknown),
            from: b), at: a)
        cluster.only(b, d, e)
        for _ in 0..<5 where !(cluster[e].role == .leader && cluster[e].ballot.round > 2) {
          cluster.elect(e)
        }
      }, of: 5)
  }

  @Test("§2.2 Acceptors are counted, not their messages")
  func acceptorsAreCountedOnce() {
    expectRule(
      .countDuplicateAcknowledgements,
      story: { cluster in
        cluster.elect(a)
        cluster.only(a, b)
        cluster.propose(1, at: a)
        cluster.run()
        cluster.handle(
          .received(
            .accepted(ballot: ballot(1, a), first: slot(1), count: 1, gap: .unknown),
            from: b), at: a)
        cluster.crash(a)
        cluster.crash(b)
        cluster.only(c, d, e)
        cluster.elect(c)
        cluster.propose(2, at: c)
        cluster.run()
      }, of: 5)
  }

  @Test("§2.2, phase 1: a promise to a higher ballot ends what a lower one could still get")
  func promiseEndsLowerBallots() {
    var cluster = Cluster()
    cluster.elect(a)
    cluster.fire(.election, at: b)
    // Only c has promised ballot 2.
    cluster.only(b, c)
    cluster.run()
    cluster.only(a, c)
    cluster.propose(1, at: a)
    cluster.run()
    #expect(cluster.updates(a) == [] && cluster[a].role == .follower)
  }

  @Test("§2.3 A learner believes that a value is chosen only of values of the leader's ballot")
  func aCommitIndexSpeaksOfOneBallot() {
    expectRule(.commitIndexMarksAll) { cluster in
      cluster.elect(c)
      cluster.only(c)
      cluster.propose(1, at: c)
      cluster.run()
      cluster.only(a, b)
      cluster.elect(a)
      cluster.propose(2, at: a)
      cluster.run()
      cluster.heal()
      cluster.fire(.heartbeat, at: a)
      cluster.run()
    }
  }

  @Test("§2.4 Two proposers can keep each other from getting a value chosen; one alone succeeds")
  func progress() {
    var cluster = Cluster()
    /// Phase 1 with the promise of c, of which no other replica hears.
    func lead(_ id: ReplicaID) {
      cluster.fire(.election, at: id)
      cluster.delivers = {
        guard [id, c].contains($0.from), [id, c].contains($0.to) else { return false }
        return switch $0.message {
        case .prepare, .promise: true
        default: false
        }
      }
      cluster.run()
      #expect(cluster[id].role == .leader)
    }
    lead(a)
    for (old, new) in [(a, b), (b, a), (a, b)] {
      lead(new)
      cluster.only(old, c)
      cluster.propose(1, at: old)
      cluster.run()
      #expect(cluster.updates(old) == [] && cluster[old].role == .follower)
    }
    cluster.heal()
    cluster.propose(2, at: b)
    cluster.run()
    #expect(cluster.updates(b).last == 2)
  }

  @Test("§2.4 Each lost duel makes a proposer wait in a wider range (PMMC §3)")
  func backOff() {
    var replica = Bare(a)
    var widths: [Interval] = []
    for attempt in 1...UInt64(6) {
      replica.fire(.election, after: .seconds(9))
      replica.receive(.preempted(by: ballot(attempt * 10, b)), from: b)
      for case .set(.election, let range) in replica.effects.timerChanges {
        widths.append(range.upperBound)
      }
    }
    #expect(widths == [600, 1200, 2400, 4800, 4800, 4800].map { .milliseconds($0) })
  }
}
