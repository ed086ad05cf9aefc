import Configuration
import Primitives
import Replication

/// `find`: instead of a grid, the largest (or smallest) value of a field at which a condition
/// holds:
///
///     find: { maximum: "workload.arrival.open", suchThat: "p99 < 10ms and availability > 0.999",
///             between: ["1000/s", "100000/s"], within: "2%" }
///
/// Each row is tried from the easy end in steps that double the value; then the range is halved
/// until a value that holds and one that fails are at most `within` apart. The condition is
/// evaluated on the means over all trials at a value.
package struct Search: Sendable, Equatable {
  static let keyNames = ["maximum", "minimum", "suchThat", "between", "within"]
  private static let mostValues = 500

  package var path: String
  package var isMaximum: Bool
  package var condition: String
  /// The ends as written in the file, or as a file would write them.
  package var low: JSONValue
  package var high: JSONValue
  /// The tolerance, as a share of the value.
  package var within: Double

  init(reading node: ConfigValue) throws(ExperimentError) {
    let example =
      #"{ maximum: "workload.arrival.open", suchThat: "p99 < 10ms and availability > 0.999" }"#
    guard case .object = node.value else { throw node.refused("a search, such as \(example)") }
    let section = try Section(node, path: node.path, known: Search.keyNames)
    let goal: ConfigValue
    switch (section["maximum"], section["minimum"]) {
    case (let maximum?, nil): (goal, isMaximum) = (maximum, true)
    case (nil, let minimum?): (goal, isMaximum) = (minimum, false)
    default:
      throw node.refused("exactly one of maximum and minimum, such as \(example)")
    }
    let text = try goal.string(#"the path of a field in quotes, such as "workload.arrival.open""#)
    path = try Sweep.path(text, goal)
    let suchThat = try section.required("suchThat", #"a condition, such as "p99 < 10ms""#)
    condition = try Condition(reading: suchThat, ConditionVocabulary(rows: [])).text
    within = try section["within"].map(Search.share) ?? 0.02
    if let between = section["between"] {
      let allowed = #"two values, the smaller first, such as ["1000/s", "100000/s"]"#
      let ends = try between.elements(allowed)
      guard ends.count == 2 else { throw between.refused(allowed) }
      (low, high) = (ends[0].value, ends[1].value)
      guard let (a, b) = SearchedValue.ends(low, high), a.unit == b.unit, a.number > 0,
        a.number < b.number
      else { throw between.refused(allowed + " (both above 0 and in the same unit or none)") }
    } else {
      switch path {
      case "workload.arrival.open": (low, high) = (.string("100/s"), .string("200000/s"))
      case "workload.clients": (low, high) = (.integer(1), .integer(10_000))
      default:
        throw ExperimentError(
          path: ConfigValue.path(node.path, "between"), found: "nothing",
          allowed: "where to look for \(path): the smallest and the largest value")
      }
    }
    guard try values().count <= Search.mostValues else {
      throw ExperimentError(
        path: ConfigValue.path(node.path, "within"),
        found: "\(try values().count) values \(within * 100) % apart",
        allowed: "at most \(Search.mostValues): ends that are nearer, or a larger share")
    }
  }

  private static func share(_ node: ConfigValue) throws(ExperimentError) -> Double {
    let allowed = #"a share from "0.1%" to "100%""#
    guard let quantity = Quantity(try node.string(allowed)), quantity.unit == "%",
      (0.1...100).contains(quantity.number)
    else { throw node.refused(allowed) }
    return quantity.number / 100
  }

  package var stepsPerDoubling: Int {
    max(1, Int((RealFunctions.log(2) / RealFunctions.log(1 + within)).rounded()))
  }

  /// All values that may be tried, in ascending order: each is `within` above the one before, and
  /// both ends are included.
  func values() throws(ExperimentError) -> [JSONValue] {
    guard let (first, last) = SearchedValue.ends(low, high) else { return [] }
    var values = [low]
    var number = first.number
    while true {
      number *= 1 + within
      guard number < last.number, values.count <= Search.mostValues * 4 else { break }
      let value = first.with(number)
      if value != values.last, value != low, value != high { values.append(value) }
    }
    return values + [high]
  }

  var json: JSONValue {
    .object([
      .init(isMaximum ? "maximum" : "minimum", .string(path)),
      .init("suchThat", .string(condition)), .init("between", .array([low, high])),
      .init("within", .string("\(ConfigValue.plain(within * 100))%")),
    ])
  }
}

/// A number with or without a unit that can be scaled.
private struct SearchedValue {
  /// In the base unit of durations, sizes and bandwidths.
  var number: Double
  var unit: Kind

  enum Kind: Equatable {
    case whole, real, rate, duration, percent
    case scaled([String])
  }

  init?(_ value: JSONValue) {
    switch value {
    case .integer(let whole): (number, unit) = (Double(whole), .whole)
    case .number(let real): (number, unit) = (real, .real)
    case .string(let text):
      guard let quantity = Quantity(text) else { return nil }
      if quantity.unit == "/s" || quantity.unit == "%" {
        (number, unit) = (quantity.number, quantity.unit == "%" ? .percent : .rate)
        return
      }
      let families = [Unit.durations, Unit.sizes, Unit.bandwidths, Unit.byteRates]
      for (index, units) in families.enumerated() {
        guard let found = units.first(where: { $0.name == quantity.unit }) else { continue }
        number = quantity.number * Double(found.size)
        unit = index == 0 ? .duration : .scaled(units.map(\.name))
        return
      }
      return nil
    default: return nil
    }
  }

  /// Both ends of a range. A whole number beside a fraction, as in `[0.1, 5]`, is a fraction too.
  static func ends(
    _ low: JSONValue, _ high: JSONValue
  ) -> (low: SearchedValue, high: SearchedValue)? {
    guard var low = SearchedValue(low), var high = SearchedValue(high) else { return nil }
    let units = [low.unit, high.unit]
    if units == [.whole, .real] || units == [.real, .whole] {
      (low.unit, high.unit) = (.real, .real)
    }
    return (low, high)
  }

  /// Rounded to four digits, for readability.
  func with(_ number: Double) -> JSONValue {
    let rounded = SearchedValue.rounded(number)
    return switch unit {
    case .whole: .integer(Int128(rounded.rounded()))
    case .real: .number(rounded)
    case .rate: .string("\(ConfigValue.plain(rounded))/s")
    case .percent: .string("\(ConfigValue.plain(rounded))%")
    case .duration: .interval(Interval(nanoseconds: Int64(rounded.rounded())))
    case .scaled(let names): .string("\(Int64(rounded.rounded()))\(names[0])")
    }
  }

  private static func rounded(_ number: Double) -> Double {
    var power = 1.0
    if number >= 1000 {
      while number / power >= 10_000 { power *= 10 }
      return (number / power).rounded() * power
    }
    while number * power < 1000, power < 1e15 { power *= 10 }
    return (number * power).rounded() / power
  }
}
