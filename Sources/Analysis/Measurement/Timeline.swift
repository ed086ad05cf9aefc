import Trials
import Histories

/// What happened in one window of the measured interval.
public struct TimelineWindow: Sendable, Equatable {
  /// Nanoseconds since the trial began.
  public var start: Int64
  /// Shorter than the others only in the last window.
  public var length: Int64
  /// Operations that came due in the window.
  public var due = 0
  /// Operations that were acknowledged, refused for good or given up in the window, whenever they
  /// were invoked.
  public var ok = 0
  public var failed = 0
  public var unknown = 0
  /// Latency from the intended time of the operations acknowledged in the window; nil without any.
  public var p50: Int64?
  public var p99: Int64?
  /// The replica in charge at the window's start.
  public var leader: Int?
  public var term: UInt64?
  /// How often a replica took charge after the window's start and no later than its end.
  public var leaderChanges = 0
  /// Whether any operation was due and not yet over at some time of the window.
  public var hadOutstanding = false
}

/// The measured interval [warm-up's end, measured end) cut into windows from its start on.
public struct Timeline: Sendable, Equatable {
  public let windowLength: Int64
  public private(set) var windows: [TimelineWindow]

  /// `window`: nanoseconds; anything below 1 counts as 1. A last window shorter than the others is
  /// kept.
  public init(_ trial: TrialRecord, window: Int64) {
    let length = max(window, 1)
    windowLength = length
    windows = []
    var start = trial.warmUpEnd
    while start < trial.measuredEnd {
      windows.append(
        TimelineWindow(start: start, length: min(length, trial.measuredEnd - start)))
      start += length
    }
    guard !windows.isEmpty else { return }
    count(trial)
    percentiles(trial)
    leaders(trial)
  }

  /// Windows of full length; rates are compared among these alone.
  var fullWindows: ArraySlice<TimelineWindow> {
    guard let last = windows.last else { return [] }
    return last.length < windowLength ? windows.dropLast() : windows[...]
  }

  private func index(_ time: Int64, _ trial: TrialRecord) -> Int? {
    guard time >= trial.warmUpEnd, time < trial.measuredEnd else { return nil }
    return Int((time - trial.warmUpEnd) / windowLength)
  }

  private mutating func count(_ trial: TrialRecord) {
    var change = [Int](repeating: 0, count: windows.count + 1)
    for operation in trial.operations {
      if let i = index(operation.intended, trial) { windows[i].due += 1 }
      if let i = index(operation.returned, trial) {
        switch operation.outcome {
        case .ok: windows[i].ok += 1
        case .failed: windows[i].failed += 1
        case .unknown: windows[i].unknown += 1
        }
      }
      guard operation.intended < trial.measuredEnd, operation.returned >= trial.warmUpEnd else {
        continue
      }
      change[index(max(operation.intended, trial.warmUpEnd), trial) ?? 0] += 1
      change[(index(operation.returned, trial) ?? windows.count - 1) + 1] -= 1
    }
    var outstanding = 0
    for i in windows.indices {
      outstanding += change[i]
      windows[i].hadOutstanding = outstanding > 0
    }
  }

  private mutating func percentiles(_ trial: TrialRecord) {
    var starts = [0]
    for window in windows { starts.append(starts[starts.count - 1] + window.ok) }
    var cursor = starts
    var latencies = [Int64](repeating: 0, count: starts[windows.count])
    for operation in trial.operations where operation.outcome == .ok {
      guard let i = index(operation.returned, trial) else { continue }
      latencies[cursor[i]] = operation.returned - operation.intended
      cursor[i] += 1
    }
    for i in windows.indices where windows[i].ok > 0 {
      latencies[starts[i]..<starts[i + 1]].sort()
      let n = windows[i].ok
      windows[i].p50 = latencies[starts[i] + Histogram.rank(50, of: n) - 1]
      windows[i].p99 = latencies[starts[i] + Histogram.rank(99, of: n) - 1]
    }
  }

  private mutating func leaders(_ trial: TrialRecord) {
    var position = 0
    var last: LeadershipSample?
    var inCharge: LeadershipSample?
    /// Goes on to the last sample at or before this time, and counts those in charge for the first
    /// time.
    func goOn(to time: Int64) -> Int {
      var changes = 0
      while position < trial.leadership.count, trial.leadership[position].time <= time {
        let sample = trial.leadership[position]
        position += 1
        last = sample
        guard sample.leader != nil else { continue }
        if inCharge?.leader != sample.leader || inCharge?.epoch != sample.epoch { changes += 1 }
        inCharge = sample
      }
      return changes
    }
    _ = goOn(to: trial.warmUpEnd)
    for i in windows.indices {
      windows[i].leader = last?.leader
      windows[i].term = last?.epoch
      windows[i].leaderChanges = goOn(to: windows[i].start + windows[i].length)
    }
  }
}
