import Histories
import Primitives
import Trials

/// Finds from the windows of a trial when throughput fell short of the expected throughput, and
/// when it had recovered.
///
/// The expected acknowledgements of a window are, in an open loop, the operations that came due in
/// it, and in a closed loop, the mean of undisturbed windows. If an open loop was not served
/// completely even in undisturbed windows (because the load exceeds the service's capacity), the
/// due operations are multiplied by the share that was served there.
///
/// A window is *short* if the acknowledgements from its start on, over some number of windows that
/// hold up to `most` expected operations together, are below 90 % of the expected ones by more than
/// three standard deviations of a Poisson count. At 100 operations per second this needs 300 ms
/// without an answer; at 5,000 per second a single window of 100 ms with three quarters of the
/// answers is enough. In a closed loop the counts vary with the times of the service, such as those
/// of its disk, and by more than a Poisson count does if each disk write answers many operations.
/// There the deviation is the larger one of the two: that of undisturbed windows counts.
struct ThroughputRecovery {
  private let windows: ArraySlice<TimelineWindow>
  /// Expected acknowledgements per window, or per operation that came due.
  private let expectation: Double
  private let countsDue: Bool
  /// The variance of the expectation, as a share of its square.
  private let variance: Double
  /// The variance of the counts of windows, as a multiple of that of a Poisson count.
  private let dispersion: Double

  static let most = 400.0
  /// With fewer expected operations, not even 0 answers would count as short.
  static let least = 12.0
  static let leastWindows = 5

  /// nil if recovery cannot be judged, because there is no undisturbed throughput to compare with.
  /// - Parameters:
  ///   - windows: of full length.
  ///   - undisturbed: the windows to compare with.
  init?(_ windows: ArraySlice<TimelineWindow>, undisturbed: [TimelineWindow], isOpenLoop: Bool) {
    self.windows = windows
    countsDue = isOpenLoop
    let ok = Double(undisturbed.reduce(0) { $0 + $1.ok })
    let due = Double(undisturbed.reduce(0) { $0 + $1.due })
    if isOpenLoop {
      guard windows.contains(where: { $0.due > 0 }) else { return nil }
      expectation = due > 0 ? min(1, ok / due) : 1
      // The number of due operations is counted and not estimated, so it has no variance.
      variance = expectation < 1 && ok > 0 ? 1 / ok : 0
      dispersion = 1
      if expectation == 0 { return nil }
    } else {
      guard ok > 0 else { return nil }
      let mean = ok / Double(undisturbed.count)
      let squares = undisturbed.reduce(0) { $0 + (Double($1.ok) - mean) * (Double($1.ok) - mean) }
      expectation = mean
      dispersion = max(1, squares / Double(max(undisturbed.count - 1, 1)) / mean)
      variance = dispersion / ok
    }
  }

  func expected(_ window: TimelineWindow) -> Double {
    countsDue ? expectation * Double(window.due) : expectation
  }

  enum Outcome: Equatable {
    /// Throughput was never short.
    case undisturbed
    /// Throughput was short in these windows and had recovered after them.
    case back(Range<Int>)
    /// Throughput was short in these windows and had not recovered by the last window.
    case short(Range<Int>)

    /// The windows in which throughput was short.
    var shortWindows: Range<Int> {
      switch self {
      case .undisturbed: 0..<0
      case .back(let windows), .short(let windows): windows
      }
    }
  }

  /// - Parameters:
  ///   - start: the first window that is examined contains this time.
  ///   - lastStart: a shortfall must begin in a window that starts by this time.
  ///   - end: windows that end later are ignored.
  func outcome(after start: Int64, dippingUpTo lastStart: Int64, before end: Int64) -> Outcome {
    var first = windows.startIndex
    while first < windows.endIndex, windows[first].startNs + windows[first].lengthNs <= start {
      first += 1
    }
    var last = windows.endIndex
    while last > first, windows[last - 1].startNs + windows[last - 1].lengthNs > end { last -= 1 }
    var dip = first
    while true {
      guard dip < last, windows[dip].startNs <= lastStart else { return .undisturbed }
      if isShort(windows[dip..<last]) { break }
      dip += 1
    }
    for i in (dip..<last).dropFirst() {
      let rest = windows[i..<last]
      guard canTell(rest) else { break }
      let isSilent = rest[i].ok == 0 && expected(rest[i]) >= 3
      if !isSilent, !isShort(rest) { return .back(dip..<i) }
    }
    return .short(dip..<last)
  }

  /// When throughput was back: the time in the last of these short windows at which most
  /// acknowledgements were missing, compared with 90 % of the expected ones. Before it they fell
  /// behind, and from then on they no longer did. Without this step the result would be the end of
  /// a window, and depend on how the windows lie.
  /// - Parameter time: acknowledgements before it do not count.
  func end(ofShort short: Range<Int>, since time: Int64, of operations: [Operation]) -> Int64 {
    let last = windows[short.upperBound - 1]
    let (start, end) = (max(last.startNs, time), last.startNs + last.lengthNs)
    let rate = 0.9 * expected(last) / Double(last.lengthNs)
    let times =
      operations.filter {
        $0.outcome == .ok && $0.returned >= start && $0.returned < end
      }.map(\.returned).sorted() + [end]
    var worst = (missing: -Double.infinity, time: end)
    for (count, time) in times.enumerated() {
      let missing = rate * Double(time - start) - Double(count)
      if missing > worst.missing { worst = (missing, time) }
    }
    return worst.time
  }

  /// The number of missing acknowledgements in a range of windows.
  func missing(_ range: Range<Int>) -> Double {
    windows[range].reduce(0) { $0 + expected($1) - Double($1.ok) }
  }

  private func isShort(_ windows: ArraySlice<TimelineWindow>) -> Bool {
    var sum = 0.0
    var ok = 0.0
    for window in windows {
      sum += 0.9 * expected(window)
      ok += Double(window.ok)
      let deviation = (sum * dispersion + sum * sum * variance).squareRoot()
      if ok < sum - 3 * deviation { return true }
      if sum >= 0.9 * ThroughputRecovery.most { return false }
    }
    return false
  }

  /// Whether the windows hold enough expected operations to decide if they are short.
  private func canTell(_ windows: ArraySlice<TimelineWindow>) -> Bool {
    guard windows.count >= ThroughputRecovery.leastWindows else { return false }
    var sum = 0.0
    for window in windows {
      sum += expected(window)
      if sum >= ThroughputRecovery.least { return true }
    }
    return false
  }
}
