import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import MultiPaxos

/// Each story is told twice: by the rule, and with the one mistake that the rule forbids.
@Suite("Multi-Paxos: what each safety rule prevents")
struct SafetyRuleTests {
  private func expectRule(
    _ bug: MultiPaxosReplica.Bug, story: (inout Cluster) -> Void, of replicas: Int = 3
  ) {
    var sound = Cluster(replicas)
    story(&sound)
    let soundAgrees = sound.agrees
    #expect(soundAgrees, "the rule holds")
    #expect(sound.violations == [])
    var broken = Cluster(replicas, bug: bug)
    story(&broken)
    let brokenAgrees = broken.agrees
    #expect(!brokenAgrees, "\(bug.rawValue) breaks agreement")
  }

  @Test("A ballot is never used twice, not even across a restart (Lamport 2001 §2.5)")
  func ballotsAreUnique() {
    expectRule(.reuseBallot) { cluster in
      cluster.elect(a)
      // Only b gets the first value; the leader's own acceptance is lost with its disk.
      cluster.only(a, b)
      cluster.nodes[a.index].holdsDisk = true
      cluster.propose(1, at: a)
      cluster.run()
      cluster.crash(a)
      cluster.restart(a)
      cluster.only(a, c)
      cluster.elect(a)
      cluster.fire(.election, at: a)
      cluster.propose(2, at: a)
      cluster.run()
      cluster.heal()
      cluster.fire(.heartbeat, at: a)
      cluster.run()
    }
  }

  @Test("A promise outlives a crash (Lamport 2001 §2.5)")
  func promisesAreDurable() {
    expectRule(.volatilePromise) { cluster in
      cluster.elect(a)
      cluster.only(b, c)
      cluster.elect(b)
      cluster.crash(c)
      cluster.restart(c)
      cluster.only(a, c)
      cluster.propose(1, at: a)
      cluster.run()
      cluster.only(b, c)
      cluster.propose(2, at: b)
      cluster.run()
    }
  }

  @Test("A value is durable before it is acknowledged (Lamport 2001 §2.5)")
  func acceptancesAreDurable() {
    expectRule(.acceptedBeforeDurable) { cluster in
      cluster.elect(a)
      cluster.only(a, b)
      cluster.nodes[b.index].holdsDisk = true
      cluster.propose(1, at: a)
      cluster.run()
      cluster.crash(a)
      cluster.crash(b)
      cluster.restart(b)
      cluster.only(b, c)
      cluster.elect(b)
      cluster.propose(2, at: b)
      cluster.run()
    }
  }

  @Test("No acceptor accepts below its promise (Lamport 2001 §2.2, P1a)")
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

  @Test("A promise reports executed slots as well (Lamport 2001 §3)")
  func executedSlotsAreReported() {
    expectRule(.omitExecutedInPromise) { cluster in
      cluster.elect(a)
      cluster.only(a, c)
      cluster.propose(1, at: a)
      cluster.run()
      cluster.fire(.heartbeat, at: a)
      cluster.run()
      cluster.crash(a)
      cluster.only(b, c)
      cluster.elect(b)
      cluster.propose(2, at: b)
      cluster.run()
    }
  }

  @Test("A proposer adopts the value of the highest ballot (Lamport 2001 §2.2, P2c)")
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

  @Test("A value is chosen by a majority within one ballot (Lamport 2001 §2.2)")
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

  @Test("Acceptors are counted, not their messages")
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

  @Test("Slots are executed in order, without holes (Lamport 2001 §3)")
  func holesAreNotSkipped() {
    expectRule(.skipHoles) { cluster in
      cluster.elect(a)
      // b accepts the first value, but nobody hears of that.
      cluster.delivers = { $0.from == a && $0.to == b }
      cluster.propose(1, at: a)
      cluster.run()
      cluster.only(a, c)
      cluster.propose(2, at: a)
      cluster.run()
      cluster.heal()
      cluster.crash(a)
      cluster.elect(b)
    }
  }

  @Test("A commit index proves nothing about values of other ballots")
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

  @Test("A new leader serves no read before what it recovered is chosen")
  func readsWaitForRecovery() {
    func readsAnswered(_ bug: MultiPaxosReplica.Bug?) -> [ReadTicket] {
      var cluster = Cluster(3, bug: bug)
      cluster.elect(a)
      cluster.propose(1, at: a)
      cluster.run()
      #expect(cluster.committed(a) == [batch(1)])
      cluster.crash(a)
      cluster.delivers = {
        if case .accept = $0.message { return false }
        return true
      }
      cluster.elect(b)
      #expect(cluster[b].role == .leader)
      cluster.handle(.readRequested(ReadTicket(7)), at: b)
      cluster.run()
      let early = cluster.nodes[b.index].reads
      #expect(cluster.committed(b) == [])
      cluster.heal()
      cluster.fire(.heartbeat, at: b)
      cluster.run()
      #expect(cluster.committed(b) == [batch(1)])
      #expect(cluster.nodes[b.index].reads == [ReadTicket(7)])
      return early
    }
    #expect(readsAnswered(nil) == [])
    #expect(readsAnswered(.readAfterPhase1) == [ReadTicket(7)])
  }

  @Test("A leader that was replaced unawares serves no read")
  func readsNeedAQuorum() {
    func oldLeader(_ bug: MultiPaxosReplica.Bug?) -> Cluster.Node {
      var cluster = Cluster(3, bug: bug)
      cluster.elect(a)
      cluster.only(b, c)
      cluster.elect(b)
      cluster.propose(1, at: b)
      cluster.run()
      #expect(cluster.committed(b) == [batch(1)])
      cluster.handle(.readRequested(ReadTicket(7)), at: a)
      cluster.run()
      cluster.fire(.election, at: a)
      cluster.fire(.election, at: a)
      return cluster.nodes[a.index]
    }
    let sound = oldLeader(nil)
    #expect(sound.reads == [])
    #expect(sound.refusedReads.map(\.refused) == [ReadTicket(7)], "refused on stepping down")
    #expect(oldLeader(.readWithoutQuorum).reads == [ReadTicket(7)])
  }
}
