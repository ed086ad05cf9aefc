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
}
