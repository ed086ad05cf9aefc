import Environments
import Faults
import Primitives
import Replication
import Stubs
import Testing
import Trials

@testable import Simulation

/// What interfaces count, and whether it is exactly what their rate allows.
@Suite struct InterfaceUseTests {
  /// A thousand bytes take one millisecond of the rate that remains beside the packets' share.
  private static let nic = 8e6 / (1 - NetworkState.packetShare)

  private func model(_ transport: NetworkTransport = .tcp, rate: Double = nic) -> NetworkModel {
    var model = NetworkModel(latency: .constant(.milliseconds(1)))
    model.nic = rate
    model.transport = transport
    return model
  }

  @Test("Bytes that are withheld by a partition count when they are sent, or never")
  func withheld() throws {
    for (transport, later) in [(NetworkTransport.tcp, 2_000), (.datagram, 1_000)] {
      var trial = probes(3) { $0.environment.network = model(transport) }
      let before = trial.world.network.egress(of: 0, sent: 0)
      #expect(before == nil)
      trial.world.network.startMeasuring(at: 0)
      trial.ledger.add(.cut([(from: 0, to: 1)]), key: 1)
      trial.world.network.adopt(trial.ledger)
      for to in 1...2 { trial.world.transmit(7, from: 0, to: to, bytes: 1000, departing: 0) }
      let usedDuring = trial.world.network.egress(of: 0, sent: 2000)
      let during = try #require(usedDuring)
      #expect(during.bytes == 1000 && abs(during.mostBytes - 1000) < 0.01)
      _ = trial.ledger.remove(key: 1)
      trial.world.network.adopt(trial.ledger)
      trial.world.now = 5_000_000
      trial.world.retransmit(link: trial.world.network.position(from: 0, to: 1))
      let usedAfter = trial.world.network.egress(of: 0, sent: 2000)
      let after = try #require(usedAfter)
      #expect(after.bytes == later && !after.exceedsRate)
    }
  }

  @Test("Bytes count in the queue in which the interface sends them")
  func queues() throws {
    var network = network(model())
    network.startMeasuring(at: 0)
    _ = network.arrival(0, 1, bytes: 63_000)
    _ = network.arrival(0, 2, bytes: 1_000)
    let used = network.egress(of: 0, sent: 64_000)
    let use = try #require(used)
    // The packet took 63 ms of its share while the long message was sent.
    #expect(use.time == .milliseconds(63) && abs(use.mostBytes - 64_000) < 0.01)
    // Another byte would be too much, and so would the same bytes a second time.
    #expect(!use.exceedsRate)
    let more = network.egress(of: 0, sent: 64_003)
    #expect(more?.exceedsRate == true)
    // What was accepted before the measured interval counts neither as bytes nor as time.
    network.startMeasuring(at: 1_000_000)
    _ = network.arrival(0, 1, bytes: 2_000)
    let usedNext = network.egress(of: 0, sent: 2_000)
    let next = try #require(usedNext)
    #expect(abs(next.mostBytes - 2_000) < 0.01)
  }

  @Test("A short message whose reception began before the measured interval breaks no bound")
  func shortMessages() throws {
    // 10 Gbit/s: 9,000 bytes take 7.3 us.
    for slowness in [0, 1.001, 1.5, 100] {
      for bytes in [1_400, 9_000] {
        var network = network(model(rate: 10e9))
        // The first message of the packets' queue finds the other one busy.
        _ = network.receive(100_000, at: 0, hasLead: true, now: 999_980)
        network.startMeasuring(at: 1_000_000)
        var narrow = LinkDegradation()
        narrow.bandwidth = 10e9 / slowness
        var ledger = FaultLedger(drifts: [0, 0, 0])
        if slowness > 0 { ledger.add(.degraded([0], narrow, until: .never), key: 1) }
        network.adopt(ledger)
        _ = network.receive(bytes, at: 0, hasLead: false, now: 1_000_001)
        _ = network.receive(bytes, at: 1, hasLead: false, now: 1_000_001)
        for node in 0...1 {
          let used = network.ingress(of: node)
          let use = try #require(used)
          #expect(use.bytes == bytes && !use.exceedsRate, "\(slowness) \(bytes) \(node) \(use)")
        }
      }
    }
  }
}
