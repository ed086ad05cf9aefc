import ProtocolTesting
import Replication
import Testing

@testable import ChainReplication

/// What must never happen stops the replica in its tracks, with the reason: each assertion is
/// reached in a process of its own.
@Suite("Chain replication stops rather than do what must not be")
struct AssertionTests {
  @Test("Only a replica that holds all that was acknowledged brings others in line")
  func serving() async {
    let end = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var core = ChainReplica(
        id: a, membership: Membership(replicas: 3), options: ChainReplica.Options())
      var effects = Effects<ChainReplica>()
      core.isSynchronised = true
      core.servesFrom = LogIndex(1)
      core.beginServing(into: &effects)
    }
    #expect(end.says("only a replica that holds all that was acknowledged brings others in line"))
  }

  @Test("Only what is committed leaves the log")
  func forget() async {
    let end = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var core = ChainReplica(
        id: a, membership: Membership(replicas: 3), options: ChainReplica.Options())
      core.snapshotTaken(forgettingThrough: LogIndex(1))
    }
    #expect(end.says("only what is committed leaves the log"))
  }
}
