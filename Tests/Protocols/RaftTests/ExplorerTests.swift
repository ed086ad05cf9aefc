import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import Raft

/// Replica A leads term 2 with the vote of B. C has an entry of term 1 that the others lack, and
/// has not heard of A yet.
@Suite("Raft in every order of messages, with a loss and a crash")
struct ExplorerTests {
  private func explore(_ bug: RaftReplica.Bug?) -> Exploration {
    let log = [entry(1, 10)]
    var cluster = Cluster(
      logs: [log, log, log + [entry(1, 11)]], term: 1,
      raftOptions(bug: bug, preVote: false, checkQuorum: false))
    cluster.only(a, b)
    cluster.elect(a)
    cluster.heal()
    return Explorer(
      [.propose(1, at: a), .fire(.heartbeat, at: a), .crash(b)], losses: 1, depth: 9
    ).explore(from: cluster)
  }

  @Test("No order breaks the protocol; with a known mistake, some order does")
  func orders() {
    explore(nil).expectSound(states: 500, commits: 3)
    let broken = explore(.commitPastMatch)
    #expect(broken.failure == "replicas disagree at index 2", "\(broken)")
  }
}
