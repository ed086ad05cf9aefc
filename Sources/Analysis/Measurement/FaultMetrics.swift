import Faults
import Trials
/// What one fault did to the service.
///
/// *Baseline*: mean acknowledgements per full window over the windows that end before the fault and that
/// no other fault disturbed. A fault disturbs from its start to its end, or to the recovery of
/// throughput if that is later, or to the end of the trial if throughput never recovered. Without such
/// a window (a fault at the very beginning): over all full windows of the trial, earlier or later, that
/// no fault itself overlaps. Without those, or with a baseline of zero, nothing can be said about
/// recovery.
///
/// *Recovery*: throughput dips in the first full window that starts at or after the fault if that has
/// less than 90 % of the baseline, otherwise in the first later one, starting no later than the fault's
/// end, with less than half (a fault may bite late; a window just under 90 % in a long fault is noise).
/// The service has recovered at the start of the first window from the dip on with which five windows
/// in a row have at least 90 %. Another fault before that delays it. The resolution is one window.
///
/// *Outage*: the longest stretch without an acknowledgement that starts, at the fault's start or at an
/// acknowledgement, no later than the fault's end or the end of its recovery, whichever is later. The
/// recovery ends when throughput has recovered, when the next fault begins, or with the measured
/// interval. A stretch that never ends is cut off at the measured interval's end. A fault that does no
/// harm has the longest ordinary gap between two answers.
public struct FaultMetrics: Sendable, Equatable {
  /// Nanoseconds; nil if the fault began after the measured interval.
  public var outage: Int64?
  /// From the fault's start, nanoseconds; 0 if throughput did not dip, nil if it did not come back in
  /// the measured interval or there is no baseline.
  public var timeToRecover: Int64?

  public init(outage: Int64? = nil, timeToRecover: Int64? = nil) {
    self.outage = outage
    self.timeToRecover = timeToRecover
  }

  static let windowsInARow = 5

  private struct Disturbance {
    var start: Int64
    var end: Int64
    func touches(_ window: TimelineWindow) -> Bool {
      window.start <= end && window.start + window.length > start
    }
  }

  /// Faults may overlap and may come in any order.
  static func all(
    _ trial: TrialRecord, _ timeline: Timeline, _ acknowledgements: Acknowledgements
  ) -> [FaultMetrics] {
    let windows = Array(timeline.fullWindows)
    var result = [FaultMetrics](repeating: FaultMetrics(), count: trial.faults.count)
    var earlier: [Disturbance] = []
    let order = trial.faults.indices.sorted {
      (trial.faults[$0].startNs, $0) < (trial.faults[$1].startNs, $1)
    }
    let itself = trial.faults.map {
      Disturbance(start: $0.startNs, end: max($0.startNs, $0.endNs ?? trial.measuredEnd))
    }
    for (place, i) in order.enumerated() {
      let fault = itself[i]
      guard fault.start < trial.measuredEnd else { continue }
      let others = itself.indices.filter { $0 != i }.map { itself[$0] } + earlier
      let recovered = baseline(windows, before: fault, others: others, all: itself)
        .flatMap { recovery(windows, after: fault, baseline: $0) }
      result[i].timeToRecover = recovered.map { $0 - fault.start }
      let end = max(fault.end, recovered ?? trial.measuredEnd)
      earlier.append(Disturbance(start: fault.start, end: end))

      let next = order[(place + 1)...].map { itself[$0].start }.first { $0 > fault.start }
      let recoveryEnd = min(recovered ?? trial.measuredEnd, (next ?? .max) - 1)
      result[i].outage = acknowledgements.longestGap(
        from: fault.start, startingUpTo: max(fault.end, recoveryEnd), end: trial.measuredEnd)
    }
    return result
  }

  /// Acknowledgements per window; nil if unknown or zero.
  private static func baseline(
    _ windows: [TimelineWindow], before fault: Disturbance, others: [Disturbance],
    all: [Disturbance]
  ) -> Double? {
    var chosen = windows.filter { window in
      window.start + window.length <= fault.start && !others.contains { $0.touches(window) }
    }
    if chosen.isEmpty {
      chosen = windows.filter { window in !all.contains { $0.touches(window) } }
    }
    let sum = chosen.reduce(0) { $0 + $1.ok }
    return sum > 0 ? Double(sum) / Double(chosen.count) : nil
  }

  /// When throughput was back.
  private static func recovery(
    _ windows: [TimelineWindow], after fault: Disturbance, baseline: Double
  ) -> Int64? {
    let enough = 0.9 * baseline
    guard let first = windows.firstIndex(where: { $0.start >= fault.start }) else { return nil }
    let dip =
      Double(windows[first].ok) < enough
      ? first
      : windows[first...].firstIndex { $0.start <= fault.end && Double($0.ok) < baseline / 2 }
    guard let dip else { return fault.start }
    var inARow = 0
    for i in windows[dip...].indices {
      inARow = Double(windows[i].ok) >= enough ? inARow + 1 : 0
      if inARow == windowsInARow { return windows[i - windowsInARow + 1].start }
    }
    return nil
  }
}
