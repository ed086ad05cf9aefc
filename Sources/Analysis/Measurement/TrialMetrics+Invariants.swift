import Replication
import Trials

extension TrialMetrics {
  /// Checks that the metrics agree with each other; returns a sentence about the first broken rule,
  /// nil if all hold. The rules compare numbers that are counted in different ways, so a broken
  /// rule shows a bug in this program.
  /// - Parameters:
  ///   - trial: the trial of which these are the metrics.
  ///   - pause: how long every client of a closed loop pauses after each operation, at least 1 ns;
  ///     nil if that varies, and in an open loop.
  package func brokenInvariant(in trial: TrialRecord, pause: Interval? = nil) -> String? {
    let seconds = Double(trial.measuredEndNs - trial.warmUpEndNs) / 1e9
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
    return brokenLittlesLaw(in: trial, pause: pause)
      ?? TrialMetrics.exceededRate(of: trial.nodes)
  }

  /// A sentence about the first interface that handled more bytes than its rate allows; nil if none
  /// did.
  private static func exceededRate(of nodes: [NodeUsage]) -> String? {
    for node in nodes {
      for (verb, use) in [("sent", node.egress), ("received", node.ingress)] {
        guard let use, use.exceedsRate else { continue }
        return "the interface of node \(node.node) \(verb) \(use.bytes) bytes in "
          + "\(use.time.seconds) s, but its rate of \(Int64(use.rate)) bit/s allows only "
          + "\(Int64(use.mostBytes)) bytes"
      }
    }
    return nil
  }
}
