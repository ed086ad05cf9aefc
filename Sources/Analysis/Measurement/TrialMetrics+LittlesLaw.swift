import Histories
import Replication
import Trials

/// Little's law (Little 1961): the mean number of operations under way is their rate times the mean
/// time that each takes. Multiplied by the length of the interval, it says that the time that
/// clients were busy, summed over clients, is the sum of the operations' times.
///
/// The driver counts the first as operations begin and end (`TrialRecord.busyTime`); the second is
/// taken from the latencies that the trial reports. The law holds exactly, because the parts of
/// operations outside of the interval are taken from the history.
extension TrialMetrics {
  /// A sentence about the first broken rule; nil if all hold, or if the record lacks the clients'
  /// time.
  func brokenLittlesLaw(in trial: TrialRecord, pause: Interval?) -> String? {
    for histogram in [latency.answered, latency.open, latency.abandoned, clientWait] {
      guard let histogram, !histogram.canHaveItsSum else { continue }
      return "latencies of \(histogram.sum / 1e9) s in all are not those in the buckets of their "
        + "histogram"
    }
    guard let busy = trial.busyTime, trial.measuredEndNs > trial.warmUpEndNs else { return nil }
    let times = operationTimes(in: trial)
    let abandoned = latency.abandoned?.sum ?? 0
    if abandoned < Double(times.abandonedNs) * (1 - 1e-9) {
      return "operations that were given up had waited for \(Double(times.abandonedNs) / 1e9) s in "
        + "all, but count with \(abandoned / 1e9) s"
    }
    let reported = latency.answered.sum + (latency.open?.sum ?? 0)
    let operations = reported - clientWait.sum + Double(times.otherNs)
    let busyNs = Double(busy.nanoseconds)
    if abs(operations - busyNs) > 1 + 1e-9 * (reported + clientWait.sum) {
      return "clients were busy for \(busy.seconds) s in all, but the latencies show operations of "
        + "\(operations / 1e9) s"
    }
    return brokenClosedLoop(in: trial, busyNs: busyNs, pause: pause)
  }

  /// The times of operations, in nanoseconds.
  /// - `otherNs`: what has to be added to the reported latencies, less the time that operations
  ///   waited for a client, to get the time of all operations in the measured interval: operations
  ///   that were not due in it, those that were given up, and, negative, the parts of the due ones
  ///   after its end.
  /// - `abandonedNs`: how long due operations waited until they were given up.
  private func operationTimes(in trial: TrialRecord) -> (otherNs: Int64, abandonedNs: Int64) {
    let (start, end) = (trial.warmUpEndNs, trial.measuredEndNs)
    var (other, abandoned) = (Int64(0), Int64(0))
    for operation in trial.operations {
      let (due, begin, returned) = (operation.intended, operation.invoked, operation.returned)
      other &+= max(0, min(returned, end) - max(begin, start))
      guard due >= start, due < end else { continue }
      if operation.outcome == .ok || returned >= end {
        other &-= returned - begin
      } else {
        other &+= begin - due
        abandoned &+= returned - due
      }
    }
    return (other, abandoned)
  }

  /// The law for the clients themselves, who are always either busy or pausing.
  /// - Parameter pause: how long every client pauses after each operation; nil if that varies.
  private func brokenClosedLoop(
    in trial: TrialRecord, busyNs: Double, pause: Interval?
  ) -> String? {
    let clients = Double(trial.clients)
    let measuredNs = Double(trial.measuredEndNs - trial.warmUpEndNs)
    let idleNs = clients * measuredNs - busyNs
    if idleNs < -1 {
      return "\(trial.clients) clients were busy for \(busyNs / 1e9) s in all, although each had "
        + "only the \(measuredNs / 1e9) s of the measured interval"
    }
    guard let pause else { return nil }
    let pauseNs = Double(pause.nanoseconds)
    let ended = timeline.windows.reduce(0) { $0 + $1.ok + $1.failed + $1.unknown }
    // One pause of each client may have begun before the interval, and one may end after it.
    // Clients begin within the trial's first millisecond.
    let late = clients * Double(max(0, 1_000_000 - trial.warmUpEndNs))
    let pausesNs = Double(ended) * pauseNs
    if idleNs < pausesNs - clients * pauseNs - 1 || idleNs > pausesNs + clients * pauseNs + late + 1
    {
      return "\(trial.clients) clients were not busy for \(idleNs / 1e9) s in all, but paused for "
        + "\(pauseNs / 1e9) s after each of \(ended) operations"
    }
    return nil
  }
}

extension Histogram {
  /// Whether the sum of the values, from which the mean is computed, is possible with the counts in
  /// the buckets, from which percentiles are computed. The width of a bucket is at most 0.1 % of
  /// its values.
  var canHaveItsSum: Bool {
    guard count > 0 else { return sum == 0 }
    var (low, high) = (0.0, 0.0)
    for (bucket, n) in counts.enumerated() where n > 0 {
      let end = bucket == Histogram.buckets - 1 ? most : Histogram.upperEnd(of: bucket)
      let start = bucket == 0 ? 0 : Histogram.upperEnd(of: bucket - 1) + 1
      low += Double(n) * Double(max(start, least))
      high += Double(n) * Double(min(end, most))
    }
    return low * (1 - 1e-9) <= sum && sum <= high * (1 + 1e-9)
  }
}
