import Measurement

/// The input of one row of `summary.csv`.
private struct SummaryRow: Sendable {
  let group: TrialGroup
  let pooled: PooledTrials
  /// In the order of `MetricColumn.all`.
  let estimates: [Estimate]

  init(_ group: TrialGroup) {
    self.group = group
    pooled = PooledTrials(group.trials)
    estimates = MetricColumn.all.indices.map { group.estimate($0) }
  }
}

extension ResultFile {
  static func summary(_ outline: RunOutline) -> ResultFile {
    let columns = MetricColumn.all.indices.flatMap(metric) + PooledColumn.latencies.flatMap(counts)
    let trials = Field(name: "trials", kind: .integer, meaning: "trials in the row")
    return ResultFile(
      name: "summary", meaning: "Every metric over the trials of a protocol at a sweep point.",
      fields: outline.keyFields + columns.map(\.field)
        + [trials, verdict("worst verdict of the trials")],
      primaryKey: outline.keyFields.map(\.name)
    ) { trials in
      TrialGroup.groups(trials).map { group in
        let row = SummaryRow(group)
        return outline.key(group.place) + columns.map { $0.cell(row) }
          + [String(group.trials.count), group.verdict.rawValue]
      }
    }
  }

  /// Mean and interval over trials, and the columns that add what a mean does not show.
  private static func metric(_ index: Int) -> [Column<SummaryRow>] {
    let metric = MetricColumn.all[index]
    func column(
      _ suffix: String, _ what: String, _ value: @escaping @Sendable (SummaryRow) -> Double?
    ) -> Column<SummaryRow> {
      Column(
        "\(metric.name)_\(suffix)", .number, unit: metric.unit, "\(metric.meaning): \(what)",
        isRequired: false
      ) { DecimalText.text(value($0)) }
    }
    let method = "95 % interval (\(metric.kind.method)); empty if not bounded"
    var columns = [
      column("mean", "mean over the trials that have a value") { $0.estimates[index].mean },
      column("ci95_low", "lower end of the mean's \(method)") { $0.estimates[index].low },
      column("ci95_high", "upper end of the mean's \(method)") { $0.estimates[index].high },
    ]
    if let pooled = PooledColumn.all.first(where: { $0.metric == metric.name }) {
      columns.append(
        column("pooled", "of the operations of all trials together") { pooled.value($0.pooled) })
    }
    if metric.name == "time_to_recover_ms" {
      columns.append(
        Column(
          "never_recovered", .integer,
          "trials with a fault after which throughput did not come back, which the means leave out; empty without faults",
          isRequired: false
        ) { $0.group.neverRecovered.map { String($0) } ?? "" })
    }
    return columns
  }

  /// The counts of operations on which the pooled percentiles of one kind of operation rest.
  private static func counts(
    _ name: String, _ latency: @escaping @Sendable (PooledTrials) -> LatencyDistribution
  ) -> [Column<SummaryRow>] {
    [
      Column(
        "\(name)_count", .integer,
        "operations in the pooled latencies, \(name); a percentile p of fewer than 10 / (1 - p/100) is chance"
      ) { String(latency($0.pooled).count) },
      Column(
        "\(name)_censored", .integer,
        "those of them without an answer: pooled percentiles whose rank exceeds count - censored are lower bounds"
      ) { String(latency($0.pooled).censored) },
    ]
  }
}
