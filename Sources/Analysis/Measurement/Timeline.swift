import Histories
import Replication
import Trials

/// Counts and latencies of one window of the measured interval.
package struct TimelineWindow: Sendable, Equatable {
  /// By the trial's clock.
  package var startNs: Int64
  /// Only the last window may be shorter than the others.
  package var lengthNs: Int64
  /// Operations that came due in the window.
  package var due = 0
  /// Operations that were acknowledged, certainly failed or were given up in the window, regardless
  /// of when they were invoked.
  package var ok = 0
  package var failed = 0
  package var unknown = 0
  /// Percentiles of the latency, from the intended time, of the operations acknowledged in the
  /// window; nil if there are none.
  package var p50Ns: Int64?
  package var p99Ns: Int64?
  /// The same of the reads and of the writes among them, which may differ much: the median of both
  /// together changes with every window's mix.
  package var reads = Percentiles()
  package var writes = Percentiles()
  /// The leader at the window's start, and its term, ballot or view.
  package var leader: Int?
  package var term: UInt64?
  /// How often a replica became leader after the window's start and not after its end.
  package var leaderChanges = 0
  /// Whether at some time in the window an operation was due and had not yet ended.
  package var hadOutstanding = false

  package struct Percentiles: Sendable, Equatable {
    package var p50Ns: Int64?
    package var p99Ns: Int64?

    init() {}

    /// - Parameter sorted: latencies in ascending order.
    init(_ sorted: ArraySlice<Int64>) {
      guard !sorted.isEmpty else { return }
      p50Ns = sorted[sorted.startIndex + Histogram.rank(50, of: sorted.count) - 1]
      p99Ns = sorted[sorted.startIndex + Histogram.rank(99, of: sorted.count) - 1]
    }
  }
}

/// The measured interval [warm-up's end, measured end), cut into windows of equal length.
package struct Timeline: Sendable, Equatable {
  let windowLength: Int64
  package private(set) var windows: [TimelineWindow]

  /// A window shorter than 1 ns counts as 1 ns. The last window may be shorter than the others.
  package init(_ trial: TrialRecord, window: Interval) {
    let length = max(window.nanoseconds, 1)
    windowLength = length
    windows = []
    var start = trial.warmUpEndNs
    while start < trial.measuredEndNs {
      windows.append(
        TimelineWindow(startNs: start, lengthNs: min(length, trial.measuredEndNs - start)))
      start += length
    }
    guard !windows.isEmpty else { return }
    count(trial)
    percentiles(trial)
    leaders(trial)
  }

  /// The windows of full length; only these are used to compare rates.
  var fullWindows: ArraySlice<TimelineWindow> {
    guard let last = windows.last else { return [] }
    return last.lengthNs < windowLength ? windows.dropLast() : windows[...]
  }

  private func index(_ time: Int64, _ trial: TrialRecord) -> Int? {
    guard time >= trial.warmUpEndNs, time < trial.measuredEndNs else { return nil }
    return Int((time - trial.warmUpEndNs) / windowLength)
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
      guard operation.intended < trial.measuredEndNs, operation.returned >= trial.warmUpEndNs else {
        continue
      }
      change[index(max(operation.intended, trial.warmUpEndNs), trial) ?? 0] += 1
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
    // In a window's part the reads are put in from the front and the writes from the back.
    var (front, back) = (Array(starts.dropLast()), Array(starts.dropFirst()))
    var latencies = [Int64](repeating: 0, count: starts[windows.count])
    for operation in trial.operations where operation.outcome == .ok {
      guard let i = index(operation.returned, trial) else { continue }
      if operation.kind.isRead {
        latencies[front[i]] = operation.returned - operation.intended
        front[i] += 1
      } else {
        back[i] -= 1
        latencies[back[i]] = operation.returned - operation.intended
      }
    }
    for i in windows.indices where windows[i].ok > 0 {
      let (reads, writes) = (starts[i]..<front[i], front[i]..<starts[i + 1])
      latencies[reads].sort()
      latencies[writes].sort()
      windows[i].reads = TimelineWindow.Percentiles(latencies[reads])
      windows[i].writes = TimelineWindow.Percentiles(latencies[writes])
      let all = starts[i]..<starts[i + 1]
      latencies[all].sort()
      let both = TimelineWindow.Percentiles(latencies[all])
      (windows[i].p50Ns, windows[i].p99Ns) = (both.p50Ns, both.p99Ns)
    }
  }

  private mutating func leaders(_ trial: TrialRecord) {
    var position = 0
    var last: LeadershipSample?
    var inCharge: LeadershipSample?
    /// Advances to the last sample at or before this time, and counts the changes of leader.
    func advance(to time: Int64) -> Int {
      var changes = 0
      while position < trial.leadership.count, trial.leadership[position].timeNs <= time {
        let sample = trial.leadership[position]
        position += 1
        last = sample
        guard sample.leader != nil else { continue }
        if inCharge?.leader != sample.leader || inCharge?.epoch != sample.epoch { changes += 1 }
        inCharge = sample
      }
      return changes
    }
    _ = advance(to: trial.warmUpEndNs)
    for i in windows.indices {
      windows[i].leader = last?.leader
      windows[i].term = last?.epoch
      windows[i].leaderChanges = advance(to: windows[i].startNs + windows[i].lengthNs)
    }
  }
}
