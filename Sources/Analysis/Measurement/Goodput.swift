import Histories
import Replication
import Trials

/// How many operations of an open loop were answered in time, by the window in which they were due.
///
/// A service is *metastable* after a fault (Bronson et al. 2021, "Metastable Failures in
/// Distributed Systems") if the cause is gone and the effect stays: its load is one that it has
/// borne before, but it is kept busy by what piled up, such as requests that are repeated faster
/// than answered.
struct Goodput {
  private let timeline: Timeline
  private let latency: Interval
  /// By window of the timeline.
  private var good: [Int]

  /// The shortest time after the end of a fault that says anything.
  static let leastRest = Interval.seconds(1)

  init(_ trial: TrialRecord, _ timeline: Timeline, within latency: Interval) {
    self.timeline = timeline
    self.latency = latency
    good = Array(repeating: 0, count: timeline.windows.count)
    for operation in trial.operations
    where operation.outcome == .ok && operation.returned - operation.intended <= latency.nanoseconds
    {
      let place = (operation.intended - trial.warmUpEndNs) / timeline.windowLength
      guard operation.intended >= trial.warmUpEndNs, place < good.count else { continue }
      good[Int(place)] += 1
    }
  }

  /// Whether less than half of what came due late after a fault was answered in time, although at
  /// least nine tenths were before it and not more than 5 % more came due.
  /// - Parameters:
  ///   - end: when the fault ended; the second half of the time from there to `limit` is judged.
  ///   - before: undisturbed windows.
  func staysLow(from end: Int64, to limit: Int64, since before: [TimelineWindow]) -> Bool {
    // What is due shortly before the limit may have been answered in time after it.
    let limit = limit - latency.nanoseconds
    guard limit - end >= Goodput.leastRest.nanoseconds, !before.isEmpty else { return false }
    let start = end + (limit - end) / 2
    let after = timeline.fullWindows.filter {
      $0.startNs >= start && $0.startNs + $0.lengthNs <= limit
    }
    guard !after.isEmpty else { return false }
    let (dueBefore, goodBefore) = count(before)
    let (dueAfter, goodAfter) = count(after)
    let rateBefore = Double(dueBefore) / Double(before.count)
    let rateAfter = Double(dueAfter) / Double(after.count)
    return dueAfter > 0 && rateAfter <= rateBefore * 1.05
      && Double(goodBefore) >= 0.9 * Double(dueBefore)
      && Double(goodAfter) < 0.5 * Double(dueAfter)
  }

  private func count(_ windows: some Sequence<TimelineWindow>) -> (due: Int, good: Int) {
    var sum = (due: 0, good: 0)
    for window in windows {
      let place = Int((window.startNs - timeline.windows[0].startNs) / timeline.windowLength)
      sum.due += window.due
      sum.good += good[place]
    }
    return sum
  }
}
