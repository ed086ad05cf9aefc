/// What one fault did, over the trials of one protocol at one sweep point. A fault that all trials have
/// alike, by kind, target and planned start, stands for itself; the others (those of chaos) are taken together
/// by kind and target.
struct FaultSummary {
  var kind: String
  var target: String
  /// When it was to begin; nil if the faults of the row were to begin at several times.
  var plannedNs: Int64?
  var rows: [FaultRow]

  private struct Key: Hashable {
    var kind: String
    var target: String
    var plannedNs: Int64?
  }

  /// In order of first appearance.
  static func all(_ trials: [FinishedTrial]) -> [FaultSummary] {
    var appearances: [Key: Int] = [:]
    for trial in trials {
      for key in Set(
        trial.faults.map { Key(kind: $0.kind, target: $0.target, plannedNs: $0.plannedNs) })
      {
        appearances[key, default: 0] += 1
      }
    }
    var order: [Key: Int] = [:]
    var result: [FaultSummary] = []
    for row in trials.flatMap(\.faults) {
      var key = Key(kind: row.kind, target: row.target, plannedNs: row.plannedNs)
      if appearances[key] != trials.count { key.plannedNs = nil }
      if let index = order[key] {
        result[index].rows.append(row)
      } else {
        order[key] = result.count
        result.append(
          FaultSummary(kind: row.kind, target: row.target, plannedNs: key.plannedNs, rows: [row]))
      }
    }
    return result
  }

  /// `crash leader @5s`, or `crash leader` for several times.
  var label: String {
    let name = target.isEmpty ? kind : "\(kind) \(target)"
    guard let plannedNs else { return name }
    return "\(name) @\(DecimalText.time(plannedNs, exponent: 9))s"
  }

  /// Mean, ms; nil if no trial can tell.
  var outage: Double? { FaultSummary.mean(rows.compactMap(\.outageNs)) }

  /// Mean over the faults after which throughput came back, ms.
  var timeToRecover: Double? { FaultSummary.mean(rows.compactMap(\.timeToRecoverNs)) }

  /// After how many of them it came back.
  var recoveredCount: Int { rows.count { $0.timeToRecoverNs != nil } }

  /// For the table: `530.0`, `530.0 (3 of 5)`, or `never`. Of faults at several times the count is
  /// always told.
  var recoveryText: String {
    guard let text = DecimalText.fixed(timeToRecover, decimals: 1) else { return "never" }
    let isPlain = plannedNs != nil && recoveredCount == rows.count
    return isPlain ? text : "\(text) (\(recoveredCount) of \(rows.count))"
  }

  private static func mean(_ values: [Int64]) -> Double? {
    guard !values.isEmpty else { return nil }
    return values.reduce(0) { $0 + Double($1) } / Double(values.count) / 1e6
  }
}
