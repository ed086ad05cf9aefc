import Clients
import Environments
import Faults
import NodeBench
import NodeRuntime
import Primitives
import ReplicaHosting
import Replication
import Sockets
import StateMachines
import Stubs
import Testing
import Trials
import WireFormat
import Workloads

@testable import Simulation

/// A request makes node 0 use every lane of a turn. Requests with odd numbers also append records.
private let lanes = ScriptedCore.Options { core, event, effects in
  switch event {
  case .requested(let batch):
    effects.setTimer(.bell, after: .milliseconds(1))
    effects.refuse(batch, redirect: nil)
    effects.send(2, to: core.id)
    effects.send(3, to: ReplicaID(1))
    if batch.requestIDs.contains(where: { $0.sequence % 2 == 1 }) { effects.persist(7) }
    effects.sendEarly(1, to: ReplicaID(1))
  case .received(2, from: core.id): effects.send(4, to: ReplicaID(1))
  default: break
  }
}

/// A real runtime, and a record of the calls that it gets.
private struct Recorder<Base: TurnRuntime & ~Copyable>: ~Copyable, TurnRuntime
where Base.Core == ScriptedCore, Base.Application == Counter {
  var base: Base
  var calls: [String] = []

  init(_ base: consuming Base) { self.base = base }

  var host: ReplicaHost<ScriptedCore, Counter> {
    get { base.host }
    set { base.host = newValue }
  }
  var barrier: DurabilityBarrier<UInt64> {
    get { base.barrier }
    set { base.barrier = newValue }
  }
  var ownMessages: [UInt64] {
    get { base.ownMessages }
    set { base.ownMessages = newValue }
  }

  mutating func send(_ message: UInt64, to: ReplicaID) {
    calls.append("send \(message)")
    base.send(message, to: to)
  }
  mutating func append(_ records: [UInt64]) {
    calls.append("append")
    base.append(records)
  }
  mutating func answer(_ reply: ClientReply<UInt64>) {
    calls.append("answer")
    base.answer(reply)
  }
  mutating func set(_ timer: ScriptedCore.Timer, after delay: Interval?) {
    calls.append("set")
    base.set(timer, after: delay)
  }
  mutating func beginSnapshot(_ reference: SnapshotReference) { base.beginSnapshot(reference) }
  var takesSnapshotPart: Bool { base.takesSnapshotPart }
  mutating func addSnapshotPart(_ part: [UInt8], isLast: Bool) {
    base.addSnapshotPart(part, isLast: isLast)
  }
  mutating func page(of reference: SnapshotReference, in range: Range<Int>) -> [UInt8]? {
    base.page(of: reference, in: range)
  }
  mutating func removeSnapshots(exceptFor kept: [SnapshotReference]) {
    base.removeSnapshots(exceptFor: kept)
  }
  mutating func removeRecords(before first: Int) { base.removeRecords(before: first) }
  mutating func count(_ counts: SnapshotCounts) { base.count(counts) }

  /// The lanes of two turns, in order, and of the release of the sends that the second turn held.
  mutating func lanes() -> [[String]] {
    var lanes: [[String]] = []
    for sequence in [2, 3] as [UInt64] {
      base.host.submit(request(sequence))
      base.host.endTurn(at: .zero)
      carryOutTurn()
      lanes.append(calls)
      calls = []
    }
    base.barrier.synced(base.barrier.appendedCount)
    releaseSends()
    return lanes + [calls]
  }
}

private func request(_ sequence: UInt64) -> ClientRequest<Counter.Command> {
  ClientRequest(id: RequestID(client: ClientID(0), sequence: sequence), command: .add(1))
}

/// Tests the order of lanes in both runtimes: the calls and their effects.
@Suite("Turns are carried out alike in the simulator and by real nodes") struct TurnOrderTests {
  private static let expected = [
    ["send 1", "send 2", "send 3", "answer", "set"],
    ["send 1", "append", "answer", "set"], ["send 3"],
  ]

  private func simulated() -> Trial<ScriptedCore, CounterLoad> {
    var setup = TrialSetup<ScriptedCore>(
      membership: Membership(replicas: 2), options: lanes)
    setup.plan.workload.clients = 1
    setup.plan.duration = .milliseconds(50)
    var trial = Trial(setup, load: CounterLoad())
    for number in trial.nodes.indices { trial.nodes[number].start(in: &trial.world) }
    return trial
  }

  @Test("A simulated node gets early sends, records, sends, answers and timers in this order")
  func simulatedLanes() {
    var trial = simulated()
    trial.nodes[0].lend(in: &trial.world) { turn in
      var recorder = Recorder(SimulatedTurn(node: turn.node, world: turn.world))
      #expect(recorder.lanes() == Self.expected)
      // The first message is from the turn that held no send back.
      #expect(recorder.base.ownMessages == [2, 2])
    }
  }

  @Test("A real node gets the same calls in the same order")
  func realLanes() throws {
    let plan = try Plan(nodes: 2, protocolName: "lanes")
    var recorder = Recorder(
      try ClusterNode<ScriptedCore, Counter>(plan.settings[0], options: lanes))
    #expect(recorder.lanes() == Self.expected)
    // The first message is from the turn that held no send back.
    #expect(recorder.base.ownMessages == [2, 2])
  }

  @Test(
    "While a simulated disk stalls only early sends and timers pass; the rest follows")
  func simulatedStall() {
    var trial = simulated()
    trial.nodes[0].diskIsStalled = true
    trial.nodes[0].arrive(request(1), bytes: 30, in: &trial.world)
    _ = trial.advance(to: .zero + .milliseconds(20)) { _, _ in true }
    #expect(trial.nodes[1].host.core.received == [1])
    #expect(trial.nodes[0].host.core.firedCount == 1)
    trial.nodes[0].resumeDisk(in: &trial.world)
    _ = trial.advance(to: .zero + .milliseconds(40)) { _, _ in true }
    #expect(trial.nodes[1].host.core.received == [1, 3, 4])
  }

  @Test("While a real disk stalls only early sends and timers pass; the rest follows")
  func realStall() throws {
    let plan = try Plan(nodes: 2, protocolName: "lanes")
    let seats = try plan.settings.map { try Seat<ScriptedCore, Counter>($0, lanes) }
    var received: [UInt64] { seats[1].node.host.core.received }
    try waitFor("link", seats) { seats[0].node.peers[1].state == .open ? true : nil }
    seats[0].node.faults.syncStalls = true
    seats[0].node.faultsAreActive = true
    seats[0].node.host.submit(request(1))
    try waitFor("stall", seats) {
      seats[0].node.host.core.firedCount > 0 && !received.isEmpty && seats[0].node.heldSync != nil
        ? true : nil
    }
    for _ in 0..<20 {
      for seat in seats { try seat.node.turn(atMost: .zero) }
    }
    #expect(received == [1] && seats[0].node.host.core.firedCount == 1)
    seats[0].node.endFaults()
    try waitFor("rest", seats) { received.count == 3 ? true : nil }
    #expect(received == [1, 3, 4])
  }
}
