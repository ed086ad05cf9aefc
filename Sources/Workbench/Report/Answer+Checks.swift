import Measurement

// What the experiment itself asked for, and whether faults left a service down.
extension Answer {
  /// Whether the conditions of the experiment's `expect` hold, with the numbers found; empty
  /// without any.
  var expectations: HTML {
    let all = run.expectations
    guard !all.isEmpty else { return "" }
    guard run.about.isComplete else {
      return """
        <p class=verdict>The run was interrupted, so the experiment's \
        \(all.count == 1 ? "expectation is" : "\(all.count) expectations are") not judged yet.</p>
        """
    }
    let missed = all.filter { !$0.holds }
    guard !missed.isEmpty else {
      let words = all.count == 1 ? "The expectation" : "All \(all.count) expectations"
      return """
        <div class="verdict good"><p><span aria-hidden=true>✓</span> \(words) of the experiment \
        \(all.count == 1 ? "holds" : "hold").</p>\(found)</div>
        """
    }
    let items = missed.map { "<li><code>\($0.condition)</code>" as HTML }
    return """
      <div class="verdict bad"><p><span aria-hidden=true>✗</span> <strong>\(missed.count) of the \
      \(all.count) expectations of the experiment \(missed.count == 1 ? "does" : "do") not \
      hold:</strong></p><ul>\(items.joined())</ul>\(found)</div>
      """
  }

  /// Every condition with the figures that it was tried with.
  private var found: HTML {
    let rows = run.expectations.flatMap { expectation in
      expectation.cases.map { found in
        [expectation.condition, found.place, found.holds ? "holds" : "does not hold", found.found]
      }
    }
    let shown = rows.prefix(Answer.mostCases)
    let rest: HTML =
      rows.count > shown.count
      ? "<p class=muted>\(rows.count - shown.count) more rows: <code>expectations.csv</code></p>"
      : ""
    let table = HTMLTable(
      caption: "The conditions of expect, with the figures found",
      headings: [
        "condition", "row", "", "found",
      ], rows: Array(shown), source: "expectations.csv found expectation place")
    return
      "<details><summary>The conditions and the figures found</summary>\(table.html)\(rest)</details>"
  }

  /// More cases would make the page long; the file has all.
  private static let mostCases = 200

  /// The rows in which a fault was over and the load below capacity, but goodput did not come back;
  /// empty if there is none.
  var metastability: HTML {
    let name = "metastable_faults"
    func mean(_ group: Group?) -> Double { group?.interval(name)?.mean ?? 0 }
    guard run.groups.contains(where: { mean($0) > 0 }) else { return "" }
    let rows = run.points.indices.compactMap { point -> HTML? in
      let here = run.protocols.map { name in
        run.groups(at: point).first { $0.name == name }
      }
      guard here.contains(where: { mean($0) > 0 }) else { return nil }
      let cells = here.map { group -> HTML in
        mean(group) > 0 ? "<td>\(Quantity.count.text(mean(group)))" : "<td class=muted>·"
      }
      let place = run.isSwept ? run.points[point].joined(separator: ", ") : "faults per trial"
      return "<tr><th scope=row>\(place)\(cells.joined())"
    }
    let heads = run.protocols.map { "<th scope=col>\($0)" as HTML }
    let axis = run.sweepPaths.map(HTML.breakable).joined(", ")
    return """
      <p><b>Metastable</b>: after these faults goodput did not come back, although the fault was \
      over and the load below capacity. The mean number of such faults per trial; rows without \
      any are left out.</p>\
      <div class=scroll tabindex=0 role=region aria-label="Metastable faults"><table class=leaders\
      \(HTML.source(run.summary([name])))><thead><tr><th scope=col>\(axis)\(heads.joined())\
      </thead><tbody>
      \(rows.joined("\n"))</tbody></table></div>
      """
  }
}
