import Histories
import Primitives
import Replication
import Trials

/// The settings of an experiment that concern measuring.
package struct MeasurementSettings: Sendable, Equatable {
  /// Length of a window of the timeline.
  package var window: Interval
  /// The latency within which an answer counts as available.
  package var sloLatency: Interval
  /// Whether operations come due independently of whether earlier ones were answered.
  package var isOpenLoop: Bool

  package init(window: Interval, sloLatency: Interval, isOpenLoop: Bool) {
    self.window = window
    self.sloLatency = sloLatency
    self.isOpenLoop = isOpenLoop
  }
}

/// The metrics of one trial. Every `nil` means "not applicable", never zero and never infinite.
///
/// An operation is *due* if its intended time lies in the measured interval [warm-up's end,
/// measured end). Throughput, windows, gaps and outages count operations by the time of their
/// answer instead, regardless of when they were due.
package struct TrialMetrics: Sendable, Equatable {
  /// Due operations by their outcome: `due` is the sum of the other three.
  package internal(set) var due = 0
  package internal(set) var acknowledged = 0
  package internal(set) var failed = 0
  /// Operations that may or may not have taken effect, including those still open when the trial
  /// ended.
  package internal(set) var unknown = 0

  /// Operations acknowledged in the measured interval per second of its length; nil if it is empty.
  package internal(set) var throughput: Double?
  /// Due operations answered within the SLO's latency, less the lost writes, per second of the
  /// measured interval.
  package internal(set) var goodput: Double?
  /// Open loop: due operations acknowledged within the SLO's latency of their intended time ÷ due
  /// operations. Left out are operations that cannot be judged because they were still open at the
  /// end of the trial, less than the SLO's latency after their intended time. Closed loop: 1 −
  /// `overdueShare`.
  package internal(set) var availability: Double?
  /// The denominator of `availability`: operations, or seconds of the clients' time. It is the
  /// weight with which several trials are averaged.
  package internal(set) var availabilityWeight = 0.0
  /// −log₁₀(1 − availability). n operations cannot show a failure rate below one in n + 1, so a
  /// trial without failures gives log₁₀(n + 1).
  package internal(set) var nines: Double?
  /// Windows with an acknowledgement ÷ windows with an acknowledgement or an outstanding operation.
  package internal(set) var uptime: Double?
  /// The longest time in the measured interval without an acknowledged read (write) while one was
  /// outstanding, less the normal gap: see `ServiceGaps`.
  package internal(set) var longestReadOutage: Interval?
  package internal(set) var longestWriteOutage: Interval?

  /// Latencies of due operations, by `OperationKind.rawValue`; nil for a kind without due
  /// operations.
  package internal(set) var latencyByKind = [LatencyDistribution?](
    repeating: nil, count: OperationKind.allCases.count)
  package internal(set) var readLatency = LatencyDistribution()
  package internal(set) var writeLatency = LatencyDistribution()
  package internal(set) var latency = LatencyDistribution()
  /// How long due operations waited for a free client before they were sent or given up.
  package internal(set) var clientWait = Histogram()

  /// Messages sent by replicas and authority (including replies to clients, but not the clients'
  /// requests) in the measured interval ÷ operations acknowledged in it, including probes. Bytes
  /// and fsyncs are counted in the same way.
  package internal(set) var messagesPerOperation: Double?
  package internal(set) var bytesPerOperation: Double?
  package internal(set) var fsyncsPerOperation: Double?
  /// The largest share of all messages sent and received that one process handled; the ideal is 1 ÷
  /// the number of processes.
  package internal(set) var busiestNodeShare: Double?

  package internal(set) var staleness: Staleness?
  package internal(set) var lostWrites: Int?
  package internal(set) var safetyViolations: Int
  /// The metrics of each fault, in the order of the trial's faults.
  package internal(set) var faults: [FaultMetrics]
  package internal(set) var timeline: Timeline

  package init(_ trial: TrialRecord, _ settings: MeasurementSettings) {
    lostWrites = trial.lostWrites
    safetyViolations = trial.safetyViolations.count
    timeline = Timeline(trial, window: settings.window)
    let acknowledged = Acknowledgements.ofReadsAndWrites(trial.operations)
    let (reads, writes) = ServiceGaps.ofReadsAndWrites(trial, acknowledged)
    var analysis = FaultAnalysis(
      trial, timeline, settings, reads: reads, writes: writes)
    faults = analysis.metrics()
    if trial.measuredEndNs > trial.warmUpEndNs {
      longestReadOutage = reads.longestOutage
      longestWriteOutage = writes.longestOutage
    }
    countOperations(trial, settings, acknowledged)
    let count = acknowledged.reads.count(in: trial) + acknowledged.writes.count(in: trial)
    countWindows()
    countCost(trial, acknowledgedInInterval: count)
    let seconds = Double(trial.measuredEndNs - trial.warmUpEndNs) / 1e9
    if seconds > 0 { throughput = Double(count) / seconds }
    staleness = Staleness(trial)
  }

  /// −log₁₀(1 − availability), limited because n operations cannot show a failure rate below one in
  /// n + 1.
  package static func nines(availability: Double, operations: Double) -> Double {
    // 0 - x, so that an availability of 0 gives 0 and not -0.
    0 - RealFunctions.log10(max(1 - availability, 1 / (operations + 1)))
  }

  private mutating func countWindows() {
    let answered = timeline.windows.count { $0.ok > 0 }
    let busy = timeline.windows.count { $0.ok > 0 || $0.hadOutstanding }
    if busy > 0 { uptime = Double(answered) / Double(busy) }
  }

  /// The nodes' messages serve the probes too, so the divisor includes acknowledged probes.
  private mutating func countCost(_ trial: TrialRecord, acknowledgedInInterval ofLoad: Int) {
    let count =
      ofLoad
      + trial.probes.count {
        $0.outcome == .ok && $0.returned >= trial.warmUpEndNs && $0.returned < trial.measuredEndNs
      }
    if count > 0, !trial.nodes.isEmpty {
      func perOperation(_ amount: (NodeUsage) -> Int) -> Double {
        Double(trial.nodes.reduce(0) { $0 + amount($1) }) / Double(count)
      }
      messagesPerOperation = perOperation(\.messagesSent)
      bytesPerOperation = perOperation(\.bytesSent)
      fsyncsPerOperation = perOperation(\.syncs)
    }
    let handled = trial.nodes.map { $0.messagesSent + $0.messagesReceived }
    let all = handled.reduce(0, +)
    if let busiest = handled.max(), all > 0 { busiestNodeShare = Double(busiest) / Double(all) }
  }
}
