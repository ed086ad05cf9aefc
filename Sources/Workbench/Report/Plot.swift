/// A drawing with two axes: a frame, ticks, and the mapping from values to positions.
struct Plot {
  var drawing: Drawing
  let left: Double
  let right: Double
  let top: Double
  let bottom: Double
  let x: Axis
  let y: Axis

  /// Draws both axes into an area of the drawing.
  /// - Parameters:
  ///   - left: the position of the vertical axis; its labels stand to the left of it.
  ///   - yTitle: the title above the vertical axis, with its unit, `titleHeight` pixels above the
  ///     axis.
  ///   - isTime: whether the horizontal axis can be zoomed.
  init(
    _ drawing: Drawing, left: Double, right: Double, top: Double, bottom: Double, x: Axis,
    y: Axis, yTitle: String, xTitle: String = "", showsXLabels: Bool = true,
    titleHeight: Double = 9, isTime: Bool = false
  ) {
    self.drawing = drawing
    self.left = left
    self.right = right
    self.top = top
    self.bottom = bottom
    self.x = x
    self.y = y
    for tick in y.ticks {
      let place = self.y(tick.value)
      self.drawing.line(left, place, right, place, "rule")
      self.drawing.text(left - 6, place + 3.8, tick.label, "tick", anchor: .end)
    }
    if !yTitle.isEmpty { self.drawing.text(2, top - titleHeight, yTitle, "axis") }
    // The script replaces what is in a group of ticks when the reader zooms.
    if isTime {
      let labels: HTML = showsXLabels ? " data-labels" : ""
      self.drawing.add("<g class=ticks data-y=\"\(Drawing.number(bottom))\"\(labels)>")
    }
    drawX(showsLabels: showsXLabels)
    if isTime { self.drawing.add("</g>") }
    if !xTitle.isEmpty {
      self.drawing.text((left + right) / 2, bottom + 32, xTitle, "axis", anchor: .middle)
    }
  }

  private mutating func drawX(showsLabels: Bool) {
    drawing.line(left, bottom, right, bottom, "base")
    // A label that would overlap the one before is left out; its tick stays.
    var end = -Double.infinity
    for tick in x.ticks {
      let place = self.x(tick.value)
      drawing.line(place, bottom, place, bottom + 4, "base")
      guard showsLabels else { continue }
      let half = Drawing.textWidth(tick.label) / 2
      let center = min(max(place, half), drawing.width - half)
      guard center - half > end + 5 else { continue }
      drawing.text(center, bottom + 16, tick.label, "tick", anchor: .middle)
      end = center + half
    }
  }

  func x(_ value: Double) -> Double { left + x.share(value) * (right - left) }
  func y(_ value: Double) -> Double { bottom - y.share(value) * (bottom - top) }

  /// A line through values at positions; it ends where it leaves the area at the top or bottom.
  func line(_ points: [(x: Double, value: Double)]) -> [(x: Double, y: Double)?] {
    var result: [(x: Double, y: Double)?] = []
    for (index, point) in points.enumerated() {
      if index > 0 { result += crossing(points[index - 1], point) }
      result.append(y.contains(point.value) ? (point.x, y(point.value)) : nil)
    }
    return result
  }

  /// The point at which the line between two values enters or leaves the area, between the two.
  private func crossing(
    _ a: (x: Double, value: Double), _ b: (x: Double, value: Double)
  ) -> [(x: Double, y: Double)?] {
    guard y.contains(a.value) != y.contains(b.value) else { return [] }
    let (from, to) = (y.place(a.value), y.place(b.value))
    let end = max(from, to) > 1 ? 1.0 : 0
    let share = (end - from) / (to - from)
    return [(a.x + share * (b.x - a.x), bottom - end * (bottom - top))]
  }

  /// Arrows with the numbers of values beyond the top or bottom, one for neighbours.
  func arrows(
    _ points: [(x: Double, value: Double)], _ drawing: inout Drawing, _ text: (Double) -> String
  ) {
    var end = -Double.infinity
    for point in points where !y.contains(point.value) {
      let isAbove = y.place(point.value) > 1
      let words = "\(isAbove ? "↑" : "↓") \(text(point.value))"
      let half = Drawing.textWidth(words, size: 9) / 2
      let x = min(max(point.x, left + half), right - half)
      guard x - half > end + 4 else { continue }
      end = x + half
      drawing.text(x, isAbove ? top + 9 : bottom - 4, words, "cut", anchor: .middle)
    }
  }

  /// The width that the labels of a vertical axis need.
  static func labelWidth(_ axis: Axis) -> Double {
    (axis.ticks.map { Drawing.textWidth($0.label) }.max() ?? 0) + 10
  }
}

/// A chart with its title, one sentence on how to read it, and the table of its numbers.
struct Figure {
  var title: HTML
  var drawing: HTML
  var table: HTMLTable?
  /// The file and the columns that its numbers are from, such as `summary.csv throughput`.
  var source = ""
  /// Further classes and attributes of the element.
  var attributes: HTML = ""

  var html: HTML {
    """
    <figure\(HTML.source(source))\(attributes)><figcaption>\(title)</figcaption>\(drawing)\(table?.details())</figure>
    """
  }
}
