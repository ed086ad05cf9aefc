import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import Raft

// §6 membership, §7 log compaction, §8 clients, and the chapters of the thesis.
//
// §6: the membership of a cluster does not change here. What is left of it is a server that comes
// back without its disk, as a learner (thesis §4.2.1, and the `Deviation:` in
// RaftReplica+Learner.swift): `LearnerTests`.

extension PaperTests {
  @Test("§6, thesis §4.2.3: a candidate cannot depose a leader that others hear from")
  func disruption() {
    var cluster = Cluster(3)
    cluster.elect(0)
    let effects = cluster.deliver(requestVote(9, last: (9, 9)), from: 2, to: 1)
    #expect(effects.sends.isEmpty)
    #expect(cluster.core(1).currentTerm == 1)
  }

  /// A follower with the entries 1 to 4 of term 1, of which it knows `committed` to be committed.
  private func follower(committed: Int, bug: SnapshotBug? = nil) -> Cluster {
    var options = plain
    options.snapshots.bug = bug
    let log = [entry(1), entry(1, 10), entry(1, 11), entry(1, 12)]
    var cluster = Cluster(logs: [log, log, log], term: 1, options)
    let heartbeat = RaftReplica.AppendEntries(
      term: 1, prevLogIndex: LogIndex(4), prevLogTerm: 1, leaderCommit: LogIndex(committed),
      readRound: 0, entries: [])
    cluster.handle(.received(.appendEntries(heartbeat), from: a), at: b)
    return cluster
  }

  private func install(
    _ index: Int, term: RaftReplica.Term, at cluster: inout Cluster
  ) -> (isInstalled: Bool, records: [RaftReplica.Record]) {
    var effects = Effects<RaftReplica>()
    let reference = SnapshotReference(index: LogIndex(index), epoch: term)
    let isInstalled = cluster.nodes[1].core.install(
      reference, from: a, at: cluster.now, into: &effects)
    return (isInstalled, effects.records)
  }

  @Test("§7 A snapshot that ends in an entry of the log leaves what follows that entry")
  func snapshotOfPrefix() {
    var cluster = follower(committed: 1)
    let (isInstalled, records) = install(3, term: 1, at: &cluster)
    #expect(isInstalled && cluster.core(b).commitIndex == LogIndex(3))
    #expect(cluster.core(b).log.lastIndex == LogIndex(4))
    #expect(records.last == .append(at: LogIndex(4), [entry(1, 12)]))
  }

  @Test("§7 A snapshot that ends in another entry than the log has there replaces the whole log")
  func snapshotOfOtherLog() {
    var cluster = follower(committed: 1)
    let (isInstalled, records) = install(3, term: 2, at: &cluster)
    #expect(isInstalled && cluster.core(b).commitIndex == LogIndex(3))
    #expect(cluster.core(b).log.lastIndex == LogIndex(3) && cluster.core(b).log.lastTerm == 2)
    #expect(!records.contains { if case .append = $0 { true } else { false } })
  }

  @Test("§7 A snapshot of less than is committed is ignored; installed, it costs committed entries")
  func olderSnapshot() {
    for bug in [nil, SnapshotBug.installOlder] {
      var cluster = follower(committed: 4, bug: bug)
      let (isInstalled, _) = install(2, term: 1, at: &cluster)
      #expect(isInstalled == (bug != nil))
      #expect(cluster.core(b).log.lastIndex == LogIndex(bug == nil ? 4 : 2))
    }
  }

  @Test("§7 What has left the log still counts in the comparison of logs and terms")
  func baseOfLog() {
    var cluster = Cluster(3, plain)
    cluster.elect(a)
    cluster.propose(4, at: a)
    cluster.run()
    _ = cluster.takeSnapshot(at: a)
    #expect(cluster.core(a).log.firstIndex == LogIndex(3))
    // A log that is as long as the base, and of the same term, is as up to date.
    let last = cluster.deliver(requestVote(2, last: (2, 1)), from: b, to: a)
    #expect(last.sends.map(\.message) == [vote(2, true)])
    let shorter = cluster.deliver(requestVote(3, last: (1, 1)), from: c, to: a)
    #expect(shorter.sends.map(\.message) == [vote(3, false)])
  }

  @Test("§8 A leader begins its term with a no-op, which commits what earlier leaders left")
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

  @Test("§8, thesis §6.4: a leader serves reads only once it has committed in its own term")
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

  @Test("§8, thesis §6.4: a leader asks a majority whether it still leads before it serves a read")
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

  @Test("Thesis §6.2: a leader that no majority answers for an election timeout steps down")
  func checkQuorum() {
    var cluster = Cluster(3)
    cluster.elect(0)
    cluster.heartbeat(from: 0)
    cluster.fire(.election, at: ReplicaID(0))
    #expect(cluster.core(0).role == .leader)
    cluster.only(0)
    cluster.heartbeat(from: 0)
    cluster.fire(.election, at: ReplicaID(0))
    #expect(cluster.core(0).role == .follower)
    #expect(cluster.nodes[0].timers == [RaftReplica.Options().electionTimeout, nil])
  }

  @Test("Thesis §9.6: a pre-vote changes neither term nor vote, and is not durable")
  func preVoteChangesNothing() {
    var cluster = Cluster(3)
    let effects = cluster.deliver(requestVote(7, isPreVote: true), from: 1, to: 0)
    #expect(effects.sends.map(\.message) == [vote(7, true, isPreVote: true)])
    #expect(effects.records.isEmpty)
    #expect(effects.timerChanges.isEmpty)
    #expect(cluster.core(0).currentTerm == 0)
    #expect(cluster.core(0).votedFor == nil)
  }

  @Test("Thesis §9.6: a pre-vote is refused while a leader is heard from")
  func preVoteNearLeader() {
    var cluster = Cluster(3)
    cluster.elect(0)
    let request = requestVote(2, last: (9, 1), isPreVote: true)
    for voter in [0, 1] {
      let effects = cluster.deliver(request, from: 2, to: ReplicaID(voter))
      #expect(effects.sends.map(\.message) == [vote(1, false, isPreVote: true)])
    }
  }

  @Test("Thesis §9.6: a pre-vote is refused to a log that is behind")
  func preVoteNeedsLog() {
    var cluster = Cluster(
      logs: [[entry(1), entry(1, 5)], [], []], term: 1, raftOptions())
    let request = RaftReplica.RequestVote(
      term: 2, lastLogIndex: LogIndex(1), lastLogTerm: 1, isPreVote: true)
    let effects = cluster.deliver(.requestVote(request), from: 1, to: 0)
    #expect(
      effects.sends.map(\.message) == [
        .voteReply(.init(term: 1, isGranted: false, isPreVote: true))
      ])
  }

  @Test(
    "Thesis §9.6: with PreVote a replica that was cut off comes back without a change of leader")
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

  @Test("Thesis §10.2.1: a leader counts itself when its own disk has the entry")
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
}
