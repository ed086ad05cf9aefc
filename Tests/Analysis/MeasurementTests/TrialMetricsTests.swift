import Faults
import Histories
import Measurement
import Replication
import Testing
import Trials

let ms: Int64 = 1_000_000

/// A get or put acknowledged at `end` (in ms), unless the outcome differs.
func operation(
  _ kind: OperationKind = .put, intended: Int64, end: Int64, outcome: Outcome = .ok,
  key: UInt32 = 0, value: UInt8? = nil
) -> Operation {
  let digest = value.map { ValueDigest([$0]) } ?? .absent
  return Operation(
    client: 0, kind: kind, key: key, argument: kind == .get ? .absent : digest,
    observed: kind == .get ? digest : .absent, outcome: outcome, intended: intended * ms,
    invoked: intended * ms, returned: end * ms)
}

/// One operation per millisecond that takes `latency` ms, except those due in `down`, which time
/// out after a second.
func steady(
  until end: Int64, down: [Range<Int64>] = [], latency: Int64 = 1, warmUp: Int64 = 0,
  faults: [InjectedFault] = []
) -> TrialRecord {
  let operations = (0..<end).map { t in
    down.contains { $0.contains(t) }
      ? operation(intended: t, end: t + 1_000, outcome: .unknown)
      : operation(intended: t, end: t + latency)
  }
  return TrialRecord(
    operations: operations, warmUpEndNs: warmUp * ms, measuredEndNs: end * ms, clients: 1,
    faults: faults)
}

func fault(_ start: Int64, _ end: Int64?) -> InjectedFault {
  InjectedFault(
    kind: "crash", target: "leader", nodes: [0], startNs: start * ms, endNs: end.map { $0 * ms })
}

let settings = MeasurementSettings(
  window: .milliseconds(100), sloLatency: .milliseconds(50), isOpenLoop: true)

@Suite struct TrialMetricsTests {
  @Test("The metrics of a steady service equal those computed by hand")
  func steadyService() throws {
    var trial = steady(until: 2_000, warmUp: 1_000)
    trial.nodes = [
      NodeUsage(
        node: 0, messagesSent: 2_000, messagesReceived: 1_000, bytesSent: 50_000, syncs: 500),
      NodeUsage(node: 1, messagesSent: 500, messagesReceived: 500, bytesSent: 0, syncs: 500),
    ]
    let metrics = TrialMetrics(trial, settings)
    #expect(metrics.due == 1_000 && metrics.acknowledged == 1_000 && metrics.unknown == 0)
    // The last operation of the warm-up is answered in the interval, and the interval's last one
    // after it.
    #expect(metrics.throughput == 1_000 && metrics.goodput == 1_000)
    #expect(metrics.availability == 1 && metrics.uptime == 1)
    #expect(abs(metrics.nines! - 3.000_434) < 1e-6)
    #expect(metrics.longestWriteOutage == .zero && metrics.longestReadOutage == nil)
    #expect(metrics.messagesPerOperation == 2.5)
    #expect(metrics.bytesPerOperation == 50 && metrics.fsyncsPerOperation == 1)
    #expect(metrics.busiestNodeShare == 0.75)
    #expect(
      metrics.latency.percentile(50)
        == LatencyDistribution.Value(time: .nanoseconds(ms), isLowerBound: false))
    #expect(metrics.latency.count == 1_000)
    #expect(metrics.readLatency.count == 0 && metrics.writeLatency.count == 1_000)
    #expect(metrics.latencyTable.count == 18)
    #expect(metrics.timeline.windows.count == 10)
    #expect(
      metrics.timeline.windows.allSatisfy { $0.ok == 100 && $0.p50Ns == ms && $0.p99Ns == ms })
  }

  @Test("Latency counts from the intended time, and the SLO uses that latency")
  func intendedTime() {
    var late = operation(intended: 10, end: 70)
    late.invoked = 69 * ms
    let trial = TrialRecord(
      operations: [late, operation(intended: 20, end: 70)], warmUpEndNs: 0, measuredEndNs: 100 * ms,
      clients: 1)
    let metrics = TrialMetrics(trial, settings)
    #expect(metrics.latency.answered.maximum == .milliseconds(60))
    #expect(metrics.clientWait.maximum == .milliseconds(59))
    #expect(metrics.availability == 0.5)
    #expect(metrics.goodput == 10 && metrics.throughput == 20)
  }

  @Test("A trial without operations has no numbers, rather than zeros or infinities")
  func nothing() {
    for end in [0, 1_000] as [Int64] {
      let trial = TrialRecord(
        operations: [], warmUpEndNs: 0, measuredEndNs: end * ms, clients: 0, faults: [fault(0, nil)]
      )
      let metrics = TrialMetrics(trial, settings)
      #expect(metrics.availability == nil && metrics.nines == nil && metrics.uptime == nil)
      #expect(metrics.messagesPerOperation == nil && metrics.busiestNodeShare == nil)
      #expect(metrics.faults[0].outage == nil && metrics.faults[0].timeToRecover == nil)
      #expect(metrics.faults[0].recovery == (end == 0 ? nil : .unknown))
      #expect(metrics.latencyTable.isEmpty)
      for column in MetricColumn.all { #expect(column.value(metrics)?.isFinite ?? true) }
    }
  }

  @Test("If every outcome is unknown, availability is zero and the outage is the whole trial")
  func allUnknown() {
    let metrics = TrialMetrics(steady(until: 1_000, down: [0..<1_000]), settings)
    #expect(metrics.availability == 0 && metrics.nines == 0 && metrics.uptime == 0)
    #expect(metrics.throughput == 0 && metrics.latency.answered.count == 0)
    #expect(metrics.latency.censored == 1_000)
    #expect(metrics.unknown == 1_000 && metrics.failed == 0)
    for column in MetricColumn.all { #expect(column.value(metrics)?.isFinite ?? true) }
  }

  @Test("An operation cut short by the end of the trial is not counted against the service")
  func cutShort() {
    let trial = TrialRecord(
      operations: [
        operation(intended: 10, end: 100, outcome: .unknown),
        operation(intended: 90, end: 100, outcome: .unknown), operation(intended: 91, end: 92),
      ], warmUpEndNs: 0, measuredEndNs: 100 * ms, clients: 3)
    let metrics = TrialMetrics(trial, settings)
    #expect(metrics.due == 3 && metrics.unknown == 2)
    #expect(metrics.availability == 0.5)
  }

  @Test("Lost writes do not count as goodput")
  func lostWrites() {
    var trial = steady(until: 1_000)
    trial.lostWrites = 100
    #expect(TrialMetrics(trial, settings).goodput == 900)
  }

  @Test("The timeline counts by the time of the answer, and shows the node in charge")
  func timeline() {
    var trial = steady(until: 1_050, down: [300..<500])
    trial.leadership = [
      LeadershipSample(timeNs: 0, leader: 2, epoch: 1),
      LeadershipSample(timeNs: 300 * ms, leader: nil, epoch: 1),
      LeadershipSample(timeNs: 450 * ms, leader: 1, epoch: 2),
    ]
    let windows = TrialMetrics(trial, settings).timeline.windows
    #expect(windows.count == 11 && windows[10].lengthNs == 50 * ms)
    #expect(windows[2].ok == 100 && windows[3].ok == 1 && windows[4].ok == 0)
    #expect(windows[4].p50Ns == nil && windows[4].hadOutstanding)
    #expect(windows[2].leader == 2 && windows[3].leader == nil && windows[5].leader == 1)
    #expect(windows[5].term == 2)
  }

  @Test("The timeline has percentiles of reads and of writes apart")
  func readsAndWrites() {
    let times: [(kind: OperationKind, latency: Int64)] = [
      (.put, 30), (.get, 1), (.append, 50), (.get, 3), (.get, 2), (.put, 40),
    ]
    let trial = TrialRecord(
      operations: times.map { operation($0.kind, intended: 0, end: $0.latency) }, warmUpEndNs: 0,
      measuredEndNs: 200 * ms, clients: 6)
    let windows = TrialMetrics(trial, settings).timeline.windows
    #expect(windows[0].reads.p50Ns == 2 * ms && windows[0].reads.p99Ns == 3 * ms)
    #expect(windows[0].writes.p50Ns == 40 * ms && windows[0].writes.p99Ns == 50 * ms)
    #expect(windows[0].p50Ns == 3 * ms && windows[0].p99Ns == 50 * ms)
    #expect(windows[1].reads.p50Ns == nil && windows[1].writes.p99Ns == nil)
  }

  @Test("Staleness counts only writes that ended before the read began")
  func staleness() throws {
    let trial = TrialRecord(
      operations: [
        operation(intended: 0, end: 1, value: 1), operation(intended: 10, end: 11, value: 2),
        operation(intended: 20, end: 21, value: 3),
        operation(.get, intended: 31, end: 32, value: 1),
        operation(.get, intended: 33, end: 34, value: 3),
        operation(intended: 35, end: 50, value: 4),
        operation(.get, intended: 40, end: 41, value: 3), operation(.get, intended: 42, end: 43),
        operation(.get, intended: 42, end: 43, key: 9),
      ], warmUpEndNs: 0, measuredEndNs: 100 * ms, clients: 1)
    let staleness = try #require(TrialMetrics(trial, settings).staleness)
    #expect(staleness.reads == 5 && staleness.staleReads == 2)
    #expect(staleness.maximumVersions == 3 && staleness.maximumLag == .milliseconds(41))
    #expect(staleness.meanLag == Double((20 + 41) * ms) / 5)
  }
}
