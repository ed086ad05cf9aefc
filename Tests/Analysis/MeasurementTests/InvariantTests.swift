import Measurement
import Replication
import Testing
import Trials

/// Trials whose numbers contradict each other.
@Suite struct InvariantTests {
  @Test("More bytes than the interface's rate allows in its time are a contradiction")
  func rate() throws {
    var trial = steady(until: 1_000)
    let metrics = TrialMetrics(trial, settings)
    // 1 Gbit/s is 125,000,000 bytes per second.
    func broken(egress: Int, ingress: Int) -> String? {
      var node = NodeUsage(node: 3, role: .authority)
      node.egress = InterfaceUse(bytes: egress, rate: 1e9, time: .milliseconds(1_200))
      node.ingress = InterfaceUse(bytes: ingress, rate: 1e9, time: .milliseconds(800))
      trial.nodes = [NodeUsage(node: 0), node]
      return metrics.brokenInvariant(in: trial)
    }
    #expect(broken(egress: 150_000_000, ingress: 100_000_000) == nil)
    #expect(
      broken(egress: 150_001_000, ingress: 0)
        == "the interface of node 3 sent 150001000 bytes in 1.2 s, but its rate of 1000000000 bit/s "
        + "allows only 150000000 bytes")
    #expect(
      broken(egress: 0, ingress: 100_001_000)
        == "the interface of node 3 received 100001000 bytes in 0.8 s, but its rate of 1000000000 "
        + "bit/s allows only 100000000 bytes")
  }
}
