import Measurement

extension ResultTable {
  /// An array with one object per protocol and sweep point.
  public var json: String { JSONText.array(groups.map(row)).text }

  private func row(_ group: TrialGroup) -> JSONText {
    let sweep = zip(outline.keyFields.dropFirst(), outline.points[group.place.point]).map {
      field, text in
      JSONText.Member(field.name, field.kind == .string ? .string(text) : .number(Double(text)))
    }
    let metrics = MetricColumn.all.enumerated().map { index, metric in
      JSONText.Member(metric.name, interval(group.estimate(index)))
    }
    let explanations = group.trials.filter { !$0.verdict.explanation.isEmpty }.map { trial in
      JSONText.object([
        .init("trial", .integer(trial.place.trial)), .init("seed", .unsigned(trial.seed)),
        .init("verdict", .string(trial.verdict.word.rawValue)),
        .init("explanation", .string(trial.verdict.explanation)),
        .init("replay", replay(trial).map { .string($0) } ?? .null),
      ])
    }
    return .object([
      .init("protocol", .string(outline.protocols[group.place.protocolIndex])),
      .init("sweep", .object(sweep)),
      .init("trials", .integer(group.trials.count)),
      .init("verdict", .string(group.verdict.rawValue)),
      .init("metrics", .object(metrics)),
      .init("faults", .array(FaultSummary.all(group.trials).map(fault))),
      .init("differences", .array(differences(group))),
      .init("explanations", .array(explanations)),
    ])
  }

  private func interval(_ estimate: Estimate) -> JSONText {
    .object([
      .init("mean", .number(estimate.mean)), .init("ci95_low", .number(estimate.low)),
      .init("ci95_high", .number(estimate.high)),
    ])
  }

  private func fault(_ fault: FaultSummary) -> JSONText {
    .object([
      .init("kind", .string(fault.kind)), .init("target", .string(fault.target)),
      .init("start_ms", .number(fault.plannedNs.map { Double($0) / 1e6 })),
      .init("count", .integer(fault.rows.count)),
      .init("outage_ms", .number(fault.outage)),
      .init("time_to_recover_ms", .number(fault.timeToRecover)),
      .init("recovered", .integer(fault.recoveredCount)),
      .init("cut_short", .integer(fault.cutShortCount)),
    ])
  }

  /// To every other protocol of the same point.
  private func differences(_ group: TrialGroup) -> [JSONText] {
    let others = groups.filter {
      $0.place.point == group.place.point && $0.place.protocolIndex != group.place.protocolIndex
    }
    return Comparison.metrics.flatMap { metric in
      others.map { other in
        let comparison = Comparison(metric: metric, group, other)
        let estimate = comparison.difference.estimate
        return .object([
          .init("metric", .string(metric)),
          .init("minus", .string(outline.protocols[comparison.second])),
          .init("mean", .number(estimate.mean)), .init("ci95_low", .number(estimate.low)),
          .init("ci95_high", .number(estimate.high)),
          .init("different", .bool(comparison.difference.isDifferent)),
        ])
      }
    }
  }
}
