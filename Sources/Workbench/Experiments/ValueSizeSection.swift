import Configuration
import Workloads

/// `workload.valueSize`: a size such as `"1KiB"`, or a distribution of sizes.
extension ValueSize {
  private static let names = ["uniform", "lognormal", "weighted"]
  private static let allowed =
    #"a size with a unit, such as "128B", or one of { uniform: ["64B", "4KiB"] }, "#
    + #"{ lognormal: { median: "1KiB", sigma: 1 } }, { weighted: [["100B", 0.9], ["64KiB", 0.1]] }"#
  private static let limits = smallest...largest

  init(reading node: ConfigValue) throws(ExperimentError) {
    if case .string = node.value {
      self = .fixed(try node.size(in: ValueSize.limits))
      return
    }
    guard case .object = node.value else { throw node.refused(ValueSize.allowed) }
    let section = try Section(node, path: node.path, known: ValueSize.names)
    let given = ValueSize.names.compactMap { section[$0] }
    guard given.count == 1, let inner = given.first else { throw node.refused(ValueSize.allowed) }
    if section["uniform"] != nil {
      self = .uniform(try ValueSize.range(inner))
    } else if section["lognormal"] != nil {
      let fields = try Section(inner, path: inner.path, known: ["median", "sigma"])
      self = .lognormal(
        median: try fields.required("median", #"a size with a unit, such as "1KiB""#)
          .size(in: ValueSize.limits),
        sigma: try fields["sigma"]?.number(in: 0...3) ?? 1)
    } else {
      self = .weighted(try ValueSize.weights(inner))
    }
  }

  private static func range(_ node: ConfigValue) throws(ExperimentError) -> ClosedRange<Int> {
    let allowed = #"two sizes, the smaller first, such as ["64B", "4KiB"]"#
    let ends = try node.elements(allowed)
    guard ends.count == 2 else { throw node.refused(allowed) }
    let lower = try ends[0].size(in: limits)
    let upper = try ends[1].size(in: limits)
    guard lower <= upper else { throw node.refused(allowed) }
    return lower...upper
  }

  private static func weights(_ node: ConfigValue) throws(ExperimentError) -> [Weight] {
    let allowed = #"sizes with their weights, such as [["100B", 0.9], ["64KiB", 0.1]]"#
    var weights: [Weight] = []
    for element in try node.elements(allowed) {
      let pair = try element.elements(allowed)
      guard pair.count == 2 else { throw element.refused(allowed) }
      weights.append(
        Weight(
          size: try pair[0].size(in: limits), weight: try pair[1].number(in: 0...1_000_000)))
    }
    guard weights.contains(where: { $0.weight > 0 }) else {
      throw node.refused("at least one weight above 0")
    }
    return weights
  }

  var json: JSONValue {
    switch self {
    case .fixed(let size): return ValueSize.text(size)
    case .uniform(let range):
      return .object([
        .init(
          "uniform",
          .array([ValueSize.text(range.lowerBound), ValueSize.text(range.upperBound)]))
      ])
    case .lognormal(let median, let sigma):
      return .object([
        .init(
          "lognormal",
          .object([.init("median", ValueSize.text(median)), .init("sigma", .number(sigma))]))
      ])
    case .weighted(let weights):
      let pairs = weights.map { JSONValue.array([ValueSize.text($0.size), .number($0.weight)]) }
      return .object([.init("weighted", .array(pairs))])
    }
  }

  private static func text(_ size: Int) -> JSONValue {
    .string(Quantity.text(Int64(size), units: Unit.sizes))
  }
}
