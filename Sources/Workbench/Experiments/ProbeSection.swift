import Configuration

/// `probe`: `{ rate: "200/s" }`, which is the default, or `"off"`.
enum ProbeSection {
  /// - Returns: `nil` if probes are off.
  static func rate(_ node: ConfigValue) throws(ExperimentError) -> Double? {
    if node.value == .string("off") { return nil }
    guard case .object = node.value else { throw node.refused(#"{ rate: "200/s" } or "off""#) }
    let section = try Section(node, path: node.path, known: ["rate"])
    return try section["rate"]?.rate(in: 1...1000) ?? 200
  }

  static func json(_ rate: Double?) -> JSONValue {
    guard let rate else { return .string("off") }
    return .object([.init("rate", .string("\(ConfigValue.plain(rate))/s"))])
  }
}
