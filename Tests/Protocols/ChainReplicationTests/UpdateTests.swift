import ChainReplication
import ProtocolTesting
import Replication
import SteppedCluster
import Testing
import ViewService
import WireFormat

@Suite("Updates and reads in a chain that does not change (§2, §3)")
struct UpdateTests {

  @Test("A chain of one is head and tail at once")
  func chainOfOne() {
    var chain = Chain(1)
    chain.cluster.run()
    let update = chain.update(at: 0)
    chain.read(at: 0)
    chain.cluster.run()
    #expect(chain.answered(0) == [update])
    #expect(chain.cluster.nodes[0].reads == [ReadTicket(1)])
    #expect(chain.core(0).report.isEstablished)
  }

  @Test("The effects of a turn: one record, and one message to the successor that needs no disk")
  func proposalEffects() {
    var chain = Chain(2)
    chain.cluster.run()
    var core = chain.core(0)
    var effects = Effects<ChainReplica>()
    for number in 1...3 as ClosedRange<UInt64> {
      core.handle(.requested(batch(number)), at: .zero, into: &effects)
    }
    core.endTurn(at: .zero, into: &effects)
    let entries = (1...3).map { ViewEntry(view: 1, batch: batch($0)) }
    #expect(effects.records == [.entries(first: LogIndex(1), entries)])
    let forward = ChainReplica.Forward(
      previous: .zero, previousView: 0, entries: entries, stable: .zero, wantsReceipt: false)
    #expect(effects.earlySends.map(\.message) == [.forward(view: 1, forward)])
    #expect(effects.earlySends.map(\.to) == [ReplicaID(1)])
    #expect(effects.sends.map(\.message) == [.stable(view: 1, LogIndex(3))])
    #expect(effects.sends.map(\.to) == [ReplicaID(1)] && effects.commits.isEmpty)
  }

  @Test("Entries from several messages of one turn are forwarded in one message")
  func oneMessagePerTurn() {
    var chain = Chain(3)
    chain.cluster.run()
    var core = chain.core(1)
    var effects = Effects<ChainReplica>()
    let entries = (1...3).map { ViewEntry(view: 1, batch: batch($0)) }
    for place in 0..<3 {
      let forward = ChainReplica.Forward(
        previous: LogIndex(place), previousView: place == 0 ? 0 : 1, entries: [entries[place]],
        stable: LogIndex(place), wantsReceipt: false)
      core.handle(
        .received(.forward(view: 1, forward), from: ReplicaID(0)), at: .zero, into: &effects)
    }
    core.endTurn(at: .zero, into: &effects)
    #expect(effects.records == [.entries(first: LogIndex(1), entries)])
    #expect(effects.earlySends.count == 1 && effects.sends.count == 1)
  }

  @Test(
    "An update is forwarded while disks write it, and is committed when all have", arguments: 0..<3)
  func waitsForEveryDisk(slow: Int) {
    var chain = Chain(3)
    chain.cluster.run()
    chain.cluster.nodes[slow].holdsDisk = true
    chain.update(at: 0)
    chain.cluster.run()
    for id in chain.cluster.membership.replicas {
      #expect(chain.core(id).status.lastIndex == LogIndex(1) && chain.committed(id).isEmpty)
    }
    chain.read(at: 2)
    #expect(chain.cluster.nodes[2].reads.count == 1 && chain.committed(2).isEmpty)
    chain.cluster.releaseDisk(ReplicaID(slow))
    chain.cluster.run()
    for id in chain.cluster.membership.replicas { #expect(chain.committed(id).count == 1) }
    #expect(chain.answered(2).count == 1)
  }

  @Test("A replica that knows no view refuses everything")
  func refusesWithoutView() {
    var cluster = InProcessCluster<ChainReplica>(
      membership: Membership(replicas: 2), options: ChainReplica.Options())
    cluster.handle(.requested(batch(1)), at: ReplicaID(0))
    cluster.handle(.readRequested(ReadTicket(1)), at: ReplicaID(0))
    #expect(cluster.nodes[0].refusedBatches.count == 1)
    #expect(cluster.nodes[0].refusedReads.count == 1)
    #expect(cluster.nodes[0].core.report == Report(view: 0))
  }

  @Test("The head refuses updates while its window is full")
  func windowIsBounded() {
    var options = ChainReplica.Options()
    options.window = 3
    var cluster = InProcessCluster<ChainReplica>(
      membership: Membership(replicas: 2), options: options)
    let view = View(number: 1, members: [ReplicaID(0), ReplicaID(1)])
    for id in view.members { cluster.adopt(view, at: id) }
    cluster.run()
    for number in 1...5 { cluster.handle(.requested(batch(UInt64(number))), at: ReplicaID(0)) }
    #expect(cluster.nodes[0].refusedBatches.map(\.redirect) == [nil, nil])
    cluster.run()
    cluster.handle(.requested(batch(6)), at: ReplicaID(0))
    cluster.run()
    #expect(cluster.nodes[1].committedCount == 4)
  }

  @Test("Lost, repeated and reordered messages: a gap is reported and filled")
  func lossIsRepaired() {
    var chain = Chain(3)
    chain.cluster.run()
    chain.update(at: 0)
    chain.loseMessages()
    chain.update(at: 0)
    chain.update(at: 0)
    chain.cluster.inFlight += chain.cluster.inFlight.reversed()
    chain.cluster.run()
    #expect(chain.committed(2).count == 3 && chain.agrees)
    for node in chain.cluster.nodes { #expect(node.core.invariantViolation() == nil) }
  }

  @Test("The last update, or its acknowledgement, is lost: the timer repairs both")
  func timerRepairs() {
    var chain = Chain(3)
    chain.cluster.run()
    let update = chain.update(at: 0)
    chain.loseMessages()
    for _ in 0..<2 {
      chain.fire(0)
      chain.cluster.run()
    }
    #expect(chain.answered(2) == [update])
    chain.cluster.delivers = { if case .acknowledge = $0.message { false } else { true } }
    chain.update(at: 0)
    chain.cluster.run()
    #expect(chain.committed(0).count == 1 && chain.committed(2).count == 2)
    for _ in 0..<4 {
      chain.fire(1)
      chain.fire(0)
      chain.cluster.run()
    }
    #expect(chain.committed(0).count == 2 && chain.committed(1).count == 2)
  }

  @Test("Every message and record survives its binary form")
  func wire() throws {
    let entries = [
      ViewEntry(view: 3, batch: batch(1)), ViewEntry(view: 4, batch: Batch.noop),
    ]
    let forward = ChainReplica.Forward(
      previous: LogIndex(7), previousView: 3, entries: entries, stable: LogIndex(5),
      wantsReceipt: true)
    let position = ChainReplica.Position(
      last: LogIndex(9), lastView: 4, commitIndex: LogIndex(2), sentThrough: LogIndex(3),
      runs: [ViewRun(view: 3, last: LogIndex(9))])
    let standing = ChainReplica.Standing(
      last: LogIndex(9), sentThrough: LogIndex(12), acknowledged: LogIndex(2))
    let synchronisation = ChainReplica.Synchronisation(
      positionLast: LogIndex(9), positionView: 4, through: LogIndex(11), forward: forward)
    let messages: [ChainReplica.Message] = [
      .forward(view: 5, forward), .acknowledge(view: 5, LogIndex(8)),
      .durable(view: 5, LogIndex(8)), .stable(view: 5, LogIndex(8)),
      .hail(view: 5, sentThrough: LogIndex(7), stable: LogIndex(8)),
      .hail(view: 5, sentThrough: LogIndex(7), stable: nil), .position(view: 5, position),
      .standing(view: 5, standing),
      .synchronise(view: 5, synchronisation), .receipt(view: 5, LogIndex(8)),
      .authority(.alive(incarnation: 3)),
    ]
    for message in messages {
      let bytes = message.encoded()
      #expect(bytes.count == message.encodedByteCount)
      #expect(try WireReader.decode(ChainReplica.Message.self, from: bytes) == message)
    }
    for record in [ChainReplica.Record.entries(first: LogIndex(4), entries)] {
      let bytes = record.encoded()
      #expect(bytes.count == record.encodedByteCount)
      #expect(try WireReader.decode(ChainReplica.Record.self, from: bytes) == record)
    }
  }
}
