import Faults
import Replication
import Testing

/// Tests how overlapping faults combine.
@Suite("Fault ledger") struct LedgerTests {
  private var ledger = FaultLedger(drifts: [0, 0.1, 0, 0])

  @Test("A node cut off from clients loses all their messages, and no message of other nodes")
  func unreached() {
    var ledger = FaultLedger(drifts: [0, 0])
    ledger.add(.cut([], clients: [1]), key: 1)
    #expect(ledger.faults(of: 1).clients.loss == 1)
    #expect(ledger.faults(of: 1).links == NodeFaults(nodeCount: 2).links)
    #expect(ledger.faults(of: 0).clients.changesNothing)
    _ = ledger.remove(key: 1)
    #expect(ledger.faults(of: 1).clients.changesNothing)
  }

  @Test("Without faults a node is told only its clock's drift")
  func nothing() {
    #expect(ledger.faults(of: 0) == NodeFaults(nodeCount: 4))
    var expected = NodeFaults(nodeCount: 4)
    expected.drift = 0.1
    #expect(ledger.faults(of: 1) == expected)
  }

  @Test(
    "Both ends know of a cut, each for its direction, until the last fault with it ends")
  mutating func cuts() {
    ledger.add(.cut([(from: 0, to: 1)]), key: 1)
    ledger.add(.cut([(from: 0, to: 1), (from: 1, to: 0)]), key: 2)
    #expect(ledger.faults(of: 0).links[1].cutsOutbound)
    #expect(ledger.faults(of: 0).links[1].cutsInbound)
    #expect(ledger.remove(key: 2) != nil)
    #expect(ledger.faults(of: 0).links[1].cutsOutbound)
    #expect(!ledger.faults(of: 0).links[1].cutsInbound)
    #expect(ledger.faults(of: 1).links[0].cutsInbound)
    #expect(!ledger.faults(of: 1).links[0].cutsOutbound)
    #expect(ledger.faults(of: 2) == NodeFaults(nodeCount: 4))
    #expect(ledger.remove(key: 1) != nil)
    #expect(ledger.remove(key: 1) == nil)
    #expect(ledger.faults(of: 0) == NodeFaults(nodeCount: 4))
  }

  @Test("A degraded node has bad links in both directions, also to clients; overlaps add up")
  mutating func degradations() {
    var what = LinkDegradation()
    what.loss = 0.1
    what.extraLatency = .milliseconds(3)
    what.bandwidth = 8e6
    ledger.add(.degraded([2], what, until: nil), key: 1)
    let hit = ledger.faults(of: 2)
    #expect(
      hit.links.allSatisfy {
        $0.degradation.loss == 0.1 && $0.degradation.extraLatency == .milliseconds(3)
      })
    #expect(hit.clients.nanosecondsPerByte == 1000)
    let other = ledger.faults(of: 0)
    #expect(other.links.map(\.degradation.loss) == [0, 0, 0.1, 0])
    #expect(other.clients.changesNothing)
    what.bandwidth = 8e3
    ledger.add(.degraded([0, 2], what, until: nil), key: 2)
    let both = ledger.faults(of: 2)
    #expect(both.links[0].degradation.loss == 0.2)
    #expect(both.links[0].degradation.extraLatency == .milliseconds(6))
    // The smaller bandwidth counts.
    #expect(both.links[0].degradation.nanosecondsPerByte == 1e6)
  }

  @Test(
    "Slow processors multiply, slow disks and drifts add up, a stall lasts as long as any")
  mutating func sums() {
    ledger.add(.slowed([1], factor: 2), key: 1)
    ledger.add(.slowed([1, 2], factor: 3), key: 2)
    ledger.add(.slowDisk([1], by: .nanoseconds(5)), key: 3)
    ledger.add(.slowDisk([1], by: .nanoseconds(6)), key: 4)
    ledger.add(.stalledDisk([1]), key: 5)
    ledger.add(.stalledDisk([1]), key: 6)
    ledger.add(.drifting([1], 0.2), key: 7)
    let faults = ledger.faults(of: 1)
    #expect(faults.slowness == 6)
    #expect(faults.syncDelay == .nanoseconds(11))
    #expect(faults.syncStalls)
    #expect(abs(faults.drift - 0.3) < 1e-12)
    #expect(ledger.faults(of: 2).slowness == 3)
    #expect(ledger.remove(key: 5) != nil)
    #expect(ledger.faults(of: 1).syncStalls)
    #expect(ledger.remove(key: 6) != nil)
    #expect(!ledger.faults(of: 1).syncStalls)
  }

  @Test("Crashes and pauses are counted, so that a node continues when the last one ends")
  mutating func counts() {
    ledger.add(.down([0, 1]), key: 1)
    ledger.add(.down([1]), key: 2)
    ledger.add(.paused([1]), key: 3)
    #expect((0..<4).map(ledger.downs) == [1, 2, 0, 0])
    #expect((0..<4).map(ledger.pauses) == [0, 1, 0, 0])
    #expect(ledger.remove(key: 2) != nil)
    #expect(ledger.downs(of: 1) == 1)
  }
}
