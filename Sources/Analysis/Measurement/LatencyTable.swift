import Histories

/// One row of the latency table.
public struct LatencyRow: Sendable, Equatable {
  /// `OperationKind.name`, or `all`.
  public var operation: String
  /// 0 (the minimum) to 100 (the maximum).
  public var percentile: Double
  public var latencyNs: Int64
  /// Operations behind the row's histogram.
  public var count: Int
}

extension TrialMetrics {
  public static let percentiles: [Double] = [0, 50, 75, 90, 95, 99, 99.9, 99.99, 100]

  /// A row per kind of operation that was acknowledged, and for all together, and percentile.
  public var latencyTable: [LatencyRow] {
    var rows: [LatencyRow] = []
    func add(_ name: String, _ histogram: Histogram) {
      for p in TrialMetrics.percentiles {
        guard let value = histogram.percentile(p) else { continue }
        rows.append(
          LatencyRow(operation: name, percentile: p, latencyNs: value, count: histogram.count))
      }
    }
    for kind in OperationKind.allCases {
      if let histogram = latencyByKind[Int(kind.rawValue)] { add(kind.name, histogram) }
    }
    add("all", latency)
    return rows
  }
}
