import Primitives
import Results

/// Maps values to positions between the two ends of a chart, and chooses the labelled values.
struct Axis {
  struct Tick: Equatable {
    var value: Double
    var label: String
  }

  private enum Scale { case linear, logarithmic }

  private let scale: Scale
  var isLogarithmic: Bool { scale == .logarithmic }
  let low: Double
  let high: Double
  let ticks: [Tick]

  /// The remark in a chart's title on an axis of values that is not linear from 0.
  var remark: HTML {
    if isLogarithmic { return ", logarithmic" }
    return low == 0 ? "" : "<span class=\"axis\">, axis from \(Axis.short(low))</span>"
  }

  /// From 0 to the first round number at or above the largest value, with at most `most` steps.
  static func fromZero(to largest: Double, most: Int = 5, label: (Double) -> String) -> Axis {
    linear(0, max(largest, 0), most: most, label: label)
  }

  /// From the last multiple of a round step at or below `low` to the first at or above `high`.
  static func linear(
    _ low: Double, _ high: Double, most: Int = 5, label: (Double) -> String
  ) -> Axis {
    let span = high > low ? high - low : max(high.magnitude, 1)
    let step = roundStep(atLeast: span / Double(most))
    let first = (low / step).rounded(.down)
    let last = max((high / step).rounded(.up), first + 1)
    let ticks = stride(from: first, through: last, by: 1).map { place in
      Tick(value: place * step, label: label(place * step))
    }
    return Axis(
      scale: .linear, low: first * step, high: last * step, ticks: distinct(ticks))
  }

  /// Values that lie close together get more digits if their labels would be equal.
  private static func distinct(_ ticks: [Tick]) -> [Tick] {
    guard Set(ticks.map(\.label)).count < ticks.count else { return ticks }
    return ticks.map { Tick(value: $0.value, label: DecimalText.text($0.value)) }
  }

  /// From exactly `low` to exactly `high`, with ticks only between them: for time.
  static func exact(
    _ low: Double, _ high: Double, most: Int = 6, label: (Double) -> String
  ) -> Axis {
    let high = high > low ? high : low + 1
    let step = roundStep(atLeast: (high - low) / Double(most))
    let first = (low / step).rounded(.up)
    let last = (high / step).rounded(.down)
    let ticks = stride(from: first, through: last, by: 1).map { place in
      Tick(value: place * step, label: label(place * step))
    }
    return Axis(scale: .linear, low: low, high: high, ticks: ticks)
  }

  /// Both ends at 1, 2 or 5 times a power of ten. `nil` without a value above zero.
  static func logarithmic(_ values: some Sequence<Double>, label: (Double) -> String) -> Axis? {
    var (least, most) = (Double.infinity, 0.0)
    for value in values where value > 0 {
      least = min(least, value)
      most = max(most, value)
    }
    guard most > 0 else { return nil }
    var steps = [roundDown(least)]
    while steps[steps.count - 1] < most * 0.999_999 || steps.count < 2 {
      steps.append(nextRound(steps[steps.count - 1]))
    }
    let (first, last) = (steps[0], steps[steps.count - 1])
    var labelled = steps
    if last / first <= 5.1 {
      // Less than a decade: label every whole multiple of the first power of ten.
      let unit = power(exponent(first))
      labelled = (1...10).map { Double($0) * unit }
        .filter { $0 >= first * 0.999_999 && $0 <= last * 1.000_001 }
    }
    if last / first <= 5.1 { labelled = apart(labelled, first: first, last: last) }
    if labelled.count > 6 { labelled = labelled.filter { leadingDigit($0) == 1 } }
    if labelled.count > 7 {
      labelled = labelled.enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
    }
    return Axis(
      scale: .logarithmic, low: steps[0], high: steps[steps.count - 1],
      ticks: labelled.map { Tick(value: $0, label: label($0)) })
  }

  /// The values less those too close to the one before them; the first and the last stay.
  private static func apart(_ values: [Double], first: Double, last: Double) -> [Double] {
    let least = 0.15 * RealFunctions.log10(last / first)
    return values.reduce(into: [Double]()) { kept, value in
      if let before = kept.last, RealFunctions.log10(value / before) < least {
        guard value == values.last, kept.count > 1 else { return }
        kept.removeLast()
      }
      kept.append(value)
    }
  }

  /// Names side by side, at the positions 0, 1, 2 ...
  static func places(_ names: [String]) -> Axis {
    Axis(
      scale: .linear, low: -0.5, high: max(Double(names.count), 1) - 0.5,
      ticks: names.enumerated().map { Tick(value: Double($0.offset), label: $0.element) })
  }

  init(low: Double, high: Double, ticks: [Tick]) {
    self.init(scale: .linear, low: low, high: high, ticks: ticks)
  }

  private init(scale: Scale, low: Double, high: Double, ticks: [Tick]) {
    self.scale = scale
    self.low = low
    self.high = high
    self.ticks = ticks
  }

  /// The same scale and ends with other ticks.
  func with(_ ticks: [Tick]) -> Axis {
    Axis(scale: scale, low: low, high: high, ticks: ticks)
  }

  /// 0 at the low end, 1 at the high end; values beyond an end count as the end.
  func share(_ value: Double) -> Double { min(max(place(value), 0), 1) }

  /// The same, and below 0 or above 1 for values beyond an end.
  func place(_ value: Double) -> Double {
    switch scale {
    case .linear: (value - low) / (high - low)
    case .logarithmic:
      // A logarithm of 0 has no place: it is as far below as the axis is long.
      value <= 0 ? -1 : RealFunctions.log10(value / low) / RealFunctions.log10(high / low)
    }
  }

  func contains(_ value: Double) -> Bool { (-0.000_001...1.000_001).contains(place(value)) }

  /// The values that an axis should reach: those of the rows that compete, and those of other rows
  /// unless they would more than double its length, because a row that is shown for comparison only
  /// should not press the others into a corner.
  static func reached(by competing: [Double], others: [Double]) -> [Double] {
    guard let low = competing.min(), let high = competing.max() else { return others }
    let isWide = low > 0 && high / low > 6
    let reach = isWide ? (high / low).squareRoot() : max(high - low, high.magnitude / 100)
    return competing
      + others.filter {
        isWide
          ? (low / reach...high * reach).contains($0) : (low - reach...high + reach).contains($0)
      }
  }

  // MARK: Round numbers

  /// A round step: 1, 2 or 5 times a power of ten.
  static func roundStep(atLeast least: Double) -> Double {
    var step = roundDown(least)
    while step < least * 0.999_999 { step = nextRound(step) }
    return step
  }

  private static func power(_ exponent: Int) -> Double {
    // Dividing once is more exact: 1e-3 is nearer to a thousandth than 0.1 · 0.1 · 0.1.
    let size = (0..<exponent.magnitude).reduce(1.0) { product, _ in product * 10 }
    return exponent < 0 ? 1 / size : size
  }

  private static func exponent(_ value: Double) -> Int {
    Int((RealFunctions.log10(value) + 1e-9).rounded(.down))
  }

  private static func leadingDigit(_ round: Double) -> Int {
    Int((round / power(exponent(round))).rounded())
  }

  private static func roundDown(_ value: Double) -> Double {
    let power = power(exponent(value))
    let digits = value / power * 1.000_000_1
    return (digits >= 5 ? 5 : digits >= 2 ? 2 : 1) * power
  }

  private static func nextRound(_ round: Double) -> Double {
    let exponent = exponent(round)
    switch leadingDigit(round) {
    case 1: return 2 * power(exponent)
    case 2: return 5 * power(exponent)
    default: return power(exponent + 1)
    }
  }

  /// `5k`, `1.5M`, `0.25`: a text short enough for an axis.
  static func short(_ value: Double) -> String {
    let size = value.magnitude
    for (unit, name) in [(1e9, "G"), (1e6, "M"), (1e3, "k")] where size >= unit * 0.999_999 {
      return DecimalText.text(value / unit, digits: 3) + name
    }
    return DecimalText.text(value, digits: 3)
  }
}
