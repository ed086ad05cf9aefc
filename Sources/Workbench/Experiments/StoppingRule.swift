import Configuration

/// `trials: { min: 5, max: 50, until: "throughput ±2%" }`: runs trials until intervals are narrow
/// enough. All rows of a sweep point get the same number of trials, because they are compared trial
/// by trial.
package struct StoppingRule: Sendable, Equatable {
  private static let example = #"{ min: 5, max: 50, until: "throughput ±2%" }"#

  /// The smallest number of trials of each row. `Experiment.trials` is the largest.
  package var least: Int
  /// The precisions that every row must reach.
  package var until: [Precision]

  /// - Returns: the most trials of each row, and the rule, if there is one.
  static func read(_ node: ConfigValue) throws(ExperimentError) -> (most: Int, rule: StoppingRule?)
  {
    let range = 1...10_000
    guard case .object = node.value else {
      switch node.value {
      case .integer, .number: return (try node.integer(in: range), nil)
      default: throw node.refused("a whole number 1...10000, or a rule such as \(example)")
      }
    }
    let section = try Section(node, path: node.path, known: ["min", "max", "until"])
    let least = try section["min"]?.integer(in: 2...10_000) ?? 5
    let most = try section.required("max", "the most trials, such as 50").integer(in: range)
    guard least <= most else {
      throw ExperimentError(
        path: ConfigValue.path(node.path, section["min"] == nil ? "max" : "min"),
        found: "min \(least) with max \(most)", allowed: "a min up to max")
    }
    let until = try section.required("until", #"how narrow intervals have to be: "throughput ±2%""#)
    let nodes: [ConfigValue]
    if case .array = until.value {
      nodes = try until.elements(#"a list such as ["throughput ±2%"]"#, atMost: 16)
      guard !nodes.isEmpty else { throw until.refused("at least one, such as \"throughput ±2%\"") }
    } else {
      nodes = [until]
    }
    var precisions: [Precision] = []
    for node in nodes { precisions.append(try Precision(reading: node)) }
    return (most, StoppingRule(least: least, until: precisions))
  }

  func json(most: Int) -> JSONValue {
    .object([
      .init("min", .integer(Int128(least))), .init("max", .integer(Int128(most))),
      .init("until", .array(until.map { .string($0.text) })),
    ])
  }
}

/// `throughput ±2%`, `p99 ±1ms`: the largest distance of a mean from the farther end of its 95 %
/// interval.
package struct Precision: Sendable, Equatable, Codable {
  /// The precision as written in the file.
  package var text: String
  /// The name of the measure.
  package var name: String
  /// A share of the mean, or a value in base units.
  package var tolerance: Double
  package var isShare: Bool

  init(reading node: ConfigValue) throws(ExperimentError) {
    let example = #"a metric and its tolerance, such as "throughput ±2%" or "write_p99 ±1ms""#
    let text = try node.string(example)
    self.text = text
    let signs = ["±", "+/-", "+-"].compactMap { text.firstRange(of: $0) }
    guard let sign = signs.first else { throw node.refused(example) }
    func trimmed(_ part: Substring) -> String { part.filter { $0 != " " } }
    name = trimmed(text[..<sign.lowerBound])
    guard let measure = MeasureName.named(name), measure.source != .verdict else {
      throw node.refused(
        "a metric of 'rsmbench list columns' or faults.csv before ±, such as \(MeasureName.examples)",
        found: JSONValue.quoted(name),
        suggestion: nearest(to: name, among: MeasureName.all.map(\.name)))
    }
    let amount = trimmed(text[sign.upperBound...])
    guard let quantity = Quantity(amount), quantity.number > 0 else { throw node.refused(example) }
    isShare = quantity.unit == "%"
    if isShare {
      tolerance = quantity.number / 100
      return
    }
    guard let size = measure.dimension.size(ofUnit: String(quantity.unit), scale: measure.scale)
    else {
      throw node.refused(
        "a share such as ±2%, or \(measure.dimension.meaning), behind \(name)", found: amount)
    }
    tolerance = quantity.number * size
  }
}

extension Dimension {
  /// The size of a unit in base units; nil if values of this dimension have no such unit.
  fileprivate func size(ofUnit unit: String, scale: Double?) -> Double? {
    if unit.isEmpty { return self == .number ? 1 : scale }
    switch self {
    case .time: return Unit.durations.first { $0.name == unit }.map { Double($0.size) }
    case .size: return Unit.sizes.first { $0.name == unit }.map { Double($0.size) }
    case .rate: return unit == "/s" ? 1 : nil
    case .number, .word: return nil
    }
  }
}
