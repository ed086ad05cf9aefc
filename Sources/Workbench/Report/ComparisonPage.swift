import Measurement

/// The page that compares several runs.
struct ComparisonPage {
  let comparison: RunComparison

  private var runs: [RunData] { comparison.runs }
  private var base: RunData { runs[comparison.baseline] }

  var html: String {
    Document(
      title: "Comparison with \(base.label)", heading: "Comparison",
      subtitle: """
        <p class=question>\(others.count) \(others.count == 1 ? "run" : "runs") against <strong>\(base.label)</strong></p>
        """,
      filters: filters,
      sections: [
        Section(id: "answer", title: "The answer", content: answer),
        Section(
          id: "ratios", title: "Ratios", how: ComparisonPage.reading, content: charts),
        Section(
          id: "rows", title: "All rows",
          how:
            "A ratio in bold differs from 1 beyond chance; rows that are not ranked have none.",
          content: tables),
        Section(id: "run", title: "The runs", content: facts),
      ]
    ).html
  }

  private static let reading = """
    Each sign is a run's value divided by the baseline's, with its 95 % interval; an interval that \
    reaches over the line at 1 may be no difference, and its sign is pale. Above 1 is better only \
    for throughput and availability.
    """

  /// The colour of a run, from the colours that protocols have on other pages.
  private func slot(_ run: Int) -> Int { run % 12 }

  /// The number by which rows of a protocol are hidden; these numbers follow those of the runs.
  private func slot(of name: String) -> Int { 12 + (names.firstIndex(of: name) ?? 0) % 12 }

  private var names: [String] { Phrase.ordered(comparison.rows.map(\.name)) }

  private var others: [Int] { runs.indices.filter { $0 != comparison.baseline } }

  private var filters: HTML {
    let byRun = runs.indices.map { run -> HTML in
      """
      <label><input type=checkbox checked data-hide="\(slot(run))" value="\(runs[run].label)">\
      \(Legend.key(slot(run)))\(runs[run].label)</label>
      """
    }
    let byName = names.map { name -> HTML in
      """
      <label><input type=checkbox checked data-hide="\(slot(of: name))" value="\(name)">\(name)\
      </label>
      """
    }
    return (byRun + byName).joined()
  }

  // MARK: Words

  private var answer: HTML {
    var html: HTML = ""
    for run in [comparison.baseline] + others { html += verdicts(runs[run]) }
    html += settingsInWords
    let compared = comparison.ratios.contains { $0.p != nil }
    guard compared else {
      return html
        + """
        <p>With fewer than \(PairedDifference.leastPairs) trials no difference can be told from \
        chance.</p>
        """
    }
    for run in others {
      let different = comparison.ratios.filter { $0.run == run && $0.isDifferent }
      guard !different.isEmpty else {
        html += """
          <p><strong>\(runs[run].label)</strong>: no difference from \(base.label) can be told from \
          chance.</p>
          """
        continue
      }
      let lines = Metric.summarised.compactMap { metric -> HTML? in
        let here = different.filter { $0.metric.name == metric.name }
        guard !here.isEmpty else { return nil }
        return "<li><b>\(metric.title)</b>: \(comparison.list(here))"
      }
      html += """
        <p><strong>\(runs[run].label)</strong> differs from \(base.label) in \(different.count) of \
        \(comparison.ratios.count { $0.run == run }) numbers:</p>\
        <ul class=facts>\(lines.joined("\n"))</ul>
        """
    }
    return html
      + """
      <p class=muted>Ratios of the geometric means over trials. Trials of equal seeds are compared \
      pair by pair, others by Welch's t test, both of the logarithms, with Holm's correction over \
      the \(comparison.ratios.count { $0.p != nil }) comparisons on this page.</p>
      """
  }

  private func verdicts(_ run: RunData) -> HTML {
    let bad = run.groups.filter { !$0.isRanked }
    let all = run.trialCount
    guard !bad.isEmpty else {
      let words = Phrase.ordered(run.groups.flatMap(\.trials).map(\.verdict))
      return """
        <p class="verdict good"><strong>\(run.label)</strong>: all \(all) trials \
        \(Phrase.list(words))</p>
        """
    }
    let list = bad.map { group -> HTML in
      let point = run.pointName(group.point)
      return "\(group.name)\(point.isEmpty ? "" : " at \(point)") \(group.verdict)"
    }
    return """
      <p class="verdict bad"><strong>\(run.label)</strong>: \(Phrase.list(list)); not ranked</p>
      """
  }

  private var charts: HTML {
    Section.grid(
      Metric.summarised.compactMap { metric in
        RatioChart(comparison: comparison, metric: metric, slotOfRun: slot, slotOfName: slot(of:))
          .figure
      })
  }

  // MARK: Tables

  private var tables: HTML {
    let metrics = Metric.summarised.filter { metric in runs.contains { metric.isShown(in: $0) } }
    let heads = metrics.map { metric -> HTML in
      let unit: HTML = metric.quantity.unit.isEmpty ? "" : " <small>\(metric.quantity.unit)</small>"
      return "<th scope=col data-sort=number>\(metric.title)\(unit)"
    }
    let body = comparison.rows.enumerated().flatMap { row, key in
      runs.indices.compactMap { run in
        comparison.group(key, in: run).map { line($0, row, run, metrics) }
      }
    }
    return """
      <div class=scroll tabindex=0 role=region aria-label="All rows"><table class=summary id=all>\
      <caption>Means over trials, of latency those of the trials' own percentiles; below them the ratio to \(base.label) with its interval</caption>\
      <thead><tr><th scope=col data-sort=text>row<th scope=col data-sort=text>run\
      <th scope=col data-sort=text>verdict\(heads.joined())</thead><tbody>
      \(body.joined("\n"))</tbody></table></div>
      """
  }

  private func line(_ group: Group, _ row: Int, _ run: Int, _ metrics: [Metric]) -> HTML {
    let key = comparison.rows[row]
    let mark: HTML = group.isRanked ? "" : " class=unranked"
    let cells = metrics.map { metric -> HTML in
      guard let interval = group.interval(metric.name) else { return "<td class=n>-" }
      var note: HTML = ""
      if let ratio = comparison.ratio(metric, row: row, run: run) {
        note =
          ratio.isDifferent
          ? "<small><b>× \(ratio.phrase)</b></small>" : "<small>× \(ratio.phrase)</small>"
      }
      return """
        <td class=n data-v="\(Drawing.precise(interval.mean))">\
        \(interval.meanText(metric.quantity))\(note)
        """
    }
    return """
      <tr data-q="\(slot(of: key.name))" data-p="\(slot(run))"\(mark)><th scope=row>\(key.text)\
      <td class=l0>\(Legend.key(slot(run)))\(runs[run].label)\
      <td class="v \(group.isRanked ? "good" : "bad")">\(group.verdict)\(cells.joined())
      """
  }

  // MARK: Facts

  private static let facts = [
    "name", "seed", "runtime", "version", "git_revision", "toolchain", "host", "cores",
    "operating_system", "architecture", "processors_kept_awake", "started_at", "wall_time_s",
    "trials_finished",
  ]

  /// The settings in which the experiments differ, with the value of each run.
  private var settings: [[String]] {
    let paths = Phrase.ordered(runs.flatMap { $0.about.settings.map(\.path) })
    return paths.compactMap { path -> [String]? in
      let values = runs.map { run in
        run.about.settings.first { $0.path == path }?.value ?? "(default or absent)"
      }
      return Set(values).count > 1 ? [path] + values : nil
    }
  }

  /// More settings than this are a matter for the table.
  private static let mostSettings = 4

  /// Which settings the differences may come from.
  private var settingsInWords: HTML {
    let rows = settings.filter { !["seed", "trials"].contains($0[0]) }
    guard !rows.isEmpty else {
      return "<p>The experiments are the same, except for seed and number of trials.</p>"
    }
    let parts = rows.prefix(ComparisonPage.mostSettings).map { row -> HTML in
      let values = zip(runs, row.dropFirst()).map { run, value in
        "\(value.replacing("\"", with: "")) in \(run.label)" as HTML
      }
      return "<b>\(row[0])</b>: \(values.joined(", "))"
    }
    let more = rows.count - parts.count
    let rest: HTML = more > 0 ? "; \(more) more settings in the table below" : ""
    return
      "<p\(HTML.source("manifest.json"))>The experiments differ. \(parts.joined("; "))\(rest).</p>"
  }

  private var facts: HTML {
    var html =
      HTMLTable(
        caption: "What manifest.json says of each run",
        headings: ["fact"] + runs.map(\.label),
        rows: ComparisonPage.facts.map { fact in [fact] + runs.map { $0.about.manifest(fact) } }
      ).html
    let rows = settings
    html +=
      rows.isEmpty
      ? "<p>All runs are of the same experiment.</p>"
      : HTMLTable(
        caption: "What differs between the experiments", headings: ["setting"] + runs.map(\.label),
        rows: rows
      ).html
    return html
  }
}
