import ClusterMessages
import Glibc
import HostTesting
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

@testable import WriteAheadLog

private typealias StoreSeat = Seat<PromiseCore, KeyValueStore>

/// Tests the bounds on connections and on the memory of clients.
@Suite("Cluster node: bounds of connections") struct LimitTests {
  private let plan: Plan
  private let seat: StoreSeat

  init() throws {
    var plan = try Plan(nodes: 2)
    plan.settings[0].clientMemory = 1 << 20
    self.plan = plan
    seat = try StoreSeat(plan.settings[0])
  }

  private func caller(_ role: ConnectionRole, from sender: Int = Int(UInt16.max)) throws -> Caller {
    let caller = try Caller(plan.settings[0].endpoints[0])
    caller.say(plan.hello(role), .hello, from: sender, incarnation: 1)
    try waitFor("answer", [seat, caller]) {
      caller.isWelcome || caller.refusal != nil ? true : nil
    }
    return caller
  }

  private func slots(of role: ConnectionRole) -> [Int] {
    seat.node.inbound.indices.filter { seat.node.inbound[$0].role == role }
  }

  private func ask(_ command: KeyValueCommand, _ sequence: UInt64, by caller: Caller) {
    caller.say(
      ClientRequest(id: RequestID(client: ClientID(1), sequence: sequence), command: command),
      .request)
  }

  @Test("A client that has said nothing for long loses its connection; peers and runners do not")
  func silence() throws {
    let all = try [caller(.client), caller(.client), caller(.runner), caller(.peer, from: 1)]
    let first = try #require(
      slots(of: .client).min { seat.node.inbound[$0].number < seat.node.inbound[$1].number })
    let long = NodeLimits.clientSilence
    for slot in seat.node.inbound.indices where slot != first {
      seat.node.inbound[slot].heardAt = seat.node.inbound[slot].heardAt - long
    }
    // One of the two has been silent for a little less.
    seat.node.inbound[first].heardAt = seat.node.inbound[first].heardAt - long / 2
    seat.node.sweep()
    #expect(slots(of: .client) == [first])
    #expect(slots(of: .runner).count == 1 && slots(of: .peer).count == 1)
    seat.node.inbound[first].isHeldBack = true
    seat.node.inbound[first].heardAt = seat.node.inbound[first].heardAt - long
    seat.node.sweep()
    #expect(slots(of: .client) == [first])
    withExtendedLifetime(all) {}
  }

  @Test("When the places of clients are taken, one that has been silent gives way to a new one")
  func crowded() throws {
    seat.node.connectionLimit = 8
    var all: [Caller] = []
    for _ in 0..<4 { all.append(try caller(.client)) }
    #expect(all.count { $0.isWelcome } == 4)
    let refused = try caller(.client)
    #expect(refused.refusal == "there are 4 connections of clients, as many as there may be")
    let silent = slots(of: .client)[1]
    let number = seat.node.inbound[silent].number
    seat.node.inbound[silent].heardAt =
      seat.node.inbound[silent].heardAt - NodeLimits.crowdedSilence
    let newcomer = try caller(.client)
    #expect(newcomer.isWelcome)
    #expect(!seat.node.inbound.contains { $0.isOpen && $0.number == number })
    withExtendedLifetime(all) {}
  }

  @Test("Runners and each peer have a bounded number of connections")
  func budgets() throws {
    var all: [Caller] = []
    for _ in 0..<NodeLimits.runners { all.append(try caller(.runner)) }
    let excess = try caller(.runner)
    #expect(excess.refusal?.contains("16 connections of runners") == true)
    for _ in 0..<5 { all.append(try caller(.peer, from: 1)) }
    #expect(slots(of: .peer).count == NodeLimits.connectionsPerPeer)
    let numbers = slots(of: .peer).map { seat.node.inbound[$0].number }
    #expect(numbers.max() == seat.node.inbound.map(\.number).max())
    withExtendedLifetime(all) {}
  }

  @Test("Clients whose requests need too much memory are told so, and others are served on")
  func requests() throws {
    let other = try caller(.client)
    let greedy = try caller(.client)
    // All but the last byte of a request, so that its bytes wait.
    var request = frame(
      ClientRequest(
        id: RequestID(client: ClientID(2), sequence: 1),
        command: KeyValueCommand.put(Key("a"), value: [UInt8](repeating: 1, count: 3 << 20))),
      .request)
    request.removeLast()
    greedy.say(bytes: request)
    try waitFor("refusal", [seat, greedy]) { greedy.refusal }
    #expect(greedy.refusal?.contains("all clients of a node together may have 1048576") == true)
    #expect(seat.node.clientByteCount < 1 << 20)
    ask(.put(Key("b"), value: [1]), 1, by: other)
    try waitFor("reply", [seat, other]) { other.count(of: .reply) == 1 ? true : nil }
    // One that does not hang up is closed when its time for a hello is over.
    let slot = try #require(
      seat.node.inbound.firstIndex { $0.isOpen && $0.isClosing })
    seat.node.inbound[slot].openedAt =
      seat.node.inbound[slot].openedAt - NodeLimits.helloDeadline * 2
    seat.node.sweep()
    #expect(!seat.node.inbound[slot].isOpen)
  }

  @Test("A node reports the bytes of its data and of its clients' buffers without asking for them")
  func memory() throws {
    let empty = seat.node.allocatedByteCount
    #expect(empty > 10_000)
    let value = [UInt8](repeating: 5, count: 200 << 10)
    _ = seat.node.host.application.apply(.put(Key("a"), value: value))
    let full = seat.node.allocatedByteCount
    #expect(full >= empty + value.count && full < empty + 2 * value.count)
    _ = seat.node.host.application.apply(.delete(Key("a")))
    #expect(seat.node.allocatedByteCount < empty + 1000)
    let client = try caller(.client)
    ask(.get(Key("a")), 1, by: client)
    try waitFor("reply", [seat, client]) { client.count(of: .reply) == 1 ? true : nil }
    #expect(seat.node.allocatedByteCount >= empty + seat.node.clientByteCount)
    #expect(seat.node.clientByteCount > 0)
  }

  @Test(
    "A client whose replies need too much memory loses its connection, and the node does not end")
  func replies() throws {
    let value = [UInt8](repeating: 5, count: 200 << 10)
    _ = seat.node.host.application.apply(.put(Key("a"), value: value))
    let other = try caller(.client)
    let greedy = try caller(.client)
    greedy.reads = false
    for sequence in 1...2000 as ClosedRange<UInt64> { ask(.get(Key("a")), sequence, by: greedy) }
    var most = 0
    try waitFor("end", [seat, greedy]) {
      most = max(most, seat.node.clientByteCount)
      return slots(of: .client).count == 1 ? true : nil
    }
    #expect(most <= 1 << 20)
    ask(.get(Key("a")), 3000, by: other)
    try waitFor("reply", [seat, other]) { other.count(of: .reply) == 1 ? true : nil }
  }
}
