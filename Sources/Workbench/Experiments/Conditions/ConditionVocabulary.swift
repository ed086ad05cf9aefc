import Configuration

/// The names that the conditions of one experiment may use besides metrics.
package struct ConditionVocabulary: Sendable {
  /// Ordered from the best to the worst, as in results.
  package static let verdicts = [
    "linearizable", "sequential", "eventual", "unchecked", "undecided", "violated",
  ]

  /// The rows of the comparison.
  var rows: [String]
  /// The paths of the sweep, each with the texts of its values.
  var sweep: [(path: String, values: [String])]
  /// The names of faults.
  var faults: [String]
  /// The name of a row whose measures are relative changes, which are plain numbers.
  var change: String?

  package init(
    rows: [String], sweep: [(path: String, values: [String])] = [], faults: [String] = [],
    change: String? = nil
  ) {
    self.rows = rows + (change.map { [$0] } ?? [])
    self.sweep = sweep
    self.faults = faults
    self.change = change
  }

  /// The dimension of a measure, and the unit of a bare number beside it.
  func kind(of measure: Measure) -> (Dimension, scale: Double?) {
    guard let change, measure.row == change, measure.name.dimension != .word else {
      return (measure.name.dimension, measure.name.scale)
    }
    return (.number, 1)
  }

  func measure(
    _ before: String, _ pins: [Measure.Pin], _ after: String, _ text: String
  ) throws(ConditionError) -> Measure {
    if !pins.isEmpty {
      let row = try row(before)
      guard let (name, fault) = named(after) else { throw unknown(after) }
      for pin in pins { try check(pin) }
      return Measure(row: row, fault: fault, pins: pins, name: name, text: text)
    }
    if let (name, fault) = named(before) { return Measure(fault: fault, name: name, text: text) }
    var rest: String?
    // Names of rows and of metrics may have dots: p99.9.
    for dot in before.indices where before[dot] == "." {
      let (first, last) = (String(before[..<dot]), String(before[before.index(after: dot)...]))
      guard first == "*" || rows.contains(first) else { continue }
      guard let (name, fault) = named(last) else {
        rest = last
        continue
      }
      return Measure(row: first == "*" ? nil : first, fault: fault, name: name, text: text)
    }
    if let rest { throw unknown(rest) }
    guard let dot = before.lastIndex(of: ".") else {
      if rows.contains(before) {
        throw ConditionError(
          found: JSONValue.quoted(before),
          allowed: "a metric of it, such as \(before).throughput")
      }
      throw unknown(before)
    }
    _ = try row(String(before[..<dot]))
    throw unknown(String(before[before.index(after: dot)...]))
  }

  /// A metric, or the effect of a fault: `kill.write_outage_ms`.
  private func named(_ text: String) -> (MeasureName, fault: String?)? {
    if let name = MeasureName.named(text) { return (name, nil) }
    guard let dot = text.lastIndex(of: "."), faults.contains(String(text[..<dot])),
      let name = MeasureName.named(String(text[text.index(after: dot)...])),
      case .fault = name.source
    else { return nil }
    return (name, String(text[..<dot]))
  }

  private func row(_ name: String) throws(ConditionError) -> String? {
    if name == "*" { return nil }
    if rows.isEmpty {
      throw ConditionError(
        found: JSONValue.quoted(name), allowed: "no row, because each row is searched by itself")
    }
    guard rows.contains(name) else {
      throw ConditionError(
        found: JSONValue.quoted(name),
        allowed: "a row of the comparison: " + (rows + ["*"]).joined(separator: ", "),
        suggestion: nearest(to: name, among: rows))
    }
    return name
  }

  private func unknown(_ metric: String) -> ConditionError {
    // The last part is an effect of a fault, and the part before it has to be a fault's name.
    if let dot = metric.lastIndex(of: "."),
      let name = MeasureName.named(String(metric[metric.index(after: dot)...])),
      case .fault = name.source
    {
      let fault = String(metric[..<dot])
      return ConditionError(
        found: JSONValue.quoted(fault),
        allowed: faults.isEmpty
          ? "no name of a fault, because no fault has one"
          : "the name of a fault: " + faults.joined(separator: ", "),
        suggestion: nearest(to: fault, among: faults))
    }
    return ConditionError(
      found: JSONValue.quoted(metric),
      allowed: "a metric of 'rsmbench list columns' or faults.csv, such as "
        + MeasureName.examples,
      suggestion: nearest(to: metric, among: MeasureName.all.map(\.name)))
  }

  private func check(_ pin: Measure.Pin) throws(ConditionError) {
    guard let axis = sweep.first(where: { $0.path == pin.path }) else {
      let paths = sweep.map(\.path)
      throw ConditionError(
        found: JSONValue.quoted(pin.path),
        allowed: paths.isEmpty
          ? "no brackets, because the experiment sweeps nothing"
          : "what the experiment sweeps: " + paths.joined(separator: ", "),
        suggestion: nearest(to: pin.path, among: paths))
    }
    guard axis.values.contains(pin.value) else {
      throw ConditionError(
        found: "\(pin.path)=\(pin.value)",
        allowed: "a value of the sweep: " + axis.values.joined(separator: ", "),
        suggestion: nearest(to: pin.value, among: axis.values))
    }
  }
}
