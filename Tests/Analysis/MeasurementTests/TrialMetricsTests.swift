import Faults
import Trials
import Histories
import Measurement
import Testing

let ms: Int64 = 1_000_000

/// A get or put acknowledged at `end` (given in ms), unless the outcome says otherwise.
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

/// One operation each millisecond that takes `latency` ms, except those due in `down`, which time out
/// after a second.
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
    operations: operations, warmUpEnd: warmUp * ms, measuredEnd: end * ms, clients: 1,
    faults: faults)
}

func fault(_ start: Int64, _ end: Int64?) -> InjectedFault {
  InjectedFault(
    kind: "crash", target: "leader", nodes: [0], startNs: start * ms, endNs: end.map { $0 * ms })
}

let settings = MeasurementSettings(window: 100 * ms, sloLatency: 50 * ms)

@Suite struct TrialMetricsTests {
  @Test("A steady service: every number by hand")
  func steadyService() throws {
    var trial = steady(until: 2_000, warmUp: 1_000)
    trial.nodes = [
      NodeUsage(
        node: 0, messagesSent: 2_000, messagesReceived: 1_000, bytesSent: 50_000, syncs: 500),
      NodeUsage(node: 1, messagesSent: 500, messagesReceived: 500, bytesSent: 0, syncs: 500),
    ]
    let metrics = TrialMetrics(trial, settings)
    #expect(metrics.due == 1_000 && metrics.acknowledged == 1_000 && metrics.unknown == 0)
    // The operation due in the last millisecond is answered when the interval is over.
    #expect(metrics.throughput == 999 && metrics.goodput == 999)
    #expect(metrics.availability == 1 && metrics.uptime == 1)
    #expect(abs(metrics.nines! - 3.000_434) < 1e-6)
    #expect(metrics.longestOutage == ms)
    #expect(metrics.messagesPerOperation == 2.5)
    #expect(metrics.bytesPerOperation == 50 && metrics.fsyncsPerOperation == 1)
    #expect(metrics.busiestNodeShare == 0.75)
    #expect(metrics.latency.percentile(50) == ms && metrics.latency.count == 1_000)
    #expect(metrics.readLatency.count == 0 && metrics.writeLatency.count == 1_000)
    #expect(metrics.latencyTable.count == 18)
    #expect(metrics.timeline.windows.count == 10)
    #expect(metrics.timeline.windows.allSatisfy { $0.ok == 100 && $0.p50 == ms && $0.p99 == ms })
  }

  @Test("Latency counts from the intended time, and the SLO with it")
  func intendedTime() {
    var late = operation(intended: 10, end: 70)
    late.invoked = 69 * ms
    let trial = TrialRecord(
      operations: [late, operation(intended: 20, end: 70)], warmUpEnd: 0, measuredEnd: 100 * ms,
      clients: 1)
    let metrics = TrialMetrics(trial, settings)
    #expect(metrics.latency.maximum == 60 * ms)
    #expect(metrics.availability == 0.5)
    #expect(metrics.goodput == 10 && metrics.throughput == 20)
  }

  @Test("Nothing at all gives no numbers, not zeros or infinities")
  func nothing() {
    for end in [0, 1_000] as [Int64] {
      let trial = TrialRecord(
        operations: [], warmUpEnd: 0, measuredEnd: end * ms, clients: 0, faults: [fault(0, nil)])
      let metrics = TrialMetrics(trial, settings)
      #expect(metrics.availability == nil && metrics.nines == nil && metrics.uptime == nil)
      #expect(metrics.messagesPerOperation == nil && metrics.busiestNodeShare == nil)
      #expect(
        metrics.faults == [FaultMetrics(outage: end == 0 ? nil : end * ms, timeToRecover: nil)])
      #expect(metrics.latencyTable.isEmpty)
      for column in MetricColumn.all { #expect(column.value(metrics)?.isFinite ?? true) }
    }
  }

  @Test("When every answer is unknown, nothing is available and the outage is the whole trial")
  func allUnknown() {
    let metrics = TrialMetrics(steady(until: 1_000, down: [0..<1_000]), settings)
    #expect(metrics.availability == 0 && metrics.nines == 0 && metrics.uptime == 0)
    #expect(metrics.throughput == 0 && metrics.longestOutage == 1_000 * ms)
    #expect(metrics.unknown == 1_000 && metrics.failed == 0)
    for column in MetricColumn.all { #expect(column.value(metrics)?.isFinite ?? true) }
  }

  @Test("An operation that the end of the trial cut short is not held against the service")
  func cutShort() {
    let trial = TrialRecord(
      operations: [
        operation(intended: 10, end: 100, outcome: .unknown),
        operation(intended: 90, end: 100, outcome: .unknown), operation(intended: 91, end: 92),
      ], warmUpEnd: 0, measuredEnd: 100 * ms, clients: 3)
    let metrics = TrialMetrics(trial, settings)
    #expect(metrics.due == 2 && metrics.unknown == 2)
    #expect(metrics.availability == 0.5)
  }

  @Test("Lost writes are no goodput")
  func lostWrites() {
    var trial = steady(until: 1_000)
    trial.lostWrites = 99
    #expect(TrialMetrics(trial, settings).goodput == 900)
  }

  @Test("The timeline counts by the time of the answer, and knows who was in charge")
  func timeline() {
    var trial = steady(until: 1_050, down: [300..<500])
    trial.leadership = [
      LeadershipSample(windowStart: 0, leader: 2, epoch: 1),
      LeadershipSample(windowStart: 300 * ms, leader: nil, epoch: 1),
      LeadershipSample(windowStart: 450 * ms, leader: 1, epoch: 2),
    ]
    let windows = TrialMetrics(trial, settings).timeline.windows
    #expect(windows.count == 11 && windows[10].length == 50 * ms)
    #expect(windows[2].ok == 100 && windows[3].ok == 1 && windows[4].ok == 0)
    #expect(windows[4].p50 == nil && windows[4].hadOutstanding)
    #expect(windows[2].leader == 2 && windows[3].leader == nil && windows[5].leader == 1)
    #expect(windows[5].term == 2)
  }

  @Test("Staleness counts only writes that were over before the read began")
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
      ], warmUpEnd: 0, measuredEnd: 100 * ms, clients: 1)
    let staleness = try #require(TrialMetrics(trial, settings).staleness)
    #expect(staleness.reads == 5 && staleness.staleReads == 2)
    #expect(staleness.maximumVersions == 3 && staleness.maximumLag == 41 * ms)
    #expect(staleness.meanLag == Double((20 + 41) * ms) / 5)
  }
}

@Suite struct FaultMetricsTests {
  private func metrics(_ trial: TrialRecord) -> [FaultMetrics] {
    TrialMetrics(trial, settings).faults
  }

  @Test("A crash: the outage ends with the first answer, recovery with five good windows")
  func crash() {
    let trial = steady(until: 5_000, down: [2_000..<2_730], faults: [fault(2_000, 3_000)])
    // The operation due at 1,999 is answered at the fault's start, the next at 2,731.
    #expect(metrics(trial) == [FaultMetrics(outage: 731 * ms, timeToRecover: 800 * ms)])
  }

  @Test("A fault without effect has the ordinary gap and recovers at once")
  func harmless() {
    let trial = steady(until: 5_000, faults: [fault(2_050, 3_000)])
    #expect(metrics(trial) == [FaultMetrics(outage: ms, timeToRecover: 0)])
  }

  @Test("A fault that bites late is seen")
  func late() {
    let trial = steady(until: 5_000, down: [2_800..<3_200], faults: [fault(2_000, 3_000)])
    #expect(metrics(trial) == [FaultMetrics(outage: 401 * ms, timeToRecover: 1_200 * ms)])
  }

  @Test("Without recovery there is no time to recover, and the outage lasts to the end")
  func forever() {
    let trial = steady(until: 5_000, down: [2_000..<5_000], faults: [fault(2_000, nil)])
    #expect(metrics(trial) == [FaultMetrics(outage: 3_000 * ms, timeToRecover: nil)])
  }

  @Test("A fault at the very beginning is measured against the time after it")
  func atTheBeginning() {
    let trial = steady(until: 5_000, down: [0..<500], faults: [fault(0, 1_000)])
    #expect(metrics(trial) == [FaultMetrics(outage: 501 * ms, timeToRecover: 500 * ms)])
    // Nothing to compare with: the fault covers everything.
    let whole = steady(until: 5_000, faults: [fault(0, nil)])
    #expect(metrics(whole) == [FaultMetrics(outage: ms, timeToRecover: nil)])
  }

  @Test("A second fault is compared with undisturbed windows, not with the first one's outage")
  func two() {
    let trial = steady(
      until: 9_000, down: [2_000..<3_000, 5_000..<5_500],
      faults: [fault(2_000, 2_500), fault(5_000, 5_200)])
    #expect(
      metrics(trial) == [
        FaultMetrics(outage: 1_001 * ms, timeToRecover: 1_000 * ms),
        FaultMetrics(outage: 501 * ms, timeToRecover: 500 * ms),
      ])
  }

  @Test("Overlapping faults: the recovery of the first waits for the second; both see the outage")
  func overlapping() {
    let trial = steady(
      until: 9_000, down: [2_000..<4_000], faults: [fault(3_000, 4_000), fault(2_000, 3_500)])
    let found = metrics(trial)
    #expect(found[1] == FaultMetrics(outage: 2_001 * ms, timeToRecover: 2_000 * ms))
    #expect(found[0] == FaultMetrics(outage: 1_001 * ms, timeToRecover: 1_000 * ms))
  }

  @Test("An outage after the next fault began is not charged to an earlier one that was healed")
  func nextFault() {
    let trial = steady(
      until: 9_000, down: [2_000..<2_300, 2_400..<4_000],
      faults: [fault(2_000, 2_100), fault(2_400, 3_000)])
    let found = metrics(trial)
    #expect(found[0].outage == 301 * ms)
    #expect(found[0].timeToRecover == 2_000 * ms)
    #expect(found[1].outage == 1_601 * ms)
  }

  @Test("A fault after the measured interval has no numbers")
  func afterTheEnd() {
    #expect(metrics(steady(until: 1_000, faults: [fault(1_000, nil)])) == [FaultMetrics()])
  }
}
