import Faults
import Histories
import Measurement
import Primitives
import Replication
import Testing
import Trials

func faultMetrics(_ trial: TrialRecord, isOpenLoop: Bool = true) -> [FaultMetrics] {
  TrialMetrics(
    trial,
    MeasurementSettings(
      window: .milliseconds(100), sloLatency: .milliseconds(50), isOpenLoop: isOpenLoop)
  ).faults
}

/// The tolerance is 2 µs, because the normal gap is known only to a thousandth.
private func isAbout(_ time: Interval?, _ milliseconds: Int64) -> Bool {
  time.map { abs($0.nanoseconds - milliseconds * ms) <= 2_000 } ?? false
}

@Suite struct FaultMetricsTests {
  @Test(
    "A crash has an outage, first answer, recovery, hangover and losses", arguments: [true, false])
  func crash(isOpenLoop: Bool) {
    let trial = steady(until: 5_000, down: [2_000..<2_730], faults: [fault(2_000, 3_000)])
    let found = faultMetrics(trial, isOpenLoop: isOpenLoop)[0]
    // The operation due at 2,000 waits up to the one due at 2,730; the normal wait is 1 ms.
    #expect(isAbout(found.writeOutage, 730) && found.readOutage == nil)
    #expect(
      found.firstAcknowledgement == .milliseconds(731) && found.timeToRecover == .milliseconds(731))
    #expect(found.recovery == .recovered && found.hangover == .zero)
    #expect(abs(found.lostRequests! - 700) < 5)
  }

  @Test("A fault without effect has no outage, recovers at once and has no cost")
  func harmless() {
    for end in [3_000, 2_050, nil] as [Int64?] {
      let found = faultMetrics(steady(until: 5_000, faults: [fault(2_050, end)]))[0]
      #expect(found.outage == .zero && found.timeToRecover == .zero && found.lostRequests == 0)
      #expect(found.firstAcknowledgement == .zero && found.recovery == .recovered)
      #expect(found.hangover == (end == nil ? nil : .zero))
    }
  }

  @Test("A fault with a late effect is detected")
  func late() {
    let trial = steady(until: 5_000, down: [2_800..<3_200], faults: [fault(2_000, 3_000)])
    let found = faultMetrics(trial)[0]
    #expect(isAbout(found.outage, 400) && found.timeToRecover == .milliseconds(1_201))
    #expect(found.hangover == .milliseconds(200))
  }

  @Test("An outage caused by the end of a fault is its hangover")
  func hangover() {
    let trial = steady(until: 5_000, down: [3_010..<3_400], faults: [fault(2_000, 3_000)])
    let found = faultMetrics(trial)[0]
    #expect(isAbout(found.outage, 390) && found.hangover == .milliseconds(400))
  }

  @Test(
    "The time to recover does not depend on where in a window of 100 ms answers come again",
    arguments: [203, 211, 250, 290] as [Int64], [true, false])
  func recoveryWithinWindow(downFor: Int64, isOpenLoop: Bool) throws {
    let trial = steady(until: 5_000, down: [2_000..<2_000 + downFor], faults: [fault(2_000, nil)])
    let found = faultMetrics(trial, isOpenLoop: isOpenLoop)[0]
    let time = try #require(found.timeToRecover)
    #expect(time >= .milliseconds(downFor) && time <= .milliseconds(downFor + 5), "\(time)")
  }

  @Test("Without recovery there is no time to recover, and the outage lasts to the end")
  func forever() {
    let trial = steady(until: 5_000, down: [2_000..<5_000], faults: [fault(2_000, nil)])
    let found = faultMetrics(trial)[0]
    #expect(isAbout(found.outage, 2_999) && found.timeToRecover == nil)
    #expect(found.recovery == .never && found.firstAcknowledgement == nil)
    #expect(abs(found.lostRequests! - 3_000) < 5)
  }

  /// Operations that are due from the fault on are answered so late, or not at all.
  private func after(
    _ fault: InjectedFault, until end: Int64, late latency: Int64, load: Int64 = 1
  ) -> TrialRecord {
    var trial = steady(until: end, faults: [fault])
    for index in trial.operations.indices where trial.operations[index].intended >= fault.startNs {
      trial.operations[index].returned = trial.operations[index].intended + latency * ms
    }
    let more = trial.operations.filter { $0.intended >= fault.startNs }
    for _ in 1..<load { trial.operations += more }
    trial.operations.sort { $0.intended < $1.intended }
    return trial
  }

  @Test("A fault that is over while answers stay late has left a metastable state")
  func metastable() {
    // Throughput is back, as late answers come at the same rate.
    let stuck = faultMetrics(after(fault(2_000, 2_500), until: 6_000, late: 60))[0]
    #expect(stuck.recovery == .metastable && stuck.timeToRecover == nil && stuck.hangover == nil)
    #expect(
      faultMetrics(after(fault(2_000, 2_500), until: 6_000, late: 50))[0].recovery == .recovered)
    // Neither overload nor a fault that lasts is metastable; a closed loop cannot tell.
    let overload = faultMetrics(after(fault(2_000, 2_500), until: 6_000, late: 60, load: 2))[0]
    #expect(overload.recovery != .metastable)
    #expect(
      faultMetrics(after(fault(2_000, nil), until: 6_000, late: 60))[0].recovery != .metastable)
    #expect(
      faultMetrics(after(fault(2_000, 2_500), until: 6_000, late: 60), isOpenLoop: false)[0]
        .recovery
        != .metastable)
    // Too short a time is left to say so.
    #expect(
      faultMetrics(after(fault(2_000, 5_200), until: 6_000, late: 60))[0].recovery != .metastable)
    let trial = TrialMetrics(after(fault(2_000, 2_500), until: 6_000, late: 60), settings)
    #expect(MetricColumn.all.first { $0.name == "metastable_faults" }?.value(trial) == 1)
    #expect(MetricColumn.all.first { $0.name == "never_recovered" }?.value(trial) == 1)
  }

  @Test("A fault at the start of the trial is compared with the time after it")
  func atTheBeginning() {
    let trial = steady(until: 5_000, down: [0..<500], faults: [fault(0, 1_000)])
    let found = faultMetrics(trial, isOpenLoop: false)[0]
    #expect(isAbout(found.outage, 500) && found.timeToRecover == .milliseconds(501))
    // In a closed loop there is no undisturbed window to compare with, because the fault covers the
    // trial.
    let whole = steady(until: 5_000, faults: [fault(0, nil)])
    #expect(faultMetrics(whole, isOpenLoop: false)[0].recovery == .unknown)
    #expect(faultMetrics(whole)[0].recovery == .recovered)
  }

  @Test("A trial without any answer has one outage, and it is the whole trial")
  func neverServed() {
    let trial = steady(until: 5_000, down: [0..<5_000], warmUp: 1_000, faults: [fault(500, nil)])
    let all = TrialMetrics(trial, settings)
    #expect(all.longestWriteOutage == .milliseconds(4_000))
    #expect(all.faults[0].outage == .milliseconds(4_000) && all.faults[0].recovery != .recovered)
  }

  @Test("Outages are detected even with few answers before them")
  func fewAnswers() {
    let forever = faultMetrics(steady(until: 2_000, down: [40..<2_000], faults: [fault(40, nil)]))[
      0]
    #expect(isAbout(forever.outage, 1_959))
    let two = faultMetrics(
      steady(
        until: 95, down: [20..<45, 60..<75], faults: [fault(20, 40), fault(60, 70)]))
    #expect(isAbout(two[0].outage, 25) && isAbout(two[1].outage, 15))
  }

  @Test("A second fault is compared with undisturbed windows, not with the first one's outage")
  func two() {
    let trial = steady(
      until: 9_000, down: [2_000..<3_000, 5_000..<5_500],
      faults: [fault(2_000, 2_500), fault(5_000, 5_200)])
    let found = faultMetrics(trial, isOpenLoop: false)
    #expect(isAbout(found[0].outage, 1_000) && isAbout(found[1].outage, 500))
    #expect(found.map(\.timeToRecover) == [.milliseconds(1_001), .milliseconds(501)])
  }

  @Test("An outage belongs to the fault in which it began, and a recovery ends with the next fault")
  func overlapping() {
    let trial = steady(
      until: 9_000, down: [2_000..<4_000], faults: [fault(3_000, 4_000), fault(2_000, 3_500)])
    let found = faultMetrics(trial)
    #expect(isAbout(found[1].outage, 2_000) && found[1].recovery == .cutShort)
    #expect(found[0].outage == .zero)
  }

  @Test("Neither a fault without an end nor a clock step is charged with later faults")
  func notCharged() {
    for first in [fault(2_000, nil), fault(2_000, 2_000)] {
      let trial = steady(
        until: 9_000, down: [5_000..<5_240], faults: [first, fault(5_000, 6_000)])
      let found = faultMetrics(trial)
      #expect(
        found[0].outage == .zero && found[0].timeToRecover == .zero && found[0].lostRequests == 0)
      #expect(isAbout(found[1].outage, 240) && found[1].recovery == .recovered)
    }
    // An outage that lasts into the next fault is charged to that fault from then on.
    let trial = steady(
      until: 9_000, down: [2_000..<9_000], faults: [fault(2_000, nil), fault(5_000, 6_000)])
    let found = faultMetrics(trial)
    #expect(isAbout(found[0].outage, 2_999) && isAbout(found[1].outage, 3_999))
  }

  @Test("A second outage after the next fault began is not charged to the earlier one")
  func nextFault() {
    let trial = steady(
      until: 9_000, down: [2_000..<2_300, 2_400..<4_000],
      faults: [fault(2_000, 2_100), fault(2_400, 3_000)])
    let found = faultMetrics(trial)
    #expect(isAbout(found[0].outage, 300) && isAbout(found[1].outage, 1_600))
    #expect(found[0].recovery == .cutShort && found[0].timeToRecover == nil)
    #expect(found[1].timeToRecover == .milliseconds(1_601))
  }

  @Test("A gap too short for an outage when the next fault began is not charged to the earlier one")
  func justBeforeTheNext() {
    let trial = steady(
      until: 9_000, down: [4_999..<5_500], faults: [fault(2_000, 6_000), fault(5_000, 6_000)])
    let found = faultMetrics(trial)
    #expect(found[0].outage == .zero && isAbout(found[1].outage, 500))
    // A gap that was an outage by then is charged to the earlier fault.
    let earlier = faultMetrics(
      steady(
        until: 9_000, down: [4_900..<5_500], faults: [fault(2_000, 6_000), fault(5_000, 6_000)]))
    #expect(isAbout(earlier[0].outage, 600) && earlier[1].outage == .zero)
  }

  @Test("A fault after the measured interval has no numbers")
  func afterTheEnd() {
    #expect(faultMetrics(steady(until: 1_000, faults: [fault(1_000, nil)])) == [FaultMetrics()])
  }

  @Test("An outage of writes counts although reads continue, and delays the recovery of throughput")
  func writesAlone() {
    var trial = steady(until: 6_000, faults: [fault(2_000, 3_000)])
    for i in trial.operations.indices {
      trial.operations[i].kind = i % 20 == 0 ? .put : .get
      if i % 20 == 0, i >= 2_000, i < 2_500 {
        trial.operations[i].outcome = .unknown
        trial.operations[i].returned += 1_000 * ms
      }
    }
    let found = faultMetrics(trial)[0]
    #expect(found.readOutage == .zero && isAbout(found.writeOutage, 500))
    #expect(found.timeToRecover == .milliseconds(501))
    for i in trial.operations.indices where i % 20 == 0 && i >= 2_000 {
      trial.operations[i].outcome = .unknown
    }
    let dead = faultMetrics(trial)[0]
    #expect(dead.recovery == .never && dead.timeToRecover == nil && dead.readOutage == .zero)
  }

  @Test("A short gap of reads when a replica is back does not move the recovery from a crash")
  func shortGapLater() {
    var trial = steady(until: 6_000, faults: [fault(2_000, 3_000)])
    for i in trial.operations.indices {
      trial.operations[i].kind = i % 2 == 0 ? .put : .get
      let down = i % 2 == 0 ? [2_000..<2_200, 3_000..<3_100] : [3_040..<3_060]
      if down.contains(where: { $0.contains(i) }) {
        trial.operations[i].outcome = .unknown
        trial.operations[i].returned += 1_000 * ms
      }
    }
    let found = faultMetrics(trial)[0]
    #expect(isAbout(found.writeOutage, 200) && found.hangover == .milliseconds(100))
    #expect(
      found.firstAcknowledgement! < .milliseconds(205) && found.timeToRecover! <= .milliseconds(300)
    )
  }

  @Test("More answers than before the fault do not make up for those that were lost")
  func faster() {
    var trial = steady(
      until: 6_000, down: [2_000..<2_200, 3_000..<3_150], faults: [fault(2_000, 3_000)])
    // Between the two outages the service answers twice as much.
    trial.operations += (2_300..<2_900).map { operation(intended: $0, end: $0 + 1) }
    trial.operations.sort { $0.intended < $1.intended }
    #expect(abs(faultMetrics(trial, isOpenLoop: false)[0].lostRequests! - 350) < 10)
  }

  @Test("Probes show the outage, independent of the load; a probe given up does not end it")
  func probes() {
    var trial = steady(until: 6_000, faults: [fault(2_000, 3_000)])
    for t in stride(from: 0 as Int64, to: 6_000, by: 5) {
      trial.probes.append(operation(.get, intended: t, end: t + 1))
      let isDown = (2_000..<2_100).contains(t)
      trial.probes.append(
        operation(intended: t, end: isDown ? t + 20 : t + 2, outcome: isDown ? .unknown : .ok))
    }
    let metrics = TrialMetrics(trial, settings)
    #expect(metrics.faults[0].readOutage == .zero && isAbout(metrics.faults[0].writeOutage, 100))
    #expect(metrics.longestReadOutage == .zero && isAbout(metrics.longestWriteOutage, 100))
    #expect(metrics.due == 6_000 && metrics.throughput == 999.8333333333334)
  }

  @Test("One late answer to a probe, long after the fault began, does not delay the recovery")
  func lateProbe() {
    var trial = steady(until: 6_000, faults: [fault(2_000, 4_000)])
    for t in stride(from: 0 as Int64, to: 6_000, by: 5) {
      trial.probes.append(operation(.get, intended: t, end: t == 2_500 ? 2_507 : t + 1))
    }
    let found = faultMetrics(trial)[0]
    #expect(isAbout(found.readOutage, 5))
    #expect(found.timeToRecover == .zero && found.firstAcknowledgement == .zero)
  }

  @Test("Probes every 5 ms detect an outage of 10 ms")
  func short() {
    var trial = steady(until: 6_000, faults: [fault(3_003, nil)])
    for t in stride(from: 0 as Int64, to: 6_000, by: 5) {
      let end = (3_003..<3_013).contains(t) ? 3_014 : t + 1 + t / 5 % 2
      trial.probes.append(operation(intended: t, end: end))
    }
    let outage = faultMetrics(trial)[0].writeOutage!
    #expect(outage >= .milliseconds(5) && outage <= .milliseconds(12))
  }
}

/// Random arrivals, reproducible by their seed.
/// - Parameter together: how many operations come and are answered at a time.
private func poisson(
  rate: Double, together: Int = 1, seconds: Double, seed: UInt64,
  down: ClosedRange<Int64>? = nil, faults: [InjectedFault]
) -> TrialRecord {
  var random = RandomStream(seed: seed, label: 1)
  var operations: [Operation] = []
  var time = 0.0
  while true {
    time += -1e9 / rate * RealFunctions.log(1 - random.unit())
    guard time < seconds * 1e9 else { break }
    let due = Int64(time)
    let latency = ms + Int64(-0.3e6 * RealFunctions.log(1 - random.unit()))
    let served = down.map { $0.contains(due) ? $0.upperBound : due } ?? due
    for _ in 0..<together {
      operations.append(
        Operation(
          client: 0, kind: .put, key: 0, outcome: .ok, intended: due, invoked: due,
          returned: served + latency))
    }
  }
  return TrialRecord(
    operations: operations, warmUpEndNs: 0, measuredEndNs: Int64(seconds * 1e9), clients: 1,
    faults: faults)
}

@Suite struct PoissonFaultTests {
  @Test(
    "Random gaps are not taken for an outage or a loss of throughput, at any rate",
    arguments: [30.0, 100, 1_000])
  func harmless(rate: Double) {
    for seed in 1...4 as ClosedRange<UInt64> {
      let faults = [fault(5_000, 5_000), fault(10_000, 12_000), fault(15_000, nil)]
      let trial = poisson(rate: rate, seconds: 25, seed: seed, faults: faults)
      for isOpenLoop in [true, false] {
        for found in faultMetrics(trial, isOpenLoop: isOpenLoop) {
          #expect(found.outage == .zero, "seed \(seed)")
          #expect(found.timeToRecover == .zero, "seed \(seed)")
        }
      }
    }
  }

  @Test("In a closed loop whose answers come in bursts, a long fault that does nothing has no loss")
  func bursts() {
    for seed in 1...8 as ClosedRange<UInt64> {
      let faults = [fault(5_000, 20_000)]
      let calm = poisson(rate: 150, together: 16, seconds: 25, seed: seed, faults: faults)
      #expect(faultMetrics(calm, isOpenLoop: false)[0].timeToRecover == .zero, "seed \(seed)")
      let outage = poisson(
        rate: 150, together: 16, seconds: 25, seed: seed, down: 5_000 * ms...6_000 * ms,
        faults: faults)
      let found = faultMetrics(outage, isOpenLoop: false)[0].timeToRecover
      #expect(abs(found!.milliseconds - 1_000) <= 100, "seed \(seed)")
    }
  }

  @Test("An outage of a second is detected at every rate", arguments: [100.0, 500, 2_000])
  func outage(rate: Double) {
    let faults = [fault(5_000, 7_000)]
    let down = 5_000 * ms...6_000 * ms
    let trial = poisson(rate: rate, seconds: 12, seed: 3, down: down, faults: faults)
    let found = faultMetrics(trial)[0]
    // The first operation comes due a little after the start of the outage.
    #expect(found.outage! > .milliseconds(940) && found.outage! <= .milliseconds(1_000))
    #expect(abs(found.timeToRecover!.milliseconds - 1_000) <= 100)
  }
}
