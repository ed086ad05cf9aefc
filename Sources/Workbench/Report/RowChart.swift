/// A chart with a row per protocol: names to the left, or above the rows if they are long; values
/// along a common axis.
struct RowChart {
  private(set) var plot: Plot
  private let isNameAbove: Bool
  private let rowHeight: Double

  private static let (width, top) = (380.0, 10.0)
  /// Names that take more would leave too little for the values.
  private static let mostNameWidth = 170.0

  init(names: [String], axis: Axis) {
    let nameWidth = names.map { Drawing.textWidth($0) }.max() ?? 0
    isNameAbove = nameWidth > RowChart.mostNameWidth
    rowHeight = isNameAbove ? 40 : 30
    let left = isNameAbove ? 12 : nameWidth + 14
    let bottom = RowChart.top + Double(names.count) * rowHeight
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
    let top = RowChart.top + Double(place) * rowHeight
    let middle = top + (isNameAbove ? 26 : 15)
    let frame = plot
    let isNameAbove = isNameAbove
    plot.drawing.ofProtocol(slot) { drawing in
      if isNameAbove {
        drawing.text(2, top + 11, name, "rowname")
      } else {
        drawing.text(frame.left - 8, middle + 3.8, name, "rowname", anchor: .end)
      }
      draw(&drawing, frame, middle)
    }
  }

  func svg(label: String) -> HTML { plot.drawing.svg(label: label) }
}
