import ProtocolTesting
import Replication
import SteppedCluster
import Testing
import ViewService

@testable import PrimaryBackup

@Suite("What a backup does with a snapshot of another")
struct SnapshotRuleTests {
  @Test(
    "One that is older than what is committed is not installed, or what was acknowledged is lost",
    arguments: [nil, SnapshotBug.installOlder])
  func older(bug: SnapshotBug?) {
    var options = PrimaryBackupReplica.Options()
    options.snapshots.bug = bug
    var cluster = Cluster(membership: Membership(replicas: 3), options: options)
    cluster.begin(1, [0, 1, 2])
    for value in [5, 6, 7] as [UInt64] {
      cluster.propose(value, at: 0)
      cluster.run()
    }
    #expect(cluster.updates(0) == [5, 6, 7] && cluster.core(2).commitIndex >= LogIndex(1))
    let old = SnapshotReference(index: LogIndex(1), epoch: 1)
    var isInstalled = false
    cluster.perform(at: 2) { core, now, effects in
      isInstalled = core.install(old, from: 0, at: now, into: &effects)
    }
    #expect(isInstalled == (bug != nil))
    // The others are gone before they could help.
    cluster.inFlight = []
    cluster.crash(0)
    cluster.crash(1)
    cluster.announce(2, [2])
    #expect((cluster.core(2).log.lastIndex < LogIndex(3)) == isInstalled)
  }

  @Test("An entry or a snapshot of a view that no replica can have reached is not taken")
  func viewsOutOfReach() {
    var cluster = Cluster(replicas: 3)
    cluster.begin(1, [0, 1, 2])
    func append(_ view: UInt64) -> PrimaryBackupReplica.Message {
      .append(
        .init(
          view: 1, round: 0, previous: .zero, previousView: 0, commitIndex: .zero,
          entries: [
            ViewEntry(view: 1, batch: batch(1)), ViewEntry(view: view, batch: batch(2)),
          ]))
    }
    for later in [2, 1 << 62] as [UInt64] {
      cluster.handle(.received(append(later), from: 0), at: 1)
      #expect(cluster.core(1).log.lastIndex == .zero)
    }
    cluster.handle(.received(append(1), from: 0), at: 1)
    #expect(cluster.core(1).log.lastIndex == LogIndex(2))
    let far = SnapshotReference(index: LogIndex(9), epoch: longestEpochJump + 2)
    var isInstalled = true
    cluster.perform(at: 1) { core, now, effects in
      isInstalled = core.install(far, from: 0, at: now, into: &effects)
    }
    #expect(!isInstalled)
  }

  @Test("A crash in the middle of a checkpoint costs no entry that was durable before")
  func tornCheckpoints() {
    let records = (1...9 as ClosedRange<UInt64>).map { number in
      PrimaryBackupReplica.Record(
        index: LogIndex(Int(number)),
        entry: ViewEntry(view: number < 5 ? 1 : 2, batch: batch(number)))
    }
    let (recordCount, losses) = tornCheckpoint(behind: records, at: LogIndex(2)) {
      PrimaryBackupReplica(
        id: ReplicaID(0), membership: Membership(replicas: 3),
        options: PrimaryBackupReplica.Options())
    }
    #expect(recordCount > 4 && losses == [])
  }
}
