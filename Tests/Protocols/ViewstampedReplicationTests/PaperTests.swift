import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import ViewstampedReplication

/// The rules of Viewstamped Replication in the order of "Viewstamped Replication Revisited" (Liskov
/// & Cowling 2012), to be read with the paper at hand. Where a known bug breaks a rule, the test
/// plays its scenario twice: as the code is, and with that bug.
///
/// - `PaperTests.swift`: §4.1 normal operation
/// - `PaperTests+ViewChange.swift`: §4.2 view changes
/// - `RecoveryRuleTests.swift`: §4.3 recovery
/// - `PaperTests+Pragmatics.swift`: §5.1 checkpoints, §5.3 short messages, §6.2 batching, §6.3
///   reads; `TransferTests.swift`: §5.2 state transfer
///
/// §4.4 and §4.5 are left to the host, which is the same for all protocols: commands are
/// deterministic, and sessions recognise a request that is asked again. Witnesses (§6.1) and
/// reconfiguration (§7) are not built. `SafetyTests` has what disks add to the paper.
@Suite("Viewstamped replication, in the order of the paper")
struct PaperTests {
  let plain = vrOptions(sticky: false)

  private func prepare(_ op: Int, commit: Int = 0) -> ViewstampedReplica.Message {
    .prepare(
      .init(
        view: 0, op: LogIndex(op), commit: LogIndex(commit), readRound: 0,
        batches: [batch(UInt64(op))]))
  }

  @Test("§4 The replicas lead in turn: the primary of view v is replica v mod n")
  func roundRobin() {
    var cluster = Cluster(3, plain)
    for view in 1...4 {
      let backups = cluster.membership.replicas.filter { !cluster.primaries.contains($0) }
      cluster.timeOut(backups[view % 2])
      #expect(cluster.primaries == [ReplicaID(view % 3)])
      #expect(cluster.nodes.allSatisfy { $0.core.viewNumber == view })
    }
  }

  @Test("§4.1, step 1: replicas that do not lead refuse requests and say who does")
  func refusal() {
    var cluster = Cluster(3, plain)
    cluster.propose(1, at: c)
    #expect(cluster.nodes[2].refusedBatches.map(\.redirect) == [a])
    cluster.timeOutAlone(c)
    cluster.propose(2, at: c)
    // In a view change it does not know who will.
    #expect(cluster.nodes[2].refusedBatches.map(\.redirect) == [a, nil])
  }

  @Test("§4.1, steps 2 and 3: the primary numbers a request and sends it with its commit-number")
  func numbering() {
    var cluster = Cluster(3, plain)
    cluster.propose(1, at: a)
    cluster.run()
    cluster.propose(2, at: a)
    #expect(cluster.core(a).log[LogIndex(2)] == batch(2))
    let sent = cluster.inFlight.filter { $0.to != a }
    #expect(sent.map(\.to) == [b, c])
    #expect(sent.allSatisfy { $0.message == prepare(2, commit: 1) })
  }

  @Test("§4.1, step 4: a backup takes operations in order, and asks for what is missing")
  func order() {
    var cluster = Cluster(3, plain)
    let early = cluster.deliver(prepare(2), from: a, to: b)
    #expect(early.records.isEmpty && early.sends.isEmpty)
    #expect(
      early.earlySends.map(\.message) == [
        .getState(.init(view: 0, op: .zero, through: LogIndex(1), answered: 0))
      ])
    // One PrepareOK stands for all operations up to its number.
    let both = cluster.deliver(prepare(1), from: a, to: b)
    #expect(both.sends.map(\.message) == [.prepareOK(.init(view: 0, op: LogIndex(2)))])
    #expect(cluster.core(b).log[LogIndex(2)] == batch(2))
  }

  @Test("§4.1, step 5: PrepareOK of f backups commits, and that of one backup counts once")
  func commits() {
    var cluster = Cluster(5, plain)
    cluster.only(a)
    cluster.propose(1, at: a)
    cluster.propose(2, at: a)
    cluster.run()
    let reply = ViewstampedReplica.Message.prepareOK(.init(view: 0, op: LogIndex(2)))
    for _ in 1...2 { #expect(cluster.deliver(reply, from: b, to: a).commits.isEmpty) }
    let commits = cluster.deliver(reply, from: c, to: a).commits
    #expect(commits.map(\.index) == [LogIndex(1), LogIndex(2)])
    #expect(commits.allSatisfy { $0.answering })
  }

  @Test("§4.1, step 5: a minority commits nothing, and a majority commits what waited")
  func minority() {
    var cluster = Cluster(5, plain)
    cluster.only(a, b)
    cluster.propose(1, at: a)
    cluster.run()
    #expect(cluster.committed(a).isEmpty)
    cluster.only(a, b, c)
    cluster.heartbeat(from: a)
    #expect(cluster.committed(a) == [batch(1)])
  }

  @Test("§4.1, step 5: PrepareOK counts in the view of its Prepare only")
  func viewOfPrepareOK() {
    expect(.countAnyView) { options in
      var cluster = Cluster(3, options)
      cluster.only(b, c)
      cluster.timeOut(b, c)
      cluster.only(b)
      cluster.propose(1, at: b)
      cluster.run()
      let stale = ViewstampedReplica.PrepareOK(view: 0, op: LogIndex(1))
      return cluster.deliver(.prepareOK(stale), from: c, to: b).commits.isEmpty
    }
  }

  @Test("§4.1, step 5: the primary executes an operation when f backups have prepared it")
  func answerAfterCommit() {
    expect(.answerBeforeCommit) { options in
      var cluster = Cluster(3, options)
      cluster.only(a)
      cluster.propose(1, at: a)
      cluster.run()
      var witness = CommitWitness()
      witness.note(cluster)
      cluster.only(b, c)
      cluster.timeOut(b, c)
      cluster.propose(2, at: b)
      cluster.run()
      witness.note(cluster)
      return cluster.primaries.contains(b) && witness.disagreement == nil
    }
  }

  @Test("§4.1, steps 6 and 7: Commit tells backups, which execute what they have and answer nobody")
  func commitMessage() {
    var cluster = Cluster(3, plain)
    cluster.propose(1, at: a)
    cluster.run()
    #expect(cluster.committed(b).isEmpty)
    for number in [1, 3] {
      let commit = ViewstampedReplica.Commit(
        view: 0, commit: LogIndex(number), op: LogIndex(number), readRound: 0, asks: false)
      let commits = cluster.deliver(.commit(commit), from: a, to: number == 1 ? b : c).commits
      #expect(commits.map(\.index) == [LogIndex(1)])
      #expect(commits.allSatisfy { !$0.answering })
    }
  }
}
