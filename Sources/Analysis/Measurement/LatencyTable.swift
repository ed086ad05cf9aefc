import Histories

/// One row of the latency table.
package struct LatencyRow: Sendable, Equatable {
  /// `OperationKind.name`, or `all`.
  package var operation: String
  /// 0 (the fastest answer) to 100 (the slowest).
  package var percentile: Double
  package var latency: LatencyDistribution.Value
  /// How many operations of this kind were answered, and how many were not.
  package var count: Int
  package var censored: Int
}

extension TrialMetrics {
  package static let percentiles: [Double] = [0, 50, 75, 90, 95, 99, 99.9, 99.99, 100]

  /// One row per percentile for each kind of operation that was due, and for all kinds together.
  package var latencyTable: [LatencyRow] {
    var rows: [LatencyRow] = []
    func add(_ name: String, _ distribution: LatencyDistribution) {
      for p in TrialMetrics.percentiles {
        guard let value = distribution.percentile(p) else { continue }
        rows.append(
          LatencyRow(
            operation: name, percentile: p, latency: value, count: distribution.answered.count,
            censored: distribution.censored))
      }
    }
    for kind in OperationKind.allCases {
      if let distribution = latencyByKind[Int(kind.rawValue)] { add(kind.name, distribution) }
    }
    add("all", latency)
    return rows
  }
}
