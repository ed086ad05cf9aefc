import Experiments
import Measurement
import Replication

/// The comparison of a run as text for a terminal, or as JSON with the same content.
package struct ResultTable: Sendable {
  let outline: RunOutline
  let groups: [TrialGroup]
  /// The command that runs a trial again.
  let replay: @Sendable (FinishedTrial) -> String?

  /// The most rows shown of a large sweep: a screen or two.
  static let mostRows = 48

  /// - Parameters:
  ///   - trials: the finished ones, in any order.
  ///   - replay: the command that runs a trial again; shown for trials with a violation.
  package init(
    outline: RunOutline, trials: [FinishedTrial],
    replay: @escaping @Sendable (FinishedTrial) -> String? = { _ in nil }
  ) {
    self.outline = outline
    self.replay = replay
    groups = TrialGroup.groups(trials)
  }

  /// Blocks of aligned lines. Columns that do not fit into `width` move to a further block.
  /// Violations come last, so that they are seen.
  package func text(width: Int = 100, usesColor: Bool = false) -> String {
    guard !groups.isEmpty else { return "No trial was finished.\n" }
    let width = max(width, 40)
    let trials = isSingle ? "" : ", mean over trials"
    let blocks =
      [
        headline + "\n"
          + capped(overview, of: groups.count, width, "summary.csv", notes: overviewNotes),
        searchResults.flatMap { titled($0.title, $0.table.render(width: width)) },
        titled(
          "Latency in ms" + (isSingle ? "" : ", over the operations of all trials together"),
          capped(latency, of: groups.count, width, "summary.csv", notes: latencyNotes)),
        titled(
          "Faults\(trials)",
          faults.map { table in
            capped(table, of: table.rows.count, width, "faults.csv", notes: faultNotes)
          }),
        titled("Differences, better to worse", rankings),
      ]
      + referenceDifferences.map { title, table, notes in
        titled(
          title,
          capped(table, of: table.rows.count, width, "differences.csv", notes: { _ in notes }))
      }
      + dangerZones.map { title, table, notes in
        titled(
          title,
          table.map {
            capped($0, of: $0.rows.count, width, "severity.csv", notes: { _ in notes })
          } ?? notes.map { $0 + "\n" }.joined())
      }
      + [
        titled(
          "Expectations",
          isComplete ? text(of: ExpectedCondition.all(outline, groups.flatMap(\.trials))) : nil),
        titled("Undecided", explanations(.undecided)),
        titled(color("VIOLATED", usesColor), explanations(.violated)),
      ]
    return blocks.compactMap { $0 }.joined(separator: "\n")
  }

  private var headline: String {
    let finished = groups.reduce(0) { $0 + $1.trials.count }
    let trials =
      isComplete ? trialsEach : "\(finished) of \(outline.places.count) trials finished"
    let hasIntervals = groups.contains { $0.trials.count > 1 }
    let numbers = hasIntervals ? ": mean ± distance to the farther end of its 95 % interval" : ""
    return "\(outline.name), seed \(outline.seed), \(trials)\(numbers)"
  }

  /// The expected conditions are judged only if the run is complete.
  var isComplete: Bool { outline.isComplete(groups.flatMap(\.trials)) }

  /// `5 trials each`; with a stopping rule `5 to 12 trials each`.
  private var trialsEach: String {
    let counts = groups.map(\.trials.count)
    let (least, most) = (counts.min() ?? 0, counts.max() ?? 0)
    let range = least == most ? "\(most)" : "\(least) to \(most)"
    let rule =
      outline.stopping.isEmpty
      ? "" : " (until " + outline.stopping.map(\.text).joined(separator: ", ") + ")"
    return "\(range) \(most == 1 ? "trial" : "trials") each\(rule)"
  }

  var isSingle: Bool { outline.trials == 1 }

  /// The first rows of a table, a reference to the file with the others, and notes on the cells.
  private func capped(
    _ table: TextTable, of count: Int, _ width: Int, _ file: String,
    notes: (TextTable) -> [String] = { _ in [] }
  ) -> String {
    var table = table
    table.rows = Array(table.rows.prefix(ResultTable.mostRows))
    var notes = notes(table)
    let omitted = count - table.rows.count
    if omitted > 0 {
      notes.insert("(\(omitted) more rows are left out: see \(file))", at: 0)
    }
    return table.render(width: width) + notes.map { $0 + "\n" }.joined()
  }

  /// Explains the cells that occur in the first table.
  private func overviewNotes(_ table: TextTable) -> [String] {
    let cells = table.rows.flatMap { $0.dropFirst(keyHeadings.count) }
    var notes: [String] = []
    if cells.contains("-") { notes.append("-: does not apply, or did not happen in any trial") }
    if cells.contains(where: { $0.contains(" of ") && $0.hasSuffix(")") }) {
      notes.append("(2 of 3): only so many trials have a value, and the mean is over those")
    }
    if groups.contains(where: { group in group.trials.contains { !$0.faults.isEmpty } }) {
      notes.append(
        "outage ms: longest of the trial, of reads or writes; recover ms: slowest fault")
    }
    return notes
  }

  private func titled(_ title: String, _ body: String?) -> String? {
    body.map { title + "\n" + $0 }
  }

  private func color(_ text: String, _ usesColor: Bool) -> String {
    usesColor ? "\u{1B}[1;31m\(text)\u{1B}[0m" : text
  }

  var keyHeadings: [TextTable.Heading] {
    [.init(text: "protocol", alignment: .left)]
      + outline.sweepPaths.map { .init(text: $0, alignment: .right) }
  }

  private typealias TableColumn = (heading: String, cell: (TrialGroup) -> String)

  private func table(_ columns: [TableColumn]) -> TextTable {
    var table = TextTable(
      headings: keyHeadings + columns.map { .init(text: $0.heading) }, keyCount: keyHeadings.count)
    // A row costs bootstraps, so rows that are not shown are not computed.
    table.rows = groups.prefix(ResultTable.mostRows).map { group in
      outline.key(group.place) + columns.map { $0.cell(group) }
    }
    return table
  }

  private var overview: TextTable {
    func mean(_ metric: String, decimals: Int) -> (TrialGroup) -> String {
      { DecimalText.table($0.estimate(metric).mean, decimals: decimals) ?? "-" }
    }
    return table(
      [
        ("verdict", { $0.verdictText }),
        ("ops/s", { $0.text("throughput") }),
        ("avail %", { DecimalText.percent(PooledTrials($0.trials).availability) ?? "-" }),
        ("outage ms", { $0.text("longest_outage_ms") }),
        ("recover ms", { $0.text("time_to_recover_ms") }),
        ("msgs/op", mean("messages_per_op", decimals: 2)),
        ("bytes/op", mean("bytes_per_op", decimals: 0)),
      ] + (showsLostWrites ? [("lost writes", { $0.lostWritesText })] : []))
  }

  /// True if a replica was killed or a write was lost.
  private var showsLostWrites: Bool {
    groups.contains { group in
      group.trials.contains { trial in
        trial.faults.contains { $0.kind == "crash" } || (trial.metric("lost_writes") ?? 0) > 0
      }
    }
  }

  /// Columns for reads, then for writes; only the first column of each says which.
  private var latency: TextTable {
    let shown = MetricColumn.latencyPercentiles.filter { $0.percentile < 100 }
    var table = TextTable(
      headings: keyHeadings
        + PooledColumn.latencies.prefix(2).flatMap { operation, _ in
          shown.map { column in
            let label = "p\(DecimalText.text(column.percentile))"
            return .init(text: column.label == "p50" ? "\(operation) \(label)" : label)
          }
        }, keyCount: keyHeadings.count)
    table.rows = groups.prefix(ResultTable.mostRows).map { group in
      let pooled = PooledTrials(group.trials)
      return outline.key(group.place)
        + [pooled.read, pooled.write].flatMap { latency in
          shown.map { ResultTable.text(latency, $0.percentile) }
        }
    }
    return table
  }

  /// `≥ 12.3*`: a lower bound, from few operations.
  static func text(_ latency: LatencyDistribution, _ percentile: Double) -> String {
    guard let value = latency.percentile(percentile) else { return "-" }
    let isResolved = Histogram.isResolved(percentile: percentile, count: latency.count)
    return (value.isLowerBound ? "≥ " : "") + milliseconds(value.time.microseconds)
      + (isResolved ? "" : "*")
  }

  private func latencyNotes(_ table: TextTable) -> [String] {
    let cells = table.rows.flatMap { $0.dropFirst(keyHeadings.count) }
    var notes: [String] = []
    if cells.contains(where: { $0.hasPrefix("≥") }) {
      notes.append("≥: so many operations had no answer that the percentile is at least this")
    }
    if cells.contains(where: { $0.hasSuffix("*") }) {
      notes.append("*: fewer than 10 operations are slower, so that chance decides the percentile")
    }
    return notes
  }

  /// About three significant digits.
  static func milliseconds(_ microseconds: Double?) -> String {
    guard let microseconds else { return "-" }
    let value = microseconds / 1000
    let decimals = value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3
    return DecimalText.table(value, decimals: decimals) ?? "-"
  }
}

extension TrialGroup {
  /// Mean and the distance to the farther end of its interval: `456 ±6`. If not every trial has the
  /// metric: `456 (2 of 3)`, because the interval would hide the missing values.
  fileprivate func text(_ metric: String) -> String {
    let estimate = estimate(metric)
    guard let mean = DecimalText.table(estimate.mean, decimals: 0) else { return "-" }
    guard estimate.count == trials.count else {
      return "\(mean) (\(estimate.count) of \(trials.count))"
    }
    let decimals = mean.split(separator: ".").dropFirst().first?.count ?? 0
    guard let margin = DecimalText.table(estimate.margin, decimals: decimals) else { return mean }
    return "\(mean) ±\(margin)"
  }

  /// A history without an acknowledgement contradicts no promise, but also confirms none.
  fileprivate var verdictText: String {
    switch verdict {
    case .violated: return "VIOLATED"
    case .linearizable, .sequential, .eventual:
      let isEmpty = trials.allSatisfy { $0.metric("acknowledged") == 0 }
      return verdict.rawValue + (isEmpty ? " (nothing acknowledged)" : "")
    case .unchecked, .undecided: return verdict.rawValue
    }
  }

  /// The sum over the trials in which the number is known.
  fileprivate var lostWritesText: String {
    let known = trials.compactMap { $0.metric("lost_writes") }
    guard !known.isEmpty else { return "-" }
    let sum = DecimalText.text(known.reduce(0, +))
    return known.count == trials.count ? sum : "\(sum) (\(known.count) of \(trials.count))"
  }
}
