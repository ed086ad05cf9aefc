import ProtocolTesting
import Replication
import Testing
import ViewService

@testable import ChainReplication

@Suite("The records of a chain's log")
struct SnapshotRuleTests {
  private func replica() -> ChainReplica {
    ChainReplica(
      id: ReplicaID(0), membership: Membership(replicas: 3), options: ChainReplica.Options())
  }

  private func entry(_ number: UInt64, of view: UInt64 = 1) -> ViewEntry {
    // Two of these fill a page.
    let requests = (0..<20_000).map { _ in
      (id: RequestID(client: ClientID(1), sequence: number), command: number)
    }
    return ViewEntry(view: view, batch: Batch(requests))
  }

  @Test("A crash in the middle of a checkpoint costs no entry that was durable before")
  func tornCheckpoints() {
    let (recordCount, losses) = tornCheckpoint(
      behind: [.entries(first: LogIndex(1), (1...7).map { entry($0) })], at: LogIndex(2),
      replica)
    #expect(recordCount > 4 && losses == [])
  }

  @Test("A record cuts the log where another view's entry stood, and where it has no entries")
  func cuts() {
    var core = replica()
    core.recover(.entries(first: LogIndex(1), (1...5).map { entry($0) }))
    core.recover(.entries(first: LogIndex(2), [entry(2)]))
    #expect(core.log.lastIndex == LogIndex(5))
    core.recover(.entries(first: LogIndex(5), []))
    #expect(core.log.lastIndex == LogIndex(4))
    core.recover(.entries(first: LogIndex(2), [entry(2), entry(8, of: 2)]))
    #expect(core.log.lastIndex == LogIndex(3) && core.log.view(at: LogIndex(3)) == 2)
  }
}
