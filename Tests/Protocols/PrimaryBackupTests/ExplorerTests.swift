import PrimaryBackup
import ProtocolTesting
import Replication
import SteppedCluster
import Testing
import ViewService

/// A is primary of two backups, and two updates are on their way to them. At any moment B and C may
/// hear of a view without A, which B leads.
@Suite("Primary-backup in every order of messages and views")
struct ExplorerTests {
  private func explore(_ bug: PrimaryBackupReplica.Bug?) -> Exploration {
    var cluster = Cluster(bug: bug)
    cluster.begin(1, [a, b, c])
    cluster.propose(1, at: a)
    cluster.propose(2, at: a)
    let next = View(number: 2, members: [b, c])
    return Explorer(
      [
        .fire(.resend, at: a),
        .act("B hears of view 2", at: b) { $0.adopt(next, at: b) },
        .act("C hears of view 2", at: c) { $0.adopt(next, at: c) },
      ], depth: 6
    ).explore(from: cluster)
  }

  @Test("No order breaks the protocol; with a known mistake, some order does")
  func orders() {
    explore(nil).expectSound(states: 500, commits: 1)
    let broken = explore(.ignoreGaps)
    #expect(broken.failure == "replicas disagree at index 1", "\(broken)")
  }
}
