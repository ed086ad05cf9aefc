/// The blocks below the first two tables: faults, differences, what was violated or undecided.
extension ResultTable {
  /// One line per fault and protocol, faults first, so that the protocols stand below each other. Faults that are
  /// taken together also show how many they were and the worst of them.
  var faults: TextTable? {
    var lines: [(summary: FaultSummary, group: TrialGroup)] = []
    for point in outline.points.indices {
      var order: [String] = []
      var here: [String: [(FaultSummary, TrialGroup)]] = [:]
      for group in groups where group.place.point == point {
        for fault in FaultSummary.all(group.trials) {
          if here[fault.label] == nil { order.append(fault.label) }
          here[fault.label, default: []].append((fault, group))
        }
      }
      lines += order.flatMap { here[$0] ?? [] }
    }
    guard !lines.isEmpty else { return nil }
    let hasSeveral = lines.contains { $0.summary.plannedNs == nil }
    let headings = hasSeveral ? ["faults", "outage ms", "worst ms"] : ["outage ms"]
    var table = TextTable(
      headings: [.init(text: "fault", alignment: .left)] + keyHeadings
        + (headings + ["recover ms"]).map { .init(text: $0) }, keyCount: 1 + keyHeadings.count)
    table.rows = lines.map { fault, group in
      let outage = DecimalText.fixed(fault.outage, decimals: 1) ?? "-"
      let worst = DecimalText.fixed(fault.worstOutage, decimals: 1) ?? "-"
      let cells = hasSeveral ? [String(fault.rows.count), outage, worst] : [outage]
      return [fault.label] + outline.key(group.place) + cells + [fault.recoveryText]
    }
    return table
  }

  /// What the cells of the table mean, as far as they are there.
  func faultNotes(_ table: TextTable) -> [String] {
    let recoveries = table.rows.compactMap(\.last)
    var notes: [String] = []
    if recoveries.contains(where: { $0.contains("never") }) {
      notes.append("never: throughput was not back at the end of the trial")
    }
    if recoveries.contains(where: { $0.contains("cut short") }) {
      notes.append("cut short: the next fault began before throughput was back")
    }
    if recoveries.contains(where: { $0.contains(" of ") }) {
      notes.append("(2 of 3): throughput came back after so many of the faults; mean over those")
    }
    return notes
  }

  /// One line per sweep point and metric.
  var rankings: String? {
    if isSingle {
      let isComparison = outline.protocols.count > 1
      return isComparison ? "one trial each: no differences can be told from chance\n" : nil
    }
    let names = [
      "throughput": "throughput", "read_p99_us": "p99 latency of reads",
      "write_p99_us": "p99 latency of writes",
    ]
    var lines: [String] = []
    for point in outline.points.indices {
      let here = groups.filter { $0.place.point == point }
      for metric in Comparison.metrics {
        guard
          let ranking = Ranking(metric: metric, lowerIsBetter: metric != "throughput", here)
        else { continue }
        let values = zip(outline.sweepPaths, outline.points[point]).map { "\($0)=\($1)" }
        let place = values.isEmpty ? "" : " (" + values.joined(separator: ", ") + ")"
        lines.append("\(names[metric] ?? metric)\(place): \(ranking.text(outline, sign: ">"))\n")
      }
      // The comparisons of a point cost bootstraps: those that are not shown are not made.
      if lines.count >= ResultTable.mostRows, point + 1 < outline.points.count {
        let omitted = outline.points.count - point - 1
        lines.append("(\(omitted) more sweep points are left out: --format json has them)\n")
        break
      }
    }
    return lines.isEmpty ? nil : lines.joined()
  }

  static let mostExplanations = 8

  /// The trials with this verdict, each with its protocol, number and seed, why, and how to see it again.
  func explanations(_ word: TrialVerdict.Word) -> String? {
    let trials = groups.flatMap(\.trials).filter { $0.verdict.word == word }
    var parts = trials.prefix(ResultTable.mostExplanations).map { trial in
      let key = outline.key(trial.place).joined(separator: " ")
      let lines = trial.verdict.explanation.split(separator: "\n").map { "  \($0)\n" }
      let again = replay(trial).map { "  to replay: \($0)\n" } ?? ""
      return "\(key) trial \(trial.place.trial) (seed \(trial.seed))\n" + lines.joined() + again
    }
    let omitted = trials.count - parts.count
    if omitted > 0 { parts.append("(\(omitted) more trials are left out: see trials.csv)\n") }
    return parts.isEmpty ? nil : parts.joined()
  }
}
