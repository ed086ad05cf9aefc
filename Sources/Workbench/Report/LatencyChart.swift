import Measurement
import Primitives
import Results

/// Latency over an axis of nines: the latency of the slowest tenth, hundredth, thousandth.
struct LatencyChart {
  let groups: [Group]
  let palette: Palette
  /// `read` or `write`.
  let operation: String
  let title: HTML

  private static let (width, height) = (380.0, 270.0)
  private static let ticks = [
    Axis.Tick(value: 0, label: "0"), Axis.Tick(value: 0.301, label: "50"),
    Axis.Tick(value: 1, label: "90"), Axis.Tick(value: 2, label: "99"),
    Axis.Tick(value: 3, label: "99.9"), Axis.Tick(value: 4, label: "99.99"),
  ]

  /// A percentile shown on the page, over all trials together.
  private struct Point {
    var percentile: Double
    var label: String
    var cell: Double
    var isLowerBound: Bool
    var isResolved: Bool
  }

  /// `nil` if no trial has an operation of the kind.
  var figure: Figure? {
    let lines = groups.map { (group: $0, trials: trialLines($0), points: pooled($0)) }
      .filter { !$0.points.isEmpty }
    func values(_ competes: Bool) -> [Double] {
      lines.filter { $0.group.competes == competes }.flatMap { line in
        line.points.map(\.cell) + line.trials.flatMap { $0.map(\.microseconds) }
      }.map { $0 / 1000 }
    }
    guard
      let y = Axis.logarithmic(
        Axis.reached(by: values(true), others: values(false)), label: Axis.short)
    else { return nil }
    let percentiles = lines.flatMap {
      $0.points.map(\.percentile) + $0.trials.flatMap { $0.map(\.percentile) }
    }
    let inside = percentiles.map(nines).filter { $0 < LatencyChart.maximum }
    let last = max((inside.max() ?? 3).rounded(.up), 2)
    let x = Axis(
      low: 0, high: last + 1,
      ticks: LatencyChart.ticks.filter { $0.value <= last }
        + [Axis.Tick(value: last + 1, label: "max")])
    var plot = Plot(
      Drawing(width: LatencyChart.width, height: LatencyChart.height),
      left: max(Plot.labelWidth(y), 34), right: LatencyChart.width - 14, top: 28, bottom: 226,
      x: x, y: y, yTitle: "latency, ms", xTitle: "percentile")
    let frame = plot
    func place(_ percentile: Double) -> Double { frame.x(min(nines(percentile), last + 1)) }
    for line in lines {
      let slot = palette.slot(line.group.protocolIndex)
      plot.drawing.ofProtocol(slot) { [plot] (drawing: inout Drawing) in
        for trial in line.trials where line.trials.count > 1 {
          drawing.polyline(
            plot.line(trial.map { (place($0.percentile), $0.microseconds / 1000) }), "l faint")
        }
        let dash = "l d\(slot % Palette.size)"
        let pooled = line.points.map { (x: place($0.percentile), value: $0.cell / 1000) }
        drawing.polyline(plot.line(pooled), dash)
        plot.arrows(pooled, &drawing, Axis.short)
        // A percentile that rests on fewer than 10 operations is chance, so it has no sign.
        for point in line.points where point.isResolved && y.contains(point.cell / 1000) {
          let bound = point.isLowerBound ? "at least " : ""
          let (x, height) = (place(point.percentile), plot.y(point.cell / 1000))
          drawing.marker(
            x, height, slot: slot,
            title: "\(line.group.name), \(point.label): \(bound)"
              + "\(Quantity.microseconds.text(point.cell)) ms",
            isHollow: !line.group.competes)
          if point.isLowerBound { drawing.upward(x, height - 5) }
        }
      }
    }
    let rows = lines.flatMap { line in
      line.points.map { point in
        [
          line.group.name, point.label,
          (point.isLowerBound ? "≥ " : "") + Quantity.microseconds.text(point.cell),
          point.isResolved ? "" : "chance: fewer than 10 operations are slower",
        ]
      }
    }
    return Figure(
      title: title,
      drawing: plot.drawing.svg(
        label: "Latency of \(operation)s by percentile, one line per protocol"),
      table: HTMLTable(
        caption: "Latency of \(operation)s over the operations of all trials together",
        headings: ["protocol", "percentile", "latency, ms", "note"], rows: rows),
      source: "summary.csv "
        + MetricColumn.latencyPercentiles.map { "\(operation)_\($0.label)_us" }
        .joined(separator: " "))
  }

  private static let maximum = 9.0

  private func nines(_ percentile: Double) -> Double {
    percentile >= 100 ? LatencyChart.maximum : -RealFunctions.log10(1 - percentile / 100)
  }

  /// `latency.csv` lists kinds of operations separately, so writes of several kinds have no common
  /// line.
  private func trialLines(_ group: Group) -> [[LatencyPoint]] {
    let kinds = Set(group.trials.flatMap { $0.latency.map(\.operation) })
    let writes = kinds.subtracting(["all", "get"])
    let kind = operation == "read" ? "get" : writes.count == 1 ? writes.first : nil
    return group.trials.map { trial in
      trial.latency.filter { $0.operation == kind && $0.microseconds > 0 }
    }.filter { !$0.isEmpty }
  }

  private func pooled(_ group: Group) -> [Point] {
    let count = group.summary["\(operation)_count"] ?? 0
    let censored = group.summary["\(operation)_censored"] ?? 0
    return MetricColumn.latencyPercentiles.compactMap { label, percentile in
      guard let cell = group.summary["\(operation)_\(label)_us_pooled"], cell > 0 else {
        return nil
      }
      let rank = (percentile / 100 * count).rounded(.up)
      return Point(
        percentile: percentile,
        label: percentile == 100 ? "max" : "p\(DecimalText.text(percentile))",
        cell: cell, isLowerBound: rank > count - censored,
        isResolved: percentile == 100
          || Histogram.isResolved(percentile: percentile, count: Int(count)))
    }
  }
}
