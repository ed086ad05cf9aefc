import NodeBench
import ClusterMessages
import NodeRuntime
import ReplicaHosting
import Faults
import Replication
import Sockets
import StateMachines
import Stubs
import Testing
import Trials
import WireFormat
import WriteAheadLog

private typealias StoreSeat = Seat<PromiseCore, KeyValueStore>

/// Tests the requests of clients to a node, and their limits.
@Suite("Cluster node: clients") struct ClientTests {
  private let plan: Plan
  private let seat: StoreSeat
  private let client: Caller

  init() throws {
    var plan = try Plan(nodes: 1)
    plan.settings[0].largestRequest = 1000
    plan.settings[0].largestOutput = 64 << 10
    self.plan = plan
    seat = try StoreSeat(plan.settings[0])
    client = try Caller(plan.settings[0].endpoints[0])
    client.say(plan.hello(.client), .hello)
    let (seat, client) = (seat, client)
    try waitFor("welcome", [seat, client]) { client.isWelcome ? true : nil }
  }

  private typealias Reply = ClientReply<KeyValueResponse>

  private func ask(
    _ command: KeyValueCommand, _ sequence: UInt64, client number: UInt64 = 1,
    by caller: Caller? = nil
  ) {
    (caller ?? client).say(
      ClientRequest(
        id: RequestID(client: ClientID(number), sequence: sequence), command: command), .request)
  }

  private func replies(_ count: Int, by caller: Caller? = nil) throws -> [Reply] {
    let caller = caller ?? client
    try waitFor("reply", [seat, client, caller]) {
      caller.count(of: .reply) >= count ? true : nil
    }
    return try caller.bodies(Reply.self, .reply)
  }

  @Test(
    "Requests are answered in order; a repeated one takes effect once and is answered again")
  func answers() throws {
    ask(.append(Key("a"), value: [1]), 1)
    #expect(try replies(1).map(\.result) == [.answer(.number(1))])
    ask(.append(Key("a"), value: [1]), 1)
    ask(.append(Key("a"), value: [2]), 2)
    ask(.get(Key("a")), 3)
    let all = try replies(4)
    #expect(all.map(\.id.sequence).sorted() == [1, 1, 2, 3])
    #expect(all.first { $0.id.sequence == 2 }?.result == .answer(.number(2)))
    // Reads see committed entries: this one came together with the update before it.
    ask(.get(Key("a")), 4)
    #expect(try replies(5).last?.result == .answer(.value([1, 2])))
  }

  @Test("The answer goes to the connection of the client's last request")
  func lastConnection() throws {
    let other = try Caller(plan.settings[0].endpoints[0])
    other.say(plan.hello(.client), .hello)
    ask(.put(Key("a"), value: [1]), 1)
    _ = try replies(1)
    ask(.put(Key("a"), value: [1]), 1, by: other)
    #expect(try replies(1, by: other).count == 1)
    #expect(try client.bodies(Reply.self, .reply).count == 1)
  }

  @Test("Without an earlier request a client's connection is the one opened to carry it")
  func carriedClients() throws {
    func carrier(_ first: UInt64, _ remainder: UInt32, _ stride: UInt32) throws -> Caller {
      let caller = try Caller(plan.settings[0].endpoints[0])
      let clients = CarriedClients(first: first, remainder: remainder, stride: stride)
      caller.say(plan.hello(.client, clients: clients), .hello)
      try waitFor("welcome", [seat, caller]) { caller.isWelcome ? true : nil }
      return caller
    }
    #expect(seat.node.slot(of: ClientID(7)) == nil)
    let even = try carrier(0, 0, 2)
    let odd = try carrier(0, 1, 2)
    let ofAnother = try carrier(100, 1, 2)
    let slots = [ClientID(6), ClientID(7), ClientID(101)].map { seat.node.slot(of: $0) }
    #expect(Set(slots).count == 3 && !slots.contains(nil))
    // The connection on which a client sends requests has priority, as long as it is open.
    ask(.put(Key("a"), value: [1]), 1, client: 6, by: odd)
    #expect(try replies(1, by: odd).count == 1)
    #expect(seat.node.slot(of: ClientID(6)) == slots[1])
    odd.hangUp()
    try waitFor("end", [seat, even, ofAnother]) {
      seat.node.slot(of: ClientID(6)) == slots[0] ? true : nil
    }
    // A new connection of the same dialler replaces one that has not ended yet.
    let newer = try carrier(0, 0, 2)
    let latest = seat.node.slot(of: ClientID(8))
    #expect(latest != nil && latest != slots[0])
    withExtendedLifetime((even, newer, ofAnother)) {}
  }

  @Test("A node that is not in charge names the node that may be")
  func redirect() throws {
    seat.node.host.core.redirect = ReplicaID(2)
    ask(.put(Key("a"), value: [1]), 1)
    #expect(try replies(1).map(\.result) == [.redirect(ReplicaID(2))])
  }

  @Test("A request too large to be sent between nodes ends its connection")
  func largeRequest() throws {
    ask(.put(Key("a"), value: [UInt8](repeating: 1, count: 900)), 1)
    _ = try replies(1)
    ask(.put(Key("a"), value: [UInt8](repeating: 1, count: 1100)), 2)
    try waitFor("end", [seat, client]) { client.isClosed ? true : nil }
    #expect(seat.node.counters.garbage == 1)
  }

  @Test("With too many uncommitted bytes clients wait, and continue when there is room again")
  func backPressure() throws {
    var faults = NodeFaults(nodeCount: 1)
    faults.syncStalls = true
    // One batch per turn.
    try seat.node.apply(faults)
    var asked = 0
    while !seat.node.holdsClientsBack {
      asked += 1
      try #require(asked <= NodeLimits.uncommitted + 2)
      ask(.put(Key("a"), value: [1]), 1, client: UInt64(asked))
      let before = seat.node.counters.messagesReceived
      try waitFor("request", [client, seat]) {
        seat.node.counters.messagesReceived > before ? true : nil
      }
    }
    #expect(asked == NodeLimits.uncommitted + 1)
    let newcomer = try Caller(plan.settings[0].endpoints[0])
    newcomer.say(plan.hello(.client), .hello)
    try waitFor("welcome", [seat, newcomer]) { newcomer.isWelcome ? true : nil }
    let before = seat.node.counters.messagesReceived
    for number in 1...10 as ClosedRange<UInt64> {
      ask(.put(Key("b"), value: [1]), 1, client: 10_000 + number)
      ask(.put(Key("b"), value: [1]), 1, client: 20_000 + number, by: newcomer)
    }
    for _ in 0..<50 { for one in [client, newcomer, seat] as [any Stepped] { try one.step() } }
    #expect(seat.node.counters.messagesReceived == before)
    // The node still listens to a runner, which ends the stall.
    let runner = try Caller(plan.settings[0].endpoints[0])
    runner.say(plan.hello(.runner), .hello)
    runner.say(Order.faults(NodeFaults(nodeCount: 1)), .order)
    try waitFor("answers", [seat, client, newcomer, runner]) {
      client.received.count == 1 + asked + 10 && newcomer.received.count == 11 ? true : nil
    }
    #expect(seat.node.holdsClientsBack == false)
  }

  @Test("A client that does not read its answers is not read until it does")
  func deafClient() throws {
    let value = [UInt8](repeating: 5, count: 4 << 10)
    _ = seat.node.host.application.apply(.put(Key("a"), value: value))
    let slot = try #require(seat.node.inbound.firstIndex { $0.isOpen })
    Descriptor.narrow(seat.node.inbound[slot].descriptor)
    client.reads = false
    var asked: UInt64 = 0
    while !seat.node.inbound[slot].isHeldBack {
      asked += 1
      // The system buffers some megabytes despite the requested limit.
      try #require(asked < 10_000)
      ask(.get(Key("a")), asked)
      try client.step()
      try seat.step()
    }
    #expect(seat.node.inbound[slot].output.count < (64 << 10) + 2 * 4200)
    let served = seat.node.counters.messagesReceived
    for _ in 0..<20 {
      asked += 1
      ask(.get(Key("a")), asked)
      try client.step()
      try seat.step()
    }
    #expect(seat.node.counters.messagesReceived == served)
    client.reads = true
    #expect(try replies(Int(asked)).count == Int(asked))
    #expect(seat.node.inbound[slot].isHeldBack == false)
  }

  @Test("A runner that does not read its reports is not read until it does")
  func deafRunner() throws {
    let runner = try Caller(plan.settings[0].endpoints[0])
    runner.say(plan.hello(.runner), .hello)
    try waitFor("welcome", [seat, runner]) { runner.isWelcome ? true : nil }
    runner.reads = false
    let slot = try #require(seat.node.runnerSlots.first)
    Descriptor.narrow(seat.node.inbound[slot].descriptor)
    var asked = 0
    while !seat.node.inbound[slot].isHeldBack {
      asked += 1
      try #require(asked < 1000)
      for _ in 0..<100 { runner.say(Order.report(digest: false), .order) }
      for one in [runner, seat] as [any Stepped] { try one.step() }
    }
    let before = seat.node.inbound[slot].output.count
    runner.say(Order.report(digest: false), .order)
    // A change that is reported to runners.
    seat.node.toldStatus = nil
    for _ in 0..<50 { for one in [runner, seat] as [any Stepped] { try one.step() } }
    #expect(seat.node.inbound[slot].output.count == before)
  }

  @Test("Clients' links can also lose, repeat and delay messages")
  func faults() throws {
    func apply(_ change: (inout LinkDegradation) -> Void) throws {
      var faults = NodeFaults(nodeCount: 1)
      change(&faults.clients)
      try seat.node.apply(faults)
    }
    try apply { $0.loss = 1 }
    ask(.put(Key("a"), value: [1]), 1)
    let before = seat.node.counters.messagesReceived
    try waitFor("request", [client, seat]) {
      seat.node.counters.messagesReceived > before ? true : nil
    }
    #expect(seat.node.log.recordCount == 0)
    try apply { $0.duplicate = 1 }
    ask(.put(Key("a"), value: [1]), 1)
    #expect(try replies(2).count == 2)
    try apply { $0.extraLatency = .milliseconds(10) }
    let began = MonotonicClock.now()
    ask(.put(Key("a"), value: [1]), 2)
    #expect(try replies(3).count == 3)
    #expect(MonotonicClock.now() - began >= .milliseconds(20))
  }
}
