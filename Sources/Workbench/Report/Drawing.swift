import Results

/// Draws shapes of an SVG. Lengths are pixels at a chart's width on a phone, so that letters have
/// their nominal size there and are a little larger elsewhere.
struct Drawing {
  var width: Double
  var height: Double
  private(set) var body: HTML = ""

  init(width: Double, height: Double) {
    self.width = width
    self.height = height
  }

  /// The approximate width of a letter, as a share of its height.
  static let letterWidth = 0.56

  static func textWidth(_ text: String, size: Double = 11) -> Double {
    Double(text.count) * size * letterWidth
  }

  /// Has one digit after the point.
  static func number(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    let (whole, tenth) = (tenths.magnitude / 10, tenths.magnitude % 10)
    return (tenths < 0 ? "-" : "") + String(whole) + (tenth == 0 ? "" : ".\(tenth)")
  }

  /// The number as the CSV file has it, for sorting.
  static func precise(_ value: Double) -> String { DecimalText.text(value) }

  /// - Parameter label: the description for readers who do not see the chart.
  func svg(label: String, attributes: HTML = "") -> HTML {
    """
    <svg viewBox="0 0 \(Drawing.number(width)) \(Drawing.number(height))" role=img \
    aria-label="\(label)"\(attributes)>\(body)</svg>
    """
  }

  mutating func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ style: String) {
    body += "<path class=\"\(style)\" d=\"M\(point(x1, y1))L\(point(x2, y2))\"/>"
  }

  /// A line through points; a nil point interrupts the line.
  mutating func polyline(_ points: [(x: Double, y: Double)?], _ style: String) {
    var path = ""
    var isOpen = false
    for point in points {
      guard let point else {
        isOpen = false
        continue
      }
      path += (isOpen ? "L" : "M") + self.point(point.x, point.y)
      isOpen = true
    }
    if !path.isEmpty { body += "<path class=\"\(style)\" d=\"\(path)\"/>" }
  }

  /// The area between two lines with the same x positions.
  mutating func area(_ points: [(x: Double, low: Double, high: Double)], _ style: String) {
    guard points.count > 1 else { return }
    let upper = points.map { point($0.x, $0.high) }
    let lower = points.reversed().map { point($0.x, $0.low) }
    body += "<path class=\"\(style)\" d=\"M\((upper + lower).joined(separator: "L"))Z\"/>"
  }

  mutating func rectangle(
    _ x: Double, _ y: Double, _ width: Double, _ height: Double, _ style: String,
    title: String = ""
  ) {
    let inner: HTML = title.isEmpty ? "" : "<title>\(title)</title>"
    body += """
      <rect class="\(style)" x="\(Drawing.number(x))" y="\(Drawing.number(y))" \
      width="\(Drawing.number(max(width, 0)))" height="\(Drawing.number(max(height, 0)))">\
      \(inner)</rect>
      """
  }

  enum Anchor: String { case start, middle, end }

  mutating func text(
    _ x: Double, _ y: Double, _ words: String, _ style: String = "", anchor: Anchor = .start
  ) {
    body += """
      <text class="\(style)" x="\(Drawing.number(x))" y="\(Drawing.number(y))" \
      text-anchor=\(anchor.rawValue)>\(words)</text>
      """
  }

  /// The sign of a protocol, the same in all charts.
  /// - Parameter isHollow: only for rows that are not ranked, in every chart.
  mutating func marker(
    _ x: Double, _ y: Double, slot: Int, size r: Double = 3.5, title: String = "",
    isHollow: Bool = false, isPale: Bool = false
  ) {
    let shape: String
    switch slot % 6 {
    case 0: shape = circle(x, y, r)
    case 1: shape = closed([(x - r, y - r), (x + r, y - r), (x + r, y + r), (x - r, y + r)])
    case 2: shape = closed([(x, y - r * 1.2), (x + r * 1.15, y + r), (x - r * 1.15, y + r)])
    case 3:
      let d = r * 1.3
      shape = closed([(x, y - d), (x + d, y), (x, y + d), (x - d, y)])
    case 4: shape = closed([(x, y + r * 1.2), (x + r * 1.15, y - r), (x - r * 1.15, y - r)])
    default:
      let (a, b) = (r * 0.45, r * 1.2)
      shape = closed([
        (x - a, y - b), (x + a, y - b), (x + a, y - a), (x + b, y - a), (x + b, y + a),
        (x + a, y + a), (x + a, y + b), (x - a, y + b), (x - a, y + a), (x - b, y + a),
        (x - b, y - a), (x - a, y - a),
      ])
    }
    let inner: HTML = title.isEmpty ? "" : "<title>\(title)</title>"
    body +=
      "<path class=\"\(isHollow ? "h" : "m")\(isPale ? " pale" : "")\" d=\"\(shape)\">\(inner)</path>"
  }

  /// A small arrow upwards that ends above a point: the true value is at least the one shown.
  mutating func upward(_ x: Double, _ y: Double) {
    line(x, y, x, y - 9, "l thin")
    polyline([(x - 3, y - 6), (x, y - 10), (x + 3, y - 6)], "l thin")
  }

  /// A circle around a point that stands out.
  mutating func ring(_ x: Double, _ y: Double, _ r: Double) {
    body += "<path class=ring d=\"\(circle(x, y, r))\"/>"
  }

  private func circle(_ x: Double, _ y: Double, _ r: Double) -> String {
    let n = Drawing.number
    return "M\(n(x - r)) \(n(y))a\(n(r)) \(n(r)) 0 1 0 \(n(2 * r)) 0a\(n(r)) \(n(r)) 0 1 0 "
      + "\(n(-2 * r)) 0"
  }

  private func closed(_ corners: [(Double, Double)]) -> String {
    "M" + corners.map { point($0.0, $0.1) }.joined(separator: "L") + "Z"
  }

  private func point(_ x: Double, _ y: Double) -> String {
    "\(Drawing.number(x)) \(Drawing.number(y))"
  }

  /// Shapes that keep their size when the horizontal axis is zoomed, and move with the point `x`.
  mutating func at(_ x: Double, _ draw: (inout Drawing) -> Void) {
    body += "<g data-x=\"\(Drawing.number(x))\">"
    draw(&self)
    body += "</g>"
  }

  /// Shapes drawn elsewhere, at the same scale.
  mutating func add(_ shapes: HTML) { body += shapes }

  /// Shapes that belong to a protocol: they have its colour and vanish when a reader hides it.
  mutating func ofProtocol(_ slot: Int, _ draw: (inout Drawing) -> Void) {
    body += "<g class=\"p\(slot % Palette.size)\" data-p=\"\(slot)\">"
    draw(&self)
    body += "</g>"
  }
}
