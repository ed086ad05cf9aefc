import ProtocolList
import Replication

extension ProtocolKind {
  package static var names: [String] { allCases.map(\.name) }

  /// Reads the options of this protocol that an object sets.
  package func overrides(reading node: ConfigValue?) throws(ExperimentError) -> [String:
    OptionValue]
  {
    let declared = options
    let section = try Section(node, path: node?.path ?? "options", known: declared.map(\.name))
    var result: [String: OptionValue] = [:]
    for declaration in declared {
      guard let node = section[declaration.name] else { continue }
      result[declaration.name] = try node.option(declaration.kind)
    }
    let values = OptionValues(declared, overrides: result)
    for declaration in declared {
      guard let node = section[declaration.name], let bound = declaration.bound,
        let longest = values.longest(of: declaration), values.interval(declaration.name) > longest
      else { continue }
      throw node.refused(
        "at most \(longest), "
          + (bound.divisor == 1 ? "" : "1/\(bound.divisor) of ") + "the shortest \(bound.option)")
    }
    return result
  }
}

extension ConfigValue {
  package func option(_ kind: OptionDeclaration.Kind) throws(ExperimentError) -> OptionValue {
    switch kind {
    case .flag: .flag(try flag())
    case .integer(_, let range): .integer(try integer(in: range))
    case .interval(_, let range): .interval(try interval(in: range))
    case .intervalRange(_, let range): .intervalRange(try intervalRange(in: range))
    case .choice(_, let names): .choice(try choice(of: names))
    }
  }
}

extension OptionValue {
  package var json: JSONValue {
    switch self {
    case .flag(let value): .flag(value)
    case .integer(let value): .integer(Int128(value))
    case .interval(let value): .interval(value)
    case .intervalRange(let value): .intervalRange(value)
    case .choice(let value): .string(value)
    }
  }
}

extension JSONValue {
  package static func interval(_ interval: Interval) -> JSONValue { .string(interval.description) }

  package static func intervalRange(_ range: ClosedRange<Interval>) -> JSONValue {
    .array([.interval(range.lowerBound), .interval(range.upperBound)])
  }

  /// A bandwidth in bits per second as a text with a unit.
  package static func bandwidth(_ value: Double?) -> JSONValue { rate(value, Unit.bandwidths) }
  package static func byteRate(_ value: Double?) -> JSONValue { rate(value, Unit.byteRates) }

  private static func rate(_ value: Double?, _ units: [Unit]) -> JSONValue {
    guard let value else { return .string("unlimited") }
    return .string(
      Int64(exactly: value).map { Quantity.text($0, units: units) } ?? "\(value)\(units[0].name)")
  }
}
