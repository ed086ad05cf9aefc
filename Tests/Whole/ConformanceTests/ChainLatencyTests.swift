import Environments
import Histories
import ProtocolList
import Replication
import Testing
import Trials
import Workloads

/// Tests that the disks of a chain write at the same time.
@Suite("Latency of a chain") struct ChainLatencyTests {
  @Test(
    "A write waits for one sync, whatever the length of the chain", arguments: [3, 5])
  func oneDisk(replicas: Int) {
    let outcome = PatienceTests().run(.chainReplication, replicas: replicas) { plan, environment in
      plan.workload.clients = 1
      plan.workload.mix = OperationMix(put: 1)
      environment.network.latency = .constant(.microseconds(100))
      environment.disk = DiskModel(sync: .constant(.milliseconds(1)))
    }
    let latencies = outcome.operations.filter { $0.invoked > 1_000_000_000 && $0.outcome == .ok }
      .map { $0.returned - $0.invoked }.sorted()
    #expect(latencies.count > 100)
    // One hop to every replica and one back to the client, one sync, and processor time.
    let expected = Int64(replicas + 1) * 100_000 + 1_000_000
    let median = latencies[latencies.count / 2]
    #expect(median >= expected && median < expected + 150_000)
  }
}
