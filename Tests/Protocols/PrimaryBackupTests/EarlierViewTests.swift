import ProtocolTesting
import Replication
import SteppedCluster
import Testing
import ViewService

@testable import PrimaryBackup

/// What was said in an earlier view, or is not on the disk yet, must not count.
@Suite struct EarlierViewTests {

  /// A primary whose backup lost an entry of view 2.
  private func primaryWithAnUnheardEntry() -> Cluster {
    var cluster = Cluster(replicas: 2)
    cluster.begin(1, [0, 1])
    cluster.propose(5, at: 0)
    cluster.run()
    cluster.begin(2, [0, 1])
    cluster.isolate(1)
    cluster.propose(6, at: 0)
    cluster.run()
    return cluster
  }

  @Test("An acknowledgement of an earlier view does not count")
  func oldAcknowledgement() {
    var cluster = primaryWithAnUnheardEntry()
    cluster.handle(
      .received(.appended(view: 1, index: LogIndex(2)), from: ReplicaID(1)),
      at: ReplicaID(0))
    #expect(cluster.updates(0) == [5])
  }

  @Test("A summary of an earlier view does not count")
  func oldSummary() {
    var cluster = primaryWithAnUnheardEntry()
    let runs = cluster.core(0).log.runs
    let round = cluster.core(0).followers[0].round
    cluster.handle(
      .received(.summary(view: 1, round: round, runs: runs), from: ReplicaID(1)),
      at: ReplicaID(0))
    #expect(cluster.updates(0) == [5])
  }

  @Test("A summary counts as an acknowledgement, so it waits for the disk")
  func summaryWaits() {
    var cluster = Cluster(replicas: 2)
    cluster.begin(1, [0, 1])
    cluster.nodes[1].holdsDisk = true
    cluster.propose(5, at: 0)
    cluster.run()
    cluster.isolate(1)
    cluster.propose(6, at: 0)
    cluster.run()
    cluster.heal()
    cluster.propose(7, at: 0)
    cluster.run()
    #expect(cluster.updates(0).isEmpty)
  }

  @Test("A primary that stays primary answers what it proposed in the view before")
  func answersAcrossViews() {
    var cluster = Cluster()
    cluster.begin(1, [0, 1])
    cluster.isolate(1)
    cluster.propose(5, at: 0)
    cluster.run()
    cluster.heal()
    cluster.begin(2, [0, 1], joiner: 2)
    #expect(cluster.updates(0) == [5])
    #expect(cluster.nodes[0].commits.allSatisfy { $0.answering })
  }

  @Test("A primary that was out of charge meanwhile answers only what it proposed since")
  func answersAfterReturn() {
    var cluster = Cluster()
    cluster.begin(1, [0, 1])
    cluster.propose(5, at: 0)
    cluster.run()
    cluster.begin(2, [1, 0])
    cluster.isolate(0)
    cluster.propose(6, at: 1)
    cluster.run()
    cluster.heal()
    cluster.beat(1)
    cluster.isolate(1)
    cluster.begin(3, [0, 1])
    cluster.heal()
    cluster.begin(4, [0])
    cluster.propose(7, at: 0)
    cluster.run()
    #expect(cluster.nodes[0].commits.map(\.answering) == [true, false, true])
  }
}
