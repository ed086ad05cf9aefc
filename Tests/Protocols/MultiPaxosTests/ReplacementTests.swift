import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import MultiPaxos

extension InProcessCluster where Core == MultiPaxosReplica {
  /// A restart of a replica that has lost disks, or of one that has not: generation 0.
  mutating func restart(_ id: ReplicaID, generation: UInt64) {
    let records = nodes[id.index].records
    nodes[id.index].records = []
    restart(id)
    nodes[id.index].records = records
    guard generation > 0 || !records.isEmpty else { return }
    var core = MultiPaxosReplica(id: id, membership: membership, options: options)
    if generation > 0 { core.takePlace(generation: generation) }
    for record in records { core.recover(record) }
    nodes[id.index].core = core
    handle(.started, at: id)
  }

  /// The replica starts again with an empty disk.
  fileprivate mutating func loseDisk(_ id: ReplicaID, generation: UInt64 = 1) {
    crash(id)
    nodes[id.index].records = []
    restart(id, generation: generation)
  }

  /// The leader's heartbeat, and all that follows from it.
  fileprivate mutating func beat(_ id: ReplicaID, times: Int = 1) {
    for _ in 0..<times {
      fire(.heartbeat, at: id)
      run()
    }
  }

  /// A restart on the disk that has taken the place of a lost one.
  fileprivate mutating func restartReplaced(_ id: ReplicaID) {
    crash(id)
    restart(id, generation: 1)
  }
}

@Suite("An acceptor that has lost its disk")
struct ReplacementTests {
  /// The first two hold a chosen value that the third one lacks, and the second one loses its disk.
  private func afterLoss(bug: MultiPaxosReplica.Bug? = nil) -> Cluster {
    var cluster = Cluster(bug: bug)
    cluster.elect(a)
    cluster.only(a, b)
    cluster.propose(7, at: a)
    cluster.run()
    #expect(cluster.committed(a) == [batch(7)])
    cluster.heal()
    cluster.crash(a)
    cluster.loseDisk(b)
    return cluster
  }

  @Test("It promises nothing: with the only replica that lacks a value it elects nobody")
  func promisesNothing() {
    var cluster = afterLoss()
    for _ in 0..<3 {
      cluster.elect(c)
      cluster.elect(b)
      cluster.fire(.resend, at: c)
      cluster.run()
    }
    #expect(cluster[c].role == .candidate && cluster[b].role == .follower)
    #expect(cluster[b].promised == .none && cluster[b].status.role == "learner")
    // Once the leader is back nothing is lost.
    cluster.restart(a)
    cluster.elect(a)
    cluster.elect(a)
    #expect(cluster[a].role == .leader && cluster.committed(a).first == batch(7))
    #expect(cluster.violations == [])
  }

  @Test("If it promises at once, what was acknowledged is lost: the mistake that the rule is for")
  func forgetfulAcceptor() {
    var cluster = afterLoss(bug: .forgetfulAcceptor)
    cluster.elect(c)
    #expect(cluster[c].role == .leader)
    cluster.propose(8, at: c)
    cluster.run()
    #expect(cluster.committed(c) == [batch(8)])
  }

  @Test("It is an acceptor again once it holds every slot and a majority has noted its generation")
  func promotion() {
    var cluster = Cluster()
    cluster.elect(a)
    for number in 1...UInt64(5) { cluster.propose(number, at: a) }
    cluster.run()
    cluster.loseDisk(b)
    // Its answers count for nothing while it is alone with the leader.
    cluster.only(a, b)
    cluster.beat(a, times: 4)
    cluster.propose(6, at: a)
    cluster.beat(a, times: 4)
    #expect(cluster.committed(a).count == 5 && cluster[b].isLearner)
    #expect(cluster[b].log.lastIndex == cluster[a].log.lastIndex)
    cluster.heal()
    cluster.beat(a, times: 4)
    #expect(cluster[b].standing == DiskStanding(generation: 1))
    #expect(cluster[b].promised == cluster[a].ballot)
    #expect(cluster.committed(b) == (1...6).map(batch))
    #expect(cluster[c].generations == [0, 1, 0] && cluster[a].generations == [0, 1, 0])
    // It remembers that after a restart, and makes a majority again.
    cluster.restartReplaced(b)
    #expect(!cluster[b].isLearner)
    cluster.crash(c)
    cluster.propose(7, at: a)
    cluster.beat(a, times: 4)
    #expect(cluster.committed(a).last == batch(7) && cluster.violations == [])
  }

  @Test("A checkpoint remembers the promotion and the generations of the others")
  func checkpoint() {
    var cluster = Cluster()
    cluster.elect(a)
    cluster.propose(1, at: a)
    cluster.run()
    cluster.loseDisk(b)
    cluster.beat(a, times: 4)
    #expect(!cluster[b].isLearner)
    for id in [b, c] {
      let start = cluster.nodes[id.index].records.count
      cluster.perform(at: id) { core, _, effects in
        _ = core.checkpoint(at: core.commitIndex, into: &effects)
      }
      cluster.nodes[id.index].records.removeFirst(start)
    }
    cluster.restartReplaced(b)
    #expect(!cluster[b].isLearner)
    let known = cluster[c].generations
    cluster.crash(c)
    cluster.restart(c)
    #expect(cluster[c].generations == known && known == [0, 1, 0])
  }

  @Test("No promotion without a slot that was used before, recovered or new")
  func everySlot() {
    var cluster = Cluster()
    cluster.elect(a)
    cluster.propose(1, at: a)
    cluster.run()
    cluster.loseDisk(b)
    // The learner hears heartbeats, and no values reach it.
    cluster.delivers = {
      if case .accept = $0.message { $0.to != b } else { true }
    }
    cluster.beat(a, times: 4)
    #expect(cluster[b].isLearner && cluster[a].phase2.notedBy.nonzeroBitCount == 2)
    cluster.heal()
    cluster.beat(a, times: 4)
    #expect(!cluster[b].isLearner)
  }

  @Test("A promise of the lost disk does not count once a promise tells of the new one")
  func oldPromise() {
    // Five replicas. b promised ballot 9 of e and lost its disk; a promoted b's new disk in a
    // lower ballot, with the notes of c and d. Then e gathers b's old promise, its own, and d's.
    var candidate = Bare(e, of: 5)
    candidate.core.highestSeen = ballot(8, a)
    candidate.fire(.election, after: .seconds(1))
    let mine = candidate.core.ballot
    func promise(_ generations: [UInt64]) -> Message {
      .promise(
        ballot: mine, from: slot(1), accepted: [], next: nil, generations: generations)
    }
    candidate.receive(promise([]), from: e)
    candidate.receive(promise([]), from: b)
    candidate.receive(promise([0, 1, 0, 0, 0]), from: d)
    #expect(candidate.core.role == .candidate)
    #expect(candidate.effects.records.contains(.generations([0, 1, 0, 0, 0])))
    // Not a second time either, nor does the order matter.
    candidate.receive(promise([]), from: b)
    #expect(candidate.core.role == .candidate)
    candidate.receive(promise([0, 1, 0, 0, 0]), from: b)
    #expect(candidate.core.role == .leader)
  }

  @Test("The largest generation that a message claims of any replica can be read from it")
  func claimedGeneration() {
    let mine = ballot(1, a)
    let claims: [Message] = [
      .promise(
        ballot: mine, from: slot(1), accepted: [], next: nil, generations: [0, 7, 3]),
      .replaced(ballot: mine, generations: [0, 7, 3]),
      .noted(ballot: mine, generations: [0, 7, 3]),
      .promoted(ballot: mine, generations: [0, 7, 3]),
      .accepted(
        ballot: mine, first: slot(1), count: 1, gap: .unknown,
        standing: DiskStanding(generation: 7)),
    ]
    #expect(claims.map { MultiPaxosReplica.largestGeneration(in: $0) } == [7, 7, 7, 7, 7])
    let none = Message.promise(ballot: mine, from: slot(1), accepted: [], next: nil)
    #expect(MultiPaxosReplica.largestGeneration(in: none) == 0)
  }

  @Test("Acceptances of the lost disk do not count once the new one was heard of")
  func oldAcceptance() {
    var cluster = Cluster()
    cluster.elect(a)
    cluster.loseDisk(b, generation: 4)
    cluster.only(a, b)
    cluster.beat(a)
    cluster.propose(1, at: a)
    cluster.run()
    let ballot = cluster[a].ballot
    for generation in 0..<4 as Range<UInt64> {
      cluster.handle(
        .received(
          .accepted(
            ballot: ballot, first: slot(1), count: 1, gap: Gap(first: slot(2), count: 0),
            standing: DiskStanding(generation: generation)), from: b), at: a)
    }
    #expect(cluster.committed(a) == [])
  }

  @Test("An acceptor that has noted a generation has promised the ballot, and refuses lower ones")
  func noteIsPromise() {
    var acceptor = Bare(c)
    acceptor.receive(.replaced(ballot: ballot(5, a), generations: [0, 1, 0]), from: a)
    #expect(acceptor.core.promised == ballot(5, a))
    #expect(acceptor.effects.records.contains(.promised(ballot(5, a))))
    #expect(acceptor.effects.records.contains(.generations([0, 1, 0])))
    #expect(
      acceptor.sent(to: a) == [.noted(ballot: ballot(5, a), generations: [0, 1, 0])])
    #expect(acceptor.effects.earlySends.isEmpty)
    // One that has promised more does not note: its promise has left without the generation.
    var other = Bare(c)
    other.receive(.prepare(ballot: ballot(6, b), from: slot(1)), from: b)
    other.receive(.replaced(ballot: ballot(5, a), generations: [0, 1, 0]), from: a)
    #expect(other.sent(to: a) == [.preempted(by: ballot(6, b))])
    #expect(other.core.generations == [0, 0, 0])
    // And a learner's note would be forgotten.
    var learner = Bare(c)
    learner.core.takePlace(generation: 2)
    learner.receive(.replaced(ballot: ballot(5, a), generations: [0, 1, 0]), from: a)
    #expect(learner.sent(to: a) == [])
  }

  @Test("A note counts only if it is of the newest disk and names every generation")
  func wrongNotes() {
    var cluster = Cluster(5)
    cluster.elect(a)
    cluster.loseDisk(b, generation: 3)
    cluster.loseDisk(c, generation: 3)
    cluster.delivers = { if case .replaced = $0.message { false } else { true } }
    cluster.beat(a, times: 2)
    let ballot = cluster[a].ballot
    #expect(cluster[a].generations == [0, 3, 3, 0, 0])
    #expect(cluster[a].phase2.notedBy == 1)
    for (generations, sender) in [
      ([0, 3, 0, 0, 0], d), ([0, 0, 3, 0, 0], d), ([], d), ([0, 2, 3, 0, 0], b),
    ] as [([UInt64], ReplicaID)] {
      cluster.handle(
        .received(.noted(ballot: ballot, generations: generations), from: sender), at: a)
    }
    #expect(cluster[a].phase2.notedBy == 1)
    for sender in [d, e] {
      #expect(cluster[b].isLearner)
      cluster.handle(
        .received(.noted(ballot: ballot, generations: [0, 3, 3, 0, 0]), from: sender), at: a)
      cluster.run()
    }
    #expect(!cluster[b].isLearner && !cluster[c].isLearner)
    #expect(cluster[b].generations == [0, 3, 3, 0, 0])
  }

  @Test("A word of promotion counts only from the leader that is followed, and for this disk")
  func wrongWords() {
    var learner = Bare(b)
    learner.core.takePlace(generation: 4)
    learner.receive(
      .heartbeat(ballot: ballot(3, a), commitIndex: .zero, next: slot(1), round: 0), from: a)
    let right: [UInt64] = [0, 4, 0]
    learner.receive(.promoted(ballot: ballot(2, a), generations: right), from: a)
    learner.receive(.promoted(ballot: ballot(3, a), generations: right), from: c)
    learner.receive(.promoted(ballot: ballot(3, a), generations: [0, 3, 0]), from: a)
    learner.receive(.promoted(ballot: ballot(3, a), generations: [0, 5, 0]), from: a)
    learner.receive(.promoted(ballot: ballot(3, a), generations: []), from: a)
    #expect(learner.core.isLearner)
    learner.receive(.promoted(ballot: ballot(3, a), generations: [0, 4, 9]), from: a)
    #expect(!learner.core.isLearner && learner.core.generations == [0, 4, 9])
    #expect(learner.effects.records.contains(.promoted))
    #expect(learner.effects.records.contains(.promised(ballot(3, a))))
  }

  @Test("It confirms no read and keeps no leader in charge")
  func reads() {
    var cluster = Cluster()
    cluster.elect(a)
    cluster.loseDisk(b)
    cluster.only(a, b)
    cluster.handle(.readRequested(ReadTicket(1)), at: a)
    cluster.run()
    cluster.beat(a, times: 2)
    #expect(cluster.nodes[0].reads.isEmpty)
    cluster.fire(.election, at: a)
    cluster.run()
    #expect(cluster[a].role == .leader)
    cluster.beat(a, times: 2)
    cluster.fire(.election, at: a)
    #expect(cluster[a].role == .follower)
  }

  @Test("A generation that no disk can have is not believed, from whichever message")
  func outOfReach() {
    var acceptor = Bare(c)
    for impossible in [1 << 44 + 1, 1 << 62, .max] as [UInt64] {
      acceptor.receive(.replaced(ballot: ballot(5, a), generations: [0, impossible, 0]), from: a)
    }
    acceptor.receive(.replaced(ballot: ballot(5, a), generations: [0, 1]), from: a)
    #expect(acceptor.core.generations == [0, 0, 0] && acceptor.core.promised == .none)
    acceptor.receive(.replaced(ballot: ballot(5, a), generations: [0, 1 << 44, 0]), from: a)
    #expect(acceptor.core.generations == [0, 1 << 44, 0])

    var cluster = Cluster()
    cluster.elect(a)
    cluster.handle(
      .received(
        .accepted(
          ballot: cluster[a].ballot, first: .zero, count: 0, gap: .unknown,
          standing: DiskStanding(generation: 1 << 62, isLearner: true)), from: b), at: a)
    #expect(cluster[a].generations == [0, 0, 0])
  }
}
