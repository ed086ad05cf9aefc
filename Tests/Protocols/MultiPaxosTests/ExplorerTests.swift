import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import MultiPaxos

/// C led the first ballot and is the only one that accepted its value. A leads a later ballot with
/// the promise of B, and C hears of it while A gets two values of its own chosen.
@Suite("Multi-Paxos in every order of messages, with a loss and a crash")
struct ExplorerTests {
  private func explore(_ bug: MultiPaxosReplica.Bug?) -> Exploration {
    var cluster = Cluster(bug: bug)
    cluster.elect(c)
    cluster.only(c)
    cluster.propose(1, at: c)
    cluster.run()
    cluster.only(a, b)
    cluster.elect(a)
    cluster.heal()
    return Explorer(
      [.propose(2, at: a), .fire(.heartbeat, at: a), .crash(b)], losses: 1, depth: 8
    ).explore(from: cluster)
  }

  @Test("No order breaks the protocol; with a known mistake, some order does")
  func orders() {
    explore(nil).expectSound(states: 500, commits: 1)
    let broken = explore(.commitIndexMarksAll)
    #expect(broken.failure == "replicas disagree at index 1", "\(broken)")
  }
}
