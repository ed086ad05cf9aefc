import ChainReplication
import ProtocolTesting
import Replication
import SteppedCluster
import Testing

/// C heads the chain of C and B. A headed the chain before, does not know that it was removed, and
/// is asked for an update like C.
@Suite("A chain in every order of messages, with a loss")
struct ExplorerTests {
  private func explore(_ bug: ChainReplica.Bug?) -> Exploration {
    var chain = Chain(3, bug: bug)
    chain.cluster.run()
    chain.crash(b)
    chain.restart(b)
    chain.issue([c, b], to: [b, c])
    chain.cluster.run()
    return Explorer(
      [.propose(1, at: a), .propose(2, at: c), .propose(3, at: c), .fire(.resend, at: c)],
      losses: 1, depth: 6
    ).explore(from: chain.cluster)
  }

  @Test("No order breaks the protocol; with a known mistake, some order does")
  func orders() {
    explore(nil).expectSound(states: 100, commits: 2)
    let broken = explore(.acceptAnyView)
    #expect(broken.failure == "replicas disagree at index 1", "\(broken)")
  }
}
