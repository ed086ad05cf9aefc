import Configuration
import Measurement

/// A value of a row's trials that a condition may name: a metric, an effect of their faults, or the
/// verdict.
package struct MeasureName: Sendable, Hashable {
  package enum Source: Sendable, Hashable {
    /// A column of `trials.csv`.
    case metric(String)
    /// The largest value over the faults of a trial.
    case fault(FaultMeasure)
    case verdict
  }

  package var name: String
  package var source: Source
  package var dimension: Dimension
  /// The unit of a bare number beside it: a millisecond, in nanoseconds, for a name that ends in
  /// `_ms`; nil if a time needs a unit.
  var scale: Double?

  /// All names; short names for columns come after the columns.
  package static let all: [MeasureName] =
    columns + faults + [MeasureName(name: "verdict", source: .verdict, dimension: .word)]
    + shortNames

  private static let columns = MetricColumn.all.map { column in
    let (dimension, scale) = Dimension.of(unit: column.unit)
    return MeasureName(
      name: column.name, source: .metric(column.name), dimension: dimension, scale: scale)
  }

  private static let faults = FaultMeasure.allCases.flatMap { measure in
    [("\(measure.rawValue)_ms", 1e6), (measure.rawValue, nil)].map { name, scale in
      MeasureName(name: name, source: .fault(measure), dimension: .time, scale: scale)
    }
  }

  /// Short names of latency columns: `p99` (all operations), `read_p99`, `p99.9`. A number beside
  /// them needs a unit.
  private static let shortNames = MetricColumn.latencyPercentiles.flatMap { label, percentile in
    ["all", "read", "write"].flatMap { operations -> [MeasureName] in
      let prefix = operations == "all" ? "" : "\(operations)_"
      let labels = label == "p999" ? ["p99.9", "p999"] : [label]
      return labels.map {
        MeasureName(
          name: prefix + $0, source: .metric("\(operations)_\(label)_us"), dimension: .time)
      }
    }
  }

  package static func named(_ name: String) -> MeasureName? { all.first { $0.name == name } }

  /// The names that an error shows, because the full list has about a hundred.
  static let examples =
    "throughput, availability, p99, read_p99, write_outage_ms, recover_ms, messages_per_op, verdict"
}

/// The effects of faults, with their names in `faults.csv`.
package enum FaultMeasure: String, Sendable, CaseIterable {
  case readOutage = "read_outage"
  case writeOutage = "write_outage"
  /// The longer of the two outages.
  case outage
  case detect, elect
  case firstAck = "first_ack"
  case recover, hangover
}

/// The dimension of a value. Values of different dimensions cannot be compared.
package enum Dimension: Sendable, Hashable {
  /// Counts, shares and ratios.
  case number
  /// Nanoseconds.
  case time
  /// Per second.
  case rate
  /// Bytes.
  case size
  /// A verdict.
  case word

  /// The dimension of a column's unit, and the unit's size in the base unit.
  static func of(unit: String) -> (Dimension, Double) {
    switch unit {
    case "ms": (.time, 1e6)
    case "us": (.time, 1e3)
    case "ops/s": (.rate, 1)
    case "B": (.size, 1)
    default: (.number, 1)
    }
  }

  var meaning: String {
    switch self {
    case .number: "a number"
    case .time: #"a time such as "10ms""#
    case .rate: #"a rate such as "5000/s""#
    case .size: #"a size such as "4KiB""#
    case .word: "a verdict"
    }
  }
}

/// One measure in a condition: the row, and which of its values.
package struct Measure: Sendable, Hashable {
  /// How the values of several trials are combined.
  package enum Statistic: String, Sendable, CaseIterable {
    case mean, median, min, max
    /// The ends of the mean's 95 % interval.
    case low, high
  }

  /// A required sweep value: `raft[replicas=5].throughput`.
  package struct Pin: Sendable, Hashable {
    package var path: String
    package var value: String
  }

  /// nil: applies to every row in turn.
  package var row: String?
  /// The fault of this name and its repetitions; nil: all faults.
  package var fault: String?
  package var pins: [Pin] = []
  package var name: MeasureName
  package var statistic = Statistic.mean
  /// The measure as typed.
  package var text: String
}
