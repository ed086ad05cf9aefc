import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import Unreplicated

/// A server is asked for two updates; its disk may become slow, and it may crash and restart.
@Suite("The unreplicated server in every order of updates and faults")
struct ExplorerTests {
  private func explore(_ bug: UnreplicatedServer.Bug?) -> Exploration {
    Explorer([.propose(1, at: a), .propose(2, at: a), .slowDisk(a), .crash(a)])
      .explore(from: cluster(bug: bug))
  }

  @Test("No order breaks the protocol; with a known mistake, some order does")
  func orders() {
    explore(nil).expectSound(states: 20, commits: 2)
    let broken = explore(.replyBeforeSync)
    #expect(broken.failure == "replicas disagree at index 1", "\(broken)")
  }
}
