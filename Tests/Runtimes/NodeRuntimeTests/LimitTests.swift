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

/// Not a protocol. Its messages are batches whose sequence is the generation of a disk, and its
/// timer waits for others.
private struct BatchCore: ReplicaCore {
  typealias Message = Batch
  typealias Record = Batch

  enum Timer: Int, TimerName, CaseIterable {
    case silence
    var waitsForOthers: Bool { true }
  }

  struct Options: ProtocolOptions {
    static let declared: [OptionDeclaration] = []
    init() {}
    init(_ values: OptionValues) {}
  }

  let id: ReplicaID
  var received = 0
  var fired = 0

  init(id: ReplicaID, membership: Membership, options: Options) { self.id = id }

  mutating func recover(_ record: Batch) {}

  mutating func handle(
    _ event: Event<BatchCore>, at now: Instant, into effects: inout Effects<BatchCore>
  ) {
    switch event {
    case .received: received += 1
    case .timerFired: fired += 1
    case .started, .requested, .disconnected, .readRequested: break
    }
  }

  var status: ReplicaStatus {
    ReplicaStatus(role: "probe", isInCharge: false, epoch: 1, commitIndex: .zero, lastIndex: .zero)
  }

  func invariantViolation() -> String? { nil }

  static func largestGeneration(in message: Batch) -> UInt64 {
    message.requestIDs.map(\.sequence).max() ?? 0
  }
}

private typealias StoreSeat = Seat<PromiseCore, KeyValueStore>
private typealias BatchSeat = Seat<BatchCore, Counter>

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

/// Tests what large messages do to a node.
@Suite("Cluster node: large messages") struct LargeMessageTests {
  private let plan: Plan
  private let seats: [BatchSeat]

  init() throws {
    let plan = try Plan(nodes: 2)
    self.plan = plan
    seats = try plan.settings.map { try BatchSeat($0) }
    let seats = seats
    try waitFor("links", seats) {
      seats[0].node.peers[1].state == .open && seats[1].node.peers[0].state == .open ? true : nil
    }
  }

  private func batch(_ byteCount: Int, generation: UInt64 = 1) -> Batch {
    Batch(
      [
        (
          id: RequestID(client: ClientID(1), sequence: generation),
          command: KeyValueCommand.put(Key("a"), value: [UInt8](repeating: 7, count: byteCount))
        )
      ], mayLeaveMemory: true)
  }

  private func expireTimer(of seat: BatchSeat) {
    seat.node.timerDue[0] = 0
    seat.node.fireTimers()
  }

  @Test("While a large message arrives or leaves, no silence of others is noticed")
  func signOfLife() throws {
    expireTimer(of: seats[0])
    #expect(seats[0].node.host.core.fired == 1)
    // The first part of a large message comes from a node 1 that never sends the rest.
    let plan = try Plan(nodes: 2)
    let seat = try BatchSeat(plan.settings[0])
    let peer = try Caller(plan.settings[0].endpoints[0])
    peer.say(plan.hello(.peer), .hello, from: 1, incarnation: 1)
    let whole = frame(batch(1 << 20), .message, from: 1, incarnation: 1)
    peer.say(bytes: Array(whole[..<(300 << 10)]))
    try waitFor("part", [seat, peer]) { seat.node.transferEndsAt }
    let before = seat.node.host.core.fired
    seat.node.transferEndsAt = seat.node.now + .milliseconds(1)
    expireTimer(of: seat)
    #expect(seat.node.host.core.fired == before)
    #expect(seat.node.timerDue[0] < .never && seat.node.timerDue[0] > .zero)
    // The other side does not go on.
    seat.node.transferEndsAt = seat.node.now
    expireTimer(of: seat)
    #expect(seat.node.host.core.fired == before + 1)
    // A small message is no reason to wait.
    seat.node.transferEndsAt = nil
    seat.node.noteTransfer(left: NodeLimits.largeFrame - 1, before: .max)
    #expect(seat.node.transferEndsAt == nil)
    // Nor are bytes that do not move.
    seat.node.noteTransfer(left: 1 << 20, before: 1 << 20)
    #expect(seat.node.transferEndsAt == nil)
    // The receiver of much is silent for longer, also when the last of it has arrived.
    seat.node.noteTransfer(left: 16 << 20, before: .max)
    #expect(seat.node.transferEndsAt! > seat.node.now + .milliseconds(600))
    seat.node.noteTransfer(left: 100 << 10, before: .max)
    #expect(seat.node.transferEndsAt! > seat.node.now + .milliseconds(600))
  }

  @Test("While a large message leaves, its receiver is alive")
  func outgoing() throws {
    #expect(seats[1].node.transferEndsAt == nil)
    seats[1].node.send(batch(32 << 20), to: ReplicaID(0))
    seats[1].node.flushAll()
    // The system takes some megabytes at most.
    #expect(seats[1].node.transferEndsAt != nil)
    try waitFor("message", seats) { seats[0].node.host.core.received == 1 ? true : nil }
  }

  @Test("A message that speaks of a disk from the future is ignored, and the next one is not")
  func future() throws {
    let now = LogCard.presentTime
    seats[1].node.send(batch(10, generation: 1 << 44), to: ReplicaID(0))
    seats[1].node.send(batch(10, generation: now + 48 * 3600 * 1000), to: ReplicaID(0))
    seats[1].node.flushAll()
    try waitFor("message", seats) { seats[0].node.counters.garbage == 2 ? true : nil }
    seats[1].node.send(batch(10, generation: now), to: ReplicaID(0))
    seats[1].node.flushAll()
    try waitFor("message", seats) { seats[0].node.host.core.received == 1 ? true : nil }
    #expect(seats[0].node.counters.garbage == 2)
  }

  @Test("A small block that needs the next segment is left to the log's thread")
  func nextSegment() throws {
    // A node that has other work leaves every block to that thread.
    try waitFor("rest", seats) { seats[0].node.loop.wait(atMost: .zero) == 0 ? true : nil }
    let room = seats[0].node.log.segment.capacity - seats[0].node.log.segment.position
    seats[0].node.log.append(batch(room - 2000))
    try seats[0].node.log.commit()
    seats[0].node.log.append(batch(3000))
    let pending = seats[0].node.log.pendingByteCount
    let opens = seats[0].node.log.opensSegment
    #expect(pending < NodeLimits.inlineSync && opens)
    seats[0].node.barrier.append(2)
    try seats[0].node.sync()
    let isCommitting = seats[0].node.log.isCommitting
    #expect(isCommitting)
    try waitFor("commit", seats) { seats[0].node.log.recordCount == 2 ? true : nil }
    let segment = seats[0].node.log.segment.header.number
    #expect(segment == 2)
  }

  @Test("Entries that cannot be read back for a peer are not sent, and the node goes on")
  func unreadable() throws {
    var batches: [Batch] = []
    for _ in 0..<6 {
      batches.append(batch(1 << 20))
      seats[0].node.log.append(batches.last!)
      try seats[0].node.log.commit()
    }
    let directory = plan.settings[0].directory
    let path = "\(directory)/00000001.log"
    let handle = try #require(FileBytes(path))
    handle.flip(at: 1024)
    // The size of a snapshot gives the node an interval between snapshots.
    seats[0].node.host.snapshots.latestByteCount = 100
    seats[0].node.send(batches[0], to: ReplicaID(1))
    #expect(seats[0].node.counters.overflowed == 1 && seats[0].node.peers[1].output.isEmpty)
    #expect(seats[0].node.host.snapshots.logByteCount > 0)
    seats[0].node.send(batches[5], to: ReplicaID(1))
    try waitFor("message", seats) { seats[1].node.host.core.received == 1 ? true : nil }
    // It can be read again.
    handle.flip(at: 1024)
    seats[0].node.send(batches[0], to: ReplicaID(1))
    try waitFor("message", seats) { seats[1].node.host.core.received == 2 ? true : nil }
  }
}

/// A file of which single bits are flipped.
private struct FileBytes {
  private let path: String

  init?(_ path: String) {
    guard access(path, R_OK | W_OK) == 0 else { return nil }
    self.path = path
  }

  func flip(at offset: Int) {
    let file = open(path, O_RDWR)
    defer { close(file) }
    var byte: UInt8 = 0
    guard pread(file, &byte, 1, off_t(offset)) == 1 else { return }
    byte ^= 1
    pwrite(file, &byte, 1, off_t(offset))
  }
}
