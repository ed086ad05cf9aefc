import Configuration

/// `trace`: `{ every: 10 }`, one in ten operations, or `"off"`, which is the default.
enum TimeTraceSection {
  private static let fallback = 10

  /// - Returns: `nil` if no operation is to be traced.
  static func every(_ node: ConfigValue, hosts: HostsFile?) throws(ExperimentError) -> Int? {
    let allowed = #"{ every: 10 } or "off""#
    if case .string(let text) = node.value {
      guard text == "off" else { throw node.refused(allowed) }
      return nil
    }
    guard case .object = node.value else { throw node.refused(allowed) }
    let section = try Section(node, path: node.path, known: ["every"])
    let every = try section["every"]?.integer(in: 1...1_000_000) ?? fallback
    guard hosts == nil else {
      throw node.refused(#""off" (the clocks of several hosts cannot be compared)"#)
    }
    return every
  }

  static func json(_ every: Int?) -> JSONValue {
    guard let every else { return .string("off") }
    return .object([.init("every", .integer(Int128(every)))])
  }
}
