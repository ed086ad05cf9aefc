import ProtocolTesting
import SteppedCluster
import Replication
import Testing

@testable import Raft

@Suite("Log replication (§5.3)")
struct LogReplicationTests {
  private let plain = raftOptions(preVote: false, checkQuorum: false)

  @Test("Every replica commits what the leader proposes, in its order", arguments: [1, 2, 3, 5])
  func happyPath(count: Int) {
    var cluster = Cluster(count)
    cluster.elect(0)
    #expect(cluster.core(0).status.role == "leader")
    for number in 1...10 { cluster.propose(UInt64(number), at: 0) }
    cluster.run()
    cluster.heartbeat(from: 0)
    for replica in 0..<count {
      #expect(cluster.updates(ReplicaID(replica)) == Array(1...10))
      #expect(cluster.core(ReplicaID(replica)).invariantViolation() == nil)
    }
  }

  @Test("An acknowledgement of entries that the leader does not have is ignored")
  func impossibleAcknowledgement() {
    var cluster = Cluster(3)
    cluster.elect(0)
    let reply = RaftReplica.AppendAccepted(term: 1, matchIndex: LogIndex(99), readRound: 0)
    _ = cluster.deliver(.appendAccepted(reply), from: 1, to: 0)
    #expect(cluster.core(0).progress[1].matchIndex == cluster.core(0).log.lastIndex)
    cluster.propose(1, at: 0)
    cluster.run()
    #expect(cluster.core(1).log.lastIndex == cluster.core(0).log.lastIndex)
  }

  @Test("A leader persists its entry and sends it to all followers before its disk has it")
  func proposal() {
    var cluster = Cluster(3)
    cluster.elect(0)
    var effects = Effects<RaftReplica>()
    cluster.nodes[0].core.handle(.requested(batch(1)), at: cluster.now, into: &effects)
    #expect(effects.records == [.append(at: LogIndex(2), [entry(1, 1)])])
    let request = RaftReplica.Message.appendEntries(
      .init(
        term: 1, prevLogIndex: LogIndex(1), prevLogTerm: 1, leaderCommit: LogIndex(1),
        readRound: 0, entries: [entry(1, 1)]))
    #expect(effects.earlySends.map(\.message) == [request, request])
    #expect(effects.earlySends.map(\.to) == [ReplicaID(1), ReplicaID(2)])
    #expect(effects.sends.map(\.to) == [ReplicaID(0)])
    #expect(effects.commits.isEmpty)
  }

  @Test("A follower acknowledges after its disk, and only the entries of the request")
  func acknowledgement() {
    var cluster = Cluster(3)
    let request = RaftReplica.AppendEntries(
      term: 1, prevLogIndex: .zero, prevLogTerm: 0, leaderCommit: LogIndex(1), readRound: 4,
      entries: [entry(1), entry(1, 1)])
    let effects = cluster.deliver(.appendEntries(request), from: 1, to: 0)
    #expect(
      effects.records == [.vote(term: 1, votedFor: nil), .append(at: LogIndex(1), request.entries)])
    #expect(
      effects.sends.map(\.message) == [
        .appendAccepted(.init(term: 1, matchIndex: LogIndex(2), readRound: 4))
      ])
    // Messages that do not wait for the disk make no statement about the log.
    #expect(
      effects.earlySends.map(\.message) == [.roundConfirmed(.init(term: 1, readRound: 4))])
    #expect(effects.commits.map(\.index) == [LogIndex(1)])
    // The same again changes nothing and is acknowledged again.
    let repeated = cluster.deliver(.appendEntries(request), from: 1, to: 0)
    #expect(repeated.records.isEmpty && repeated.commits.isEmpty)
    #expect(repeated.sends == effects.sends)
  }

  @Test("Replicas that do not lead refuse updates and name the leader they know")
  func refusal() {
    var cluster = Cluster(3)
    cluster.propose(1, at: 1)
    cluster.elect(0)
    cluster.propose(2, at: 1)
    #expect(cluster.nodes[1].refusedBatches.map(\.refused) == [batch(1), batch(2)])
    #expect(cluster.nodes[1].refusedBatches.map(\.redirect) == [nil, ReplicaID(0)])
  }

  /// The followers of figure 7: entries missing, entries too many, and both over several terms.
  @Test(
    "A new leader brings any follower's log in line with its own (figure 7)",
    arguments: [
      [1, 1, 1, 4, 4, 5, 5, 6, 6], [1, 1, 1, 4], [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
      [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7], [1, 1, 1, 4, 4, 4, 4],
      [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
    ] as [[RaftReplica.Term]], [1, 64])
  func figure7(terms: [RaftReplica.Term], messageEntries: Int) {
    let leaderTerms: [RaftReplica.Term] = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6]
    var options = plain
    options.messageByteLimit = messageEntries == 1 ? 1 : 1 << 20
    let leaderLog = leaderTerms.map { entry($0) }
    var cluster = Cluster(
      logs: [leaderLog, terms.map { entry($0) }, leaderLog], term: 7, options)
    cluster.elect(0)
    cluster.heartbeat(from: 0)
    #expect(cluster.core(0).role == .leader)
    #expect(cluster.terms(1) == leaderTerms + [8])
    #expect(cluster.core(1).commitIndex == LogIndex(11))
  }

  @Test("A rejection names the conflicting term and its first entry, so that one suffices per term")
  func fastBackup() {
    let shared = (0..<10).map { _ in entry(1) }
    let leaderLog = shared + (0..<100).map { _ in entry(5) }
    let followerLog = shared + (0..<50).map { _ in entry(2) } + (0..<60).map { _ in entry(3) }
    var cluster = Cluster(logs: [leaderLog, followerLog, leaderLog], term: 5, plain)
    cluster.only(0, 2)
    cluster.elect(0)
    cluster.heal()
    // The rejections are counted on their way back.
    cluster.fire(.heartbeat, at: ReplicaID(0))
    var rejectionCount = 0
    while !cluster.inFlight.isEmpty {
      if case .appendRejected = cluster.inFlight[0].message { rejectionCount += 1 }
      cluster.run(limit: 1)
    }
    #expect(cluster.terms(1) == cluster.terms(0))
    #expect(rejectionCount == 2)
  }

  @Test("A log of thousands of short terms is still brought in line")
  func manyTerms() {
    let leaderLog = [entry(1)] + (0..<400).map { entry(2 + 2 * UInt64($0)) }
    let followerLog = [entry(1)] + (0..<400).map { entry(1 + 2 * UInt64($0)) }
    var cluster = Cluster(logs: [leaderLog, followerLog, leaderLog], term: 900, plain)
    cluster.elect(0)
    cluster.heartbeat(from: 0)
    #expect(cluster.terms(1) == cluster.terms(0))
  }

  @Test("Lost entries are sent again when the next message or heartbeat shows the gap")
  func lostEntries() {
    for showsByHeartbeat in [true, false] {
      var cluster = Cluster(3)
      cluster.elect(0)
      cluster.only(0, 1)
      cluster.propose(1, at: 0)
      cluster.propose(2, at: 0)
      cluster.run()
      cluster.heal()
      if showsByHeartbeat {
        cluster.heartbeat(from: 0)
      } else {
        cluster.propose(3, at: 0)
        cluster.run()
      }
      #expect(cluster.terms(2) == cluster.terms(0))
    }
  }

  @Test("Lost acknowledgements are repeated after the next heartbeat")
  func lostAcknowledgements() {
    var cluster = Cluster(3)
    cluster.elect(0)
    cluster.delivers = { $0.to != ReplicaID(0) }
    cluster.propose(1, at: 0)
    cluster.run()
    #expect(cluster.updates(0).isEmpty)
    cluster.heal()
    cluster.heartbeat(from: 0)
    #expect(cluster.updates(0) == [1])
  }

  @Test("No more messages than the window allows are on their way to one follower")
  func window() {
    var cluster = Cluster(3, raftOptions(inFlightLimit: 4))
    cluster.elect(0)
    for number in 1...10 { cluster.propose(UInt64(number), at: 0) }
    #expect(cluster.inFlight.count { $0.to == ReplicaID(1) } == 4)
    cluster.run()
    #expect(cluster.updates(0) == Array(1...10))
    // A follower that is silent gets nothing more until a heartbeat finds out what it has.
    cluster.only(0, 1)
    for number in 11...20 { cluster.propose(UInt64(number), at: 0) }
    cluster.run()
    cluster.heal()
    cluster.heartbeat(from: 0)
    #expect(cluster.terms(2) == cluster.terms(0))
  }

  @Test("A message carries no more bytes than allowed, but always an entry")
  func messageSize() {
    var options = raftOptions()
    options.messageByteLimit = 100
    var cluster = Cluster(3, options)
    cluster.elect(0)
    cluster.only(0, 1)
    for number in 1...12 { cluster.propose(UInt64(number), at: 0) }
    cluster.run()
    func slice(through last: Int, byteLimit: Int) -> (entries: [RaftReplica.Entry], byteCount: Int)
    {
      cluster.core(0).log.slice(
        from: LogIndex(2), through: LogIndex(last), byteLimit: byteLimit)
    }
    #expect(slice(through: 13, byteLimit: 100).entries.count == 2)
    #expect(slice(through: 13, byteLimit: 100).byteCount == 2 * entry(1, 1).encodedByteCount)
    #expect(slice(through: 13, byteLimit: 1).entries.count == 1)
    #expect(slice(through: 4, byteLimit: 1000).entries.count == 3)
    cluster.heal()
    cluster.heartbeat(from: 0)
    #expect(cluster.terms(2) == cluster.terms(0))
  }

  @Test("A commit is not announced by a message of its own")
  func noCommitMessages() {
    var cluster = Cluster(3)
    cluster.elect(0)
    let before = cluster.deliveredCount
    cluster.propose(1, at: 0)
    cluster.run()
    // Two requests, two replies, and the leader's word to itself.
    #expect(cluster.deliveredCount - before == 5)
    #expect(cluster.updates(1).isEmpty)
    cluster.propose(2, at: 0)
    cluster.run()
    #expect(cluster.updates(1) == [1])
  }
}
