/// The violations that a runtime itself detected, each once. A protocol that breaks a rule often
/// breaks it at every step, so only the first 16 are kept.
public struct Violations: Sendable {
  public static var limit: Int { 16 }

  public private(set) var list: [String] = []

  public init() {}

  public mutating func note(_ violation: String) {
    if list.count < Violations.limit, !list.contains(violation) { list.append(violation) }
  }
}
