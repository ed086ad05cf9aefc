import ProtocolTesting
import SteppedCluster
import Replication
import Stubs
import Testing

/// Persists every received number and sends it, less one, to the next node until it is zero; odd
/// numbers are sent early.
private let passing = ScriptedCore.Options { core, event, effects in
  let next = ReplicaID((core.id.index + 1) % core.membership.replicas.count)
  switch event {
  case .started: effects.setTimer(.bell, after: .milliseconds(5)...(.milliseconds(9)))
  case .received(let number, _):
    effects.persist(number)
    guard number > 0 else { return }
    if number % 2 == 1 {
      effects.sendEarly(number - 1, to: next)
    } else {
      effects.send(number - 1, to: next)
    }
  case .timerFired: effects.send(9, to: next)
  case .requested(let batch): effects.refuse(batch, redirect: next)
  case .readRequested(let ticket, _): effects.read(ticket)
  case .disconnected: break
  }
}

@Suite struct InProcessClusterTests {
  func cluster() -> InProcessCluster<ScriptedCore> {
    InProcessCluster(membership: Membership(replicas: 2), options: passing)
  }

  @Test("Messages are delivered in the order in which they were sent, until none is left")
  func order() {
    var cluster = cluster()
    cluster.handle(.received(4, from: b), at: a)
    cluster.handle(.received(2, from: b), at: a)
    #expect(cluster.inFlight.map(\.message) == [3, 1])
    let finished = cluster.run(limit: 1)
    #expect(!finished && cluster.inFlight.map(\.message) == [1, 2])
    let isEmpty = cluster.run()
    #expect(isEmpty && cluster.deliveredCount == 6)
    #expect(cluster.nodes[1].core.received == [3, 1, 1])
    #expect(cluster.nodes[0].records == [4, 2, 2, 0, 0])
  }

  @Test("While the disk is held, sends wait and records are volatile, but early sends leave")
  func heldDisk() {
    var cluster = cluster()
    cluster.nodes[0].holdsDisk = true
    cluster.handle(.received(4, from: b), at: a)
    cluster.handle(.received(1, from: b), at: a)
    #expect(cluster.inFlight.map(\.message) == [0])
    #expect(cluster.nodes[0].records.isEmpty && cluster.nodes[0].unsynced == [4, 1])
    cluster.releaseDisk(a)
    #expect(cluster.inFlight.map(\.message) == [0, 3] && cluster.nodes[0].records == [4, 1])
  }

  @Test("A crash loses volatile records, the timers, and messages on their way to the process")
  func crash() {
    var cluster = cluster()
    cluster.handle(.received(2, from: b), at: a)
    cluster.nodes[0].holdsDisk = true
    cluster.handle(.received(8, from: b), at: a)
    cluster.handle(.received(6, from: a), at: b)
    #expect(cluster.inFlight.map(\.to) == [b, a])
    cluster.crash(a)
    let fired = cluster.fire(.bell, at: a)
    #expect(cluster.inFlight.map(\.to) == [b] && !fired)
    cluster.restart(a)
    cluster.releaseDisk(a)
    #expect(cluster.nodes[0].core.recovered == [2] && cluster.nodes[0].core.received.isEmpty)
    cluster.run()
    #expect(cluster.nodes[0].core.received == [0])
  }

  @Test("A timer fires once and only if it is set, after its shortest time")
  func timers() {
    var cluster = cluster()
    let first = cluster.fire(.bell, at: a)
    let second = cluster.fire(.bell, at: a)
    #expect(first && !second && cluster.now == .zero + .milliseconds(5))
    #expect(cluster.inFlight.map(\.message) == [9])
  }

  @Test("Messages that the caller blocks are lost, except a node's messages to itself")
  func loss() {
    var cluster = InProcessCluster<ScriptedCore>(
      membership: Membership(replicas: 1), options: passing)
    cluster.delivers = { _ in false }
    cluster.handle(.received(3, from: a), at: a)
    cluster.run()
    #expect(cluster.deliveredCount == 3)
    var pair = self.cluster()
    pair.delivers = { $0.to == ReplicaID(0) }
    pair.handle(.received(3, from: b), at: a)
    pair.run()
    #expect(pair.deliveredCount == 0 && pair.inFlight.isEmpty)
  }

  @Test("Refusals and reads are recorded with their requests")
  func lanes() {
    var cluster = cluster()
    cluster.handle(.requested(.noop), at: a)
    cluster.handle(.readRequested(ReadTicket(3)), at: a)
    #expect(cluster.nodes[0].refusedBatches.map(\.redirect) == [b])
    #expect(cluster.nodes[0].reads == [ReadTicket(3)])
  }
}
