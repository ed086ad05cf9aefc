import Results

/// The windows of a group's trials as the points of a line.
///
/// If all trials have the same faults at the same times, a point is the median of the trials'
/// cells, between the lowest and the highest. If the faults were drawn at random, only the first
/// trial is shown, because a median over different sequences of events shows none of them.
struct TimeSeries {
  struct Spread {
    var low: Double
    var middle: Double
    var high: Double

    /// The median of an even number of values is the lower middle one, so that it is a cell of a
    /// file.
    init?(_ values: [Double]) {
      let sorted = values.sorted()
      guard let low = sorted.first, let high = sorted.last else { return nil }
      self.low = low
      self.high = high
      middle = sorted[(sorted.count - 1) / 2]
    }
  }

  struct Bin {
    var startMs: Double
    var endMs: Double
    var ok: Spread
    var rate: Spread
    /// By column (`Window.latencyColumns`), in µs.
    var latencies: [String: Double]
    var leaderChanges: Double

    var middleMs: Double { (startMs + endMs) / 2 }
  }

  private(set) var bins: [Bin] = []
  /// The number of windows in one point.
  let merged: Int
  let trialCount: Int
  let windowText: String

  var hasSpread: Bool { merged > 1 || trialCount > 1 }

  init(_ all: [Trial]) {
    let trials = TimeSeries.areAlike(all) ? all : Array(all.prefix(1))
    trialCount = trials.count
    let count = trials.map(\.windows.count).max() ?? 0
    merged = max(1, (count + TimelineChart.mostPoints - 1) / TimelineChart.mostPoints)
    windowText = DecimalText.text(trials.first?.windows.first?.lengthMs)
    for first in stride(from: 0, to: count, by: merged) {
      let windows = trials.flatMap { trial in
        trial.windows.dropFirst(first).prefix(merged)
      }
      // The first window shows the node in charge at the start, which was not elected in it.
      let changes = first == 0 ? 0 : windows.map(\.leaderChanges).max() ?? 0
      guard let start = windows.first, let last = windows.last,
        let ok = Spread(windows.map(\.ok)), let rate = Spread(windows.map(\.perSecond))
      else { continue }
      bins.append(
        Bin(
          startMs: start.startMs, endMs: last.startMs + last.lengthMs, ok: ok, rate: rate,
          latencies: TimeSeries.middles(windows), leaderChanges: changes))
    }
  }

  private static func middles(_ windows: [Window]) -> [String: Double] {
    var middles: [String: Double] = [:]
    for name in Window.latencyColumns {
      middles[name] = Spread(windows.compactMap { $0.latencies[name] })?.middle
    }
    return middles
  }

  /// Starts at most this far apart, in ms, come from the same plan carried out in real time.
  private static let sameStartMs = 250.0

  static func areAlike(_ trials: [Trial]) -> Bool {
    guard let first = trials.first else { return true }
    return trials.allSatisfy { trial in
      trial.faults.count == first.faults.count
        && zip(trial.faults, first.faults).allSatisfy { a, b in
          a.kind == b.kind && a.target == b.target
            && (a.startMs - b.startMs).magnitude <= sameStartMs
        }
    }
  }
}
