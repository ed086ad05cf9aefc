import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import Raft

/// One scenario per rule without which the cluster stands still or changes its leader for nothing.
/// Each is played twice, as in `SafetyTests`.
@Suite("Rules of progress, each with the bug that breaks it")
struct ProgressRuleTests {
  @Test("Only a granted vote or an AppendEntries of the term puts the own candidacy off")
  func timerReset() {
    expect(.resetTimerOnAnyRequest) { options in
      var cluster = Cluster(logs: [[entry(1)], [entry(1)], []], term: 1, options)
      func request(_ lastIndex: Int, _ lastTerm: RaftReplica.Term) -> RaftReplica.Message {
        .requestVote(
          .init(
            term: 2, lastLogIndex: LogIndex(lastIndex), lastLogTerm: lastTerm, isPreVote: false))
      }
      func heartbeat(_ term: RaftReplica.Term) -> RaftReplica.Message {
        .appendEntries(
          .init(
            term: term, prevLogIndex: .zero, prevLogTerm: 0, leaderCommit: .zero, readRound: 0,
            entries: []))
      }
      let reset = [
        Effects<RaftReplica>.TimerChange.set(.election, after: options.electionTimeout)
      ]
      // Replica 2 cannot win, because its log is empty.
      let refused = cluster.deliver(request(0, 0), from: 2, to: 0)
      let granted = cluster.deliver(request(1, 1), from: 1, to: 0)
      let late = cluster.deliver(heartbeat(1), from: 1, to: 0)
      let current = cluster.deliver(heartbeat(2), from: 1, to: 0)
      return refused.timerChanges.isEmpty && granted.timerChanges == reset
        && late.timerChanges.isEmpty && current.timerChanges == reset
    }
  }

  @Test("A leader begins its term with a no-op, which commits what earlier leaders left (§8)")
  func noop() {
    expect(.omitNoop) { options in
      let log = [entry(1), entry(1, 10)]
      var cluster = Cluster(logs: [log, log, log], term: 1, options)
      cluster.elect(0)
      // What an earlier leader proposed is committed, but not answered here.
      return cluster.terms(0) == [1, 1, 2] && cluster.updates(0) == [10]
        && cluster.nodes[0].commits.map(\.answering) == [false, false, true]
    }
  }

  @Test("With PreVote a replica that was cut off comes back without a change of leader")
  func preVoteHeals() {
    expect(
      .preVoteRaisesTerm,
      breaks: { options in
        var cluster = Cluster(3, options)
        cluster.elect(0)
        cluster.only(0, 1)
        for _ in 1...5 {
          cluster.elect(2)
          cluster.heartbeat(from: 0)
        }
        // Its last question arrives after the link is whole again, and after a heartbeat to the
        // other.
        cluster.fire(.election, at: ReplicaID(2))
        let questions = cluster.inFlight
        cluster.inFlight = []
        cluster.heartbeat(from: 0)
        cluster.heal()
        cluster.inFlight = questions
        cluster.run()
        let asks = cluster.core(2).role == .preCandidate
        cluster.heartbeat(from: 0)
        return asks
          && cluster.membership.replicas.map { cluster.core($0).currentTerm } == [1, 1, 1]
          && cluster.core(0).role == .leader && cluster.core(2).leader == ReplicaID(0)
      }, with: raftOptions())
  }

  @Test("Without PreVote, but with CheckQuorum, a replica of a higher term is not shut out")
  func higherTermRejoins() {
    expect(
      .dropLowerTerm,
      breaks: { options in
        var cluster = Cluster(3, options)
        cluster.elect(0)
        cluster.only(0, 1)
        for _ in 1...5 { cluster.elect(2) }
        cluster.heartbeat(from: 0)
        cluster.heal()
        cluster.heartbeat(from: 0)
        let stepsDown =
          cluster.core(0).role == .follower
          && cluster.core(0).currentTerm == cluster.core(2).currentTerm
        // The first attempt only teaches it the term of the others.
        cluster.elect(1)
        cluster.elect(1)
        cluster.heartbeat(from: 1)
        return stepsDown && cluster.core(1).role == .leader
          && cluster.core(2).leader == ReplicaID(1)
      }, with: raftOptions(preVote: false))
  }
}
