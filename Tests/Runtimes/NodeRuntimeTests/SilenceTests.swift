import ClusterMessages
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

import WriteAheadLog

private typealias StoreSeat = Seat<BatchCore, KeyValueStore>

/// Tests what a node with much work before it tells its peers, and what they make of it.
@Suite("Cluster node: expected silence") struct SilenceTests {
  private let plan: Plan
  private let seats: [StoreSeat]

  init() throws {
    let plan = try Plan(nodes: 2)
    self.plan = plan
    seats = try plan.settings.map { try StoreSeat($0) }
    let seats = seats
    try waitFor("links", seats) {
      seats[0].node.peers[1].state == .open && seats[1].node.peers[0].state == .open ? true : nil
    }
  }

  /// A client whose request is `byteCount` bytes long.
  private func client(
    of node: Int, asking byteCount: Int, cut: Int = 0, number: UInt64 = 1
  ) throws -> Caller {
    let caller = try Caller(plan.settings[node].endpoints[node])
    caller.say(plan.hello(.client, to: node), .hello)
    try waitFor("welcome", seats + [caller]) { caller.isWelcome ? true : nil }
    let request = frame(
      ClientRequest(
        id: RequestID(client: ClientID(number), sequence: 1),
        command: KeyValueCommand.put(Key("a"), value: [UInt8](repeating: 7, count: byteCount))),
      .request)
    caller.say(bytes: Array(request.dropLast(cut)))
    return caller
  }

  @Test("A turn handles a bounded number of bytes, and the next turns handle the others")
  func boundedTurn() throws {
    let size = 200 << 10
    let callers = try (1...12 as ClosedRange<UInt64>).map {
      try client(of: 0, asking: size, number: $0)
    }
    // The system holds all requests before the node reads the first.
    for _ in 0..<100 { for caller in callers { try caller.step() } }
    var most = 0
    try waitFor("requests", [seats[0]] + callers) {
      most = max(most, seats[0].node.handledByteCount)
      return seats[0].node.host.core.requestCount == 12 ? true : nil
    }
    #expect(most >= size && most < NodeLimits.turnInput + size + InputBuffer.readByteCount)
  }

  @Test("A node that receives a large request tells its peers that it may be silent")
  func notice() throws {
    let small = try client(of: 1, asking: NodeLimits.announcedWork / 2, cut: 1000)
    try waitFor("bytes", seats + [small]) {
      seats[1].node.inbound.contains { $0.input.count > 400_000 } ? true : nil
    }
    try waitFor("quiet", seats) { seats[1].node.peers[0].output.isEmpty ? true : nil }
    #expect(seats[0].node.host.core.silences.isEmpty)
    let large = try client(of: 1, asking: 4 << 20, cut: 1000)
    try waitFor("notice", seats + [large]) {
      seats[0].node.host.core.silences.isEmpty ? nil : true
    }
    let silence = try #require(seats[0].node.host.core.silences.first)
    #expect(silence.of == ReplicaID(1))
    #expect(silence.pause >= LargeMessage.pause(of: 4 << 20))
    #expect(silence.pause < LargeMessage.pause(of: 5 << 20))
    // A peer that is not in charge says nothing about the one that is.
    #expect(seats[0].node.transferEndsAt == nil)
    // Notices have a pause between them, so that they do not add to the load.
    let count = seats[1].node.counters.messagesSent
    seats[1].node.nextNotice = seats[1].node.now
    for _ in 0..<2 {
      seats[1].node.arrivingByteCount = 4 << 20
      seats[1].node.announceSilence()
    }
    #expect(seats[1].node.counters.messagesSent == count + 1)
  }

  @Test(
    "The notice of a node in charge puts off timers that wait for others; an outdated one does not")
  func noticeInCharge() throws {
    seats[0].node.host.core.epoch = 5
    let end = { seats[0].node.transferEndsAt }
    seats[0].node.take(SilenceNotice(pause: .seconds(1), epochInCharge: 4), from: ReplicaID(1))
    #expect(end() == nil)
    seats[0].node.take(SilenceNotice(pause: .seconds(1), epochInCharge: 5), from: ReplicaID(1))
    #expect(end() == seats[0].node.now + .seconds(1))
    // A silence is as long as the largest frame allows, whatever a peer claims.
    seats[0].node.take(SilenceNotice(pause: .seconds(1000), epochInCharge: 6), from: ReplicaID(1))
    let longest = LargeMessage.pause(of: Frame.maximumByteCount)
    #expect(end() == seats[0].node.now + longest)
    #expect(seats[0].node.host.core.silences.last?.pause == longest)
    // What a node in charge announces names its epoch.
    seats[1].node.host.core.isInCharge = true
    seats[1].node.host.core.epoch = 9
    seats[0].node.transferEndsAt = nil
    seats[1].node.nextNotice = seats[1].node.now
    seats[1].node.arrivingByteCount = 4 << 20
    seats[1].node.announceSilence()
    seats[1].node.flushAll()
    try waitFor("notice", seats) { end() }
  }

  @Test("Bytes that wait for the log or for a peer are announced, too, except to that peer")
  func waitingBytes() throws {
    let plan = try Plan(nodes: 3)
    let seats = try plan.settings.map { try StoreSeat($0) }
    try waitFor("links", seats) {
      seats[0].node.peers.allSatisfy {
        $0.state == .open || $0.endpoint == plan.settings[0].endpoints[0]
      }
        ? true : nil
    }
    seats[0].node.nextNotice = seats[0].node.now
    seats[0].node.send(batch(NodeLimits.announcedWork), to: ReplicaID(1))
    seats[0].node.announceSilence()
    seats[0].node.flushAll()
    try waitFor("notice", seats) { seats[2].node.host.core.silences.isEmpty ? nil : true }
    try waitFor("message", seats) { seats[1].node.host.core.received == 1 ? true : nil }
    #expect(!seats[1].node.host.core.silences.contains { $0.pause > .milliseconds(140) })
    // So are those that the log's thread writes, and those of a frame that has begun to arrive.
    for work in 0..<2 {
      let before = seats[0].node.counters.messagesSent
      seats[0].node.nextNotice = seats[0].node.now
      if work == 0 {
        seats[0].node.committingByteCount = 2 << 20
      } else {
        seats[0].node.arrivingByteCount = 2 << 20
      }
      seats[0].node.announceSilence()
      seats[0].node.committingByteCount = 0
      #expect(seats[0].node.counters.messagesSent == before + 2)
    }
    seats[0].node.log.append(batch(NodeLimits.announcedWork))
    let count = seats[0].node.counters.messagesSent
    seats[0].node.nextNotice = seats[0].node.now
    seats[0].node.announceSilence()
    #expect(seats[0].node.counters.messagesSent == count + 2)
  }

  @Test("The notice of a replica does not put off the timers of the authority")
  func noticeToAuthority() throws {
    var plan = try Plan(nodes: 2)
    plan.settings[0].membership = Membership(replicas: [ReplicaID(1)], authority: [ReplicaID(0)])
    let seat = try StoreSeat(plan.settings[0])
    seat.node.take(SilenceNotice(pause: .seconds(1), epochInCharge: 9), from: ReplicaID(1))
    #expect(seat.node.transferEndsAt == nil)
    #expect(seat.node.host.core.silences.count == 1)
  }
}
