import Replication

extension TrialMetrics {
  /// Checks that the metrics agree with each other; returns a sentence about the first broken rule,
  /// nil if all hold. The rules compare numbers that are counted in different ways, so a broken
  /// rule shows a bug in this program.
  /// - Parameter measured: the length of the measured interval.
  package func brokenInvariant(over measured: Interval) -> String? {
    let seconds = measured.seconds
    let answered = timeline.windows.reduce(0) { $0 + $1.ok }
    if let throughput, abs(throughput * seconds - Double(answered)) > 0.5 {
      return
        "throughput is \(throughput)/s, but the windows of \(seconds) s hold \(answered) answers"
    }
    let cameDue = timeline.windows.reduce(0) { $0 + $1.due }
    if cameDue != due {
      return "\(due) operations were due, but the windows hold \(cameDue)"
    }
    if acknowledged + failed + unknown != due {
      return
        "\(due) operations were due, but \(acknowledged) were acknowledged, \(failed) failed and "
        + "\(unknown) are unknown"
    }
    if latency.answered.count != acknowledged || latency.count != due {
      return "\(acknowledged) of \(due) due operations were acknowledged, but latencies are of "
        + "\(latency.answered.count) of \(latency.count)"
    }
    if let availability, !(0...1).contains(availability) {
      return "availability is \(availability)"
    }
    return nil
  }
}
