import Histories
import Measurement
import Replication
import Testing
import Trials

/// Clients that send the next request, after a think time, as soon as the last one was answered or
/// given up. The service takes 1 ms, and is down in one part of a trial of 10 s.
private func closed(
  clients: Int, timeout: Int64, think: Int64 = 0, down: Range<Int64>, isRefusing: Bool = false
) -> TrialRecord {
  var operations: [Operation] = []
  for client in 0..<clients {
    var time = Int64(client) * 7 % 11
    while time < 10_000 {
      var end = min(down.contains(time) ? down.upperBound + 1 : time + 1, 10_000)
      var outcome = end < 10_000 ? Outcome.ok : .unknown
      if isRefusing, down.contains(time) {
        (end, outcome) = (min(time + 2, 10_000), .failed)
      } else if end - time > timeout {
        (end, outcome) = (time + timeout, .unknown)
      }
      var next = operation(intended: time, end: end, outcome: outcome)
      next.client = UInt32(client)
      operations.append(next)
      time = end + think
    }
  }
  operations.sort { $0.invoked < $1.invoked }
  return TrialRecord(
    operations: operations, warmUpEndNs: 0, measuredEndNs: 10_000 * ms, clients: clients)
}

@Suite struct AvailabilityTests {
  private func availability(_ trial: TrialRecord) -> Double {
    TrialMetrics(
      trial,
      MeasurementSettings(
        window: .milliseconds(100), sloLatency: .milliseconds(100), isOpenLoop: false)
    ).availability!
  }

  @Test(
    "A service that is down for 4 of 10 s is 60 % available in a closed loop, whatever the timeout",
    arguments: [20, 50, 200, 1_000, 20_000])
  func down(timeout: Int64) {
    for think in [0, 2, 100] as [Int64] {
      let share = availability(
        closed(clients: 16, timeout: timeout, think: think, down: 3_000..<7_000))
      #expect(abs(share - 0.6) < 0.03, "think time \(think) ms: \(share)")
    }
  }

  @Test("Open and closed loops give the same availability")
  func open() {
    let trial = steady(until: 10_000, down: [3_000..<7_000])
    let share = TrialMetrics(trial, settings).availability!
    #expect(abs(share - 0.6) < 0.01)
  }

  @Test("A service that stays dead or refuses for a time has that share of unavailability")
  func dead() {
    let share = availability(closed(clients: 4, timeout: 1_000, down: 2_000..<20_000))
    #expect(share > 0.2 && share < 0.22)
    let refusing = availability(
      closed(clients: 4, timeout: 1_000, down: 3_000..<7_000, isRefusing: true))
    #expect(abs(refusing - 0.6) < 0.02)
  }

  @Test("Think time is not waiting, and a service that answers is available")
  func healthy() {
    #expect(availability(closed(clients: 3, timeout: 1_000, think: 900, down: 0..<0)) == 1)
  }

  @Test("A wait that began in the warm-up counts from the start of the measured interval")
  func warmUp() {
    var trial = closed(clients: 1, timeout: 20_000, down: 1_000..<4_000)
    trial.warmUpEndNs = 3_000 * ms
    #expect(abs(availability(trial) - 6.0 / 7) < 0.001)
    trial.warmUpEndNs = 1_050 * ms
    #expect(abs(availability(trial) - 6.05 / 8.95) < 0.001)
  }

  @Test("Nines never exceed what the number of operations can show")
  func nines() {
    let metrics = TrialMetrics(
      closed(clients: 1, timeout: 1_000, think: 99, down: 0..<0),
      MeasurementSettings(
        window: .milliseconds(100), sloLatency: .milliseconds(100), isOpenLoop: false))
    #expect(metrics.due == 100 && abs(metrics.nines! - 2.004) < 0.001)
  }
}

@Suite struct ThroughputTests {
  @Test("Throughput counts the answers in the interval, whenever due, and so does the timeline")
  func backlog() {
    // Twice as many operations come due as the service can answer.
    let operations = (0..<4_000).map { i in
      operation(
        intended: Int64(i), end: min(2 * Int64(i) + 1, 4_000), outcome: i < 1_999 ? .ok : .unknown)
    }
    let trial = TrialRecord(
      operations: operations, warmUpEndNs: 2_000 * ms, measuredEndNs: 4_000 * ms, clients: 4_000)
    let metrics = TrialMetrics(trial, settings)
    #expect(metrics.throughput == 499.5)
    #expect(Double(metrics.timeline.windows.reduce(0) { $0 + $1.ok }) / 2 == metrics.throughput)
    // All answered operations were due in the warm-up.
    #expect(metrics.acknowledged == 0 && metrics.goodput == 0 && metrics.availability == 0)
    #expect(metrics.due == 2_000 && metrics.unknown == 2_000)
    #expect(metrics.brokenInvariant(in: trial) == nil)
    var longer = trial
    longer.measuredEndNs += 100 * ms
    #expect(metrics.brokenInvariant(in: longer) != nil)
  }

  @Test("The timeline has the due operations and the leader at the start of each window")
  func leaders() {
    var trial = steady(until: 1_000, down: [300..<500], warmUp: 200)
    trial.leadership = [
      LeadershipSample(timeNs: 0, leader: nil, epoch: 0),
      LeadershipSample(timeNs: 150 * ms, leader: 1, epoch: 1),
      LeadershipSample(timeNs: 340 * ms, leader: nil, epoch: 1),
      LeadershipSample(timeNs: 420 * ms, leader: 2, epoch: 2),
      LeadershipSample(timeNs: 440 * ms, leader: 0, epoch: 3),
      LeadershipSample(timeNs: 640 * ms, leader: nil, epoch: 3),
      LeadershipSample(timeNs: 660 * ms, leader: 0, epoch: 3),
    ]
    let windows = TrialMetrics(trial, settings).timeline.windows
    #expect(windows.map(\.due) == Array(repeating: 100, count: 8))
    #expect(windows.map(\.leader) == [1, 1, nil, 0, 0, 0, 0, 0])
    #expect(windows.map(\.term) == [1, 1, 1, 3, 3, 3, 3, 3])
    #expect(windows.map(\.leaderChanges) == [0, 0, 2, 0, 0, 0, 0, 0])
  }
}
