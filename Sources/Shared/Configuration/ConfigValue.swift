import Replication

/// A value of the file together with its path, so that every error names its place.
package struct ConfigValue {
  package let path: String
  package let value: JSONValue

  package init(path: String, value: JSONValue) {
    self.path = path
    self.value = value
  }

  package static func path(_ parent: String, _ key: String) -> String {
    parent.isEmpty ? key : "\(parent).\(key)"
  }

  package func refused(
    _ allowed: String, found: String? = nil, suggestion: String? = nil
  ) -> ExperimentError {
    ExperimentError(
      path: path, found: found ?? ConfigValue.shown(value), allowed: allowed, suggestion: suggestion
    )
  }

  /// The value on one line, at most 60 characters long.
  package static func shown(_ value: JSONValue) -> String {
    let text = value.compactText
    return text.count <= 60 ? text : text.prefix(57) + "..."
  }

  package func string(_ allowed: String = "a text in quotes") throws(ExperimentError) -> String {
    guard case .string(let text) = value else { throw refused(allowed) }
    return text
  }

  /// A name that becomes part of the names of directories and files.
  package func name() throws(ExperimentError) -> String {
    let allowed = "1 to 100 letters, digits, '.', '_' or '-', not starting with '.' or '-'"
    let text = try string(allowed)
    let allowedCharacters = text.unicodeScalars.allSatisfy {
      switch $0 {
      case "A"..."Z", "a"..."z", "0"..."9", ".", "_", "-": true
      default: false
      }
    }
    guard allowedCharacters, (1...100).contains(text.count), !text.hasPrefix("."),
      !text.hasPrefix("-")
    else { throw refused(allowed) }
    return text
  }

  package func flag() throws(ExperimentError) -> Bool {
    guard case .flag(let value) = value else { throw refused("true or false") }
    return value
  }

  package func elements(
    _ allowed: String, atMost limit: Int = 1000
  ) throws(ExperimentError) -> [ConfigValue] {
    guard case .array(let values) = value else { throw refused(allowed) }
    guard values.count <= limit else {
      throw refused("at most \(limit)", found: "\(values.count) entries")
    }
    return values.enumerated().map { ConfigValue(path: "\(path)[\($0)]", value: $1) }
  }

  package func integer(in range: ClosedRange<Int>) throws(ExperimentError) -> Int {
    let allowed = "a whole number \(range.lowerBound)...\(range.upperBound)"
    let number: Int? =
      switch value {
      case .integer(let value): Int(exactly: value)
      case .number(let value): Int(exactly: value)
      default: nil
      }
    guard let number, range.contains(number) else { throw refused(allowed) }
    return number
  }

  package func seed() throws(ExperimentError) -> UInt64 {
    let seed: UInt64? =
      switch value {
      case .integer(let value): UInt64(exactly: value)
      // Larger ones may have lost their last digits.
      case .number(let value) where value < 0x1p53: UInt64(exactly: value)
      default: nil
      }
    guard let seed else { throw refused("a whole number 0...\(UInt64.max)") }
    return seed
  }

  package func number(
    in range: ClosedRange<Double>, excludingBounds: Bool = false
  ) throws(ExperimentError) -> Double {
    let number: Double? =
      switch value {
      case .integer(let value): Double(value)
      case .number(let value): value
      default: nil
      }
    let allowed =
      "a number \(excludingBounds ? "between" : "from") "
      + "\(ConfigValue.plain(range.lowerBound)) \(excludingBounds ? "and" : "to") "
      + "\(ConfigValue.plain(range.upperBound))" + (excludingBounds ? ", both excluded" : "")
    guard let number, range.contains(number),
      !excludingBounds || (number > range.lowerBound && number < range.upperBound)
    else { throw refused(allowed) }
    return number
  }

  /// A number without a needless `.0`.
  package static func plain(_ number: Double) -> String {
    Int(exactly: number).map(String.init) ?? "\(number)"
  }

  package func probability() throws(ExperimentError) -> Double { try number(in: 0...1) }

  /// The name that a text was probably meant to be; nil if the value is not a text.
  package func nearestName(among names: [String]) -> String? {
    guard case .string(let text) = value else { return nil }
    return nearest(to: text, among: names)
  }

  package func choice(of names: [String]) throws(ExperimentError) -> String {
    let allowed = ConfigValue.list(names)
    let text = try string(allowed)
    guard names.contains(text) else {
      throw refused(allowed, suggestion: nearest(to: text, among: names))
    }
    return text
  }

  package func choice<Choice: RawRepresentable & CaseIterable>(
    of type: Choice.Type
  ) throws(ExperimentError) -> Choice where Choice.RawValue == String {
    let name = try choice(of: type.allCases.map(\.rawValue))
    guard let choice = Choice(rawValue: name) else { throw refused("a known name") }
    return choice
  }

  package static func list(_ names: [String]) -> String {
    names.map { "\"\($0)\"" }.joined(separator: ", ")
  }
}

/// Values that are written as texts with a unit.
extension ConfigValue {
  package func interval(in range: ClosedRange<Interval>) throws(ExperimentError) -> Interval {
    if case .string(let text) = value, let unit = Quantity(text)?.unit, !unit.isEmpty,
      !Unit.durations.contains(where: { $0.name == unit })
    {
      throw refused(
        "a duration from \(range.lowerBound) to \(range.upperBound) in ns, us, ms, s or m"
          + powerOfTen)
    }
    let count = try quantity(
      Unit.durations, #"a duration with a unit (ns, us, ms, s, m), such as "250us""#,
      finest: "whole nanoseconds")
    let interval = Interval(nanoseconds: count)
    guard range.contains(interval) else {
      throw refused("a duration from \(range.lowerBound) to \(range.upperBound)")
    }
    return interval
  }

  /// Two durations, the shorter first.
  package func intervalRange(
    in range: ClosedRange<Interval>
  ) throws(ExperimentError) -> ClosedRange<Interval> {
    let allowed = #"two durations, the shorter first, such as ["150ms", "300ms"]"#
    let ends = try elements(allowed)
    guard ends.count == 2 else { throw refused(allowed) }
    let lower = try ends[0].interval(in: range)
    let upper = try ends[1].interval(in: range)
    guard lower <= upper else { throw refused(allowed) }
    return lower...upper
  }

  /// A size in bytes.
  package func size(in range: ClosedRange<Int>) throws(ExperimentError) -> Int {
    let count = try quantity(
      Unit.sizes, #"a size with a unit (B, kB, KiB, MB, MiB, GiB), such as "128B""#,
      finest: "whole bytes")
    guard range.contains(Int(count)) else {
      let ends = [range.lowerBound, range.upperBound].map {
        Quantity.text(Int64($0), units: Unit.sizes)
      }
      throw refused("a size from \(ends[0]) to \(ends[1])")
    }
    return Int(count)
  }

  /// A rate in operations per second, such as `"5000/s"`.
  package func rate(in range: ClosedRange<Double>) throws(ExperimentError) -> Double {
    let allowed = #"a rate per second, such as "5000/s""#
    guard let quantity = Quantity(try string(allowed)), quantity.unit == "/s" else {
      throw refused(allowed + powerOfTen)
    }
    guard range.contains(quantity.number) else {
      throw refused(
        "a rate from \(ConfigValue.plain(range.lowerBound))/s to \(ConfigValue.plain(range.upperBound))/s"
      )
    }
    return quantity.number
  }

  /// A bandwidth in bits per second; `nil` for `"unlimited"`.
  package func bandwidth() throws(ExperimentError) -> Double? {
    if value == .string("unlimited") { return nil }
    let allowed = #"bits per second (bps, kbps, Mbps, Gbps), such as "10Gbps", or "unlimited""#
    guard let quantity = Quantity(try string(allowed)),
      let unit = Unit.bandwidths.first(where: { $0.name == quantity.unit })
    else { throw refused(allowed) }
    let value = quantity.number * Double(unit.size)
    guard (1e3...1e13).contains(value) else { throw refused("1kbps to 10000Gbps") }
    return value
  }

  /// The bandwidth of a disk in bytes per second; `nil` for `"unlimited"`.
  package func byteRate() throws(ExperimentError) -> Double? {
    if value == .string("unlimited") { return nil }
    let allowed =
      #"bytes per second (B/s, kB/s, KiB/s, MB/s, MiB/s, GB/s, GiB/s), such as "500MB/s", or "unlimited""#
    guard let quantity = Quantity(try string(allowed)),
      let unit = Unit.byteRates.first(where: { $0.name == quantity.unit })
    else { throw refused(allowed) }
    let value = quantity.number * Double(unit.size)
    guard (1e3...1e12).contains(value) else { throw refused("1kB/s to 1000GB/s") }
    return value
  }

  private func quantity(
    _ units: [Unit], _ allowed: String, finest: String
  ) throws(ExperimentError) -> Int64 {
    guard let quantity = Quantity(try string(allowed)) else { throw refused(allowed) }
    switch quantity.count(in: units) {
    case .exact(let count): return count
    case .unknownUnit: throw refused(allowed + powerOfTen)
    case .notWhole: throw refused(finest)
    }
  }

  /// A remark for texts such as `"1e6/s"`: a number with a unit has no power of ten.
  private var powerOfTen: String {
    guard case .string(let text) = value, let unit = Quantity(text)?.unit,
      let first = unit.first, "eE".contains(first),
      unit.dropFirst().first.map({ $0.isNumber || "+-".contains($0) }) ?? false
    else { return "" }
    return ", with all digits written out"
  }
}
