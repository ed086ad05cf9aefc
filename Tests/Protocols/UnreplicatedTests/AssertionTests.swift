import ProtocolTesting
import Replication
import Testing

@testable import Unreplicated

/// What must never happen stops the replica in its tracks, with the reason: each assertion is
/// reached in a process of its own.
@Suite("The unreplicated server stops rather than do what must not be")
struct AssertionTests {
  @Test("Only what is committed leaves the log")
  func forget() async {
    let end = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var core = UnreplicatedServer(
        id: a, membership: Membership(replicas: 1), options: UnreplicatedServer.Options())
      core.snapshotTaken(forgettingThrough: LogIndex(1))
    }
    #expect(end.says("only what is committed leaves the log"))
  }
}
