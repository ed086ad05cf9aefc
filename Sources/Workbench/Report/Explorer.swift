import Configuration
import Measurement
import Results

/// A chart whose axes the reader chooses: any swept value or metric against any metric. The script
/// draws it from the means and intervals of `summary.csv`, which the page holds as JSON.
struct Explorer {
  let run: RunData
  let palette: Palette
  /// The metrics that any row has, in the order of the file.
  private let metrics: [String]

  /// `nil` for a run without a sweep.
  init?(run: RunData, palette: Palette) {
    guard run.isSwept else { return nil }
    self.run = run
    self.palette = palette
    metrics = run.metricNames.filter { name in run.groups.contains { $0.interval(name) != nil } }
  }

  var html: HTML {
    let paths = run.sweepPaths.map { option($0) }.joined()
    let names = metrics.map { "<option value=\"\($0)\">\(Explorer.label($0))" as HTML }.joined()
    let others = run.sweepPaths.enumerated().map { index, path -> HTML in
      let values = Phrase.ordered(run.points.map { $0[index] }).map { option($0) }.joined()
      return "<label hidden>at \(path) <select data-path=\"\(index)\">\(values)</select></label>"
    }
    let frame: HTML = """
      <svg viewBox="0 0 760 380" role=img aria-label="The chosen chart"></svg>
      """
    return """
      <noscript><p>Choosing axes needs the script of this page; summary.csv has the numbers.</p>\
      </noscript><div class=bar id=axes hidden role=group aria-label="Axes">\
      <label>vertical <select id=y>\(names)</select></label>\
      <label>horizontal <select id=x><optgroup label="swept">\(paths)</optgroup>\
      <optgroup label="measured">\(names)</optgroup></select></label>\(others.joined())</div>
      <figure id=chosen hidden data-of="summary.csv *"><figcaption></figcaption>\(frame)\
      <details><summary>The numbers</summary><div class=scroll tabindex=0 role=region \
      aria-label="Table"><table class=data></table></div></details></figure>
      <script type="application/json" id=cells>\(data)</script>
      """
  }

  /// Shares in percent and times in milliseconds, as everywhere on the page.
  private static func factor(_ name: String) -> Double {
    name.hasSuffix("_us") ? 0.001 : isShare(name) ? 100 : 1
  }

  private static func isShare(_ name: String) -> Bool {
    ["availability", "uptime", "busiest_node_share"].contains(name)
  }

  /// `read p99, ms`
  private static func label(_ name: String) -> String {
    let unit = MetricColumn.all.first { $0.name == name }?.unit ?? ""
    let suffix = ["us", "ms"].contains(unit) ? "_\(unit)" : ""
    let words = name.dropLast(name.hasSuffix(suffix) ? suffix.count : 0).replacing("_", with: " ")
    let shown = isShare(name) ? "%" : unit == "us" ? "ms" : unit == "ops/s" ? "/s" : unit
    return words + (shown.isEmpty ? "" : ", \(shown)")
  }

  private func option(_ value: String) -> HTML { "<option value=\"\(value)\">\(value)" }

  /// The content of `summary.csv` that can be chosen. Texts in a script must not contain `<`.
  private var data: HTML {
    func quoted(_ text: String) -> String {
      JSONValue.quoted(text).split(separator: "<", omittingEmptySubsequences: false)
        .joined(separator: "\\u003c")
    }
    func list(_ items: [String]) -> String { "[" + items.joined(separator: ",") + "]" }
    func number(_ value: Double?) -> String { value.map { DecimalText.text($0) } ?? "null" }
    let points = run.points.map { list($0.map(quoted)) }
    let sizes = run.points.map { list($0.map { number(SweepAxis.size($0)) }) }
    let rows = run.groups.map { group -> String in
      let cells = metrics.map { name -> String in
        guard let interval = group.interval(name) else { return "null" }
        let factor = Explorer.factor(name)
        return list(
          [interval.mean, interval.low, interval.high].map { number($0.map { $0 * factor }) })
      }
      return list([
        String(palette.slot(group.protocolIndex)), quoted(group.name), String(group.point),
        quoted(group.verdict), String(group.competes), list(cells),
      ])
    }
    let text = """
      {"paths":\(list(run.sweepPaths.map(quoted))),"main":\(run.mainPath),"mostRange":\(number(SweepAxis.mostRange)),\
      "metrics":\(list(metrics.map(quoted))),"labels":\(list(metrics.map { quoted(Explorer.label($0)) })),"points":\(list(points)),"sizes":\(list(sizes)),
      "rows":\(list(rows))}
      """
    return HTML(markup: text)
  }
}

extension RunData {
  /// The metrics of `summary.csv`.
  var metricNames: [String] {
    summaryColumns.compactMap { name in
      name.hasSuffix("_mean") ? String(name.dropLast("_mean".count)) : nil
    }
  }
}
