import ProtocolTesting
import Replication
import SteppedCluster
import Testing
import WireFormat

@testable import ViewstampedReplication

// §5 pragmatics and §6 optimisations. §5.2, state transfer, is in `TransferTests`.

extension PaperTests {
  @Test("§5.1 A replica with a checkpoint fetches only what follows it when it recovers")
  func recoveryFromCheckpoint() {
    var cluster = Cluster(3, vrOptions(sticky: false, recovery: .replicas))
    for number in 1...5 as ClosedRange<UInt64> { cluster.propose(number, at: a) }
    cluster.run()
    cluster.heartbeat(from: a)
    let reference = cluster.takeSnapshot(at: c)
    #expect(reference.index == LogIndex(5))
    cluster.only(a, b)
    cluster.propose(6, at: a)
    cluster.run()
    cluster.heal()
    var fetched: [Batch] = []
    cluster.delivers = { envelope in
      if case .newState(let page) = envelope.message { fetched += page.batches }
      return true
    }
    cluster.bounce(c)
    // The host has its state from the checkpoint.
    cluster.nodes[2].committedCount = 5
    cluster.run()
    #expect(cluster.core(c).state == .normal && fetched == [batch(6)])
    #expect(cluster.core(c).log.base == LogIndex(5) && cluster.core(c).log.lastOp == LogIndex(6))
  }

  @Test("§5.3 DoViewChange and StartView carry no operation: what is missing is fetched")
  func shortMessages() {
    var sizes: [Int] = []
    for count in [1, 200] as [UInt64] {
      var cluster = Cluster(3, plain)
      cluster.only(a, c)
      for number in 1...count { cluster.propose(number, at: a) }
      cluster.run()
      cluster.crash(a)
      cluster.heal()
      var byteCount = 0
      var fetched = 0
      cluster.delivers = { envelope in
        switch envelope.message {
        case .doViewChange, .startView: byteCount += envelope.message.encodedByteCount
        case .newState(let page): fetched += page.batches.count
        default: break
        }
        return true
      }
      cluster.timeOut(b, c)
      #expect(cluster.primaries == [b] && fetched == count)
      sizes.append(byteCount)
    }
    #expect(sizes[0] > 0 && sizes[0] == sizes[1])
  }

  @Test("§6.2 Requests that arrive while the primary waits travel together")
  func batching() {
    var cluster = Cluster(3, vrOptions(sticky: false, inFlightLimit: 1))
    for number in 1...3 as ClosedRange<UInt64> { cluster.propose(number, at: a) }
    #expect(cluster.inFlight.count { $0.to != a } == 2)
    let reply = ViewstampedReplica.Message.prepareOK(.init(view: 0, op: LogIndex(1)))
    let sends = cluster.deliver(reply, from: b, to: a).earlySends
    let rest = ViewstampedReplica.Prepare(
      view: 0, op: LogIndex(2), commit: .zero, readRound: 0, batches: [batch(2), batch(3)])
    #expect(sends.map(\.message) == [.prepare(rest)])
  }

  @Test("§6.3 A primary asks a majority whether its view still holds before it serves a read")
  func readWithQuorum() {
    expect(.readWithoutQuorum) { options in
      var cluster = Cluster(3, options)
      cluster.only(b, c)
      cluster.timeOut(b, c)
      cluster.propose(1, at: b)
      cluster.run()
      cluster.handle(.readRequested(ReadTicket(7)), at: a)
      cluster.run()
      return cluster.committed(b) == [batch(1)] && cluster.nodes[0].reads.isEmpty
    }
  }

  @Test("§6.3 A new primary serves reads when all that it took over is committed")
  func readAfterViewCommit() {
    expect(.readBeforeViewCommit) { options in
      var cluster = Cluster(3, options)
      cluster.propose(1, at: a)
      cluster.run()
      cluster.crash(a)
      cluster.delivers = { envelope in
        if case .prepareOK = envelope.message { return false }
        return true
      }
      cluster.timeOut(b, c)
      cluster.handle(.readRequested(ReadTicket(7)), at: b)
      cluster.run()
      let isServed = cluster.nodes[1].reads == [ReadTicket(7)]
      return cluster.primaries == [b] && (!isServed || cluster.committed(b) == [batch(1)])
    }
  }
}
