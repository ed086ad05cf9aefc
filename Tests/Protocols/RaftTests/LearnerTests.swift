import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import Raft

extension InProcessCluster<RaftReplica> {
  /// The replica starts again with an empty disk.
  fileprivate mutating func loseDisk(_ number: Int, generation: UInt64 = 1) {
    crash(ReplicaID(number))
    nodes[number].records = []
    restart(ReplicaID(number))
    nodes[number].core.takePlace(generation: generation)
  }
}

@Test("A term that no replica can have reached is ignored, so that no terms are used up")
func termOutOfReach() {
  var cluster = Cluster(3)
  cluster.elect(0)
  let term = cluster.core(0).currentTerm
  for message in [
    RaftReplica.Message.newerTerm(1 << 62), .newerTerm(term + longestEpochJump + 1),
    .voteReply(.init(term: 1 << 61, isGranted: false, isPreVote: false)),
  ] {
    _ = cluster.deliver(message, from: 1, to: 0)
  }
  #expect(cluster.core(0).currentTerm == term && cluster.core(0).role == .leader)
  _ = cluster.deliver(.newerTerm(term + longestEpochJump), from: 1, to: 0)
  #expect(cluster.core(0).currentTerm == term + longestEpochJump)
}

@Test("An entry or a snapshot of a term that no replica can have reached is not taken")
func entryTermOutOfReach() {
  var cluster = Cluster(3)
  cluster.elect(0)
  let term = cluster.core(0).currentTerm
  let last = cluster.core(1).log.lastIndex
  func append(_ entryTerm: RaftReplica.Term) -> RaftReplica.Message {
    .appendEntries(
      .init(
        term: term, prevLogIndex: last, prevLogTerm: term, leaderCommit: .zero, readRound: 0,
        entries: [.init(term: term, batch: batch(1)), .init(term: entryTerm, batch: batch(2))]))
  }
  _ = cluster.deliver(append(term + 1), from: 0, to: 1)
  #expect(cluster.core(1).log.lastIndex == last)
  _ = cluster.deliver(append(term), from: 0, to: 1)
  #expect(cluster.core(1).log.lastIndex == last + 2)
  var effects = Effects<RaftReplica>()
  let far = SnapshotReference(index: LogIndex(9), epoch: term + longestEpochJump + 1)
  #expect(
    !cluster.nodes[1].core.install(far, from: ReplicaID(0), at: .zero, into: &effects))
}

@Test("A disk of a generation that none can have is not believed")
func generationOutOfReach() {
  var cluster = Cluster(3)
  cluster.elect(0)
  let term = cluster.core(0).currentTerm
  for impossible in [1 << 44 + 1, 1 << 62, .max] as [UInt64] {
    _ = cluster.deliver(
      .appendAccepted(
        .init(
          term: term, matchIndex: .zero, readRound: 0,
          standing: DiskStanding(generation: impossible, isLearner: true))), from: 1, to: 0)
    #expect(cluster.core(0).progress[1].standing == DiskStanding())
  }
}

@Test("The generation that a message claims can be read from it")
func claimedGeneration() {
  typealias Message = RaftReplica.Message
  let standing = DiskStanding(generation: 7, isLearner: true)
  let claims: [Message] = [
    .appendAccepted(.init(term: 1, matchIndex: .zero, readRound: 0, standing: standing)),
    .appendRejected(
      .init(
        term: 1, prevLogIndex: .zero, conflictTerm: 0, conflictIndex: .zero, lastLogIndex: .zero,
        gapEnd: .zero, readRound: 0, standing: standing)),
    .promoted(.init(term: 1, index: LogIndex(1), generation: 7)),
  ]
  #expect(claims.map { RaftReplica.largestGeneration(in: $0) } == [7, 7, 7])
  #expect(RaftReplica.largestGeneration(in: .newerTerm(9)) == 0)
  #expect(RaftReplica.batches(in: .newerTerm(9)).isEmpty)
}

@Suite("A replica that has lost its disk")
struct LearnerTests {
  /// The first two hold an update that the third one lacks, and the second one loses its disk.
  private func afterLoss(bug: RaftReplica.Bug? = nil) -> Cluster {
    var cluster = Cluster(3, raftOptions(bug: bug, preVote: false, checkQuorum: false))
    cluster.elect(0)
    cluster.only(0, 1)
    cluster.propose(7, at: 0)
    cluster.run()
    #expect(cluster.updates(0) == [7])
    cluster.heal()
    cluster.crash(ReplicaID(0))
    cluster.loseDisk(1)
    return cluster
  }

  @Test("It does not vote: with the only replica that lacks an update it elects no leader")
  func doesNotVote() {
    var cluster = afterLoss()
    for _ in 0..<3 {
      cluster.elect(2)
      cluster.elect(1)
    }
    #expect(cluster.core(2).role == .candidate && cluster.core(1).role == .follower)
    #expect(cluster.core(1).votedFor == nil && cluster.core(1).status.role == "learner")
    // Once the leader is back nothing is lost.
    cluster.restart(ReplicaID(0))
    cluster.elect(0)
    cluster.elect(0)
    #expect(cluster.core(0).role == .leader)
    cluster.heartbeat(from: 0)
    #expect(cluster.updates(0) == [7])
  }

  @Test("If it votes at once, what was acknowledged is lost: the mistake that the rule is for")
  func forgetfulVoter() {
    var cluster = afterLoss(bug: .forgetfulVoter)
    cluster.elect(2)
    #expect(cluster.core(2).role == .leader)
    cluster.heartbeat(from: 2)
    #expect(cluster.updates(2) == [])
  }

  @Test("It votes again once it has an entry that the others committed without it")
  func promotion() {
    var cluster = Cluster(3)
    cluster.elect(0)
    for number in 1...5 { cluster.propose(UInt64(number), at: 0) }
    cluster.run()
    cluster.loseDisk(1)
    #expect(cluster.core(1).standing == .init(generation: 1, isLearner: true))
    // Its answers count for nothing while it is alone with the leader.
    cluster.only(0, 1)
    for _ in 0..<4 { cluster.heartbeat(from: 0) }
    let commitIndex = cluster.core(0).commitIndex
    cluster.propose(6, at: 0)
    for _ in 0..<4 { cluster.heartbeat(from: 0) }
    #expect(cluster.core(0).commitIndex == commitIndex && cluster.core(1).standing.isLearner)
    #expect(cluster.core(1).log.lastIndex == cluster.core(0).log.lastIndex)
    cluster.heal()
    for _ in 0..<4 { cluster.heartbeat(from: 0) }
    #expect(cluster.core(1).standing == .init(generation: 1, isLearner: false))
    #expect(cluster.core(1).votedFor == ReplicaID(0))
    #expect(cluster.updates(1) == Array(1...6))
    // It remembers that after a restart, and makes a majority again.
    cluster.crash(ReplicaID(1))
    cluster.restart(ReplicaID(1))
    #expect(!cluster.core(1).standing.isLearner)
    // A host says at every start whose place the disk has taken.
    cluster.nodes[1].core.standing.generation = 1
    cluster.crash(ReplicaID(2))
    cluster.propose(7, at: 0)
    for _ in 0..<4 { cluster.heartbeat(from: 0) }
    #expect(cluster.updates(0).last == 7)
  }

  @Test("A checkpoint remembers the promotion, or all replicas together would be learners for good")
  func checkpoint() {
    var cluster = Cluster(3)
    cluster.elect(0)
    cluster.propose(1, at: 0)
    cluster.run()
    cluster.loseDisk(1)
    for _ in 0..<4 { cluster.heartbeat(from: 0) }
    #expect(!cluster.core(1).standing.isLearner)
    let start = cluster.nodes[1].records.count
    cluster.perform(at: ReplicaID(1)) { core, _, effects in
      _ = core.checkpoint(at: core.commitIndex, into: &effects)
    }
    var core = RaftReplica(
      id: ReplicaID(1), membership: cluster.membership, options: cluster.options)
    core.takePlace(generation: 1)
    for record in cluster.nodes[1].records[start...] { core.recover(record) }
    #expect(!core.standing.isLearner)
  }

  @Test("A read is not confirmed by it")
  func reads() {
    var cluster = Cluster(3)
    cluster.elect(0)
    cluster.loseDisk(1)
    cluster.only(0, 1)
    let before = cluster.nodes[0].reads.count
    cluster.handle(.readRequested(ReadTicket(1)), at: ReplicaID(0))
    cluster.run()
    cluster.heartbeat(from: 0)
    #expect(cluster.nodes[0].reads.count == before)
    cluster.heal()
    cluster.heartbeat(from: 0)
    #expect(cluster.nodes[0].reads.count == before + 1)
  }

  @Test("Messages of the lost disk are ignored once the new one is known")
  func oldWord() {
    var cluster = Cluster(3)
    cluster.elect(0)
    cluster.loseDisk(1, generation: 4)
    cluster.only(0, 1)
    cluster.heartbeat(from: 0)
    cluster.propose(1, at: 0)
    cluster.run()
    let term = cluster.core(0).currentTerm
    let last = cluster.core(0).log.lastIndex
    let commitIndex = cluster.core(0).commitIndex
    #expect(commitIndex < last)
    for generation in 0..<4 as Range<UInt64> {
      _ = cluster.deliver(
        .appendAccepted(
          .init(
            term: term, matchIndex: last, readRound: 0, standing: .init(generation: generation))),
        from: 1, to: 0)
    }
    #expect(cluster.core(0).commitIndex == commitIndex)
  }

  @Test("A promotion counts only from the leader of the term, for this disk and this entry")
  func wrongWords() {
    var cluster = Cluster(3)
    cluster.elect(0)
    cluster.loseDisk(1, generation: 4)
    cluster.only(0, 1)
    for _ in 0..<3 { cluster.heartbeat(from: 0) }
    let term = cluster.core(0).currentTerm
    let last = cluster.core(1).log.lastIndex
    let right = RaftReplica.Promoted(term: term, index: last, generation: 4)
    var wrong = [right, right, right]
    wrong[0].generation = 3
    wrong[1].term -= 1
    wrong[2].index = last.next
    for word in wrong { _ = cluster.deliver(.promoted(word), from: 0, to: 1) }
    _ = cluster.deliver(.promoted(right), from: 2, to: 1)
    #expect(cluster.core(1).standing.isLearner)
    _ = cluster.deliver(.promoted(right), from: 0, to: 1)
    #expect(!cluster.core(1).standing.isLearner)
  }
}
