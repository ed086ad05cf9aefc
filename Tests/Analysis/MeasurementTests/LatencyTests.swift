import Histories
import Measurement
import Replication
import Testing
import Trials

/// 2,000 operations a second for 10 s. Those due in an outage of 3 s are answered at its end, or
/// given up after the timeout.
private func outage(timeout: Int64) -> TrialRecord {
  let down = 2_000_000..<5_000_000 as Range<Int64>
  let operations = stride(from: 0 as Int64, to: 10_000_000, by: 500).map { due in
    let isDown = down.contains(due)
    let answered = isDown ? down.upperBound + 1_000 : due + 1_000
    let isGivenUp = answered - due > timeout * 1_000
    return Operation(
      client: 0, kind: due % 1_000 == 0 ? .get : .put, key: 0, outcome: isGivenUp ? .unknown : .ok,
      invoked: due * 1_000, returned: (isGivenUp ? due + timeout * 1_000 : answered) * 1_000)
  }
  return TrialRecord(
    operations: operations, warmUpEndNs: 0, measuredEndNs: 10_000 * ms, clients: 1)
}

@Suite struct LatencyTests {
  private func value(_ metrics: TrialMetrics, _ p: Double) -> LatencyDistribution.Value {
    metrics.latency.percentile(p)!
  }

  @Test("A shorter timeout improves no percentile, and lower bounds are marked")
  func censoring() {
    let patient = TrialMetrics(outage(timeout: 10_000), settings)
    #expect(patient.latency.censored == 0)
    for timeout in [20, 50, 200, 1_000, 2_500] as [Int64] {
      let metrics = TrialMetrics(outage(timeout: timeout), settings)
      #expect(metrics.latency.count == 20_000 && metrics.unknown == metrics.latency.censored)
      #expect(metrics.readLatency.censored + metrics.writeLatency.censored == metrics.unknown)
      for p in [50, 75, 90, 95, 99, 99.9, 100] {
        #expect(value(metrics, p).time >= value(patient, p).time, "\(timeout) \(p)")
      }
      #expect(value(metrics, 99).isLowerBound && !value(metrics, 50).isLowerBound)
      #expect(metrics.latency.mean! >= patient.latency.mean!)
      #expect(abs(metrics.availability! - patient.availability!) < 0.005)
    }
  }

  @Test("Operations refused at once count as worse than all answered ones")
  func refused() {
    var trial = steady(until: 1_000, latency: 5)
    for i in stride(from: 0, to: 1_000, by: 50) {
      trial.operations[i].outcome = .failed
      trial.operations[i].returned = trial.operations[i].intended + 1_000
    }
    let metrics = TrialMetrics(trial, settings)
    #expect(metrics.failed == 20 && metrics.latency.censored == 20)
    let last = value(metrics, 99)
    #expect(last.isLowerBound && last.time.nanoseconds >= 5 * ms)
    let least = value(metrics, 0)
    #expect(least.time.nanoseconds == 5 * ms && !least.isLowerBound)
    #expect(!value(metrics, 98).isLowerBound)
  }

  @Test("An operation open at the end counts with the time it waited")
  func open() {
    var trial = steady(until: 1_000)
    trial.operations[990] = operation(intended: 990, end: 1_000, outcome: .unknown)
    trial.operations[200] = operation(intended: 200, end: 1_000, outcome: .unknown)
    let metrics = TrialMetrics(trial, settings)
    #expect(
      value(metrics, 100)
        == LatencyDistribution.Value(time: .nanoseconds(800 * ms), isLowerBound: true))
    #expect(value(metrics, 99.8).time.nanoseconds < 1_001_000 && !value(metrics, 99.8).isLowerBound)
    // The youngest operation cannot be judged.
    #expect(metrics.availability == 998.0 / 999)
  }

  @Test("The bound ends with the next answer of the same class, not of the other class")
  func classes() {
    let trial = TrialRecord(
      operations: [
        operation(.get, intended: 0, end: 10, outcome: .unknown),
        operation(.put, intended: 5, end: 15), operation(.get, intended: 30, end: 40),
        operation(.put, intended: 50, end: 60, outcome: .unknown),
      ], warmUpEndNs: 0, measuredEndNs: 100 * ms, clients: 4)
    let metrics = TrialMetrics(trial, settings)
    #expect(metrics.readLatency.percentile(100)?.time.nanoseconds == 40 * ms)
    // No later write is answered.
    #expect(metrics.writeLatency.percentile(100)?.time.nanoseconds == 50 * ms)
  }

  @Test("Merged distributions equal those of all operations together")
  func merging() {
    let a = TrialMetrics(outage(timeout: 200), settings).latency
    let b = TrialMetrics(steady(until: 1_000), settings).latency
    var merged = b
    merged.merge(a)
    #expect(merged.count == a.count + b.count && merged.censored == a.censored)
    #expect(merged.percentile(100) == a.percentile(100))
    var same = a
    same.merge(a)
    #expect(same.percentile(99) == a.percentile(99) && same.mean == a.mean)
  }

  @Test("The table has the answers, the operations without one, and bounds")
  func table() {
    let rows = TrialMetrics(outage(timeout: 200), settings).latencyTable
    #expect(rows.map(\.operation).filter { $0 == "all" }.count == TrialMetrics.percentiles.count)
    for row in rows where row.operation == "all" {
      #expect(row.count + row.censored == 20_000)
      #expect(row.latency.isLowerBound == (row.percentile >= 75))
    }
  }
}
