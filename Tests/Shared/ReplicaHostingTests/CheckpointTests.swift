import ReplicaHosting
import Replication
import StateMachines
import Stubs
import Testing

@Suite("Checkpoints of the log")
struct CheckpointTests {
  private static func recorder() -> Recorder {
    var options = ScriptedCore.Options()
    options.snapshots = SnapshotPolicy(interval: 1)
    return Recorder(options)
  }

  /// Commits an entry, which is enough for a checkpoint, and lets its records and its snapshot
  /// become durable.
  /// - Returns: the calls of the turn that settles the snapshot.
  private func takeCheckpoint(_ runtime: inout Recorder) -> [String] {
    let index = runtime.host.appliedIndex.next
    let id = RequestID(client: ClientID(1), sequence: UInt64(index.rawValue))
    _ = runtime.turn { effects in
      effects.persist(UInt64(index.rawValue))
      effects.commit(
        Batch([(id: id, command: Counter.Command.add(1))]), at: index, answering: false)
    }
    runtime.barrier.synced(runtime.barrier.appendedCount)
    runtime.host.snapshotStored(at: .zero)
    return runtime.turn { _ in }
  }

  @Test("The log keeps the entries after the checkpoint before the last")
  func twoCheckpoints() {
    var runtime = Self.recorder()
    // Each takes three records: an entry, and a checkpoint of two.
    #expect(takeCheckpoint(&runtime) == ["keep [1]"])
    #expect(takeCheckpoint(&runtime) == ["keep [2]", "remove before 1"])
    #expect(takeCheckpoint(&runtime) == ["keep [3]", "remove before 4"])
  }

  @Test("The log never begins with a checkpoint that a crash may have torn")
  func tornCheckpoint() {
    var before = Self.recorder()
    _ = takeCheckpoint(&before)
    // The crash took the checkpoint's second record, which is the entry after the snapshot.
    var runtime = Self.recorder()
    for record in [1, ScriptedCore.checkpoints + 1] { runtime.host.recover(record) }
    let problem = runtime.host.recoverSnapshot(firstRecord: 0) { _ in before.snapshot }
    #expect(problem == nil && runtime.host.appliedIndex == LogIndex(1))
    runtime.barrier = DurabilityBarrier(recovered: 2)
    // An entry, then the new checkpoint from record 3 on. Record 1 is the torn one.
    #expect(takeCheckpoint(&runtime) == ["keep [2]", "remove before 3"])
    #expect(takeCheckpoint(&runtime) == ["keep [3]", "remove before 3"])
    #expect(takeCheckpoint(&runtime) == ["keep [4]", "remove before 6"])
  }
}
