import Configuration
import Environments
import Replication

extension DelayDistribution {
  private static let names = ["uniform", "normal", "lognormal", "exponential"]
  private static let allowed =
    #"a duration with a unit, such as "250us", or one of { uniform: ["1ms", "4ms"] }, "#
    + #"{ normal: { mean: "2ms", deviation: "1ms" } }, "#
    + #"{ lognormal: { median: "1ms", sigma: 0.3 } }, { exponential: { minimum: "1ms", mean: "1ms" } }"#

  /// A plain text is a constant latency. Each duration is at most `longest`.
  init(reading node: ConfigValue, longest: Interval = .hour) throws(ExperimentError) {
    if case .string = node.value {
      self = .constant(try node.interval(in: .zero...longest))
      return
    }
    guard case .object = node.value else { throw node.refused(Self.allowed) }
    let section = try Section(node, path: node.path, known: Self.names)
    let given = Self.names.compactMap { section[$0] }
    guard given.count == 1, let inner = given.first else { throw node.refused(Self.allowed) }
    let range = Interval.zero...longest
    let duration = #"a duration with a unit, such as "250us""#
    if section["uniform"] != nil {
      self = .uniform(try inner.intervalRange(in: range))
    } else if section["normal"] != nil {
      let fields = try Section(inner, path: inner.path, known: ["mean", "deviation"])
      self = .normal(
        mean: try fields.required("mean", duration).interval(in: range),
        deviation: try fields.required("deviation", duration).interval(in: range))
    } else if section["lognormal"] != nil {
      let fields = try Section(inner, path: inner.path, known: ["median", "sigma"])
      self = .lognormal(
        median: try fields.required("median", duration).interval(in: range),
        sigma: try fields["sigma"]?.number(in: 0...3) ?? 0.3)
    } else {
      let fields = try Section(inner, path: inner.path, known: ["minimum", "mean"])
      self = .exponential(
        minimum: try fields["minimum"]?.interval(in: range) ?? .zero,
        mean: try fields.required("mean", duration).interval(in: range))
    }
  }

  var json: JSONValue {
    switch self {
    case .constant(let interval): return .interval(interval)
    case .uniform(let range): return .object([.init("uniform", .intervalRange(range))])
    case .normal(let mean, let deviation):
      return .object([
        .init(
          "normal",
          .object([.init("mean", .interval(mean)), .init("deviation", .interval(deviation))]))
      ])
    case .lognormal(let median, let sigma):
      return .object([
        .init(
          "lognormal",
          .object([.init("median", .interval(median)), .init("sigma", .number(sigma))])
        )
      ])
    case .exponential(let minimum, let mean):
      return .object([
        .init(
          "exponential",
          .object([.init("minimum", .interval(minimum)), .init("mean", .interval(mean))]))
      ])
    }
  }
}
