import Measurement

/// The effect of one fault, over the trials of one protocol at one sweep point. A fault that all
/// trials have in common (same kind, target and planned start) has a summary of its own. Other
/// faults are summarised by kind and target: those drawn at random for each trial, and those of a
/// kind that comes many times in a trial, as with chaos.
struct FaultSummary {
  var kind: String
  var target: String
  /// The fault's name in the experiment; empty if it has none.
  var name = ""
  /// The planned start; nil if the faults of the row have several planned starts.
  var plannedNs: Int64?
  var rows: [FaultRow] = []
  /// The number of recoveries that had not ended when the next fault of their trial began.
  var cutShortCount: Int { rows.count { $0.recovery == .cutShort } }
  /// The times to recover of the faults that recovered.
  private var recoveries: [Int64] { rows.compactMap(\.timeToRecoverNs) }

  /// Up to this number of faults of one kind and target in a trial have a line each.
  static let mostAlike = 4

  private struct Key: Hashable {
    var kind: String
    var target: String
    var name: String
    var plannedNs: Int64?

    /// - Parameter isAlone: whether the key is for the faults at this time only.
    init(_ row: FaultRow, isAlone: Bool) {
      kind = row.kind
      target = row.target
      name = row.name ?? ""
      plannedNs = isAlone ? row.plannedNs : nil
    }
  }

  /// In order of first appearance.
  static func all(_ trials: [FinishedTrial]) -> [FaultSummary] {
    var appearances: [Key: Int] = [:]
    var frequent: Set<Key> = []
    for trial in trials {
      var alike: [Key: Int] = [:]
      for row in trial.faults {
        alike[Key(row, isAlone: false), default: 0] += 1
      }
      frequent.formUnion(alike.filter { $0.value > mostAlike }.keys)
      for key in Set(trial.faults.map { Key($0, isAlone: true) }) {
        appearances[key, default: 0] += 1
      }
    }
    var order: [Key: Int] = [:]
    var result: [FaultSummary] = []
    for trial in trials {
      for row in trial.faults {
        let general = Key(row, isAlone: false)
        var key = Key(row, isAlone: true)
        if appearances[key] != trials.count || frequent.contains(general) { key = general }
        let index = order[key] ?? result.count
        if index == result.count {
          order[key] = index
          result.append(
            FaultSummary(
              kind: row.kind, target: row.target, name: key.name, plannedNs: key.plannedNs))
        }
        result[index].rows.append(row)
      }
    }
    return result
  }

  /// `crash leader @5s`, or `crash leader` for several times. A name replaces kind and target.
  var label: String {
    let action = target.isEmpty ? kind : "\(kind) \(target)"
    let name = self.name.isEmpty ? action : self.name
    guard let plannedNs else { return name }
    return "\(name) @\(DecimalText.text(Double(plannedNs) / 1e9, digits: 4))s"
  }

  /// Mean of the longer of the read and write outages, ms; nil if no trial has one.
  var outage: Double? { FaultSummary.mean(rows.compactMap(\.outageNs)) }

  /// The longest outage, ms.
  var worstOutage: Double? { rows.compactMap(\.outageNs).max().map { Double($0) / 1e6 } }

  /// Mean time to recover, ms, over the faults after which throughput recovered before the next
  /// fault.
  var timeToRecover: Double? { FaultSummary.mean(recoveries) }

  /// The number of faults after which throughput recovered before the next fault.
  var recoveredCount: Int { recoveries.count }

  /// For the table: `530.0`, `530.0 (3 of 5)`, `530.0 (2 of 5, 1 never, 2 cut short)`, `cut short`,
  /// `never`, `unknown`, or `-` if no fault was measured. For faults at several times the count is
  /// always shown.
  var recoveryText: String {
    func count(_ recoveries: FaultMetrics.Recovery?..., word: String) -> String? {
      let number = rows.count { recoveries.contains($0.recovery) }
      return number > 0 ? "\(number) \(word)" : nil
    }
    let cut = count(.cutShort, word: "cut short")
    let unknown = count(.unknown, word: "unknown")
    guard let text = DecimalText.fixed(timeToRecover, decimals: 1) else {
      let words = Set(rows.map(\.recovery))
      if words == [nil] { return "-" }
      if words == [.cutShort] { return "cut short" }
      if words.isSubset(of: [.unknown, .cutShort]) {
        return cut.map { "unknown (\($0))" } ?? "unknown"
      }
      let never = words.contains(.metastable) ? "metastable" : "never"
      let others = [cut, unknown].compactMap { $0 }
      return others.isEmpty ? never : "\(never) (\(others.joined(separator: ", ")))"
    }
    if plannedNs != nil, recoveredCount == rows.count { return text }
    let counts = [
      "\(recoveredCount) of \(rows.count)", count(.never, .metastable, word: "never"), cut, unknown,
    ].compactMap { $0 }
    return "\(text) (\(counts.joined(separator: ", ")))"
  }

  private static func mean(_ values: [Int64]) -> Double? {
    guard !values.isEmpty else { return nil }
    return values.reduce(0) { $0 + Double($1) } / Double(values.count) / 1e6
  }
}
