import Histories
import Primitives
import Replication
import Trials

/// What the experiment says about measuring.
public struct MeasurementSettings: Sendable, Equatable {
  /// Length of a window of the timeline, nanoseconds.
  public var window: Int64
  /// The latency within which an answer counts as available, nanoseconds.
  public var sloLatency: Int64
  /// Operations come due whether or not earlier ones were answered.
  public var isOpenLoop: Bool

  public init(window: Int64, sloLatency: Int64, isOpenLoop: Bool) {
    self.window = window
    self.sloLatency = sloLatency
    self.isOpenLoop = isOpenLoop
  }
}

/// The metrics of one trial. Every `nil` means "not applicable", never zero and never infinite.
///
/// An operation is *due* if its intended time lies in the measured interval [warm-up's end,
/// measured end). What happens at a time (throughput, windows, gaps, outages) is counted by the
/// time of the answer instead, whenever the operation was due.
public struct TrialMetrics: Sendable, Equatable {
  /// Due operations, and what became of them: `due` is the sum of the other three.
  public internal(set) var due = 0
  public internal(set) var acknowledged = 0
  public internal(set) var failed = 0
  /// Those that may or may not have taken effect; those still open when the trial ended included.
  public internal(set) var unknown = 0

  /// Operations acknowledged in the measured interval ÷ its length, per second; nil if the interval
  /// is empty.
  public internal(set) var throughput: Double?
  /// Due operations answered within the SLO's latency, less the lost writes, ÷ the interval's
  /// length.
  public internal(set) var goodput: Double?
  /// Open loop: due operations acknowledged within the SLO's latency of their intended time ÷ due
  /// operations, without those that cannot be judged: still open at the end of the trial, less than
  /// the SLO's latency after their intended time. Closed loop: 1 − `overdueShare`.
  public internal(set) var availability: Double?
  /// What `availability` is a share of: operations, or seconds of the clients' time. Several trials
  /// are taken together by it.
  public internal(set) var availabilityWeight = 0.0
  /// −log₁₀(1 − availability). n operations cannot show less than one failure in n + 1, so a trial
  /// without any failure gives log₁₀(n + 1).
  public internal(set) var nines: Double?
  /// Windows with an acknowledgement ÷ windows with an acknowledgement or an outstanding operation.
  public internal(set) var uptime: Double?
  /// The longest time in the measured interval without an acknowledged read (write) while one was
  /// asked for, less the normal one, ns: see `ServiceGaps`.
  public internal(set) var longestReadOutage: Int64?
  public internal(set) var longestWriteOutage: Int64?

  /// Of due operations, by `OperationKind.rawValue`; nil for a kind of which none was due.
  public internal(set) var latencyByKind = [LatencyDistribution?](
    repeating: nil, count: OperationKind.allCases.count)
  public internal(set) var readLatency = LatencyDistribution()
  public internal(set) var writeLatency = LatencyDistribution()
  public internal(set) var latency = LatencyDistribution()
  /// How long due operations waited for a free client, until they were sent or given up.
  public internal(set) var clientWait = Histogram()

  /// Messages sent by replicas and authority (clients' requests are not among them, replies are) in
  /// the measured interval ÷ operations acknowledged in it. So are bytes and fsyncs.
  public internal(set) var messagesPerOperation: Double?
  public internal(set) var bytesPerOperation: Double?
  public internal(set) var fsyncsPerOperation: Double?
  /// The largest share that one process has of all messages sent and received; 1 ÷ processes is
  /// ideal.
  public internal(set) var busiestNodeShare: Double?

  public internal(set) var staleness: Staleness?
  public internal(set) var lostWrites: Int?
  public internal(set) var safetyViolations: Int
  /// One per fault of the observation, in its order.
  public internal(set) var faults: [FaultMetrics]
  public internal(set) var timeline: Timeline

  public init(_ trial: TrialRecord, _ settings: MeasurementSettings) {
    lostWrites = trial.lostWrites
    safetyViolations = trial.safetyViolations.count
    timeline = Timeline(trial, window: settings.window)
    let acknowledged = Acknowledgements.ofReadsAndWrites(trial.operations)
    let (reads, writes) = ServiceGaps.ofReadsAndWrites(trial, acknowledged)
    var analysis = FaultAnalysis(
      trial, timeline, isOpenLoop: settings.isOpenLoop, reads: reads, writes: writes)
    faults = analysis.metrics()
    if trial.measuredEnd > trial.warmUpEnd {
      longestReadOutage = reads.longestOutage
      longestWriteOutage = writes.longestOutage
    }
    countOperations(trial, settings, acknowledged)
    let count = acknowledged.reads.count(in: trial) + acknowledged.writes.count(in: trial)
    countWindows()
    countCost(trial, acknowledgedInInterval: count)
    let seconds = Double(trial.measuredEnd - trial.warmUpEnd) / 1e9
    if seconds > 0 { throughput = Double(count) / seconds }
    staleness = Staleness(trial)
  }

  /// n operations cannot show less than one failure in n + 1.
  public static func nines(availability: Double, operations: Double) -> Double {
    // 0 - x, so that no availability at all gives 0 and not -0.
    0 - RealFunctions.log10(max(1 - availability, 1 / (operations + 1)))
  }

  private mutating func countWindows() {
    let answered = timeline.windows.count { $0.ok > 0 }
    let busy = timeline.windows.count { $0.ok > 0 || $0.hadOutstanding }
    if busy > 0 { uptime = Double(answered) / Double(busy) }
  }

  /// Messages are counted for all operations alike, so that acknowledged probes belong in the
  /// divisor.
  private mutating func countCost(_ trial: TrialRecord, acknowledgedInInterval ofLoad: Int) {
    let count =
      ofLoad
      + trial.probes.count {
        $0.outcome == .ok && $0.returned >= trial.warmUpEnd && $0.returned < trial.measuredEnd
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
