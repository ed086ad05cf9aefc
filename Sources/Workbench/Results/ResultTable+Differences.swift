import Measurement

/// The blocks of differences from the baseline and along the sweep, and of the expected conditions.
extension ResultTable {
  /// Present with a baseline or a sweep.
  var referenceDifferences: [(title: String, table: TextTable, notes: [String])] {
    // A search tries each row at other values, so that there is nothing to compare.
    guard outline.search == nil else { return [] }
    let all = ReferenceDifference.all(groups, baseline: outline.baseline ?? 0)
    return ReferenceDifference.Against.allCases.compactMap { against in
      if against == .baseline, outline.baseline == nil { return nil }
      let differences = all.filter { $0.against == against }
      guard !differences.isEmpty else { return nil }
      let title =
        switch against {
        case .baseline: "Differences from \(outline.protocols[outline.baseline ?? 0])"
        case .firstPoint: "Differences from \(outline.pointText(0))"
        }
      return (title, table(of: differences), notes(differences))
    }
  }

  private func table(of differences: [ReferenceDifference]) -> TextTable {
    var table = TextTable(
      headings: keyHeadings
        + ["throughput", "availability", "read p99", "write p99"].map { .init(text: $0) },
      keyCount: keyHeadings.count)
    let count = ComparedMetric.all.count
    table.rows = stride(from: 0, to: differences.count, by: count).map { start in
      let row = differences[start..<(start + count)]
      return outline.key(differences[start].group.place) + row.map(\.text)
    }
    return table
  }

  private func notes(_ differences: [ReferenceDifference]) -> [String] {
    let compared = differences.count { $0.comparison.corrected != nil }
    guard compared > 0 else {
      return ["?: fewer than \(PairedDifference.leastPairs) pairs of trials, which tell nothing"]
    }
    let method =
      "mean ± distance to the farther end of the 95 % interval, trials paired by number; availability "
      + "in points"
    let cells = differences.map(\.text)
    var notes = [method]
    if cells.contains(where: { $0.hasPrefix("~") }) {
      notes.append("~: may be equal, after Holm's correction over the \(compared) comparisons here")
    }
    if cells.contains(where: { $0.hasPrefix("?") }) {
      notes.append(
        "?: fewer than \(PairedDifference.leastPairs) pairs of trials, which tell nothing")
    }
    return notes
  }

  private static var mostCases: Int { 8 }
  /// How many of these are left for cases that hold if others fail.
  private static var fewestHolding: Int { 3 }

  /// Each expectation with the figures found; within an expectation, failed cases come first, and
  /// some that hold follow however many fail.
  func text(of expectations: [ExpectedCondition]) -> String? {
    guard !expectations.isEmpty else { return nil }
    let lines = expectations.flatMap { expectation -> [String] in
      let mark = expectation.holds ? "holds " : "FAILED"
      let holding = expectation.cases.filter { $0.holds == true }
      let failing = expectation.cases.filter { $0.holds != true }
      let most = ResultTable.mostCases - min(holding.count, ResultTable.fewestHolding)
      let cases = failing.prefix(most) + holding + failing.dropFirst(most)
      if cases.count == 1, let only = cases.first {
        let place = only.place.isEmpty ? "" : " (\(only.place))"
        return ["\(mark)  \(expectation.text)\(place): \(only.found)"]
      }
      let share = failing.isEmpty ? "" : " (holds in \(holding.count) of \(cases.count))"
      var lines = ["\(mark)  \(expectation.text)\(share)"]
      lines += cases.prefix(ResultTable.mostCases).map {
        "        \($0.holds == true ? "" : "not: ")\($0.place): \($0.found)"
      }
      let omitted = cases.count - ResultTable.mostCases
      if omitted > 0 { lines.append("        (\(omitted) more: see expectations.csv)") }
      if cases.isEmpty { lines.append("        no trial was finished that it is about") }
      return lines
    }
    return lines.map { $0 + "\n" }.joined()
  }
}

extension ReferenceDifference {
  fileprivate var text: String {
    guard let percent else { return comparison.difference.estimate.mean == 0 ? "=" : "-" }
    return ReferenceDifference.text(
      percent: percent, isShare: metric.name == "availability", corrected: comparison.corrected,
      isDifferent: comparison.isDifferent)
  }

  /// `+12.3 % ±1.1`, `~ -0.2 % ±0.5`; `?` marks a difference that rests on too few pairs.
  ///
  /// - Parameter corrected: the p-value after a correction; nil if nothing can be said.
  static func text(
    percent: (mean: Double, low: Double?, high: Double?), isShare: Bool, corrected: Double?,
    isDifferent: Bool
  ) -> String {
    let number = DecimalText.table(percent.mean, decimals: 1) ?? "-"
    let margin = [percent.low, percent.high].compactMap { $0 }
      .map { ($0 - percent.mean).magnitude }.max()
    let spread = margin.flatMap { DecimalText.table($0, decimals: 1) }.map { " ±\($0)" } ?? ""
    let mark = corrected == nil ? "? " : isDifferent ? "" : "~ "
    return mark + (percent.mean > 0 ? "+" : "") + number + (isShare ? "" : " %") + spread
  }
}
