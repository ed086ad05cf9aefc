import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import ViewstampedReplication

/// A led the first view and is the only one with its operation. B leads the next view with C, and A
/// hears of it while B gets an operation of its own committed.
@Suite("Viewstamped Replication in every order of messages, with a loss and a crash")
struct ExplorerTests {
  private func explore(_ bug: ViewstampedReplica.Bug?) -> Exploration {
    var cluster = Cluster(3, vrOptions(bug: bug, sticky: false))
    cluster.only(a)
    cluster.propose(1, at: a)
    cluster.run()
    cluster.only(b, c)
    cluster.timeOut(b, c)
    cluster.heal()
    return Explorer(
      [.propose(2, at: b), .fire(.commit, at: b), .crash(c)], losses: 1, depth: 8
    ).explore(from: cluster)
  }

  @Test("No order breaks the protocol; with a known mistake, some order does")
  func orders() {
    explore(nil).expectSound(states: 500, commits: 1)
    let broken = explore(.keepTail)
    #expect(broken.failure == "replicas disagree at index 1", "\(broken)")
  }
}
