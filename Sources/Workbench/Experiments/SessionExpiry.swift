import Configuration
import Replication

/// `sessionExpiry`, and the flags of the same meaning.
package enum SessionExpiry {
  package static let longest = Interval.hour * 1000

  /// The shortest expiry beside clients that repeat a request for this long.
  package static func shortest(timeout: Interval) -> Interval {
    max(.seconds(1), timeout * RequestLimits.timeoutsPerSession)
  }

  /// Reads the value of a flag, such as `2h`.
  package static func read(
    _ text: String, flag: String, timeout: Interval
  ) throws(ExperimentError) -> Interval {
    try read(ConfigValue(path: flag, value: .string(text)), timeout: timeout)
  }

  static func read(_ node: ConfigValue, timeout: Interval) throws(ExperimentError) -> Interval {
    let shortest = shortest(timeout: timeout)
    let expiry = try node.interval(in: .nanoseconds(1)...longest)
    guard expiry >= shortest else {
      throw node.refused(
        "at least \(shortest): a second, and \(RequestLimits.timeoutsPerSession) times the clients' "
          + "timeout of \(timeout)")
    }
    return expiry
  }

  /// The value of a flag for a node's process; `nil` for the default.
  package static func text(_ expiry: Interval) -> String? {
    expiry == RequestLimits.usualSessionExpiry ? nil : expiry.description
  }
}
