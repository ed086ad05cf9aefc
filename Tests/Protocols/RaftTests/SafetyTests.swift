import ProtocolTesting
import SteppedCluster
import Replication
import Testing

@testable import Raft

/// One scenario per safety rule. Each says whether the rule held, and is played twice: as the code
/// is, and with the one mistake switched on that the rule forbids.
@Suite("Safety rules, each with the bug that breaks it")
struct SafetyTests {
  @Test("A leader commits only entries of its own term by counting (§5.4.2, figure 8)")
  func figure8() {
    expect(.commitAnyTerm) { options in
      var options = options
      options.messageByteLimit = 1
      let first = entry(1)
      var cluster = Cluster(
        logs: [
          [first, entry(2, 22)], [first, entry(2, 22)], [first], [first], [first, entry(3, 33)],
        ], term: 3, options)
      // (c) S1 leads term 4 and copies entry 2 to S3, but nothing of its own term.
      cluster.delivers = { envelope in
        if envelope.to.index == 4 || envelope.from.index == 4 { return false }
        guard case .appendEntries(let request) = envelope.message else { return true }
        return envelope.to.index != 3 && request.entries.allSatisfy { $0.term < 4 }
      }
      cluster.elect(0)
      cluster.heartbeat(from: 0)
      var witness = CommitWitness()
      witness.note(cluster)
      // (d) S1 is gone; S5 wins with the votes of S2, S3 and S4 and puts its own entry 2 in place.
      cluster.crash(ReplicaID(0))
      cluster.heal()
      cluster.elect(4)
      if cluster.core(4).role != .leader { cluster.elect(4) }
      cluster.heartbeat(from: 4)
      witness.note(cluster)
      return cluster.core(4).role == .leader && witness.disagreement == nil
    }
  }

  @Test("Entries are taken only behind an entry that both logs share (§5.3)")
  func logCheck() {
    expect(.skipLogCheck) { options in
      var cluster = Cluster(
        logs: [[entry(1), entry(1, 10)], [entry(1), entry(2, 20)], [entry(1), entry(2, 20)]],
        term: 2, options)
      cluster.elect(1)
      cluster.heartbeat(from: 1)
      var witness = CommitWitness()
      witness.note(cluster)
      return witness.disagreement == nil
    }
  }

  @Test("A follower truncates only at a conflict: an old message costs no acknowledged entries")
  func truncateAtConflict() {
    expect(.alwaysTruncate) { options in
      var cluster = Cluster(3, options)
      cluster.elect(0)
      cluster.only(0, 1)
      cluster.propose(1, at: 0)
      let old = cluster.inFlight.first { $0.to == ReplicaID(1) }!
      cluster.run()
      cluster.propose(2, at: 0)
      cluster.run()
      var witness = CommitWitness()
      witness.note(cluster)
      cluster.handle(.received(old.message, from: old.from), at: old.to)
      cluster.crash(ReplicaID(0))
      cluster.heal()
      cluster.run()
      cluster.elect(1)
      witness.note(cluster)
      return witness.disagreement == nil && cluster.core(1).invariantViolation() == nil
    }
  }

  @Test("A vote is durable before it is answered (figure 2)")
  func durableVote() {
    expect(.voteBeforeDurable) { options in
      var cluster = Cluster(3, options)
      cluster.nodes[2].holdsDisk = true
      cluster.only(0, 2)
      cluster.elect(0)
      cluster.crash(ReplicaID(2))
      cluster.restart(ReplicaID(2))
      cluster.only(1, 2)
      cluster.elect(1)
      let leaders = cluster.membership.replicas.filter { cluster.core($0).role == .leader }
      return Set(leaders.map { cluster.core($0).currentTerm }).count == leaders.count
    }
  }

  @Test("A leader counts itself when its own disk has the entry (thesis §10.2.1)")
  func leaderCountsAfterSync() {
    expect(.leaderCountsBeforeSync) { options in
      var cluster = Cluster(3, options)
      cluster.elect(0)
      cluster.only(0, 1)
      cluster.nodes[0].holdsDisk = true
      cluster.propose(1, at: 0)
      cluster.run()
      var witness = CommitWitness()
      witness.note(cluster)
      cluster.crash(ReplicaID(0))
      cluster.restart(ReplicaID(0))
      cluster.only(0, 2)
      cluster.elect(0)
      cluster.propose(2, at: 0)
      cluster.run()
      witness.note(cluster)
      return witness.disagreement == nil
    }
  }

  @Test("A follower acknowledges entries when its disk has them (figure 2)")
  func durableAcknowledgement() {
    expect(.ackEarly) { options in
      var cluster = Cluster(3, options)
      cluster.elect(0)
      cluster.only(0, 1)
      cluster.nodes[1].holdsDisk = true
      cluster.propose(1, at: 0)
      cluster.run()
      var witness = CommitWitness()
      witness.note(cluster)
      cluster.crash(ReplicaID(1))
      cluster.restart(ReplicaID(1))
      cluster.only(1, 2)
      cluster.elect(1)
      cluster.propose(2, at: 1)
      cluster.run()
      witness.note(cluster)
      return witness.disagreement == nil
    }
  }

  @Test("A voter compares the last terms before the lengths of the logs (§5.4.1)")
  func upToDate() {
    expect(.longestLogWins) { options in
      let stale = [entry(1), entry(1, 10), entry(1, 11), entry(1, 12), entry(1, 13)]
      var cluster = Cluster(
        logs: [stale, [entry(1), entry(2, 20)], [entry(1), entry(2, 20)]], term: 2, options)
      cluster.only(1, 2)
      cluster.elect(1)
      var witness = CommitWitness()
      witness.note(cluster)
      cluster.crash(ReplicaID(1))
      cluster.heal()
      cluster.elect(0)
      cluster.elect(0)
      witness.note(cluster)
      return witness.disagreement == nil && witness.batches.count >= 3
    }
  }

  @Test("An acknowledgement counts only in the term of its request")
  func replyTerm() {
    expect(.ignoreReplyTerm) { options in
      var cluster = Cluster(logs: [[entry(1)], [entry(1)], [entry(1)]], term: 2, options)
      cluster.elect(0)
      cluster.only(0)
      cluster.propose(1, at: 0)
      cluster.run()
      let stale = RaftReplica.AppendAccepted(
        term: 1, matchIndex: cluster.core(0).log.lastIndex, readRound: 0)
      return cluster.deliver(.appendAccepted(stale), from: 1, to: 0).commits.isEmpty
    }
  }

  @Test("An acknowledgement stands for what its request carried, not for all that was sent")
  func matchOfRequest() {
    expect(.matchFromNextIndex) { options in
      var cluster = Cluster(3, options)
      cluster.elect(0)
      cluster.only(0)
      cluster.propose(1, at: 0)
      cluster.propose(2, at: 0)
      cluster.run()
      let reply = RaftReplica.AppendAccepted(term: 1, matchIndex: LogIndex(2), readRound: 0)
      let commits = cluster.deliver(.appendAccepted(reply), from: 1, to: 0).commits
      return commits.map(\.index) == [LogIndex(2)]
    }
  }

  @Test("A follower commits no further than what the request proves to be the leader's")
  func commitWithinMatch() {
    expect(.commitPastMatch) { options in
      let log = [entry(1), entry(1, 10), entry(1, 11)]
      var cluster = Cluster(logs: [log, log, log], term: 1, options)
      let heartbeat = RaftReplica.AppendEntries(
        term: 2, prevLogIndex: LogIndex(1), prevLogTerm: 1, leaderCommit: LogIndex(3),
        readRound: 0, entries: [])
      let commits = cluster.deliver(.appendEntries(heartbeat), from: 1, to: 0).commits
      return commits.map(\.index) == [LogIndex(1)]
    }
  }

  @Test("Votes are counted by voter: a duplicated reply is one vote")
  func votesAreASet() {
    expect(.countDuplicateVotes) { options in
      var cluster = Cluster(5, options)
      cluster.only(0)
      cluster.elect(0)
      let vote = RaftReplica.Message.voteReply(.init(term: 1, isGranted: true, isPreVote: false))
      _ = cluster.deliver(vote, from: 1, to: 0)
      _ = cluster.deliver(vote, from: 1, to: 0)
      return cluster.core(0).role == .candidate
    }
  }

  @Test("A leader serves reads only once it has committed in its own term (thesis §6.4)")
  func readAfterOwnCommit() {
    expect(.readBeforeOwnCommit) { options in
      var cluster = Cluster(3, options)
      cluster.elect(0)
      cluster.propose(1, at: 0)
      cluster.run()
      cluster.crash(ReplicaID(0))
      cluster.delivers = { envelope in
        guard case .appendEntries(let request) = envelope.message else { return true }
        return request.entries.isEmpty
      }
      cluster.elect(1)
      cluster.handle(.readRequested(ReadTicket(7)), at: ReplicaID(1))
      cluster.run()
      let isServed = cluster.nodes[1].reads == [ReadTicket(7)]
      return !isServed || cluster.updates(1) == [1]
    }
  }

  @Test("A leader asks a majority whether it still leads before it serves a read (thesis §6.4)")
  func readWithQuorum() {
    expect(.readWithoutQuorum) { options in
      var cluster = Cluster(3, options)
      cluster.elect(0)
      cluster.only(1, 2)
      cluster.elect(1)
      cluster.propose(1, at: 1)
      cluster.run()
      cluster.handle(.readRequested(ReadTicket(7)), at: ReplicaID(0))
      cluster.run()
      return cluster.updates(1) == [1] && cluster.nodes[0].reads.isEmpty
    }
  }
}
