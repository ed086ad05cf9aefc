import Results

/// The cumulative distribution of latency: the share of all operations that were answered within a
/// time. A line ends below 100 % if some operations had no answer.
struct DistributionChart {
  let groups: [Group]
  let palette: Palette
  /// `read` or `write`.
  let operation: String
  let title: HTML

  private static let (width, height) = (380.0, 270.0)

  private func points(_ group: Group) -> [LatencyPoint] {
    group.distribution.filter { $0.operation == operation }
  }

  /// `nil` if no group has an answered operation of the kind.
  var figure: Figure? {
    let lines = groups.map { group in
      (group: group, points: points(group).filter { !$0.isLowerBound && $0.microseconds > 0 })
    }.filter { !$0.points.isEmpty }
    let values = lines.flatMap { $0.points.map { $0.microseconds / 1000 } }
    guard let x = Axis.logarithmic(values, label: Axis.short) else { return nil }
    let y = Axis(
      low: 0, high: 100,
      ticks: [0, 25, 50, 75, 100].map { .init(value: $0, label: "\(Int($0)) %") })
    var plot = Plot(
      Drawing(width: DistributionChart.width, height: DistributionChart.height),
      left: Plot.labelWidth(y), right: DistributionChart.width - 14, top: 28, bottom: 226, x: x,
      y: y, yTitle: "share of all \(operation)s", xTitle: "answered within, ms")
    for line in lines {
      let slot = palette.slot(line.group.protocolIndex)
      plot.drawing.ofProtocol(slot) { [plot] drawing in
        drawing.polyline(
          line.points.map { (plot.x($0.microseconds / 1000), plot.y($0.percentile)) },
          "l d\(slot % Palette.size)")
        for point in line.points where [50, 90, 99].contains(point.percentile) {
          drawing.marker(
            plot.x(point.microseconds / 1000), plot.y(point.percentile), slot: slot,
            title: "\(line.group.name): \(DecimalText.text(point.percentile)) % within "
              + "\(Quantity.microseconds.text(point.microseconds)) ms",
            isHollow: !line.group.competes)
        }
      }
    }
    return Figure(
      title: "\(title), distribution",
      drawing: plot.drawing.svg(
        label: "Share of \(operation)s answered within a time, one line per protocol"),
      table: table, source: "\(RunData.distributionName) latency_us percentile")
  }

  /// A row per share, because a row per share and protocol would make pages large.
  private var table: HTMLTable {
    let shown = groups.map { group in (group: group, points: points(group)) }
      .filter { !$0.points.isEmpty }
    let percentiles = Set(shown.flatMap { $0.points.map(\.percentile) }).sorted()
    return HTMLTable(
      caption: "Within how many ms a share of all \(operation)s was answered (≥: at least)",
      headings: ["share, %"] + shown.map { "\($0.group.name), ms" },
      rows: percentiles.map { percentile in
        [DecimalText.text(percentile)]
          + shown.map { line in
            line.points.first { $0.percentile == percentile }.map {
              ($0.isLowerBound ? "≥ " : "") + Quantity.microseconds.text($0.microseconds)
            } ?? ""
          }
      })
  }
}
