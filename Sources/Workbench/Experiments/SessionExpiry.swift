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
    try ConfigValue(path: flag, value: .string(text))
      .interval(in: shortest(timeout: timeout)...longest)
  }

  /// The value of a flag for a node's process; `nil` for the default.
  package static func text(_ expiry: Interval) -> String? {
    expiry == RequestLimits.usualSessionExpiry ? nil : expiry.description
  }
}
