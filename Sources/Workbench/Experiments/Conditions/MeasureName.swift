import Configuration
import Measurement

/// What a condition may ask of the trials of a row: a metric, something of their faults, or the
/// verdict.
public struct MeasureName: Sendable, Hashable {
  public enum Source: Sendable, Hashable {
    /// A column of `trials.csv`.
    case metric(String)
    /// The largest of the faults of a trial.
    case fault(FaultMeasure)
    case verdict
  }

  public var name: String
  public var source: Source
  public var dimension: Dimension
  /// What a number without a unit beside it counts: nanoseconds of a name that ends in `_ms`; nil
  /// where a time needs its unit.
  var scale: Double?

  /// Everything there is, with the names that are short for columns behind the columns.
  public static let all: [MeasureName] =
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

  /// `p99` of all operations, `read_p99`, `p99.9`: of columns, with a unit beside the number.
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

  public static func named(_ name: String) -> MeasureName? { all.first { $0.name == name } }

  /// The names that an error shows: not each of a hundred.
  static let examples =
    "throughput, availability, p99, read_p99, write_outage_ms, recover_ms, messages_per_op, verdict"
}

/// What faults do, by the names that `faults.csv` has them under.
public enum FaultMeasure: String, Sendable, CaseIterable {
  case readOutage = "read_outage"
  case writeOutage = "write_outage"
  /// The longer one of the two.
  case outage
  case detect, elect
  case firstAck = "first_ack"
  case recover, hangover
}

/// What a value is a number of. Values of different dimensions cannot be compared.
public enum Dimension: Sendable, Hashable {
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

  /// Of a column's unit, and what one of it is in the base unit.
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

/// One measure in a condition: whose, and what of it.
public struct Measure: Sendable, Hashable {
  /// How the values of several trials become one.
  public enum Statistic: String, Sendable, CaseIterable {
    case mean, median, min, max
    /// The ends of the mean's 95 % interval.
    case low, high
  }

  /// A sweep value that is asked for: `raft[replicas=5].throughput`.
  public struct Pin: Sendable, Hashable {
    public var path: String
    public var value: String
  }

  /// nil: every row in turn.
  public var row: String?
  /// The fault of this name and its repetitions; nil: all faults.
  public var fault: String?
  public var pins: [Pin] = []
  public var name: MeasureName
  public var statistic = Statistic.mean
  /// As it was typed.
  public var text: String
}
