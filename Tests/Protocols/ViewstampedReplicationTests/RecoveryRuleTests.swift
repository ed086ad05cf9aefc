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
    let members = (1...count / 2 + 1).map { ReplicaID($0) }
    cluster.only(members)
    cluster.now = cluster.now + .seconds(1)
    for member in members { cluster.fire(.viewChange, at: member) }
    cluster.run()
    cluster.propose(1, at: b)
    cluster.run()
    return cluster
  }

  /// Whether replicas agree after the primary of view 0 has proposed something else.
  private func agreesAfterProposal(atOld cluster: Cluster) -> Bool {
    var cluster = cluster
    var witness = CommitWitness()
    witness.note(cluster)
    cluster.delivers = { $0.from != b && $0.to != b }
    cluster.propose(2, at: a)
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
        cluster.delivers = { $0.from != b && $0.to != b }
        cluster.bounce(c)
        cluster.run()
        cluster.crash(d)
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
        cluster.bounce(c)
        cluster.run()
        let start = ViewstampedReplica.StartView(view: 0, op: .zero, commit: .zero, history: [])
        let nonce = ViewstampedReplica.Incarnation(generation: 0, start: 1)
        for (sender, log) in [(a, start), (b, nil)] {
          cluster.handle(
            .received(
              .recoveryResponse(.init(view: 0, nonce: nonce, log: log)), from: sender),
            at: c)
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
        cluster.delivers = { $0.from != b && $0.to != b }
        cluster.bounce(d)
        cluster.bounce(c)
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
        cluster.bounce(c)
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
        cluster.timeOutAlone(c)
        cluster.handle(.received(.startViewChange(1), from: b), at: c)
        let late = cluster.inFlight.filter { $0.from == c && $0.to == b }
        cluster.inFlight = []
        cluster.bounce(c)
        cluster.run()
        cluster.only(a, c)
        cluster.propose(1, at: a)
        cluster.run()
        var witness = CommitWitness()
        witness.note(cluster)
        cluster.only(b, c)
        for envelope in late {
          cluster.handle(.received(envelope.message, from: envelope.from), at: envelope.to)
        }
        cluster.run()
        cluster.propose(2, at: b)
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
    cluster.bounce(c)
    #expect(cluster.core(c).state == .recovering)
    cluster.run()
    #expect(cluster.core(c).state == .normal && cluster.core(c).viewNumber == 1)
    cluster.propose(5, at: b)
    cluster.run()
    #expect(cluster.committed(b) == [batch(1), batch(5)])
    cluster.heartbeat(from: b)
    #expect(cluster.committed(c) == [batch(1), batch(5)])
    #expect(cluster.core(c).invariantViolation() == nil)
  }

  @Test("Enough others to meet every majority have to answer", arguments: [2, 3, 4, 5])
  func quorum(count: Int) {
    var cluster = Cluster(count, vrOptions(recovery: .replicas))
    cluster.propose(1, at: a)
    cluster.run()
    let needed = count - (count / 2 + 1) + 1
    let last = ReplicaID(count - 1)
    for answering in [needed - 1, needed] {
      cluster.delivers = { $0.from.index < answering || $0.from == last }
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
    cluster.crash(c)
    cluster.slowDisk(c)
    cluster.restart(c)
    #expect(!cluster.inFlight.contains { $0.from == c })
    cluster.releaseDisk(c)
    #expect(
      cluster.inFlight.contains { $0.message == .recovery(nonce: .init(generation: 0, start: 2)) })
  }

  @Test("A replica goes on behind the starts that others have heard of, whoever has claimed them")
  func claimedStarts() {
    var cluster = twoViews(3, vrOptions(recovery: .replicas))
    cluster.heal()
    cluster.run()
    // Two messages make `a` and `b` believe that `c` has started a thousand times.
    for id in [a, b] {
      _ = cluster.deliver(.recovery(nonce: .init(generation: 0, start: 1000)), from: c, to: id)
    }
    #expect(cluster.core(b).incarnations[c.index].start == 1000)
    cluster.bounce(c)
    for _ in 0..<10 where cluster.core(c).state != .normal {
      cluster.run()
      for id in [a, b, c] { cluster.fire(.viewChange, at: id) }
    }
    cluster.run()
    #expect(cluster.core(c).state == .normal)
    #expect(cluster.core(c).incarnations[c.index].start == 1001)
    #expect(cluster.nodes[c.index].records.last == .started(1001))
    // The next start is later still.
    cluster.bounce(c)
    #expect(cluster.core(c).incarnations[c.index].start == 1002)
  }

  @Test("The word that a start is known is no answer to the recovery, which may have this nonce")
  func staleRecovery() {
    var cluster = twoViews(3, vrOptions(recovery: .replicas))
    cluster.delivers = { _ in false }
    cluster.bounce(c)
    let nonce = ViewstampedReplica.Incarnation(generation: 0, start: 2)
    _ = cluster.deliver(.recovery(nonce: nonce), from: c, to: b)
    // A message of the first start comes late.
    let old = ViewstampedReplica.Incarnation(generation: 0, start: 1)
    let effects = cluster.deliver(.recovery(nonce: old), from: c, to: b)
    guard case .recoveryResponse(let response)? = effects.sends.first?.message else {
      Issue.record("\(effects.sends)")
      return
    }
    #expect(response.nonce != nonce && response.nonce != old && response.log == nil)
    #expect(response.incarnations[c.index] == nonce)
    cluster.handle(.received(.recoveryResponse(response), from: b), at: c)
    #expect(cluster.core(c).incarnations[c.index] == nonce)
    #expect(cluster.core(c).recovery?.responses.allSatisfy { $0 == nil } == true)
    // A start that is out of reach is not believed.
    var far = response
    far.incarnations[c.index].start = 1 << 40
    cluster.handle(.received(.recoveryResponse(far), from: b), at: c)
    #expect(cluster.core(c).incarnations[c.index] == nonce)
  }

  @Test("After more than f crashes at once a cluster without logs never answers again")
  func majorityLost() {
    var cluster = twoViews(3, vrOptions(recovery: .replicas))
    cluster.heal()
    for id in [b, c] { cluster.bounce(id) }
    for _ in 0..<20 {
      cluster.run()
      for id in [a, b, c] { cluster.fire(.viewChange, at: id) }
    }
    #expect(cluster.core(b).state == .recovering && cluster.core(c).state == .recovering)
    cluster.propose(2, at: a)
    cluster.run()
    #expect(cluster.committed(a).isEmpty)
  }

  @Test("A disk that was lost is replaced by the same recovery, and the log is on the new one")
  func lostDisk() {
    var cluster = twoViews(3, vrOptions())
    cluster.crash(c)
    cluster.nodes[2].records = []
    let id = c
    cluster.nodes[2].core = ViewstampedReplica(
      id: id, membership: cluster.membership, options: cluster.options)
    cluster.nodes[2].core.takePlace(generation: 7)
    cluster.nodes[2].isUp = true
    cluster.nodes[2].commits = []
    cluster.nodes[2].committedCount = 0
    cluster.handle(.started, at: id)
    cluster.only(a, c)
    cluster.run()
    // Replica 0 leads view 0, but replica 1, which knows the latest view, has not answered.
    #expect(cluster.core(c).state == .recovering)
    cluster.only(a, b, c)
    cluster.fire(.viewChange, at: id)
    cluster.run()
    #expect(cluster.core(c).state == .normal && cluster.views(c) == [1])
    #expect(cluster.nodes[2].records.contains(.recovered))
    var again = ViewstampedReplica(
      id: id, membership: cluster.membership, options: cluster.options)
    again.takePlace(generation: 7)
    for record in cluster.nodes[2].records { again.recover(record) }
    #expect(again.durableState.difference(from: cluster.core(c).durableState) == nil)
    #expect(again.lostGeneration == 0)
  }
}
