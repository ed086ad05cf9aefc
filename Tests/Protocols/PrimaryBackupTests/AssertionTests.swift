import ProtocolTesting
import Replication
import Testing
import ViewService

@testable import PrimaryBackup

/// What must never happen stops the replica in its tracks, with the reason: each assertion is
/// reached in a process of its own.
@Suite("Primary-backup stops rather than do what must not be")
struct AssertionTests {
  @Test("Only the first member of a view leads it")
  func leader() async {
    let end = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var core = PrimaryBackupReplica(
        id: b, membership: Membership(replicas: 3), options: PrimaryBackupReplica.Options())
      var effects = Effects<PrimaryBackupReplica>()
      core.view = View(number: 1, members: [a, b, c])
      core.lead(at: .zero, into: &effects)
    }
    #expect(end.says("the first member of a view leads it"))
  }

  @Test("What is not in the log is not committed")
  func commit() async {
    let end = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var core = PrimaryBackupReplica(
        id: a, membership: Membership(replicas: 3), options: PrimaryBackupReplica.Options())
      var effects = Effects<PrimaryBackupReplica>()
      core.commit(through: LogIndex(1), into: &effects)
    }
    #expect(end.says("what is not in the log is not committed"))
  }

  @Test("Only what is committed leaves the log")
  func forget() async {
    let end = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var core = PrimaryBackupReplica(
        id: a, membership: Membership(replicas: 3), options: PrimaryBackupReplica.Options())
      core.snapshotTaken(forgettingThrough: LogIndex(1))
    }
    #expect(end.says("only what is committed leaves the log"))
  }
}
