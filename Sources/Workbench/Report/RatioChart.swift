/// A metric's ratios between runs, a row per protocol and sweep point.
struct RatioChart {
  let comparison: RunComparison
  let metric: Metric
  /// The colour and sign of a run, and the number by which rows of a protocol are hidden.
  let slotOfRun: (Int) -> Int
  let slotOfName: (String) -> Int

  /// A chart with more rows would be too long; the tables have all rows.
  private static let mostRows = 40

  private var base: RunData { comparison.runs[comparison.baseline] }

  var figure: Figure? {
    let ratios = comparison.ratios.filter { $0.metric.name == metric.name }
    let rows = Array(
      comparison.rows.indices.filter { row in ratios.contains { $0.row == row } }
        .prefix(RatioChart.mostRows))
    // Intervals of very few trials reach over many orders of magnitude; they are cut off.
    let values = ratios.map(\.value) + [1]
    let (least, most) = ((values.min() ?? 1) / 10, (values.max() ?? 1) * 10)
    let ends: [Double] =
      values + ratios.flatMap { [max($0.low ?? 1, least), min($0.high ?? 1, most)] }
    guard !rows.isEmpty, let least = ends.min(), let most = ends.max() else { return nil }
    let axis =
      (most / least > 2.5 ? Axis.logarithmic(ends, label: Axis.short) : nil)
      ?? Axis.linear(least, most, most: 4, label: Axis.short)
    var chart = RowChart(names: rows.map { comparison.rows[$0].shortText }, axis: axis)
    for (place, row) in rows.enumerated() {
      let key = comparison.rows[row]
      chart.row(place, key.shortText, slot: slotOfName(key.name)) { drawing, plot, middle in
        drawing.line(plot.x(1), middle - 12, plot.x(1), middle + 12, "base")
        let here = ratios.filter { $0.row == row }
        for (index, ratio) in here.enumerated() {
          let offset =
            (Double(index) - Double(here.count - 1) / 2) * min(8, 20 / Double(here.count))
          draw(ratio, key, middle + offset, &drawing, plot)
        }
      }
    }
    return Figure(
      title: "\(metric.title), × \(base.label)\(axis.remark)",
      drawing: chart.svg(label: "\(metric.title) of each run divided by that of \(base.label)"),
      table: HTMLTable(
        caption: "\(metric.title), ratio and 95 % interval",
        headings: ["row", "run", "ratio", "low", "high"],
        rows: ratios.map { ratio in
          [comparison.rows[ratio.row].text, comparison.runs[ratio.run].label]
            + [ratio.value, ratio.low, ratio.high].map { $0.map(RunComparison.Ratio.text) ?? "" }
        }), source: RunComparison.source)
  }

  private func draw(
    _ ratio: RunComparison.Ratio, _ key: RunComparison.RowKey, _ height: Double,
    _ drawing: inout Drawing, _ plot: Plot
  ) {
    drawing.ofProtocol(slotOfRun(ratio.run)) { drawing in
      if let low = ratio.low, let high = ratio.high {
        drawing.line(plot.x(low), height, plot.x(high), height, "l")
      }
      drawing.marker(
        plot.x(ratio.value), height, slot: slotOfRun(ratio.run),
        title: "\(comparison.runs[ratio.run].label), \(key.text): × \(ratio.phrase)",
        isPale: !ratio.isDifferent)
    }
  }
}
