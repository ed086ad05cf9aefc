/// Broken promises that a runtime saw for itself, once each. A protocol that breaks one often breaks it at
/// every step, so that only the first few are kept.
public struct Violations: Sendable {
  public static var limit: Int { 16 }

  public private(set) var list: [String] = []

  public init() {}

  public mutating func note(_ violation: String) {
    if list.count < Violations.limit, !list.contains(violation) { list.append(violation) }
  }
}
