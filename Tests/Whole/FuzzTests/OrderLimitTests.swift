import ClusterMessages
import Faults
import Replication
import Testing
import WireFormat

@Suite("Orders of a runner")
struct OrderLimitTests {
  private func isAccepted(_ order: Order) -> Bool {
    (try? WireReader.decode(Order.self, from: order.encoded())) == order
  }

  private func faults(_ change: (inout NodeFaults) -> Void) -> Order {
    var faults = NodeFaults(nodeCount: 3)
    change(&faults)
    return .faults(faults)
  }

  @Test("A node accepts the most extreme orders that an experiment can cause")
  func accepted() {
    let hour: Int64 = 3_600_000_000_000
    let orders = [
      .stepClock(Interval(nanoseconds: -hour)), .stepClock(Interval(nanoseconds: hour)),
      faults {
        $0.syncDelay = .nanoseconds(60 * hour)
        $0.links[1].degradation.extraLatency = .nanoseconds(60 * hour)
        $0.links[1].degradation.bandwidth = 1
        $0.clients.loss = 1
        $0.slowness = 1e6
        $0.drift = 9
      }, faults { $0.drift = -0.9 },
    ]
    for order in orders { #expect(isAccepted(order), "\(order)") }
  }

  @Test("Combined slowdowns stay within the limits of a node")
  func slowdowns() {
    var ledger = FaultLedger(drifts: [0, 0, 0])
    for key in 0..<4 { ledger.add(.slowed([1], factor: 1e6), key: key) }
    #expect(isAccepted(.faults(ledger.faults(of: 1))))
    #expect(ledger.faults(of: 1).slowness >= 1e6)
    #expect(ledger.faults(of: 0).slowness == 1)
  }
}
