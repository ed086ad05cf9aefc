import Histories

/// One row of the latency table.
public struct LatencyRow: Sendable, Equatable {
  /// `OperationKind.name`, or `all`.
  public var operation: String
  /// 0 (the fastest answer) to 100 (the slowest).
  public var percentile: Double
  public var latency: LatencyDistribution.Value
  /// How many operations of this kind were answered, and how many were not.
  public var count: Int
  public var censored: Int
}

extension TrialMetrics {
  public static let percentiles: [Double] = [0, 50, 75, 90, 95, 99, 99.9, 99.99, 100]

  /// One row per percentile for each kind of operation that was due, and for all kinds together.
  public var latencyTable: [LatencyRow] {
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
