import HostTesting
import NodeBench
import ClusterMessages
import Faults
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
import WriteAheadLog

private typealias ProbeSeat = Seat<PromiseCore, Counter>

/// Tests messages between nodes, over intact and over faulty links.
@Suite("Cluster node: peers") struct PeerTests {
  private let plan: Plan
  private let seats: [ProbeSeat]

  init() throws {
    let plan = try Plan(nodes: 2)
    self.plan = plan
    seats = try plan.settings.map { try ProbeSeat($0) }
    let seats = seats
    try waitFor("links", seats) {
      seats[0].node.peers[1].state == .open && seats[1].node.peers[0].state == .open ? true : nil
    }
  }

  /// Node 0 sends each of these numbers to node 1.
  private func send(_ numbers: ClosedRange<UInt64>) {
    for number in numbers {
      seats[0].node.send(number, to: ReplicaID(1))
    }
    seats[0].node.flushAll()
  }

  private var received: [UInt64] { seats[1].node.host.core.received }

  /// Injects a fault into node 0's link to node 1.
  private func degrade(_ change: (inout LinkFault) -> Void) throws {
    var faults = NodeFaults(nodeCount: 2)
    change(&faults.links[1])
    try seats[0].node.apply(faults)
  }

  @Test("Messages arrive in order, with their sender")
  func order() throws {
    send(1...1000)
    try waitFor("message", seats) { received.count == 1000 ? true : nil }
    #expect(received == Array(1...1000))
    #expect(seats[0].node.counters.messagesSent == 1000)
    #expect(seats[1].node.counters.messagesReceived == 1000)
    #expect(seats[0].node.counters.bytesSent == 1000 * (Frame.headerByteCount + 8))
  }

  @Test("A cut link blocks one direction only, outgoing or incoming")
  func cut() throws {
    try degrade { $0.cutsOutbound = true }
    send(1...5)
    try degrade { $0.cutsInbound = true }
    send(6...10)
    seats[1].node.send(1, to: ReplicaID(0))
    seats[1].node.flushAll()
    try waitFor("message", seats) {
      received.count == 5 && seats[0].node.counters.messagesReceived == 1 ? true : nil
    }
    #expect(received == Array(6...10))
    #expect(seats[0].node.host.core.received.isEmpty == true)
    try degrade { _ in }
    seats[1].node.send(2, to: ReplicaID(0))
    seats[1].node.flushAll()
    try waitFor("message", seats) { seats[0].node.host.core.received == [2] ? true : nil }
  }

  @Test("A lossy link loses its share and keeps the order of the rest")
  func loss() throws {
    try degrade { $0.degradation.loss = 0.5 }
    send(1...1000)
    try degrade { _ in }
    send(1001...1001)
    try waitFor("message", seats) { received.last == 1001 ? true : nil }
    #expect((400...600).contains(received.count))
    #expect(received == received.sorted())
  }

  @Test("Messages are duplicated, reordered and delayed")
  func disorder() throws {
    try degrade { $0.degradation.duplicate = 1 }
    send(1...50)
    try waitFor("message", seats) { received.count == 100 ? true : nil }
    for number in 1...50 as ClosedRange<UInt64> {
      #expect(received.count { $0 == number } == 2)
    }
    seats[1].node.host.core.received = []
    try degrade { $0.degradation.reorder = 0.5 }
    send(1...50)
    try waitFor("message", seats) { received.count == 50 ? true : nil }
    #expect(received != Array(1...50))
    #expect(received.sorted() == Array(1...50))
    seats[1].node.host.core.received = []
    try degrade { $0.degradation.extraLatency = .milliseconds(30) }
    seats[0].node.now = MonotonicClock.now()
    let began = seats[0].node.now
    send(1...50)
    try waitFor("message", seats) { received.count == 50 ? true : nil }
    #expect(MonotonicClock.now() - began >= .milliseconds(30))
    #expect(received == Array(1...50))
  }

  @Test("A slow link takes time for every byte, and drops its queue when it is repaired")
  func bandwidth() throws {
    // 24 bytes per message, one millisecond per byte.
    try degrade { $0.degradation.bandwidth = 8000 }
    seats[0].node.now = MonotonicClock.now()
    let began = seats[0].node.now
    send(1...2)
    try waitFor("message", seats) { received.count == 2 ? true : nil }
    #expect(MonotonicClock.now() - began >= .milliseconds(48))
    try degrade { $0.degradation.bandwidth = 1 }
    send(3...3)
    try degrade { $0.degradation.extraLatency = .nanoseconds(1) }
    send(4...4)
    try waitFor("message", seats) { received.last == 4 ? true : nil }
  }

  @Test("A node with a narrow interface sends to peers and clients one after the other")
  func narrowInterface() throws {
    try degrade { $0.degradation.bandwidth = 8000 }
    var faults = seats[0].node.faults
    faults.clients.bandwidth = 8000
    try seats[0].node.apply(faults)
    seats[0].node.now = MonotonicClock.now()
    let began = seats[0].node.now
    // One millisecond per byte.
    #expect(seats[0].node.passInterface(30) == began + .milliseconds(30))
    send(1...1)
    #expect(seats[0].node.passInterface(0) == began + .milliseconds(54))
    faults.clients.bandwidth = nil
    try seats[0].node.apply(faults)
    #expect(seats[0].node.passInterface(30) == seats[0].node.now)
  }

  @Test("Messages delayed by faults are limited")
  func heldBound() throws {
    try degrade { $0.degradation.extraLatency = .seconds(3600) }
    seats[0].node.heldByteCount = NodeLimits.held - 30
    send(1...3)
    #expect(seats[0].node.heldFrames.count == 1)
    #expect(seats[0].node.counters.overflowed == 2)
  }

  @Test("A damaged message is detected by its checksum and counted, and the link is restored")
  func damage() throws {
    try degrade { $0.degradation.corrupt = 1 }
    send(1...3)
    try waitFor("garbage", seats) { seats[1].node.counters.garbage == 1 ? true : nil }
    #expect(received.isEmpty)
    try degrade { _ in }
    try waitFor("link", seats) {
      seats[1].node.acceptedCount == 2 && seats[0].node.peers[1].state == .open ? true : nil
    }
    send(4...5)
    try waitFor("message", seats) { received.count == 2 ? true : nil }
    #expect(received == [4, 5])
    #expect(seats[1].node.counters.garbage == 1)
  }

  @Test("A peer that does not read gets a limited queue, and the node continues")
  func silentPeer() throws {
    seats[0].node.peers[1].output.writer.storage = Array(repeating: 0, count: NodeLimits.peerOutput)
    seats[0].node.peers[1].output.writer.count = NodeLimits.peerOutput
    seats[0].node.peers[1].state = .connecting
    send(1...3)
    #expect(seats[0].node.counters.overflowed == 3)
    #expect(seats[0].node.peers[1].output.count == NodeLimits.peerOutput)
  }

  @Test("A restarted node is dialled, also with an empty disk and a smaller number of starts")
  func lostDisk() throws {
    let plan = try Plan(nodes: 2)
    let stays = try ProbeSeat(plan.settings[0])
    // Three starts from the same disk, and one from an empty disk.
    for directory in ["1", "1", "1", "empty"] {
      var settings = plan.settings[1]
      settings.directory = "\(plan.scratch.path)/\(directory)"
      // Otherwise the other node would refuse it as unknown.
      if directory == "empty" { settings.opening = .replacement(generation: 1) }
      let comes = try ProbeSeat(settings)
      let before = stays.node.acceptedCount
      let heard = stays.node.host.core.received.count
      try waitFor("links", [stays, comes]) {
        stays.node.acceptedCount > before && stays.node.peers[1].state == .open
          && comes.node.peers[0].state == .open ? true : nil
      }
      comes.node.send(7, to: ReplicaID(0))
      comes.node.flushAll()
      try waitFor("message", [stays, comes]) {
        stays.node.host.core.received.count > heard ? true : nil
      }
      #expect(stays.node.knownPeers[1]?.incarnation == comes.node.incarnation)
    }
    #expect(stays.node.knownPeers[1]?.incarnation == 1)
    #expect(stays.node.counters.garbage == 0)
  }

  @Test(
    "Messages of a peer's earlier incarnation are void, and such a connection is refused")
  func earlierLives() throws {
    let plan = try Plan(nodes: 3)
    let seat = try ProbeSeat(plan.settings[0])
    let endpoint = plan.settings[0].endpoints[0]
    // Accepted first, although it sends last.
    let late = try Caller(endpoint)
    try waitFor("connection", [seat, late]) { seat.node.inbound.count == 1 ? true : nil }
    let old = try Caller(endpoint)
    old.say(plan.hello(.peer), .hello, from: 1, incarnation: 4)
    old.say(UInt64(41), .message, from: 1, incarnation: 4)
    try waitFor("welcome", [seat, old]) { old.isWelcome ? true : nil }
    let new = try Caller(endpoint)
    new.say(plan.hello(.peer), .hello, from: 1, incarnation: 5)
    new.say(UInt64(51), .message, from: 1, incarnation: 5)
    try waitFor("end of the old one", [seat, old, new]) { old.isClosed ? true : nil }
    late.say(plan.hello(.peer), .hello, from: 1, incarnation: UInt32.max)
    late.say(UInt64(42), .message, from: 1, incarnation: UInt32.max)
    try waitFor("refusal", [seat, new, late]) { late.isClosed ? true : nil }
    #expect(late.refusal == "node 1 has started again since")
    #expect(!new.isClosed)
    #expect(seat.node.host.core.received == [41, 51])
    // A connection must not send for another incarnation or node than its hello named.
    new.say(UInt64(43), .message, from: 1, incarnation: 4)
    try waitFor("end", [seat, new]) { new.isClosed ? true : nil }
    #expect(seat.node.counters.garbage == 1)
    let other = try Caller(endpoint)
    other.say(plan.hello(.peer), .hello, from: 2, incarnation: 1)
    other.say(UInt64(44), .message, from: 1, incarnation: 1)
    try waitFor("end", [seat, other]) { other.isClosed ? true : nil }
    #expect(seat.node.counters.garbage == 2)
    #expect(seat.node.host.core.received == [41, 51])
  }
}

/// Tests other programs at a peer's address.
@Suite("Cluster node: strangers at a peer's address") struct StrangerTests {
  /// Node 0's records about a program that answers its hello with these bytes.
  private func answer(
    _ bytes: [UInt8], until: (borrowing ClusterNode<PromiseCore, Counter>) -> Bool
  ) throws -> ProbeSeat {
    let plan = try Plan(nodes: 2)
    let listener = try plan.settings[0].endpoints[1].listen()
    defer { Descriptor.close(listener) }
    let seat = try ProbeSeat(plan.settings[0])
    var taken: Int32?
    defer { if let taken { Descriptor.close(taken) } }
    try waitFor("answer", [seat]) {
      if taken == nil, let descriptor = try Descriptor.accept(listener) {
        taken = descriptor
        var output = OutputBuffer()
        output.writer.write(bytes)
        _ = output.flush(to: descriptor)
      }
      return until(seat.node) ? true : nil
    }
    return seat
  }

  @Test("A refusal is recorded, and the next attempt comes only after a pause")
  func refused() throws {
    let seat = try answer(frame(RefusalReason("not you"), .refusal)) { $0.peers[1].refusal != nil }
    #expect(seat.node.peers[1].refusal == "not you")
    seat.node.hangUp(1)
    #expect(seat.node.peers[1].actAt == seat.node.now + NodeLimits.refusedPause)
    #expect(seat.node.counters.garbage == 0)
  }

  @Test("Another version of the frame format is recorded as such")
  func version() throws {
    let seat = try answer(frame(RefusalReason(""), .welcome, version: 9)) {
      $0.peers[1].refusal != nil
    }
    #expect(
      seat.node.peers[1].refusal == "it speaks version 9 of the frame format, this node version 1")
  }

  @Test("Garbage is counted and ends the connection", arguments: [0, 1, 2])
  func garbage(_ kind: Int) throws {
    let bytes = [
      Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8), frame(UInt64(1), .message, from: 1),
      UInt32(100_000).encodedBytes + [UInt8](repeating: 0, count: 5000),
    ]
    let seat = try answer(bytes[kind]) { $0.counters.garbage > 0 }
    #expect(seat.node.counters.garbage == 1)
    #expect(seat.node.peers[1].state == .idle)
  }

  @Test(
    "The others notice at once that a node ends, unless the link is cut",
    arguments: [true, false])
  func ended(isCut: Bool) throws {
    let plan = try Plan(nodes: 2)
    let here = try ProbeSeat(plan.settings[0])
    var there: ProbeSeat? = try ProbeSeat(plan.settings[1])
    func hears() -> Bool { here.node.inbound.contains { $0.isOpen && $0.role == .peer } }
    try waitFor("link", [here, try #require(there)]) { hears() ? true : nil }
    if isCut {
      var faults = NodeFaults(nodeCount: 2)
      faults.links[1].cutsInbound = true
      try here.node.apply(faults)
    }
    there = nil
    try waitFor("end of the link", [here]) { hears() ? nil : true }
    #expect(here.node.host.core.gone == (isCut ? [] : [ReplicaID(1)]))
  }
}
