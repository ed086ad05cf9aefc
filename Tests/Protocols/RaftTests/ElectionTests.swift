import ProtocolTesting
import SteppedCluster
import Replication
import Testing

@testable import Raft

/// What `PaperTests` do not say of elections: combinations, strangers, slow disks.
@Suite("Leader election, beyond the paper")
struct ElectionTests {
  private let plain = raftOptions(preVote: false, checkQuorum: false)

  @Test(
    "A follower that sees its leader's process end stands in its turn and votes at once, if asked to",
    arguments: [true, false])
  func disconnected(heeds: Bool) {
    var options = raftOptions()
    options.electOnDisconnect = heeds
    var cluster = Cluster(3, options)
    cluster.elect(0)
    let timers = cluster.nodes.map(\.timers)
    // The end of another follower does not matter to a follower, nor that of any follower to the
    // leader.
    cluster.handle(.disconnected(ReplicaID(2)), at: ReplicaID(1))
    cluster.handle(.disconnected(ReplicaID(1)), at: ReplicaID(0))
    #expect(cluster.nodes.map(\.timers) == timers)
    for follower in [1, 2] {
      cluster.handle(.disconnected(ReplicaID(0)), at: ReplicaID(follower))
    }
    // Heartbeats are 50 ms apart.
    let turns: [ClosedRange<Interval>?] =
      heeds ? [.milliseconds(5)...(.milliseconds(5)), .milliseconds(55)...(.milliseconds(55))] : []
    #expect(
      cluster.nodes[1...].map { $0.timers[0] } == (heeds ? turns : timers[1...].map { $0[0] }))
    // The leader was heard from a moment ago; that counts no longer.
    let answer = cluster.deliver(
      requestVote(2, last: (1, 1), isPreVote: true), from: 1, to: 2)
    #expect(answer.sends.map(\.message) == [vote(heeds ? 2 : 1, heeds, isPreVote: true)])
    cluster.only(1, 2)
    cluster.elect(1)
    #expect(cluster.core(1).role == .leader)
  }

  @Test("A leader that was wrongly taken for dead is followed again")
  func falseAlarm() {
    var options = raftOptions()
    options.electOnDisconnect = true
    var cluster = Cluster(3, options)
    cluster.elect(0)
    cluster.handle(.disconnected(ReplicaID(0)), at: ReplicaID(1))
    // The other follower still hears from the leader, and denies its pre-vote.
    let answer = cluster.deliver(
      requestVote(2, last: (1, 1), isPreVote: true), from: 1, to: 2)
    #expect(answer.sends.map(\.message) == [vote(1, false, isPreVote: true)])
    cluster.heartbeat(from: 0)
    #expect(cluster.core(1).role == .follower && cluster.core(1).leader == ReplicaID(0))
    #expect(cluster.core(0).role == .leader && cluster.core(0).currentTerm == 1)
  }

  @Test("The request for a vote waits until the last entry it names is durable")
  func requestWaitsForDisk() {
    var cluster = Cluster(3, plain)
    cluster.nodes[0].holdsDisk = true
    cluster.fire(.election, at: ReplicaID(0))
    #expect(cluster.inFlight.isEmpty)
    cluster.releaseDisk(ReplicaID(0))
    cluster.run()
    #expect(cluster.core(0).role == .leader)
  }

  @Test(
    "A vote is refused to a log that is less up to date",
    arguments: [
      ([1], (1, 1), true), ([1], (2, 1), true), ([1, 1], (1, 1), false), ([1], (1, 2), true),
      ([1], (2, 2), true), ([1, 1], (1, 2), true), ([2], (1, 1), false), ([2], (5, 1), false),
      ([2, 2], (1, 2), false), ([], (0, 0), true),
    ] as [([RaftReplica.Term], (Int, RaftReplica.Term), Bool)])
  func upToDate(log: [RaftReplica.Term], last: (Int, RaftReplica.Term), isGranted: Bool) {
    var cluster = Cluster(logs: [log.map { entry($0) }, [], []], term: 2, plain)
    let effects = cluster.deliver(requestVote(3, last: last), from: 1, to: 0)
    #expect(effects.sends.map(\.message) == [vote(3, isGranted)])
  }

  @Test("Replicas may bear any numbers, such as those of an authority behind other replicas")
  func otherNumbers() {
    let membership = Membership(replicas: [3, 4, 5].map { ReplicaID($0) })
    var core = RaftReplica(id: ReplicaID(4), membership: membership, options: plain)
    var effects = Effects<RaftReplica>()
    core.handle(.timerFired(.election), at: .zero, into: &effects)
    #expect(effects.sends.map(\.to) == [ReplicaID(3), ReplicaID(5), ReplicaID(4)])
    core.handle(.received(vote(1, true), from: ReplicaID(4)), at: .zero, into: &effects)
    core.handle(.received(vote(1, true), from: ReplicaID(1)), at: .zero, into: &effects)
    #expect(core.role == .candidate)
    core.handle(.received(vote(1, true), from: ReplicaID(5)), at: .zero, into: &effects)
    #expect(core.role == .leader)
    #expect(effects.earlySends.map(\.to) == [ReplicaID(3), ReplicaID(5)])
  }

  @Test("Refused votes, votes of another term and votes of strangers do not count")
  func votesThatDoNotCount() {
    var cluster = Cluster(3, plain)
    cluster.only(0)
    cluster.elect(0)
    cluster.elect(0)
    _ = cluster.deliver(vote(2, false), from: 1, to: 0)
    _ = cluster.deliver(vote(1, true), from: 1, to: 0)
    _ = cluster.deliver(vote(3, true), from: 1, to: 0)
    _ = cluster.deliver(vote(2, true), from: 9, to: 0)
    #expect(cluster.core(0).role == .candidate)
  }

  @Test("A leader whose followers' disks stall still leads: they answer its heartbeats at once")
  func stalledDisks() {
    var cluster = Cluster(3)
    cluster.elect(0)
    cluster.heartbeat(from: 0)
    cluster.fire(.election, at: ReplicaID(0))
    for node in 1...2 { cluster.nodes[node].holdsDisk = true }
    cluster.propose(1, at: 0)
    cluster.run()
    for _ in 1...5 { cluster.heartbeat(from: 0) }
    cluster.fire(.election, at: ReplicaID(0))
    #expect(cluster.core(0).role == .leader)
  }

  @Test("A follower that rejects entries counts as one that answers, though its disk stalls")
  func rejectionsCount() {
    var cluster = Cluster(3)
    cluster.elect(0)
    cluster.heartbeat(from: 0)
    cluster.fire(.election, at: ReplicaID(0))
    for node in 1...2 { cluster.nodes[node].holdsDisk = true }
    cluster.delivers = { envelope in
      guard case .appendEntries(let request) = envelope.message else { return true }
      return request.entries.isEmpty
    }
    cluster.propose(1, at: 0)
    cluster.run()
    // Only the first heartbeat follows the lost entry, and is rejected.
    cluster.fire(.heartbeat, at: ReplicaID(0))
    cluster.delivers = { envelope in
      if case .appendEntries(let request) = envelope.message { return request.entries.isEmpty }
      if case .appendRejected = envelope.message { return true }
      return false
    }
    cluster.run()
    cluster.fire(.election, at: ReplicaID(0))
    #expect(cluster.core(0).role == .leader)
  }

  @Test("A refused pre-vote teaches the term, so that the next attempt can win")
  func refusedPreVote() {
    var cluster = Cluster(3)
    for node in 1...2 { _ = cluster.deliver(.newerTerm(1), from: 0, to: ReplicaID(node)) }
    cluster.elect(0)
    #expect(cluster.core(0).currentTerm == 1)
    cluster.elect(0)
    #expect(cluster.core(0).role == .leader)
  }

  @Test("A pre-candidate still sends clients to the leader that it misses; a candidate does not")
  func redirects() {
    for preVote in [true, false] {
      var cluster = Cluster(3, raftOptions(preVote: preVote))
      cluster.elect(0)
      cluster.only(0, 1)
      cluster.fire(.election, at: 2)
      #expect(cluster.core(2).role == (preVote ? .preCandidate : .candidate))
      cluster.propose(1, at: 2)
      #expect(
        cluster.nodes[2].refusedBatches.map(\.redirect) == [preVote ? ReplicaID(0) : nil])
    }
  }
}
