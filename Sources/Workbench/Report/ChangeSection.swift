import Measurement

/// The change since an earlier run: the same rows of both runs, divided by each other.
struct ChangeSection {
  /// The run that the page is of, and what was found of an earlier one.
  let run: RunData
  let earlier: Earlier

  enum Earlier {
    case none
    /// An earlier run that cannot be compared, and the reason.
    case unusable(name: String, reason: String)
    case compared(RunComparison)
  }

  init(_ run: RunData, directory: String) {
    self.run = run
    guard let path = Predecessor.directory(of: directory, run.about) else {
      earlier = .none
      return
    }
    do throws(ReportError) {
      let before = try RunData(directory: path)
      earlier = .compared(try RunComparison([before, run], baseline: 0))
    } catch {
      earlier = .unusable(name: "\(run.about.name)", reason: "\(error)")
    }
  }

  var html: HTML {
    switch earlier {
    case .none:
      return """
        <p>There is no earlier run to compare with: the directory of this run has no other finished \
        run of \(run.about.name) that was started before it. <code>rsmbench report DIR DIR</code> \
        compares any two runs.</p>
        """
    case .unusable(let name, let reason):
      return "<p>An earlier run of \(name) is there but cannot be compared: \(reason).</p>"
    case .compared(let comparison):
      return compared(comparison)
    }
  }

  // MARK: Compared with an earlier run

  private func compared(_ comparison: RunComparison) -> HTML {
    let before = comparison.runs[0]
    let figures = Metric.summarised.compactMap { metric in
      RatioChart(
        comparison: comparison, metric: metric,
        slotOfRun: { _ in Palette.size - 1 }, slotOfName: { palette.slot(of: $0) }
      ).figure
    }
    return """
      <p>The run before this one, in the same directory, is <strong>\(before.label)</strong>\
      \(before.about.isRealTime ? ", started \(before.about.manifest("started_at"))" : "").</p>
      \(verdicts(comparison))\(result(comparison))\(rows(comparison))\(settings(before))
      \(Section.grid(figures))
      """
  }

  private var palette: Palette { Palette(run.protocols) }

  private func result(_ comparison: RunComparison) -> HTML {
    let count = comparison.ratios.count { $0.p != nil }
    guard count > 0 else {
      return """
        <p>With fewer than \(PairedDifference.leastPairs) trials a side no change can be told from \
        chance.</p>
        """
    }
    let how: HTML =
      comparison.isPaired
      ? "trials of equal seeds, pair by pair" : "trials of other seeds, by Welch's t test"
    let different = comparison.ratios.filter(\.isDifferent)
    guard !different.isEmpty else {
      let same = comparison.ratios.allSatisfy { $0.value == 1 }
      return """
        <p><strong>Nothing changed</strong> beyond chance: none of the \(count) ratios (\(how)) \
        differs from 1 after Holm's correction\(same ? ", and all are exactly 1" : "").</p>
        """
    }
    return """
      <p><strong>\(different.count) of \(count) numbers changed</strong> (\(how), with Holm's \
      correction); × is the ratio, now divided by before:</p>\
      <ul class=facts\(HTML.source(RunComparison.source))>\(lines(different, comparison))</ul>
      """
  }

  private func lines(_ different: [RunComparison.Ratio], _ comparison: RunComparison) -> HTML {
    Metric.summarised.compactMap { metric -> HTML? in
      let here = different.filter { $0.metric.name == metric.name }
      guard !here.isEmpty else { return nil }
      return "<li><b>\(metric.title)</b>: \(comparison.list(here))"
    }.joined("\n")
  }

  /// Rows whose verdict has changed.
  private func verdicts(_ comparison: RunComparison) -> HTML {
    let items = comparison.rows.compactMap { row -> HTML? in
      guard let before = comparison.group(row, in: 0)?.verdict,
        let now = comparison.group(row, in: 1)?.verdict, before != now
      else { return nil }
      let place = row.point.isEmpty ? "" : " at \(row.point)"
      return "<li><strong>\(row.name)</strong>\(place): \(before) before, \(now) now"
    }
    return items.isEmpty
      ? ""
      : """
      <div class="verdict bad"><p><strong>Verdicts changed.</strong></p>\
      <ul>\(items.joined())</ul></div>
      """
  }

  /// Rows that only one of the runs has.
  private func rows(_ comparison: RunComparison) -> HTML {
    func only(_ run: Int, _ other: Int) -> [String] {
      comparison.rows.filter {
        comparison.group($0, in: run) != nil && comparison.group($0, in: other) == nil
      }.map(\.text)
    }
    let (gone, new) = (only(0, 1), only(1, 0))
    return (gone.isEmpty ? "" : "<p>Only before: \(Phrase.list(gone)).</p>")
      + (new.isEmpty ? "" : "<p>Only now: \(Phrase.list(new)).</p>")
  }

  /// What else differs between the runs, because a change may come from it.
  private func settings(_ before: RunData) -> HTML {
    let facts = ["version", "git_revision", "seed"] + (run.about.isRealTime ? ["host"] : [])
    let named = facts.map { ($0, before.about.manifest($0), run.about.manifest($0)) }
    let old = Dictionary(before.about.settings.map { ($0.path, $0.value) }) { $1 }
    let new = Dictionary(run.about.settings.map { ($0.path, $0.value) }) { $1 }
    let paths = Phrase.ordered((before.about.settings + run.about.settings).map(\.path))
    let changed =
      named + paths.filter { $0 != "seed" }.map { ($0, old[$0] ?? "", new[$0] ?? "") }
    let rows = changed.filter { $0.1 != $0.2 }.map { [$0.0, $0.1, $0.2] }
    guard !rows.isEmpty else {
      return "<p>The program, its revision, the seed and the experiment are the same.</p>"
    }
    return HTMLTable(
      caption: "What else differs between the two runs", headings: ["", "before", "now"],
      rows: rows, source: "manifest.json"
    ).html
  }
}
