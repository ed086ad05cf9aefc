import Measurement
import Replication

/// A row of `distribution.csv`.
private struct DistributionRow: Sendable {
  var operation: String
  var percentile: Double
  var value: LatencyDistribution.Value
  var latency: LatencyDistribution

  /// Enough points to draw the distribution of reads and of writes.
  static let percentiles: [Double] =
    [0, 1, 2] + (1...18).map { Double($0 * 5) }
    + [92, 94, 95, 96, 97, 98, 99, 99.5, 99.9, 99.99, 100]

  static func rows(_ trials: [FinishedTrial]) -> [DistributionRow] {
    let pooled = PooledTrials(trials)
    return [("read", pooled.read), ("write", pooled.write)].flatMap { operation, latency in
      percentiles.compactMap { percentile in
        latency.percentile(percentile).map {
          DistributionRow(
            operation: operation, percentile: percentile, value: $0, latency: latency)
        }
      }
    }
  }
}

extension [Column<DistributionRow>] {
  fileprivate static let distribution: Self = [
    Column("operation", .string, "kind of operation", allowed: ["read", "write"]) {
      $0.operation
    },
    Column("percentile", .number, "0 is the fastest answer, 100 the slowest operation") {
      DecimalText.text($0.percentile)
    },
    Column(
      "latency_us", .number, unit: "us",
      "latency from the intended time, over the operations of all trials together"
    ) { DecimalText.microseconds($0.value.time.nanoseconds) },
    Column(
      "is_lower_bound", .boolean,
      "whether the percentile may fall among operations without an answer"
    ) { $0.value.isLowerBound ? "true" : "false" },
    Column("count", .integer, "operations that were answered") {
      String($0.latency.answered.count)
    },
    Column("censored", .integer, "operations without an answer") { String($0.latency.censored) },
  ]
}

extension ResultFile {
  /// The distribution of latency: trials are pooled by adding the counts of their histograms.
  static func distribution(_ outline: RunOutline) -> ResultFile {
    let columns = [Column<DistributionRow>].distribution
    return ResultFile(
      name: "distribution",
      meaning: "The distribution of latency of a protocol at a sweep point, over all its trials.",
      fields: outline.keyFields + columns.map(\.field),
      primaryKey: outline.keyFields.map(\.name) + ["operation", "percentile"]
    ) { trials in
      TrialGroup.groups(trials).flatMap { group in
        let key = outline.key(group.place)
        return columns.cells(of: DistributionRow.rows(group.trials)).map { key + $0 }
      }
    }
  }
}
