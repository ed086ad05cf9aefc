import Histories
import Replication
import Testing
import Trials

@testable import Measurement

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

  /// Two clients of a closed loop over [100, 400) ms, in ms: due, sent, returned and outcome.
  private static let twoClients: [(Int64, Int64, Int64, Outcome)] = [
    // Begins in the warm-up: 20 ms in the interval.
    (60, 60, 120, .ok), (60, 70, 220, .ok),
    // Given up, and then answered.
    (130, 130, 230, .unknown), (240, 240, 390, .ok),
    // Open at the end, and sent after it.
    (230, 230, 450, .unknown), (400, 400, 450, .unknown),
  ]

  private func closed(_ operations: [(Int64, Int64, Int64, Outcome)]) -> TrialRecord {
    TrialRecord(
      operations: operations.map { due, sent, returned, outcome in
        Operation(
          client: 0, kind: .put, key: 0, outcome: outcome, intended: due * ms, invoked: sent * ms,
          returned: returned * ms)
      }, warmUpEndNs: 100 * ms, measuredEndNs: 400 * ms, clients: 2)
  }

  @Test("The time of operations is the time that clients are busy, which their driver counts")
  func littlesLaw() throws {
    var trial = closed(Self.twoClients)
    // 20 and 120 ms of those that began before, 100, 150 and 170 ms of the others.
    trial.busyTime = .milliseconds(560)
    let metrics = TrialMetrics(trial, settings)
    #expect(metrics.brokenInvariant(in: trial) == nil)
    // Pauses of 10 ms, the first of which is before an operation that begins at 130 ms.
    #expect(metrics.brokenInvariant(in: trial, pause: .milliseconds(10)) == nil)
    for pause in [3, 60] as [Int64] {
      let broken = metrics.brokenInvariant(in: trial, pause: .milliseconds(pause))
      #expect(broken?.contains("2 clients were not busy for 0.04 s in all, but paused") == true)
    }
    for busy in [559_990, 560_010] as [Int64] {
      trial.busyTime = .microseconds(busy)
      let broken = metrics.brokenInvariant(in: trial)
      #expect(broken?.hasPrefix("clients were busy for 0.5") == true, "\(broken ?? "")")
    }
  }

  @Test("A latency that was recorded wrongly, or an operation that was lost, breaks Little's law")
  func wrongLatency() throws {
    var trial = closed(Self.twoClients)
    trial.busyTime = .milliseconds(560)
    for (position, returned) in [(3, 391), (1, 219), (0, 121)] as [(Int, Int64)] {
      var wrong = trial
      wrong.operations[position].returned = returned * ms
      #expect(TrialMetrics(wrong, settings).brokenInvariant(in: wrong) != nil)
    }
    trial.operations.remove(at: 0)
    #expect(TrialMetrics(trial, settings).brokenInvariant(in: trial) != nil)
  }

  @Test("An operation that was given up counts at least with the time that it had waited")
  func abandoned() throws {
    var trial = closed(Self.twoClients)
    trial.busyTime = .milliseconds(560)
    var metrics = TrialMetrics(trial, settings)
    var short = Histogram()
    short.record(99 * ms)
    metrics.latency = LatencyDistribution(
      answered: metrics.latency.answered, open: metrics.latency.open, abandoned: short)
    #expect(
      metrics.brokenInvariant(in: trial)
        == "operations that were given up had waited for 0.1 s in all, but count with 0.099 s")
  }

  @Test("Open loops and operations that were never sent obey Little's law, too")
  func openLoop() throws {
    var trial = closed([
      // Waits for a client, and is answered after the end.
      (100, 150, 200, .ok), (110, 390, 420, .ok),
      // Never sent: dropped within the interval and at its end.
      (120, 300, 300, .failed), (390, 400, 400, .failed),
    ])
    trial.busyTime = .milliseconds(60)
    #expect(TrialMetrics(trial, settings).brokenInvariant(in: trial) == nil)
    trial.busyTime = .milliseconds(601)
    let broken = TrialMetrics(trial, settings).brokenInvariant(in: trial)
    #expect(
      broken
        == "clients were busy for 0.601 s in all, but the latencies show operations of 0.06 s")
    // More clients' time than there is.
    trial = closed([(0, 0, 400, .unknown), (0, 0, 400, .unknown), (0, 0, 400, .unknown)])
    trial.busyTime = .milliseconds(900)
    let tooBusy = TrialMetrics(trial, settings).brokenInvariant(in: trial)
    #expect(tooBusy?.hasPrefix("2 clients were busy for 0.9 s in all, although each") == true)
  }

  @Test("A histogram's sum lies within the bounds of its buckets")
  func buckets() {
    var histogram = Histogram()
    #expect(histogram.canHaveItsSum)
    for value in [0, 1, 2_047, 2_048, 1_000_001, 999_999_999, .max] as [Int64] {
      histogram.record(value, times: 3)
      #expect(histogram.canHaveItsSum)
    }
    for value in [1_000_000, 1_000_000_000] as [Int64] {
      var one = Histogram()
      one.record(value, times: 10)
      one.record(value * 2)
      one.sum *= 1.002
      #expect(!one.canHaveItsSum)
      one.sum *= 0.995
      #expect(!one.canHaveItsSum)
    }
  }
}
