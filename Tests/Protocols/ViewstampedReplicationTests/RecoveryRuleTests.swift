import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import ViewstampedReplication

/// The rules of §4.3, for replicas that keep no log on their disks.
@Suite("Viewstamped replication: rules of recovery, each with the bug that breaks it")
struct RecoveryRuleTests {
  private let diskless = vrOptions(sticky: false, recovery: .replicas)

  /// View 1 of replicas 1, 2 and perhaps 3 has committed update 1; replica 0 still leads view 0.
  private func twoViews(_ count: Int, _ options: Options) -> Cluster {
    var cluster = Cluster(count, options)
    let members = Array(1...count / 2 + 1)
    cluster.delivers = { members.contains($0.from.index) && members.contains($0.to.index) }
    cluster.now = cluster.now + .seconds(1)
    for member in members { cluster.fire(.viewChange, at: ReplicaID(member)) }
    cluster.run()
    cluster.propose(1, at: 1)
    cluster.run()
    return cluster
  }

  /// Whether replicas agree after the primary of view 0 has proposed something else.
  private func agreesAfterProposal(atOld cluster: Cluster) -> Bool {
    var cluster = cluster
    var witness = CommitWitness()
    witness.note(cluster)
    cluster.delivers = { $0.from.index != 1 && $0.to.index != 1 }
    cluster.propose(2, at: 0)
    cluster.run()
    witness.note(cluster)
    return witness.batches.first == batch(1) && witness.disagreement == nil
  }

  @Test("A recovering replica needs the answer of the primary of the latest view (step 3)")
  func primaryAnswers() {
    expect(
      .recoverWithoutPrimary,
      breaks: { options in
        var cluster = twoViews(5, options)
        cluster.delivers = { $0.from.index != 1 && $0.to.index != 1 }
        cluster.bounce(2)
        cluster.run()
        cluster.crash(ReplicaID(3))
        return agreesAfterProposal(atOld: cluster)
      }, with: diskless)
  }

  @Test("Answers to an earlier recovery do not count: they carry its nonce (step 3)")
  func nonce() {
    expect(
      .recoverWithoutNonce,
      breaks: { options in
        var cluster = twoViews(3, options)
        cluster.delivers = { _ in false }
        cluster.bounce(2)
        cluster.run()
        let start = ViewstampedReplica.StartView(view: 0, op: .zero, commit: .zero, history: [])
        let nonce = ViewstampedReplica.Incarnation(generation: 0, start: 1)
        for (sender, log) in [(0, start), (1, nil)] {
          cluster.handle(
            .received(
              .recoveryResponse(.init(view: 0, nonce: nonce, log: log)), from: ReplicaID(sender)),
            at: ReplicaID(2))
        }
        return agreesAfterProposal(atOld: cluster)
      }, with: diskless)
  }

  @Test("Only replicas in status normal answer a recovery (step 2)")
  func normalReplicasAnswer() {
    expect(
      .answerWhileRecovering,
      breaks: { options in
        var cluster = twoViews(5, options)
        cluster.delivers = { $0.from.index != 1 && $0.to.index != 1 }
        cluster.bounce(3)
        cluster.bounce(2)
        cluster.run()
        return agreesAfterProposal(atOld: cluster)
      }, with: diskless)
  }

  @Test("A replica that has lost its state takes no part before it has recovered (step 1)")
  func noPartBefore() {
    expect(
      .forgetfulReplica,
      breaks: { options in
        var cluster = twoViews(3, options)
        cluster.delivers = { _ in false }
        cluster.bounce(2)
        cluster.run()
        return agreesAfterProposal(atOld: cluster)
      }, with: diskless)
  }

  @Test("A DoViewChange from before a replica lost its state starts no view after its recovery")
  func staleDoViewChange() {
    expect(
      .countLostLife,
      breaks: { options in
        var cluster = Cluster(3, options)
        cluster.timeOutAlone(2)
        cluster.handle(.received(.startViewChange(1), from: ReplicaID(1)), at: ReplicaID(2))
        let late = cluster.inFlight.filter { $0.from.index == 2 && $0.to.index == 1 }
        cluster.inFlight = []
        cluster.bounce(2)
        cluster.run()
        cluster.only(0, 2)
        cluster.propose(1, at: 0)
        cluster.run()
        var witness = CommitWitness()
        witness.note(cluster)
        cluster.only(1, 2)
        for envelope in late {
          cluster.handle(.received(envelope.message, from: envelope.from), at: envelope.to)
        }
        cluster.run()
        cluster.propose(2, at: 1)
        cluster.run()
        witness.note(cluster)
        return late.count >= 2 && witness.batches.first == batch(1)
          && witness.disagreement == nil
          && cluster.nodes.allSatisfy { $0.core.invariantViolation() == nil }
      }, with: diskless)
  }

  @Test("A replica without a log recovers view, log and commit-number from the others, and counts")
  func recovers() {
    var cluster = twoViews(3, vrOptions(recovery: .replicas))
    cluster.heal()
    cluster.bounce(2)
    #expect(cluster.core(2).state == .recovering)
    cluster.run()
    #expect(cluster.core(2).state == .normal && cluster.core(2).viewNumber == 1)
    cluster.propose(5, at: 1)
    cluster.run()
    #expect(cluster.committed(1) == [batch(1), batch(5)])
    cluster.heartbeat(from: 1)
    #expect(cluster.committed(2) == [batch(1), batch(5)])
    #expect(cluster.core(2).invariantViolation() == nil)
  }

  @Test("Enough others to meet every majority have to answer", arguments: [2, 3, 4, 5])
  func quorum(count: Int) {
    var cluster = Cluster(count, vrOptions(recovery: .replicas))
    cluster.propose(1, at: 0)
    cluster.run()
    let needed = count - (count / 2 + 1) + 1
    let last = count - 1
    for answering in [needed - 1, needed] {
      cluster.delivers = { $0.from.index < answering || $0.from.index == last }
      cluster.bounce(last)
      cluster.run()
      #expect(cluster.core(last).state == (answering == needed ? .normal : .recovering))
    }
    #expect(cluster.core(last).log.lastOp == LogIndex(1))
  }

  @Test("Without a log nothing is written but the number of the start, before anything is said")
  func writesLittle() {
    var cluster = twoViews(3, vrOptions(recovery: .replicas))
    #expect(cluster.nodes.allSatisfy { $0.records == [.started(1)] })
    cluster.crash(ReplicaID(2))
    cluster.nodes[2].holdsDisk = true
    cluster.restart(ReplicaID(2))
    #expect(!cluster.inFlight.contains { $0.from.index == 2 })
    cluster.releaseDisk(ReplicaID(2))
    #expect(
      cluster.inFlight.contains { $0.message == .recovery(nonce: .init(generation: 0, start: 2)) })
  }

  @Test("After more than f crashes at once a cluster without logs never answers again")
  func majorityLost() {
    var cluster = twoViews(3, vrOptions(recovery: .replicas))
    cluster.heal()
    for replica in 1...2 { cluster.bounce(replica) }
    for _ in 0..<20 {
      cluster.run()
      for replica in 0...2 { cluster.fire(.viewChange, at: ReplicaID(replica)) }
    }
    #expect(cluster.core(1).state == .recovering && cluster.core(2).state == .recovering)
    cluster.propose(2, at: 0)
    cluster.run()
    #expect(cluster.committed(0).isEmpty)
  }

  @Test("A disk that was lost is replaced by the same recovery, and the log is on the new one")
  func lostDisk() {
    var cluster = twoViews(3, vrOptions())
    cluster.crash(ReplicaID(2))
    cluster.nodes[2].records = []
    let id = ReplicaID(2)
    cluster.nodes[2].core = ViewstampedReplica(
      id: id, membership: cluster.membership, options: cluster.options)
    cluster.nodes[2].core.takePlace(generation: 7)
    cluster.nodes[2].isUp = true
    cluster.nodes[2].commits = []
    cluster.nodes[2].committedCount = 0
    cluster.handle(.started, at: id)
    cluster.only(0, 2)
    cluster.run()
    // Replica 0 leads view 0, but replica 1, which knows the latest view, has not answered.
    #expect(cluster.core(2).state == .recovering)
    cluster.only(0, 1, 2)
    cluster.fire(.viewChange, at: id)
    cluster.run()
    #expect(cluster.core(2).state == .normal && cluster.views(2) == [1])
    #expect(cluster.nodes[2].records.contains(.recovered))
    var again = ViewstampedReplica(
      id: id, membership: cluster.membership, options: cluster.options)
    again.takePlace(generation: 7)
    for record in cluster.nodes[2].records { again.recover(record) }
    #expect(again.durableState.difference(from: cluster.core(2).durableState) == nil)
    #expect(again.lostGeneration == 0)
  }
}
