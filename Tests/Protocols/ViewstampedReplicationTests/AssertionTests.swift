import ProtocolTesting
import Replication
import Testing

@testable import ViewstampedReplication

/// What must never happen stops the replica in its tracks, with the reason: each assertion is
/// reached in a process of its own.
@Suite("Viewstamped replication stops rather than do what must not be")
struct AssertionTests {
  @Test("A record that does not follow the log is not recovered")
  func lostRecord() async {
    let end = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var core = ViewstampedReplica(
        id: a, membership: Membership(replicas: 3), options: vrOptions())
      core.recover(.append(at: LogIndex(5), view: 0, [batch(1)]))
    }
    #expect(end.says("the disk has lost a record"))
  }

  @Test("A replica that is not in the membership does not start")
  func stranger() async {
    let end = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = ViewstampedReplica(id: d, membership: Membership(replicas: 3), options: vrOptions())
    }
    #expect(end.says("replica 3 is not in the membership"))
  }

  @Test("A view that is not later is not entered")
  func fallingView() async {
    let end = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var (core, effects) = backup()
      core.enter(core.viewNumber, at: .zero, into: &effects)
    }
    #expect(end.says("a view is entered once, and views never fall"))
  }

  @Test("A backup numbers no operation")
  func numbering() async {
    let end = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var (core, effects) = backup()
      core.primacy = .init(startOp: .zero, progress: (0..<3).map { _ in .init(next: LogIndex(1)) })
      core.request(batch(1), into: &effects)
    }
    #expect(end.says("only the primary of a view that has started numbers operations"))
  }

  @Test("A backup starts no view, and says PrepareOK in no view that has not started")
  func unstarted() async {
    let starts = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var (core, effects) = backup()
      core.state = .viewChange
      core.startView(committed: .zero, into: &effects)
    }
    #expect(starts.says("only the primary of a new view starts it"))
    let says = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var (core, effects) = backup()
      core.state = .viewChange
      core.acknowledge(into: &effects)
    }
    #expect(says.says("PrepareOK is said only in a view that has started"))
  }

  @Test("An operation that the log lacks is not committed")
  func commitBeyondLog() async {
    let end = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var (core, effects) = backup()
      core.commit(through: LogIndex(1), into: &effects)
    }
    #expect(end.says("what is not in the log is not committed"))
  }

  @Test("Views that fall, and commits beyond the log, are reported")
  func invariants() {
    let core = ViewstampedReplica(id: a, membership: Membership(replicas: 3), options: vrOptions())
    var broken = core
    broken.commitNumber = LogIndex(1)
    #expect(
      broken.invariantViolation() == "commit-number 1 is beyond the log, which ends at 0")
    broken = core
    broken.lastNormalView = 1
    #expect(
      broken.invariantViolation() == "the last normal view 1 is later than the view 0")
    broken = core
    broken.log.append(batch(1), in: 1)
    #expect(
      broken.invariantViolation() == "the last operation is of view 1, later than the view 0")
  }
}

/// Replica B of three, which is a backup in the first view.
private func backup() -> (core: ViewstampedReplica, effects: Effects<ViewstampedReplica>) {
  let core = ViewstampedReplica(id: b, membership: Membership(replicas: 3), options: vrOptions())
  return (core, Effects())
}
