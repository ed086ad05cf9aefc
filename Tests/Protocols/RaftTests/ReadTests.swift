import ProtocolTesting
import SteppedCluster
import Replication
import Testing

@testable import Raft

@Suite("Linearizable reads (thesis §6.4)")
struct ReadTests {
  private func tickets(_ range: ClosedRange<UInt64>) -> [ReadTicket] {
    range.map { ReadTicket($0) }
  }

  private func requests(in cluster: Cluster) -> Int {
    cluster.inFlight.count {
      if case .appendEntries = $0.message { true } else { false }
    }
  }

  @Test("A read is served after one round of heartbeats", arguments: [1, 2, 3, 5])
  func oneRound(count: Int) {
    var cluster = Cluster(count)
    cluster.elect(0)
    cluster.handle(.readRequested(ReadTicket(1)), at: ReplicaID(0))
    #expect(requests(in: cluster) == count - 1)
    #expect(cluster.nodes[0].reads.isEmpty == (count > 1))
    cluster.run()
    #expect(cluster.nodes[0].reads == tickets(1...1))
  }

  @Test("A read waits for no disk: followers confirm a round while they write")
  func noDisk() {
    var cluster = Cluster(3)
    cluster.elect(0)
    for node in 1...2 { cluster.nodes[node].holdsDisk = true }
    cluster.handle(.requested(batch(1)), at: ReplicaID(0))
    cluster.run()
    let committed = cluster.nodes[0].committedCount
    cluster.handle(.readRequested(ReadTicket(1)), at: ReplicaID(0))
    cluster.run()
    #expect(cluster.nodes[0].reads == tickets(1...1))
    #expect(cluster.nodes[0].committedCount == committed)
    for node in 1...2 { cluster.releaseDisk(ReplicaID(node)) }
    cluster.run()
    #expect(cluster.nodes[0].committedCount == committed + 1)
  }

  @Test("Rounds do not wait for each other, and an answer to one is an answer to all before it")
  func sharedRound() {
    var cluster = Cluster(3)
    cluster.elect(0)
    for ticket in tickets(1...5) { cluster.handle(.readRequested(ticket), at: ReplicaID(0)) }
    // Both followers owe the answers to four rounds, so the fifth is not sent alone.
    #expect(requests(in: cluster) == 8)
    let round = cluster.core(0).leading.readRound
    cluster.inFlight = []
    let third = RaftReplica.RoundConfirmed(term: 1, readRound: round - 2)
    var effects = cluster.deliver(.roundConfirmed(third), from: 1, to: 0)
    #expect(effects.reads == tickets(1...3))
    // This answer makes room for the fifth round.
    #expect(effects.earlySends.map(\.to) == [ReplicaID(1)])
    // The same answer again, and an older one from the other follower, change nothing.
    effects = cluster.deliver(.roundConfirmed(third), from: 1, to: 0)
    #expect(effects.reads.isEmpty)
    let second = RaftReplica.RoundConfirmed(term: 1, readRound: round - 3)
    effects = cluster.deliver(.roundConfirmed(second), from: 2, to: 0)
    #expect(effects.reads.isEmpty)
    // An answer to a round that has not begun is ignored.
    let future = RaftReplica.RoundConfirmed(term: 1, readRound: round + 1)
    effects = cluster.deliver(.roundConfirmed(future), from: 1, to: 0)
    #expect(effects.reads.isEmpty)
    cluster.handle(.readRequested(ReadTicket(6)), at: ReplicaID(0))
    #expect(cluster.nodes[0].reads.isEmpty)
    cluster.inFlight = []
    cluster.heartbeat(from: 0)
    #expect(cluster.nodes[0].reads == tickets(4...6))
  }

  @Test("A round needs a majority of its own: answers to different rounds are not added up")
  func majorityPerRound() {
    var cluster = Cluster(5)
    cluster.elect(0)
    for ticket in tickets(1...2) { cluster.handle(.readRequested(ticket), at: ReplicaID(0)) }
    let round = cluster.core(0).leading.readRound
    func confirm(_ round: UInt64, from: ReplicaID) -> [ReadTicket] {
      cluster.deliver(
        .roundConfirmed(.init(term: 1, readRound: round)), from: from, to: 0
      ).reads
    }
    #expect(confirm(round, from: 1).isEmpty)
    #expect(confirm(round - 1, from: 2) == tickets(1...1))
    #expect(confirm(round, from: 3) == tickets(2...2))
  }

  @Test("Updates that follow in the turn carry the round, and no message goes out for it alone")
  func entriesCarryTheRound() {
    var cluster = Cluster(3)
    cluster.elect(0)
    let id = ReplicaID(0)
    cluster.perform(at: id) { core, now, effects in
      core.handle(.readRequested(ReadTicket(1), updatesFollow: true), at: now, into: &effects)
      core.handle(.requested(batch(1)), at: now, into: &effects)
    }
    #expect(requests(in: cluster) == 2)
    cluster.run()
    #expect(cluster.nodes[0].reads == tickets(1...1))
    #expect(cluster.updates(0) == [1])
  }

  @Test("A follower that cannot be sent the updates of the turn is asked by a heartbeat")
  func fullWindow() {
    var cluster = Cluster(3, raftOptions(inFlightLimit: 1))
    cluster.elect(0)
    cluster.propose(1, at: 0)
    cluster.inFlight = []
    cluster.perform(at: ReplicaID(0)) { core, now, effects in
      core.handle(.readRequested(ReadTicket(1), updatesFollow: true), at: now, into: &effects)
      core.handle(.requested(batch(2)), at: now, into: &effects)
    }
    #expect(requests(in: cluster) == 2)
    cluster.run()
    #expect(cluster.nodes[0].reads == tickets(1...1))
  }

  @Test("A replica that leads a second time serves reads, though its rounds start again at 1")
  func secondLeadership() {
    var cluster = Cluster(3)
    cluster.elect(0)
    for ticket in tickets(1...3) {
      cluster.handle(.readRequested(ticket), at: ReplicaID(0))
      cluster.run()
    }
    cluster.handle(.received(.newerTerm(5), from: ReplicaID(1)), at: ReplicaID(0))
    cluster.now = cluster.now + .seconds(1)
    cluster.elect(0)
    #expect(cluster.core(0).role == .leader)
    cluster.handle(.readRequested(ReadTicket(9)), at: ReplicaID(0))
    // Confirmations of the first term of leadership no longer count.
    #expect(cluster.nodes[0].reads == tickets(1...3))
    cluster.run()
    #expect(cluster.nodes[0].reads == tickets(1...3) + tickets(9...9))
  }

  @Test("A follower that stood and lost confirms the first round of the leader it lost to")
  func roundsAfterACandidacy() {
    var cluster = Cluster(3, raftOptions(preVote: false, checkQuorum: false))
    cluster.elect(0)
    for ticket in tickets(1...50) {
      cluster.handle(.readRequested(ticket), at: ReplicaID(0))
      cluster.run()
    }
    cluster.crash(ReplicaID(0))
    cluster.delivers = { _ in false }
    cluster.elect(2)
    #expect(cluster.core(2).currentTerm == 2 && cluster.core(2).role == .candidate)
    let request = RaftReplica.AppendEntries(
      term: 2, prevLogIndex: LogIndex(1), prevLogTerm: 1, leaderCommit: LogIndex(1), readRound: 1,
      entries: [entry(2)])
    let effects = cluster.deliver(.appendEntries(request), from: 1, to: 2)
    #expect(
      effects.earlySends.map(\.message) == [.roundConfirmed(.init(term: 2, readRound: 1))])
  }

  @Test("A follower that rejects entries of the term confirms the round")
  func rejectionConfirms() {
    var cluster = Cluster(3)
    cluster.elect(0)
    // Entries are lost; heartbeats and the followers' answers to them are not.
    cluster.delivers = { envelope in
      guard case .appendEntries(let request) = envelope.message else { return true }
      return request.entries.isEmpty
    }
    cluster.propose(1, at: 0)
    cluster.run()
    cluster.handle(.readRequested(ReadTicket(1)), at: ReplicaID(0))
    cluster.run()
    #expect(cluster.core(1).log.lastIndex == LogIndex(1))
    #expect(cluster.nodes[0].reads == tickets(1...1))
  }

  @Test("A reply to a heartbeat sent before the read arrived does not confirm the read")
  func earlierHeartbeat() {
    var cluster = Cluster(3)
    cluster.elect(0)
    cluster.fire(.heartbeat, at: ReplicaID(0))
    let old = cluster.inFlight
    cluster.inFlight = []
    cluster.handle(.readRequested(ReadTicket(1)), at: ReplicaID(0))
    cluster.inFlight = old
    cluster.run()
    #expect(cluster.nodes[0].reads.isEmpty)
    // The round is repeated by the next heartbeat.
    cluster.heartbeat(from: 0)
    #expect(cluster.nodes[0].reads == tickets(1...1))
  }

  @Test("Reads wait for the first commit of the term, and then for a round")
  func waitForOwnCommit() {
    var cluster = Cluster(3)
    cluster.delivers = { envelope in
      guard case .appendEntries = envelope.message else { return true }
      return false
    }
    cluster.elect(0)
    cluster.handle(.readRequested(ReadTicket(1)), at: ReplicaID(0))
    cluster.run()
    #expect(cluster.nodes[0].reads.isEmpty)
    cluster.heal()
    cluster.heartbeat(from: 0)
    #expect(cluster.nodes[0].commits.count == 1)
    #expect(cluster.nodes[0].reads == tickets(1...1))
  }

  @Test("Replicas that do not lead refuse reads; a leader that is deposed refuses those that wait")
  func refusal() {
    var cluster = Cluster(3)
    cluster.elect(0)
    cluster.handle(.readRequested(ReadTicket(9)), at: ReplicaID(1))
    #expect(cluster.nodes[1].refusedReads.map(\.refused) == tickets(9...9))
    #expect(cluster.nodes[1].refusedReads.map(\.redirect) == [ReplicaID(0)])
    cluster.only(0)
    for ticket in tickets(1...3) { cluster.handle(.readRequested(ticket), at: ReplicaID(0)) }
    cluster.run()
    let effects = cluster.deliver(.newerTerm(4), from: 1, to: 0)
    #expect(effects.refusedReads.map(\.refused) == tickets(1...3))
    #expect(effects.reads.isEmpty)
    #expect(cluster.core(0).invariantViolation() == nil)
  }

  @Test("A read sees every update that was committed when it arrived")
  func seesCommits() {
    var cluster = Cluster(3)
    cluster.elect(0)
    cluster.propose(1, at: 0)
    cluster.run()
    cluster.crash(ReplicaID(0))
    cluster.fire(.election, at: ReplicaID(1))
    cluster.handle(.readRequested(ReadTicket(1)), at: ReplicaID(1))
    cluster.run()
    // The first ticket came too early for the replica that is leader now.
    #expect(cluster.nodes[1].refusedReads.map(\.refused) == tickets(1...1))
    cluster.handle(.readRequested(ReadTicket(2)), at: ReplicaID(1))
    cluster.run()
    #expect(cluster.nodes[1].reads == tickets(2...2))
    #expect(cluster.updates(1) == [1])
  }
}
