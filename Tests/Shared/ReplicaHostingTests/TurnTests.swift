import ReplicaHosting
import Replication
import StateMachines
import Stubs
import Testing

/// Records the calls that it gets. Its disk makes no record durable by itself.
struct Recorder: TurnRuntime {
  var host: ReplicaHost<ScriptedCore, Counter>
  var barrier = DurabilityBarrier<UInt64>()
  var ownMessages: [UInt64] = []
  var calls: [String] = []
  /// The bytes of the snapshot that was stored last.
  var snapshot: [UInt8] = []

  init(_ options: ScriptedCore.Options = ScriptedCore.Options()) {
    host = ReplicaHost(
      id: ReplicaID(0), membership: Membership(replicas: 2), options: options, seed: 1)
  }

  mutating func send(_ message: UInt64, to: ReplicaID) { calls.append("send \(message) to \(to)") }
  mutating func append(_ records: [UInt64]) {
    calls.append("append \(records) after \(barrier.appendedCount - records.count)")
  }
  mutating func answer(_ reply: ClientReply<UInt64>) { calls.append("answer \(reply.id.sequence)") }
  mutating func set(_ timer: ScriptedCore.Timer, after delay: Interval?) {
    calls.append(delay == nil ? "cancel \(timer)" : "set \(timer)")
  }
  mutating func beginSnapshot(_ reference: SnapshotReference) {
    calls.append("begin snapshot \(reference.index)")
    snapshot = []
  }
  var takesSnapshotPart: Bool { true }
  mutating func addSnapshotPart(_ part: [UInt8], isLast: Bool) {
    calls.append(isLast ? "store last part" : "store part")
    snapshot += part
  }
  mutating func page(of reference: SnapshotReference, in range: Range<Int>) -> [UInt8]? { nil }
  mutating func removeSnapshots(exceptFor kept: [SnapshotReference]) {
    calls.append("keep \(kept.map(\.index))")
  }
  mutating func removeRecords(before first: Int) { calls.append("remove before \(first)") }
  mutating func count(_ counts: SnapshotCounts) {}

  /// Carries out one turn with the core's effects set by `body`.
  mutating func turn(_ body: (inout Effects<ScriptedCore>) -> Void) -> [String] {
    calls = []
    body(&host.effects)
    host.endTurn(at: .zero)
    carryOutTurn()
    return calls
  }
}

@Suite struct TurnTests {
  private func batch(_ sequence: UInt64) -> Batch {
    var builder = BatchBuilder()
    builder.append(RequestID(client: ClientID(1), sequence: sequence), Counter.Command.add(1))
    return builder.build()
  }

  @Test("A turn is carried out lane by lane, in whatever order the core asked")
  func order() {
    var runtime = Recorder()
    let calls = runtime.turn { effects in
      effects.setTimer(.bell, after: .milliseconds(1))
      effects.cancelTimer(.other)
      effects.refuse(batch(4), redirect: nil)
      effects.send(2, to: ReplicaID(1))
      effects.persist(8)
      effects.persist(9)
      effects.sendEarly(1, to: ReplicaID(1))
    }
    #expect(
      calls == [
        "send 1 to 1", "append [8, 9] after 0", "answer 4", "set bell", "cancel other",
      ])
    #expect(runtime.barrier.heldCount == 1)
    // All effects have been carried out: the next turn does not repeat them.
    #expect(runtime.turn { _ in } == [])
  }

  @Test("Sends leave at once unless records of this or an earlier turn are not yet durable")
  func holding() {
    var runtime = Recorder()
    #expect(runtime.turn { $0.send(1, to: ReplicaID(1)) } == ["send 1 to 1"])
    #expect(runtime.turn { $0.persist(1) } == ["append [1] after 0"])
    #expect(runtime.turn { $0.send(2, to: ReplicaID(1)) } == [])
    #expect(runtime.turn { $0.sendEarly(3, to: ReplicaID(1)) } == ["send 3 to 1"])
    runtime.barrier.synced(1)
    runtime.calls = []
    runtime.releaseSends()
    #expect(runtime.calls == ["send 2 to 1"])
    #expect(runtime.turn { $0.send(4, to: ReplicaID(1)) } == ["send 4 to 1"])
  }

  @Test(
    "A sync releases the sends it covers, oldest first, and the node's own messages last")
  func releasing() {
    var runtime = Recorder()
    _ = runtime.turn { effects in
      effects.persist(1)
      effects.send(1, to: ReplicaID(0))
      effects.send(2, to: ReplicaID(1))
    }
    _ = runtime.turn { $0.send(3, to: ReplicaID(1)) }
    _ = runtime.turn { effects in
      effects.persist(2)
      effects.send(4, to: ReplicaID(1))
    }
    runtime.calls = []
    runtime.barrier.synced(1)
    runtime.releaseSends()
    #expect(runtime.calls == ["send 2 to 1", "send 3 to 1"])
    #expect(runtime.ownMessages == [1] && runtime.barrier.heldCount == 1)
  }
}
