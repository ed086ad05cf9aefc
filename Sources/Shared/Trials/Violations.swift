import Replication

/// The violations that a runtime itself detected, each once, with its first time and how often it
/// was seen. A protocol that breaks a rule often breaks it at every step, so only the first 16 are
/// kept.
public struct Violations: Sendable {
  public static var limit: Int { 16 }

  private struct Seen: Sendable {
    let what: String
    let first: Instant
    var count = 1
  }

  private var seen: [Seen] = []

  public init() {}

  /// - Parameter time: the trial's time.
  public mutating func note(_ violation: String, at time: Instant) {
    if let position = seen.firstIndex(where: { $0.what == violation }) {
      seen[position].count += 1
    } else if seen.count < Violations.limit {
      seen.append(Seen(what: violation, first: time))
    }
  }

  /// A sentence about each, such as "replica 2: two leaders in term 7 (first at 3.214 s, 5 times)".
  public var list: [String] {
    seen.map { seen in
      let milliseconds = seen.first.nanoseconds / 1_000_000
      let fraction = String(milliseconds % 1_000 + 1_000).dropFirst()
      let time = "at \(milliseconds / 1_000).\(fraction) s"
      return seen.count == 1
        ? "\(seen.what) (\(time))" : "\(seen.what) (first \(time), \(seen.count) times)"
    }
  }
}
