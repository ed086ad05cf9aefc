import Measurement

/// The blocks below the first two tables: faults, differences, violated and undecided trials.
extension ResultTable {
  /// One line per fault and protocol, sorted by fault, so that the protocols stand below each
  /// other. A line that summarises several faults also shows their number and the worst of them.
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
    let headings = hasSeveral ? ["n", "mean outage ms", "worst"] : ["mean outage ms"]
    var table = TextTable(
      headings: [.init(text: "fault", alignment: .left)] + keyHeadings
        + (headings + ["mean recover ms"]).map { .init(text: $0) }, keyCount: 1 + keyHeadings.count)
    table.rows = lines.map { fault, group in
      let outage = DecimalText.fixed(fault.outage, decimals: 1) ?? "-"
      let worst = DecimalText.fixed(fault.worstOutage, decimals: 1) ?? "-"
      let cells = hasSeveral ? [String(fault.rows.count), outage, worst] : [outage]
      return [fault.label] + outline.key(group.place) + cells + [fault.recoveryText]
    }
    return table
  }

  /// Explains the cells that occur in the table.
  func faultNotes(_ table: TextTable) -> [String] {
    let recoveries = table.rows.compactMap(\.last)
    var notes: [String] = []
    if table.headings.contains(where: { $0.text == "n" }) {
      notes.append("n: how many such faults there were; worst: the longest outage, ms")
    }
    if recoveries.contains(where: { $0.contains("never") }) {
      notes.append("never: throughput was not back at the end of the trial")
    }
    if recoveries.contains(where: { $0.contains("metastable") }) {
      notes.append(
        "metastable: the fault was over and the load no higher than before it, but most operations "
          + "stayed late or without an answer")
    }
    if recoveries.contains(where: { $0.contains("cut short") }) {
      notes.append("cut short: the next fault began before throughput was back")
    }
    if recoveries.contains(where: { $0.contains("unknown") }) {
      notes.append("unknown: there was no time without a fault to compare with")
    }
    if recoveries.contains(where: { $0.contains(" of ") }) {
      notes.append("(2 of 3): throughput came back after so many of the faults; mean over those")
    }
    return notes
  }

  /// One line per sweep point and metric, and how they were compared.
  var rankings: String? {
    guard outline.protocols.count > 1, outline.search == nil else { return nil }
    let (rankings, omitted) = correctedRankings
    guard !rankings.isEmpty else { return nil }
    let comparisons = rankings.flatMap(\.ranking.comparisons)
    let made = comparisons.count { $0.corrected != nil }
    let trials = groups.map(\.trials.count).max() ?? 0
    let each = "\(trials) \(trials == 1 ? "trial" : "trials") each"
    guard made > 0 else {
      return
        "\(each): nothing is compared, because fewer than \(PairedDifference.leastPairs) trials "
        + "cannot tell a difference from chance\n"
    }
    // The level that Holm's correction demands of the next comparison.
    let open = comparisons.count { $0.corrected != nil && !$0.isDifferent }
    let level = PairedDifference.level / Double(max(open, 1))
    var lines = rankings.map { point, ranking in
      let values = zip(outline.sweepPaths, outline.points[point]).map { "\($0)=\($1)" }
      let place = values.isEmpty ? "" : " (" + values.joined(separator: ", ") + ")"
      return "\(ranking.metric.label)\(place): \(ranking.text(outline, level: level))"
    }
    if omitted > 0 {
      lines.append("(\(omitted) more sweep points are left out: --format json has them)")
    }
    let text = lines.joined()
    lines.append(
      "\(each), paired by number. >: better, by Student's t test of the paired differences")
    lines.append(
      "(availability: sign test) with Holm's correction over the \(made) comparisons here")
    if text.contains("~") { lines.append("~: may be equal") }
    if text.contains("~[") {
      lines[lines.count - 1] += "; ~[40]: about 40 trials would tell, at this difference and spread"
    }
    if text.contains("?") {
      lines.append(
        "?: not compared, because fewer than \(PairedDifference.leastPairs) pairs of trials have a value"
      )
    }
    return lines.map { $0 + "\n" }.joined()
  }

  /// The first rankings with their sweep points, corrected together, and the number of points left
  /// out. Comparisons that are not shown are not made.
  private var correctedRankings: (rankings: [(point: Int, ranking: Ranking)], omitted: Int) {
    var rankings: [(point: Int, ranking: Ranking)] = []
    var omitted = 0
    for point in outline.points.indices {
      let here = groups.filter { $0.place.point == point }
      rankings += ComparedMetric.all.compactMap { metric in
        Ranking(metric, here).map { (point, $0) }
      }
      if rankings.count >= ResultTable.mostRows {
        omitted = outline.points.count - point - 1
        break
      }
    }
    var comparisons = rankings.flatMap(\.ranking.comparisons)
    Comparison.correct(&comparisons)
    var rest = comparisons[...]
    for index in rankings.indices {
      let count = rankings[index].ranking.comparisons.count
      rankings[index].ranking.comparisons = Array(rest.prefix(count))
      rest = rest.dropFirst(count)
    }
    return (rankings, omitted)
  }

  static let mostExplanations = 8

  /// The trials with this verdict, each with its protocol, number, seed, explanation and replay
  /// command.
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
