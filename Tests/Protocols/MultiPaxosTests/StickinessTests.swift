import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import MultiPaxos

/// With `prePrepare`, its default: which replicas a follower that misses the leader disturbs.
@Suite("Multi-Paxos: a healthy leader stays")
struct StickinessTests {
  private func cluster(_ replicas: Int = 3) -> Cluster {
    Cluster(membership: Membership(replicas: replicas), options: MultiPaxosReplica.Options())
  }

  /// The leader beats every 50 ms, and every 200 ms another replica's election timer fires.
  private func pass(_ beats: Int, _ cluster: inout Cluster, leader: ReplicaID, other: ReplicaID) {
    for beat in 1...beats {
      cluster.now = cluster.now + .milliseconds(50)
      if beat % 4 == 0 { cluster.handle(.timerFired(.election), at: other) }
      cluster.handle(.timerFired(.heartbeat), at: leader)
      cluster.run()
    }
  }

  @Test("The first election, and the one after the leader's end, take one attempt")
  func elections() {
    var cluster = cluster()
    cluster.elect(a)
    #expect(cluster[a].status.isInCharge)
    pass(4, &cluster, leader: a, other: b)
    #expect(cluster[b].promised.round == 1)
    cluster.only(b, c)
    // The first firing finds that the leader was heard too lately.
    cluster.fire(.election, at: b)
    cluster.fire(.election, at: b)
    cluster.run()
    #expect(cluster[b].status.isInCharge)
    #expect(cluster[b].promised.round == 2)
  }

  @Test("A follower that was cut off comes back without a change of leader")
  func returningFollower() {
    var cluster = cluster()
    cluster.elect(a)
    cluster.only(a, b)
    pass(20, &cluster, leader: a, other: c)
    #expect(cluster[c].promised.round == 1)
    cluster.heal()
    pass(8, &cluster, leader: a, other: c)
    cluster.propose(1, at: a)
    cluster.run()
    #expect(cluster[a].status.isInCharge)
    #expect(cluster[c].promised == ballot(1, a))
    pass(1, &cluster, leader: a, other: c)
    #expect(cluster.committed(c) == [batch(1)])
  }

  @Test("A follower that asks around still sends clients to the leader that it misses")
  func redirects() {
    var cluster = cluster()
    cluster.elect(a)
    cluster.only(a, b)
    pass(8, &cluster, leader: a, other: c)
    #expect(cluster[c].prospect != nil)
    cluster.propose(1, at: c)
    #expect(cluster.nodes[c.index].refusedBatches.map(\.redirect) == [a])
  }

  @Test("Two ends of a bridge do not depose each other")
  func bridge() {
    var cluster = cluster()
    cluster.elect(a)
    cluster.delivers = { $0.from == b || $0.to == b || $0.from == $0.to }
    pass(40, &cluster, leader: a, other: c)
    #expect(cluster[a].status.isInCharge)
    #expect(cluster[c].promised.round == 1)
    cluster.propose(1, at: a)
    cluster.run()
    #expect(cluster[a].commitIndex == slot(1))
  }

  @Test("A leader tells no other replica that it could win, because its own silence means nothing")
  func askedLeader() {
    var cluster = cluster()
    cluster.elect(a)
    cluster.now = cluster.now + .seconds(1)
    let effects = cluster.deliver(.prePrepare(ballot: ballot(2, c)), from: c, to: a)
    #expect(effects.earlySends.isEmpty && effects.sends.isEmpty)
    // A follower that has heard no leader for so long does.
    let other = cluster.deliver(.prePrepare(ballot: ballot(2, c)), from: c, to: b)
    #expect(other.earlySends.map(\.message) == [.prePromise(ballot: ballot(2, c))])
  }

  @Test("A replica with a higher promise names it, so that the next attempt is above it")
  func outbid() {
    var bare = Bare(b)
    bare.receive(.prepare(ballot: ballot(7, c), from: slot(1)), from: c)
    bare.receive(.prePrepare(ballot: ballot(7, a)), from: a)
    #expect(bare.sent(to: a) == [.preempted(by: ballot(7, c))])
    bare.now = bare.now + .seconds(1)
    bare.receive(.prePrepare(ballot: ballot(8, a)), from: a)
    #expect(bare.sent(to: a) == [.prePromise(ballot: ballot(8, a))])
    #expect(bare.core.promised == ballot(7, c))
  }

  @Test("Answers to an earlier question do not count")
  func staleAnswer() {
    var bare = Bare(b, prePrepare: true)
    bare.fire(.election, after: .seconds(1))
    bare.receive(.prePromise(ballot: ballot(2, b)), from: a)
    #expect(bare.core.role == .follower)
    bare.receive(.prePromise(ballot: ballot(1, b)), from: a)
    #expect(bare.core.role == .candidate)
  }

  @Test("A leader that is heard meanwhile ends the attempt")
  func leaderIsHeard() {
    var bare = Bare(b, prePrepare: true)
    bare.fire(.election, after: .seconds(1))
    bare.receive(
      .heartbeat(ballot: ballot(1, a), commitIndex: .zero, next: slot(1), round: 0), from: a)
    bare.receive(.prePromise(ballot: ballot(1, b)), from: c)
    #expect(bare.core.role == .follower)
  }

  @Test("A clock that is set back delays an election by one timeout at most")
  func clockStepsBack() {
    var bare = Bare(b)
    bare.now = .zero + .seconds(100)
    bare.receive(
      .heartbeat(ballot: ballot(1, a), commitIndex: .zero, next: slot(1), round: 0), from: a)
    bare.fire(.election, after: .zero - .seconds(5))
    guard case .set(.election, let range)? = bare.effects.timerChanges.last else {
      Issue.record("no timer was set")
      return
    }
    #expect(range.upperBound <= MultiPaxosReplica.Options().electionTimeout.upperBound)
  }
}
