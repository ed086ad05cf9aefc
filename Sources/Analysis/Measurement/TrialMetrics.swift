import Trials
import Histories
import Primitives
import Replication

/// What the experiment says about measuring.
public struct MeasurementSettings: Sendable, Equatable {
  /// Length of a window of the timeline, nanoseconds.
  public var window: Int64
  /// The latency within which an answer counts as available, nanoseconds.
  public var sloLatency: Int64

  public init(window: Int64, sloLatency: Int64) {
    self.window = window
    self.sloLatency = sloLatency
  }
}

/// The metrics of one trial. Every `nil` means "not applicable", never zero and never infinite.
///
/// An operation is *due* if its intended time lies in the measured interval [warm-up's end, measured
/// end); operations of the warm-up are in no count and no latency. *Acknowledged in time* means
/// acknowledged before the measured interval's end. What happens at a time (windows, gaps, outages) is
/// counted by the time of the answer instead, whenever the operation was due.
public struct TrialMetrics: Sendable, Equatable {
  /// Due operations, less those that cannot be judged: still open at the end of the trial, less than
  /// the SLO's latency after their intended time.
  public private(set) var due = 0
  public private(set) var acknowledged = 0
  public private(set) var failed = 0
  /// Due operations that may or may not have taken effect; those that cannot be judged included.
  public private(set) var unknown = 0

  /// Due operations acknowledged before the measured interval's end ÷ its length, per second; nil if
  /// the interval is empty.
  public private(set) var throughput: Double?
  /// The same, only operations acknowledged within the SLO's latency, less the lost writes.
  public private(set) var goodput: Double?
  /// Due operations acknowledged within the SLO's latency of their intended time ÷ `due`.
  public private(set) var availability: Double?
  /// −log₁₀(1 − availability). n operations cannot show less than one failure in n + 1, so a trial
  /// without any failure gives log₁₀(n + 1).
  public private(set) var nines: Double?
  /// Windows with an acknowledgement ÷ windows with an acknowledgement or an outstanding operation.
  public private(set) var uptime: Double?
  /// The longest time in the measured interval without an acknowledgement, its ends included, ns.
  public private(set) var longestOutage: Int64?

  /// Latency of due, acknowledged operations from their intended time, by `OperationKind.rawValue`.
  /// Operations without an answer have no latency; `availability` counts them.
  public private(set) var latencyByKind = [Histogram?](
    repeating: nil, count: OperationKind.allCases.count)
  public private(set) var readLatency = Histogram()
  public private(set) var writeLatency = Histogram()
  public private(set) var latency = Histogram()

  /// Messages sent by replicas and authority (clients' requests are not among them, replies are) in the
  /// measured interval ÷ operations acknowledged in it. So are bytes and fsyncs.
  public private(set) var messagesPerOperation: Double?
  public private(set) var bytesPerOperation: Double?
  public private(set) var fsyncsPerOperation: Double?
  /// The largest share that one process has of all messages sent and received; 1 ÷ processes is ideal.
  public private(set) var busiestNodeShare: Double?

  public private(set) var staleness: Staleness?
  public private(set) var lostWrites: Int?
  public private(set) var safetyViolations: Int
  /// One per fault of the observation, in its order.
  public private(set) var faults: [FaultMetrics]
  public private(set) var timeline: Timeline

  public init(_ trial: TrialRecord, _ settings: MeasurementSettings) {
    lostWrites = trial.lostWrites
    safetyViolations = trial.safetyViolations.count
    timeline = Timeline(trial, window: settings.window)
    let acknowledgements = Acknowledgements(trial)
    faults = FaultMetrics.all(trial, timeline, acknowledgements)
    longestOutage =
      trial.measuredEnd > trial.warmUpEnd
      ? acknowledgements.longestGap(
        from: trial.warmUpEnd, startingUpTo: trial.measuredEnd, end: trial.measuredEnd) : nil
    countOperations(trial, settings)
    countWindows()
    countCost(trial, acknowledgedInInterval: acknowledgements.count(in: trial))
    staleness = Staleness(trial)
  }

  private mutating func countOperations(_ trial: TrialRecord, _ settings: MeasurementSettings) {
    var inTime = 0
    var inTimeAndPrompt = 0
    var prompt = 0
    for operation in trial.operations {
      guard operation.intended >= trial.warmUpEnd, operation.intended < trial.measuredEnd else {
        continue
      }
      let elapsed = operation.returned - operation.intended
      switch operation.outcome {
      case .failed:
        failed += 1
      case .unknown:
        unknown += 1
        if operation.returned >= trial.measuredEnd && elapsed < settings.sloLatency { continue }
      case .ok:
        acknowledged += 1
        let isPrompt = elapsed <= settings.sloLatency
        if isPrompt { prompt += 1 }
        if operation.returned < trial.measuredEnd {
          inTime += 1
          if isPrompt { inTimeAndPrompt += 1 }
        }
        let kind = Int(operation.kind.rawValue)
        if latencyByKind[kind] == nil { latencyByKind[kind] = Histogram() }
        latencyByKind[kind]?.record(elapsed)
      }
      due += 1
    }
    for kind in OperationKind.allCases {
      guard let histogram = latencyByKind[Int(kind.rawValue)] else { continue }
      latency.merge(histogram)
      if kind.isRead { readLatency.merge(histogram) } else { writeLatency.merge(histogram) }
    }
    let seconds = Double(trial.measuredEnd - trial.warmUpEnd) / 1e9
    if seconds > 0 {
      throughput = Double(inTime) / seconds
      goodput = Double(max(0, inTimeAndPrompt - (trial.lostWrites ?? 0))) / seconds
    }
    if due > 0 {
      let share = Double(prompt) / Double(due)
      availability = share
      nines = TrialMetrics.nines(availability: share, operations: Double(due))
    }
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

  /// Messages are counted for all operations alike, so that acknowledged probes belong in the divisor.
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
