import Measurement

extension ResultTable {
  /// An array with one object per protocol and sweep point.
  package var json: String {
    // Expectations of an interrupted run are not judged yet.
    let expected = isComplete ? ExpectedCondition.all(outline, groups.flatMap(\.trials)) : []
    return JSONText.array(zip(groups, differences).map { row($0, $1, expected) }).text
  }

  private func row(
    _ group: TrialGroup, _ differences: [JSONText], _ expected: [ExpectedCondition]
  ) -> JSONText {
    let pooled = PooledTrials(group.trials)
    let sweep = zip(outline.keyFields.dropFirst(), outline.points[group.place.point]).map {
      field, text in
      JSONText.Member(field.name, field.kind == .string ? .string(text) : .number(Double(text)))
    }
    let metrics = MetricColumn.all.enumerated().map { index, metric in
      JSONText.Member(metric.name, interval(group.estimate(index), metric, pooled))
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
      .init("differences", .array(differences)),
      .init("expectations", .array(outcomes(of: expected, group))),
      .init("explanations", .array(explanations)),
    ])
  }

  /// The outcomes of the conditions in which this row at this point takes part. One between two
  /// rows is an outcome of both.
  private func outcomes(of expected: [ExpectedCondition], _ group: TrialGroup) -> [JSONText] {
    expected.flatMap { expectation in
      expectation.cases.filter { $0.places.isEmpty || $0.places.contains(group.place.ofRow) }.map {
        .object([
          .init("expectation", .string(expectation.text)),
          .init("place", .string($0.place)),
          .init("holds", .bool($0.holds == true)),
          .init("found", .string($0.found)),
        ])
      }
    }
  }

  private func interval(
    _ estimate: Estimate, _ metric: MetricColumn, _ pooled: PooledTrials
  ) -> JSONText {
    let column = PooledColumn.all.first { $0.metric == metric.name }
    return .object(
      [
        .init("mean", .number(estimate.mean)), .init("ci95_low", .number(estimate.low)),
        .init("ci95_high", .number(estimate.high)),
      ] + (column.map { [.init("pooled", .number($0.value(pooled)))] } ?? []))
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

  private func difference(_ comparison: Comparison, of count: Int) -> JSONText {
    let difference = comparison.difference
    return .object([
      .init("metric", .string(comparison.metric.name)),
      .init("minus", .string(outline.protocols[comparison.second])),
      .init("mean", .number(difference.estimate.mean)),
      .init("ci95_low", .number(difference.estimate.low)),
      .init("ci95_high", .number(difference.estimate.high)),
      .init("trials", .integer(difference.estimate.count)),
      .init("test", .string(difference.test.rawValue)),
      .init("p", .number(difference.p)),
      .init("p_holm", .number(comparison.corrected)),
      .init("comparisons", .integer(count)),
      .init("different", .bool(comparison.isDifferent)),
    ])
  }

  /// The differences of each group from every other protocol at the same point, as JSON. Each pair
  /// of protocols counts as one comparison, although both groups show it.
  private var differences: [[JSONText]] {
    var comparisons: [[Comparison]] = groups.map { group in
      let others = groups.filter {
        $0.place.point == group.place.point && $0.place.protocolIndex != group.place.protocolIndex
      }
      return ComparedMetric.all.flatMap { metric in
        others.map { Comparison(metric, group, $0) }
      }
    }
    struct Pair: Hashable {
      var point: Int
      var metric: String
      var protocols: Set<Int>
    }
    func pair(_ index: Int, _ comparison: Comparison) -> Pair {
      Pair(
        point: groups[index].place.point, metric: comparison.metric.name,
        protocols: [comparison.first, comparison.second])
    }
    var pairs: [Pair] = []
    var once: [Comparison] = []
    for index in groups.indices {
      for comparison in comparisons[index] where comparison.first < comparison.second {
        pairs.append(pair(index, comparison))
        once.append(comparison)
      }
    }
    Comparison.correct(&once)
    let corrected = Dictionary(uniqueKeysWithValues: zip(pairs, once.map(\.corrected)))
    let count = once.count { $0.corrected != nil }
    return groups.indices.map { index in
      comparisons[index].indices.map { place in
        comparisons[index][place].corrected =
          corrected[pair(index, comparisons[index][place])] ?? nil
        return difference(comparisons[index][place], of: count)
      }
    }
  }
}
