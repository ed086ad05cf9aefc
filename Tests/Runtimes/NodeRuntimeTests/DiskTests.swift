import NodeBench
import ClusterMessages
import Environments
import NodeRuntime
import ReplicaHosting
import Faults
import Replication
import Sockets
import StateMachines
import Stubs
import Testing
import WireFormat
import WriteAheadLog

private typealias ProbeSeat = Seat<PromiseCore, Counter>

/// Tests which promises a node sends, and which records it has written before.
@Suite("Cluster node: disks") struct DiskTests {
  private let plan: Plan
  private let seat: ProbeSeat
  /// The node that receives the promises of node 0.
  private let witness: ProbeSeat
  private let client: Caller
  private let runner: Caller

  init() throws {
    plan = try Plan(nodes: 2)
    seat = try ProbeSeat(plan.settings[0])
    witness = try ProbeSeat(plan.settings[1])
    client = try Caller(plan.settings[0].endpoints[0])
    runner = try Caller(plan.settings[0].endpoints[0])
    client.say(plan.hello(.client), .hello)
    runner.say(plan.hello(.runner), .hello)
    let (seat, client, runner) = (seat, client, runner)
    try waitFor("welcome", [seat, witness, client, runner]) {
      client.isWelcome && runner.isWelcome && seat.node.peers[1].state == .open ? true : nil
    }
  }

  private var all: [any Stepped] { [seat, witness, client, runner] }

  private func ask(_ number: UInt64) {
    client.say(
      ClientRequest(
        id: RequestID(client: ClientID(1), sequence: number), command: Counter.Command.add(1)),
      .request)
  }

  private var answers: [UInt64] {
    get throws {
      try client.bodies(ClientReply<UInt64>.self, .reply).map(\.id.sequence)
    }
  }

  private func order(_ change: (inout NodeFaults) -> Void) {
    var faults = NodeFaults(nodeCount: 2)
    change(&faults)
    runner.say(Order.faults(faults), .order)
  }

  @Test(
    "A promise leaves after its record is in the log, and the answer after the node's own promise")
  func order() throws {
    ask(1)
    try waitFor("answer", all) { try answers == [1] ? true : nil }
    try waitFor("promise", all) { witness.node.host.core.received == [1] ? true : nil }
    #expect(seat.node.log.recordCount == 1)
    #expect(seat.node.log.syncCount == 1)
  }

  @Test(
    "During a stalled sync no promise or answer leaves; when it ends, all leave without new work")
  func stall() throws {
    order { $0.syncStalls = true }
    try waitFor("fault", all) { seat.node.faults.syncStalls ? true : nil }
    ask(1)
    try waitFor("record", all) { seat.node.heldSync != nil ? true : nil }
    // The second request comes while the first is held, and no further request follows.
    ask(2)
    try waitFor("record", all) { seat.node.barrier.appendedCount == 2 ? true : nil }
    for _ in 0..<100 { for one in all { try one.step() } }
    #expect(witness.node.host.core.received == [])
    #expect(try answers.isEmpty)
    #expect(seat.node.heldSync?.endsAt == .never)
    order { _ in }
    try waitFor("answer", all) { try answers == [1, 2] ? true : nil }
    try waitFor("promise", all) { witness.node.host.core.received == [1, 2] ? true : nil }
    #expect(seat.node.log.recordCount == 2)
  }

  @Test("A slow disk delays every promise equally, and one sync covers the records since the last")
  func slow() throws {
    order { $0.syncDelay = .milliseconds(20) }
    try waitFor("fault", all) { seat.node.faults.syncDelay > .zero ? true : nil }
    let began = MonotonicClock.now()
    for number in 1...20 as ClosedRange<UInt64> {
      ask(number)
      let before = seat.node.barrier.appendedCount
      try waitFor("record", all) { seat.node.barrier.appendedCount > before ? true : nil }
    }
    let syncsBefore = seat.node.log.syncCount
    try waitFor("answer", all) { try answers.count == 20 ? true : nil }
    #expect(MonotonicClock.now() - began >= .milliseconds(40))
    #expect(seat.node.log.syncCount <= syncsBefore + 2)
  }

  @Test("Many bytes are synced by the log's thread, and promised and answered only after that")
  func background() throws {
    for number in 1...400 as ClosedRange<UInt64> { ask(number) }
    try waitFor("commit in the background", all) { seat.node.log.isCommitting ? true : nil }
    #expect(seat.node.log.recordCount == 0)
    #expect(witness.node.host.core.received == [])
    #expect(try answers.isEmpty)
    // Later requests do not disturb the sync, and share the next one.
    ask(401)
    ask(402)
    try waitFor("answer", all) { try answers.count == 402 ? true : nil }
    try waitFor("promise", all) {
      witness.node.host.core.received.last == UInt64(seat.node.log.recordCount) ? true : nil
    }
    let (records, syncs) = (seat.node.log.recordCount, seat.node.log.syncCount)
    #expect(records >= 2 && syncs <= records)
    #expect(witness.node.host.core.received == (1...UInt64(records)).map { $0 })
  }

  @Test("A sync that fails in the background ends the node before it sends a promise")
  func backgroundFailure() throws {
    runner.say(Order.disk(.syncError), .order)
    runner.say(Order.report(digest: false), .order)
    try waitFor("report", all) {
      try runner.bodies(NodeReport.self, .report).isEmpty ? nil : true
    }
    for number in 1...400 as ClosedRange<UInt64> { ask(number) }
    let error = try #require(throws: LogError.self) {
      try waitFor("end of the node", all) { nil as Bool? }
    }
    #expect(error.description.contains("sync"))
    #expect(seat.node.commitHasEnded == false && seat.node.watchesCommits)
    for _ in 0..<20 { for one in [witness, client] as [any Stepped] { try one.step() } }
    #expect(witness.node.host.core.received == [])
    #expect(try answers.isEmpty)
  }

  @Test("A failed sync, or a full disk, ends the node before it sends a promise")
  func failures() throws {
    for (disk, reason) in [(DiskOrder.syncError, "sync"), (.full, "write")] {
      let plan = try Plan(nodes: 2)
      let seat = try ProbeSeat(plan.settings[0])
      let witness = try ProbeSeat(plan.settings[1])
      let runner = try Caller(plan.settings[0].endpoints[0])
      runner.say(plan.hello(.runner), .hello)
      runner.say(Order.disk(disk), .order)
      runner.say(Order.report(digest: false), .order)
      try waitFor("report", [seat, witness, runner]) {
        try !runner.bodies(NodeReport.self, .report).isEmpty
          && seat.node.peers[1].state == .open ? true : nil
      }
      let client = try Caller(plan.settings[0].endpoints[0])
      client.say(plan.hello(.client), .hello)
      client.say(
        ClientRequest(
          id: RequestID(client: ClientID(1), sequence: 1), command: Counter.Command.add(1)),
        .request)
      let error = try #require(throws: LogError.self) {
        try waitFor("end of the node", [seat, witness, client]) { nil as Bool? }
      }
      #expect(error.description.contains(reason))
      for _ in 0..<20 { for one in [witness, client] as [any Stepped] { try one.step() } }
      #expect(witness.node.host.core.received == [])
      #expect(try client.bodies(ClientReply<UInt64>.self, .reply).isEmpty)
      #expect(throws: LogError.self) { try seat.node.log.commit() }
    }
  }

  @Test("The zeros that fill the log's blocks count as its growth, also after a restart")
  func padding() throws {
    let plan = try Plan(nodes: 2)
    var padding = 0
    do {
      let seat = try ProbeSeat(plan.settings[0])
      let client = try Caller(plan.settings[0].endpoints[0])
      client.say(plan.hello(.client), .hello)
      for number in 1...5 as ClosedRange<UInt64> {
        client.say(
          ClientRequest(
            id: RequestID(client: ClientID(1), sequence: number), command: Counter.Command.add(1)),
          .request)
        try waitFor("answer", [seat, client]) {
          try client.bodies(ClientReply<UInt64>.self, .reply).last?.id.sequence == number
            ? true : nil
        }
      }
      padding = seat.node.log.paddingByteCount
      #expect(padding > 5 * 3500)
      #expect(seat.node.host.snapshots.logByteCount > padding)
      seat.node.log.close()
    }
    let again = try ProbeSeat(plan.settings[0])
    #expect(again.node.host.snapshots.logByteCount >= padding)
  }

  @Test("A flipped bit in the log prevents the node's next start, with the reason")
  func bitFlip() throws {
    for number in 1...5 as ClosedRange<UInt64> {
      ask(number)
      try waitFor("answer", all) { try answers.last == number ? true : nil }
    }
    runner.say(Order.disk(.bitFlip), .order)
    runner.say(Order.report(digest: false), .order)
    try waitFor("report", all) {
      try runner.bodies(NodeReport.self, .report).count > 1 ? true : nil
    }
    // The running node does not notice.
    ask(6)
    try waitFor("answer", all) { try answers.last == 6 ? true : nil }
    seat.node.log.close()
    let error = try #require(throws: LogError.self) { try ProbeSeat(plan.settings[0]) }
    #expect(error.description.contains("damaged"))
  }

  @Test("Faults end with the connection over which they were ordered")
  func runnerLeaves() throws {
    do {
      let second = try Caller(plan.settings[0].endpoints[0])
      second.say(plan.hello(.runner), .hello)
      var faults = NodeFaults(nodeCount: 2)
      faults.syncStalls = true
      faults.links[1].cutsOutbound = true
      faults.drift = 0.5
      second.say(Order.faults(faults), .order)
      try waitFor("fault", all + [second]) { seat.node.faultsAreActive ? true : nil }
      ask(1)
      try waitFor("record", all + [second]) { seat.node.heldSync != nil ? true : nil }
    }
    try waitFor("answer", all) { try answers == [1] ? true : nil }
    #expect(seat.node.faultsAreActive == false)
    #expect(seat.node.clock.rate == 1)
  }

  @Test("A node that allows no faults refuses orders for them and injects none")
  func notAllowed() throws {
    let plan = try Plan(nodes: 2, allowsFaults: false)
    let seat = try ProbeSeat(plan.settings[0])
    let runner = try Caller(plan.settings[0].endpoints[0])
    runner.say(plan.hello(.runner), .hello)
    // An order without faults is allowed.
    runner.say(Order.faults(NodeFaults(nodeCount: 2)), .order)
    runner.say(Order.report(digest: true), .order)
    try waitFor("report", [seat, runner]) {
      try runner.bodies(NodeReport.self, .report).first?.digest
    }
    #expect(runner.refusal == nil)
    var faults = NodeFaults(nodeCount: 2)
    faults.syncStalls = true
    for order in [.faults(faults), .stepClock(.seconds(1)), .disk(.full)] as [Order] {
      let before = runner.received.count
      runner.say(order, .order)
      try waitFor("refusal", [seat, runner]) { runner.received.count > before ? true : nil }
    }
    #expect(
      try runner.bodies(RefusalReason.self, .refusal)
        == Array(repeating: RefusalReason("node 0 was not started with --allow-faults"), count: 3))
    #expect(seat.node.faultsAreActive == false)
    #expect(seat.node.clock.steps == 0)
  }
}
