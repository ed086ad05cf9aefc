import Histories
import Replication
import Trials

extension TrialMetrics {
  /// Sets the metrics that are counted over the due operations.
  mutating func countOperations(
    _ trial: TrialRecord, _ settings: MeasurementSettings,
    _ acknowledgements: (reads: Acknowledgements, writes: Acknowledgements)
  ) {
    /// Operations that were answered within the SLO's latency.
    var prompt = 0
    /// Operations that the end of the trial cut short before they could be late.
    var unjudged = 0
    for operation in trial.operations {
      guard operation.intended >= trial.warmUpEndNs, operation.intended < trial.measuredEndNs else {
        continue
      }
      due += 1
      let elapsed = operation.returned - operation.intended
      clientWait.record(operation.invoked - operation.intended)
      let kind = Int(operation.kind.rawValue)
      if latencyByKind[kind] == nil { latencyByKind[kind] = LatencyDistribution() }
      if operation.outcome == .ok {
        acknowledged += 1
        if elapsed <= settings.sloLatency.nanoseconds { prompt += 1 }
        latencyByKind[kind]!.record(answeredAfterNs: elapsed)
        continue
      }
      if operation.outcome == .failed { failed += 1 } else { unknown += 1 }
      if operation.returned >= trial.measuredEndNs {
        if elapsed < settings.sloLatency.nanoseconds { unjudged += 1 }
        latencyByKind[kind]!.record(openForNs: elapsed)
      } else {
        let ofClass =
          operation.kind.isRead ? acknowledgements.reads : acknowledgements.writes
        let served = ofClass.first(atOrAfter: operation.returned) ?? trial.measuredEndNs
        latencyByKind[kind]!.record(abandonedForNs: served - operation.intended)
      }
    }
    for kind in OperationKind.allCases {
      guard let distribution = latencyByKind[Int(kind.rawValue)] else { continue }
      latency.merge(distribution)
      if kind.isRead { readLatency.merge(distribution) } else { writeLatency.merge(distribution) }
    }
    let seconds = Double(trial.measuredEndNs - trial.warmUpEndNs) / 1e9
    if seconds > 0 { goodput = Double(max(0, prompt - (trial.lostWrites ?? 0))) / seconds }
    let unavailable =
      settings.isOpenLoop
      ? due > unjudged ? Double(due - unjudged - prompt) / Double(due - unjudged) : nil
      : trial.overdueShare(sloLatency: settings.sloLatency)
    if let unavailable {
      availability = 1 - unavailable
      availabilityWeight =
        settings.isOpenLoop ? Double(due - unjudged) : Double(trial.clients) * seconds
      nines = TrialMetrics.nines(availability: 1 - unavailable, operations: Double(due))
    }
  }
}
