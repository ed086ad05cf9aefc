import Clients
import Environments
import Faults
import Foundation
import NodeRuntime
import Primitives
import ReplicaHosting
import Replication
import Sockets
import StateMachines
import Testing
import Trials
import WireFormat
import Workloads

@testable import Simulation

/// Not a protocol: a request makes node 0 use every lane of a turn. Requests with odd numbers also
/// append records.
private struct LaneCore: ReplicaCore {
  typealias Message = UInt64
  typealias Record = UInt64

  enum Timer: Int, TimerName, CaseIterable { case bell }

  struct Options: ProtocolOptions {
    static let declared: [OptionDeclaration] = []
    init() {}
    init(_ values: OptionValues) {}
  }

  let id: ReplicaID
  /// The messages of node 0 that node 1 received.
  var received: [UInt64] = []
  var bells = 0

  init(id: ReplicaID, membership: Membership, options: Options) { self.id = id }

  mutating func recover(_ record: UInt64) {}

  mutating func handle(
    _ event: Event<LaneCore>, at now: Instant, into effects: inout Effects<LaneCore>
  ) {
    switch event {
    case .requested(let batch):
      effects.setTimer(.bell, after: .milliseconds(1))
      effects.refuse(batch, redirect: nil)
      effects.send(2, to: id)
      effects.send(3, to: ReplicaID(1))
      if batch.requestIDs.contains(where: { $0.sequence % 2 == 1 }) { effects.persist(7) }
      effects.sendEarly(1, to: ReplicaID(1))
    case .received(2, from: id): effects.send(4, to: ReplicaID(1))
    case .received(let message, _): received.append(message)
    case .timerFired: bells += 1
    case .started, .readRequested, .disconnected: break
    }
  }

  var status: ReplicaStatus {
    ReplicaStatus(role: "lanes", isInCharge: true, epoch: 1, commitIndex: .zero, lastIndex: .zero)
  }

  func invariantViolation() -> String? { nil }
}

/// A real runtime, and a record of the calls that it gets.
private struct Recorder<Base: TurnRuntime & ~Copyable>: ~Copyable, TurnRuntime
where Base.Core == LaneCore, Base.Application == Counter {
  var base: Base
  var calls: [String] = []

  init(_ base: consuming Base) { self.base = base }

  var host: ReplicaHost<LaneCore, Counter> {
    get { base.host }
    set { base.host = newValue }
  }
  var barrier: DurabilityBarrier<OutgoingMessage<UInt64>> {
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
  mutating func set(_ timer: LaneCore.Timer, after delay: Interval?) {
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

  private func simulated() -> Trial<LaneCore, CounterLoad> {
    var setup = TrialSetup<LaneCore>(
      membership: Membership(replicas: 2), options: LaneCore.Options())
    setup.plan.workload.clients = 1
    setup.plan.duration = .milliseconds(50)
    var trial = Trial(setup, load: CounterLoad(clients: 1, seed: 1))
    for number in trial.nodes.indices { trial.nodes[number].start(in: &trial.world) }
    return trial
  }

  /// Two nodes on loopback, with their logs in a directory that the caller removes.
  private func realSettings(_ directory: URL) throws -> [NodeSettings] {
    let endpoints = try Endpoint.freeOnLoopback(2)
    return (0..<2).map {
      NodeSettings(
        cluster: "tests", protocolName: "lanes", node: ReplicaID($0),
        membership: Membership(replicas: 2), endpoints: endpoints,
        directory: directory.appending(path: "\($0)").path)
    }
  }

  private func scratch() -> URL {
    FileManager.default.temporaryDirectory.appending(path: "turns-\(UUID())")
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
    let directory = scratch()
    defer { try? FileManager.default.removeItem(at: directory) }
    let settings = try realSettings(directory)
    var recorder = Recorder(
      try ClusterNode<LaneCore, Counter>(settings[0], options: LaneCore.Options()))
    #expect(recorder.lanes() == Self.expected)
    // The first message is from the turn that held no send back.
    #expect(recorder.base.ownMessages == [2, 2])
  }

  @Test(
    "While a simulated disk stalls only early sends and timers pass; the rest follows")
  func simulatedStall() {
    var trial = simulated()
    trial.nodes[0].diskIsStalled = true
    trial.nodes[0].arrive(request(1), in: &trial.world)
    _ = trial.advance(to: Interval.milliseconds(20).nanoseconds) { _, _ in true }
    #expect(trial.nodes[1].host.core.received == [1])
    #expect(trial.nodes[0].host.core.bells == 1)
    trial.nodes[0].resumeDisk(in: &trial.world)
    _ = trial.advance(to: Interval.milliseconds(40).nanoseconds) { _, _ in true }
    #expect(trial.nodes[1].host.core.received == [1, 3, 4])
  }

  @Test("While a real disk stalls only early sends and timers pass; the rest follows")
  func realStall() throws {
    let directory = scratch()
    defer { try? FileManager.default.removeItem(at: directory) }
    let settings = try realSettings(directory)
    var node = try ClusterNode<LaneCore, Counter>(settings[0], options: LaneCore.Options())
    var other = try ClusterNode<LaneCore, Counter>(settings[1], options: LaneCore.Options())
    try node.start()
    try other.start()
    let limit = MonotonicClock.now() + Interval.seconds(60).nanoseconds
    while node.peers[1].state != .open, MonotonicClock.now() < limit {
      try node.turn(atMost: .microseconds(100))
      try other.turn(atMost: .microseconds(100))
    }
    node.faults.syncStalls = true
    node.faultsAreActive = true
    node.host.submit(request(1))
    while node.host.core.bells == 0 || other.host.core.received.isEmpty || node.heldSync == nil,
      MonotonicClock.now() < limit
    {
      try node.turn(atMost: .microseconds(100))
      try other.turn(atMost: .microseconds(100))
    }
    for _ in 0..<20 {
      try node.turn(atMost: .zero)
      try other.turn(atMost: .zero)
    }
    #expect(other.host.core.received == [1] && node.host.core.bells == 1)
    node.endFaults()
    while other.host.core.received.count < 3, MonotonicClock.now() < limit {
      try node.turn(atMost: .microseconds(100))
      try other.turn(atMost: .microseconds(100))
    }
    #expect(other.host.core.received == [1, 3, 4])
  }
}
