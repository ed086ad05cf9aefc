/// A chart with a row per protocol: names to the left, values along a common axis.
struct RowChart {
  private(set) var plot: Plot

  private static let (width, top, rowHeight) = (380.0, 10.0, 30.0)

  init(names: [String], axis: Axis) {
    let left = (names.map { Drawing.textWidth($0) }.max() ?? 0) + 14
    let bottom = RowChart.top + Double(names.count) * RowChart.rowHeight
    plot = Plot(
      Drawing(width: RowChart.width, height: bottom + 24), left: left,
      right: RowChart.width - 16, top: RowChart.top, bottom: bottom, x: axis,
      y: Axis(low: 0, high: 1, ticks: []), yTitle: "")
    for tick in axis.ticks {
      let place = plot.x(tick.value)
      plot.drawing.line(place, RowChart.top, place, bottom, "rule")
    }
  }

  /// Draws a row's name and calls `draw` with the height of the row's middle to draw its values.
  mutating func row(
    _ place: Int, _ name: String, slot: Int,
    _ draw: (_ drawing: inout Drawing, _ plot: Plot, _ middle: Double) -> Void
  ) {
    let middle = RowChart.top + (Double(place) + 0.5) * RowChart.rowHeight
    let frame = plot
    plot.drawing.ofProtocol(slot) { drawing in
      drawing.text(frame.left - 8, middle + 3.8, name, "rowname", anchor: .end)
      draw(&drawing, frame, middle)
    }
  }

  func svg(label: String) -> HTML { plot.drawing.svg(label: label) }
}
