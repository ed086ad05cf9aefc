import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import Raft

// §5.3 log replication, §5.4 safety, §5.5 crashes of followers and candidates.

extension PaperTests {
  @Test("§5.3 An entry is committed once a majority has it, and followers learn that afterwards")
  func majorityCommits() {
    var cluster = Cluster(5, plain)
    cluster.elect(a)
    cluster.heartbeat(from: a)
    cluster.only(a, b)
    cluster.propose(4, at: a)
    cluster.run()
    #expect(cluster.updates(a) == [])
    cluster.only(a, b, c)
    cluster.heartbeat(from: a)
    #expect(cluster.updates(a) == [4] && cluster.updates(b) == [])
    cluster.heartbeat(from: a)
    #expect(cluster.updates(b) == [4] && cluster.updates(c) == [4] && cluster.updates(d) == [])
  }

  @Test("§5.3, figure 2: a follower acknowledges entries when its disk has them")
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

  @Test("§5.3 Entries are taken only behind an entry that both logs share")
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

  @Test(
    "§5.3 A follower truncates only at a conflict: an old message costs no acknowledged entries")
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

  @Test("§5.3 A leader never overwrites or deletes entries of its own log (Leader Append-Only)")
  func leaderAppendOnly() {
    var cluster = Cluster(3, plain)
    cluster.elect(a)
    cluster.only(a)
    cluster.propose(4, at: a)
    cluster.run()
    let log = cluster.terms(a)
    // No other leader of this term can exist, so this message can only be nonsense.
    let other = RaftReplica.AppendEntries(
      term: 1, prevLogIndex: .zero, prevLogTerm: 0, leaderCommit: .zero, readRound: 0,
      entries: [entry(1, 99)])
    let effects = cluster.deliver(.appendEntries(other), from: b, to: a)
    #expect(effects.records.isEmpty && cluster.terms(a) == log)
    #expect(cluster.core(a).role == .leader)
  }

  @Test("§5.3 An acknowledgement counts only in the term of its request")
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

  @Test("§5.3 An acknowledgement stands for what its request carried, not for all that was sent")
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

  @Test(
    "§5.3, figure 2: a follower commits no further than what the request proves to be the leader's")
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

  @Test("§5.4.1 A voter compares the last terms before the lengths of the logs")
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

  @Test("§5.4.2, figure 8: a leader commits only entries of its own term by counting")
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

  @Test(
    "§5.4.3 What is committed is in the log of every later leader (Leader Completeness)",
    arguments: [b, c, d, e])
  func leaderCompleteness(candidate: ReplicaID) {
    var cluster = Cluster(5, plain)
    cluster.elect(a)
    cluster.only(a, b, c)
    cluster.propose(4, at: a)
    cluster.run()
    #expect(cluster.updates(a) == [4])
    cluster.crash(a)
    cluster.heal()
    // A candidate without the entry raises the others' terms and loses.
    for _ in 0..<3 { cluster.elect(candidate) }
    let holdsEntry = candidate == b || candidate == c
    #expect((cluster.core(candidate).role == .leader) == holdsEntry)
    if holdsEntry { #expect(cluster.updates(candidate) == [4]) }
  }

  @Test(
    "§5.5 A follower that was down is asked again until it answers, and repetition does no harm")
  func repeatedRequests() {
    var cluster = Cluster(3, plain)
    cluster.elect(a)
    cluster.crash(c)
    cluster.propose(4, at: a)
    let request = cluster.inFlight.first { $0.from == a && $0.to == b }
    cluster.run()
    cluster.restart(c)
    cluster.heartbeat(from: a)
    #expect(cluster.terms(c) == [1, 1])
    guard let request else { return }
    for _ in 0..<2 {
      let again = cluster.deliver(request.message, from: a, to: b)
      #expect(again.records.isEmpty && again.commits.isEmpty)
      #expect(again.sends.count == 1)
    }
    #expect(cluster.terms(b) == [1, 1])
  }
}
