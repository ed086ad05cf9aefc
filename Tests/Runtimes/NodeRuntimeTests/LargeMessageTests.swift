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
    seat.node.noteTransfer(with: ReplicaID(1), left: LargeMessage.byteCount - 1, before: .max)
    #expect(seat.node.transferEndsAt == nil)
    // Nor are bytes that do not move.
    seat.node.noteTransfer(with: ReplicaID(1), left: 1 << 20, before: 1 << 20)
    #expect(seat.node.transferEndsAt == nil)
    // The receiver of much is silent for longer, also when the last of it has arrived.
    seat.node.noteTransfer(with: ReplicaID(1), left: 16 << 20, before: .max)
    #expect(seat.node.transferEndsAt! > seat.node.now + .milliseconds(600))
    seat.node.noteTransfer(with: ReplicaID(1), left: 100 << 10, before: .max)
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
    handle.flip(at: 8192)
    // The size of a snapshot gives the node an interval between snapshots.
    seats[0].node.host.snapshots.latestByteCount = 100
    seats[0].node.send(batches[0], to: ReplicaID(1))
    #expect(seats[0].node.counters.overflowed == 1 && seats[0].node.peers[1].output.isEmpty)
    #expect(seats[0].node.host.snapshots.logByteCount > 0)
    seats[0].node.send(batches[5], to: ReplicaID(1))
    try waitFor("message", seats) { seats[1].node.host.core.received == 1 ? true : nil }
    // It can be read again.
    handle.flip(at: 8192)
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
