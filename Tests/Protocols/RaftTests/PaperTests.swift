import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import Raft

/// The rules of Raft in the order of the paper (Ongaro & Ousterhout 2014), and then of the thesis
/// (Ongaro 2014), to be read with the paper at hand. Where a known bug breaks a rule, the test
/// plays its scenario twice: as the code is, and with that bug.
///
/// - `PaperTests.swift`: §5.1 basics, §5.2 election
/// - `PaperTests+Log.swift`: §5.3 replication, §5.4 safety, §5.5 crashes
/// - `PaperTests+Clients.swift`: §6 membership, §7 snapshots, §8 clients; the thesis
@Suite("Raft, in the order of the paper")
struct PaperTests {
  let plain = raftOptions(preVote: false, checkQuorum: false)
  @Test("§5.1 A replica that sees a newer term follows in it, and tells who speaks in an older one")
  func terms() {
    for role in [RaftReplica.Role.candidate, .leader] {
      var cluster = Cluster(3, plain)
      if role == .candidate { cluster.only(0) }
      cluster.elect(0)
      #expect(cluster.core(0).role == role)
      let effects = cluster.deliver(.newerTerm(5), from: 1, to: 0)
      #expect(effects.records == [.vote(term: 5, votedFor: nil)])
      #expect(cluster.core(0).role == .follower)
      #expect(cluster.core(0).currentTerm == 5)
      for stale in [heartbeat(4), requestVote(4), requestVote(4, isPreVote: true)] {
        let answer = cluster.deliver(stale, from: 1, to: 0)
        #expect(answer.sends.map(\.message) == [.newerTerm(5)])
        #expect(answer.records.isEmpty)
      }
    }
  }

  @Test("§5.1 A message of an older term is answered, so that its sender learns of the newer one")
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

  @Test("§5.2 A replica starts as follower and waits a random election timeout")
  func start() {
    let cluster = Cluster(3)
    #expect(cluster.core(0).role == .follower)
    #expect(cluster.nodes[0].timers == [.milliseconds(150)...(.milliseconds(300)), nil])
  }

  @Test("§5.2 A new leader speaks to all at once, and an idle one in every heartbeat interval")
  func heartbeats() {
    var cluster = Cluster(3, plain)
    cluster.fire(.election, at: a)
    cluster.run(limit: 5)
    #expect(cluster.core(a).role == .leader)
    func receivers() -> [ReplicaID] {
      cluster.inFlight.filter { if case .appendEntries = $0.message { true } else { false } }
        .map(\.to)
    }
    #expect(receivers() == [b, c])
    cluster.run()
    #expect(
      cluster.nodes[0].timers[RaftReplica.Timer.heartbeat.index]
        == .milliseconds(50)...(.milliseconds(50)))
    cluster.fire(.heartbeat, at: a)
    #expect(receivers() == [b, c])
  }

  @Test("§5.2 A candidate raises its term, votes for itself durably and asks all others")
  func candidacy() {
    var cluster = Cluster(3, plain)
    cluster.fire(.election, at: ReplicaID(0))
    #expect(cluster.nodes[0].records == [.vote(term: 1, votedFor: ReplicaID(0))])
    #expect(
      cluster.inFlight.map(\.message) == [requestVote(1), requestVote(1), vote(1, true)])
    #expect(cluster.inFlight.map(\.to) == [ReplicaID(1), ReplicaID(2), ReplicaID(0)])
  }

  @Test(
    "§5.2 A voter gives one vote per term, to the first who asks, and repeats it when asked again")
  func oneVotePerTerm() {
    var cluster = Cluster(3, plain)
    let first = cluster.deliver(requestVote(1), from: 0, to: 2)
    #expect(first.records.last == .vote(term: 1, votedFor: ReplicaID(0)))
    #expect(first.sends.map(\.message) == [vote(1, true)])
    #expect(first.earlySends.isEmpty)
    #expect(
      cluster.deliver(requestVote(1), from: 1, to: 2).sends.map(\.message) == [vote(1, false)])
    let repeated = cluster.deliver(requestVote(1), from: 0, to: 2)
    #expect(repeated.sends.map(\.message) == [vote(1, true)])
    #expect(repeated.records.isEmpty)
  }

  @Test("§5.2, figure 2: a vote is durable before it is answered")
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

  @Test(
    "§5.2 A majority of votes makes a leader, and less does not", arguments: [1, 2, 3, 4, 5, 7])
  func majority(count: Int) {
    var cluster = Cluster(count, plain)
    cluster.only(0)
    cluster.elect(0)
    for voter in 1..<(count / 2 + 1) {
      #expect(cluster.core(0).role == .candidate)
      _ = cluster.deliver(vote(1, true), from: ReplicaID(voter), to: 0)
    }
    #expect(cluster.core(0).role == .leader)
  }

  @Test("§5.2 Votes are counted by voter: a duplicated reply is one vote")
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

  @Test(
    "§5.2 A candidate follows the leader of its own term; a leader follows no other of its own term"
  )
  func appendOfOwnTerm() {
    var cluster = Cluster(3, plain)
    cluster.only(0)
    cluster.elect(0)
    _ = cluster.deliver(heartbeat(1), from: 1, to: 0)
    #expect(cluster.core(0).role == .follower)
    #expect(cluster.core(0).leader == ReplicaID(1))
    var other = Cluster(3, plain)
    other.elect(0)
    let effects = other.deliver(heartbeat(1), from: 1, to: 0)
    #expect(other.core(0).role == .leader)
    #expect(effects.sends.isEmpty)
  }

  @Test("§5.2 Split votes end in an election of a later term")
  func splitVote() {
    var cluster = Cluster(3, plain)
    cluster.crash(ReplicaID(2))
    cluster.fire(.election, at: ReplicaID(0))
    cluster.fire(.election, at: ReplicaID(1))
    cluster.run()
    #expect([cluster.core(0).role, cluster.core(1).role] == [.candidate, .candidate])
    cluster.elect(1)
    #expect(cluster.core(1).role == .leader)
    #expect(cluster.core(1).currentTerm == 2)
  }

  @Test("§5.2 Only a granted vote or an AppendEntries of the term puts the own candidacy off")
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
}
