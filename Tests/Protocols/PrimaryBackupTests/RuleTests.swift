import ProtocolTesting
import Replication
import SteppedCluster
import Testing
import ViewService

@testable import PrimaryBackup

/// Rules that hold in situations which the stories of the other tests do not come to.
@Suite("Primary-backup: rules that no story needs")
struct RuleTests {
  private typealias Message = PrimaryBackupReplica.Message

  private func append(
    _ entries: [ViewEntry], in view: UInt64 = 1, after previous: Int = 0, commit: Int = 0
  ) -> Message {
    .append(
      .init(
        view: view, round: 0, previous: LogIndex(previous), previousView: previous == 0 ? 0 : 1,
        commitIndex: LogIndex(commit), entries: entries))
  }

  private func entries(_ numbers: ClosedRange<UInt64>) -> [ViewEntry] {
    numbers.map { ViewEntry(view: 1, batch: batch($0)) }
  }

  // MARK: A backup

  @Test("A repeated append drops no entry after it, and acknowledges no less than before")
  func repetition() {
    var cluster = Cluster(replicas: 2)
    cluster.begin(1, [0, 1])
    cluster.handle(.received(append(entries(1...2)), from: 0), at: 1)
    let effects = cluster.deliver(append(entries(1...1)), from: 0, to: 1)
    #expect(cluster.core(1).log.lastIndex == LogIndex(2))
    #expect(effects.records.isEmpty)
    #expect(effects.sends.map(\.message) == [.appended(view: 1, index: LogIndex(2))])
  }

  @Test("Only the primary of the view is heard")
  func otherSender() {
    var cluster = Cluster(replicas: 3)
    cluster.begin(1, [0, 1, 2])
    let effects = cluster.deliver(append(entries(1...1)), from: 2, to: 1)
    #expect(cluster.core(1).log.lastIndex == .zero && effects.sends.isEmpty)
  }

  @Test("A backup commits no entry of an earlier view that its primary may not hold")
  func unverifiedEntry() {
    var cluster = Cluster(replicas: 3)
    cluster.begin(1, [0, 1, 2])
    cluster.handle(.received(append(entries(1...2)), from: 0), at: 1)
    cluster.inFlight = []
    cluster.announce(2, [2, 1])
    cluster.inFlight = []
    // The primary of view 2 has committed two entries, of which this backup shares the first.
    cluster.handle(.received(append([], in: 2, after: 1, commit: 2), from: 2), at: 1)
    #expect(cluster.core(1).commitIndex == LogIndex(1))
  }

  // MARK: A primary

  @Test("What a new primary began with counts when its own disk has it")
  func inheritedEntries() {
    var cluster = Cluster(replicas: 2)
    cluster.begin(1, [0, 1])
    cluster.slowDisk(1)
    cluster.handle(.received(append(entries(1...1)), from: 0), at: 1)
    cluster.inFlight = []
    cluster.crash(0)
    cluster.begin(2, [1])
    #expect(cluster.updates(1) == [] && !cluster.core(1).report.isEstablished)
    cluster.releaseDisk(1)
    cluster.run()
    #expect(cluster.updates(1) == [1] && cluster.core(1).report.isEstablished)
  }

  @Test("A view is not established before every member holds what its primary began with")
  func establishedLate() {
    var cluster = Cluster(replicas: 3)
    cluster.begin(1, [0, 1, 2])
    cluster.handle(.received(append(entries(1...1)), from: 0), at: 1)
    cluster.inFlight = []
    cluster.announce(2, [1, 2])
    cluster.inFlight = []
    cluster.handle(.received(.appended(view: 2, index: LogIndex(1)), from: 1), at: 1)
    cluster.handle(.received(.summary(view: 2, round: 0, runs: []), from: 2), at: 1)
    #expect(!cluster.core(1).report.isEstablished)
    cluster.handle(.received(.appended(view: 2, index: LogIndex(1)), from: 2), at: 1)
    #expect(cluster.core(1).report.isEstablished)
  }

  @Test("A late acknowledgement takes nothing back")
  func lateAcknowledgement() {
    var cluster = Cluster(replicas: 2)
    cluster.begin(1, [0, 1])
    for number in 1...2 as ClosedRange<UInt64> { cluster.propose(number, at: 0) }
    cluster.run()
    cluster.handle(.received(.appended(view: 1, index: LogIndex(1)), from: 1), at: 0)
    #expect(cluster.core(0).followers[0].matchIndex == LogIndex(2))
  }

  @Test("A view is adopted once, and an older change of the joiner is ignored")
  func oldViews() {
    var cluster = Cluster(replicas: 3)
    cluster.begin(1, [0, 1])
    #expect(cluster.core(0).report.isEstablished)
    cluster.announce(1, [0, 1])
    #expect(cluster.core(0).report.isEstablished)
    cluster.join(1, [0, 1], joiner: 2, joining: 2, to: [0])
    cluster.join(1, [0, 1], joiner: nil, joining: 1, to: [0])
    #expect(cluster.core(0).view.joiner == ReplicaID(2))
  }

  @Test("Only a newer view deposes a primary, and a deposed one names no other")
  func deposed() {
    var cluster = Cluster(replicas: 2)
    cluster.begin(1, [0, 1])
    cluster.handle(.received(.outdated(view: 1), from: 1), at: 0)
    #expect(cluster.core(0).role == .primary)
    cluster.handle(.received(.outdated(view: 2), from: 1), at: 0)
    var core = cluster.core(0)
    var effects = Effects<PrimaryBackupReplica>()
    core.handle(.requested(batch(1)), at: .zero, into: &effects)
    #expect(core.role == .deposed && effects.refusedBatches.map(\.redirect) == [nil])
  }

  @Test("A primary that stays primary keeps the reads that wait, and answers them once it may")
  func waitingReads() {
    var cluster = Cluster(replicas: 3)
    cluster.announce(1, [0, 1])
    cluster.read(7, at: 0)
    #expect(cluster.nodes[0].reads.isEmpty)
    cluster.crash(1)
    cluster.begin(2, [0])
    #expect(cluster.nodes[0].reads == [ReadTicket(7)])
  }

  @Test("A primary installs no snapshot")
  func ownLog() {
    var cluster = Cluster(replicas: 2)
    cluster.begin(1, [0, 1])
    var isInstalled = true
    cluster.perform(at: 0) { core, now, effects in
      isInstalled = core.install(
        SnapshotReference(index: LogIndex(5), epoch: 1), from: 1, at: now, into: &effects)
    }
    #expect(!isInstalled)
  }

  @Test("A sign of life of an earlier view does not count")
  func oldSignOfLife() {
    var cluster = Cluster(replicas: 2)
    cluster.begin(1, [0, 1])
    cluster.begin(2, [0, 1])
    cluster.isolate(1)
    for _ in 0..<200 { cluster.fire(.resend, at: 0) }
    #expect(cluster.core(0).report.unreachable == [ReplicaID(1)])
    cluster.handle(.received(.present(view: 1), from: 1), at: 0)
    #expect(cluster.core(0).report.unreachable == [ReplicaID(1)])
    cluster.handle(.received(.present(view: 2), from: 1), at: 0)
    #expect(cluster.core(0).report.unreachable.isEmpty)
  }

  @Test("Updates that no backup acknowledges are refused once there are too many, with no redirect")
  func pendingLimit() {
    var cluster = Cluster(replicas: 2)
    cluster.begin(1, [0, 1])
    cluster.isolate(1)
    var core = cluster.core(0)
    var effects = Effects<PrimaryBackupReplica>()
    for _ in 0..<PrimaryBackupReplica.pendingLimit {
      core.handle(.requested(.noop), at: .zero, into: &effects)
    }
    #expect(effects.refusedBatches.isEmpty)
    core.handle(.requested(.noop), at: .zero, into: &effects)
    // A client that is redirected comes back at once, and only this replica could take its update.
    #expect(effects.refusedBatches.map(\.redirect) == [nil])
  }

  @Test(
    "Reads of a view that is not established are refused once too many wait, without a redirect")
  func waitingReadLimit() {
    var cluster = Cluster(replicas: 2)
    cluster.isolate(1)
    cluster.begin(1, [0, 1])
    var core = cluster.core(0)
    var effects = Effects<PrimaryBackupReplica>()
    for ticket in 1...UInt64(PrimaryBackupReplica.waitingReadLimit) {
      core.handle(.readRequested(ReadTicket(ticket)), at: .zero, into: &effects)
    }
    #expect(effects.refusedReads.isEmpty && effects.reads.isEmpty)
    core.handle(.readRequested(ReadTicket(5000)), at: .zero, into: &effects)
    #expect(effects.refusedReads.map(\.refused) == [ReadTicket(5000)])
    #expect(effects.refusedReads.map(\.redirect) == [nil])
  }
}
