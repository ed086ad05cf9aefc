import Configuration
import Experiments
import Measurement
import Primitives
import Runner
import Testing

@Suite struct SameProtocolTests {
  /// Real trials of one protocol, with a fault, so that they differ as much as trials usually do.
  private static let trials: [TrialMetrics] = {
    let plan = try? ExperimentPlan.read(
      text: """
        { protocols: ["raft"], workload: { clients: 3, thinkTime: "2ms" }, warmUp: "50ms",
          duration: "600ms", window: "20ms", slo: { latency: "20ms" }, trials: 60, check: "none",
          options: { raft: { electionTimeout: ["50ms", "100ms"], heartbeat: "15ms" } },
          faults: [{ at: "200ms", crash: "leader", for: "100ms" }] }
        """, file: "x.json5")
    guard let plan else { return [] }
    return TrialTask.all(of: plan).compactMap { task in
      TrialRunner.run(task) { _, _ in true }?.metrics
    }
  }()

  @Test(
    "Random halves of one protocol's real trials are called different in at most 6 % of cases",
    arguments: [3, 5, 10])
  func halves(n: Int) throws {
    let trials = SameProtocolTests.trials
    try #require(trials.count == 60)
    var state = UInt64(n)
    for name in ["throughput", "availability", "read_p99_us", "write_p99_us"] {
      let column = try #require(MetricColumn.all.first { $0.name == name })
      let values = trials.map(column.value)
      try #require(Set(values).count > 1)
      let rounds = 4_000
      let alarms = (0..<rounds).count { _ in
        var order = values
        for i in 0..<(2 * n) {
          let pick = RandomStream.splitMix64(&state)
            .multipliedFullWidth(by: UInt64(order.count - i)).high
          order.swapAt(i, i + Int(pick))
        }
        let difference = PairedDifference(
          Array(order[..<n]), Array(order[n..<(2 * n)]),
          test: name == "availability" ? .sign : .studentT)
        return difference.p.map { $0 < PairedDifference.level } ?? false
      }
      #expect(Double(alarms) / Double(rounds) <= 0.06, "\(name): \(alarms) of \(rounds)")
    }
  }
}
