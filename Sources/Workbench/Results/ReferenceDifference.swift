import Measurement

/// A row compared with a reference row: with the baseline at the same point, or with itself at the
/// first point of the sweep. Trials of the same number have the same seed everywhere, so they are
/// compared in pairs.
struct ReferenceDifference: Sendable {
  enum Against: String, Sendable, CaseIterable {
    case baseline
    case firstPoint = "first point"
  }

  let against: Against
  let group: TrialGroup
  let reference: TrialGroup
  /// The difference group - reference.
  var comparison: Comparison

  var metric: ComparedMetric { comparison.metric }

  /// The difference in percent of the reference's mean over the same trials; for a share, in
  /// percentage points.
  var percent: (mean: Double, low: Double?, high: Double?)? {
    let estimate = comparison.difference.estimate
    guard let mean = estimate.mean else { return nil }
    let isShare = metric.name == "availability"
    guard let base = isShare ? 1 : reference.estimate(metric.name).mean, base != 0 else {
      return nil
    }
    func percent(_ value: Double) -> Double { value / base * 100 }
    return (percent(mean), estimate.low.map(percent), estimate.high.map(percent))
  }

  /// The differences of every group, in the order of the groups; each kind of reference is
  /// corrected on its own.
  ///
  /// - Parameter baseline: index of the protocol.
  static func all(_ groups: [TrialGroup], baseline: Int) -> [ReferenceDifference] {
    Against.allCases.flatMap { against in
      var list = groups.flatMap { group -> [ReferenceDifference] in
        let reference = groups.first { other in
          switch against {
          case .baseline:
            other.place.point == group.place.point && other.place.protocolIndex == baseline
              && group.place.protocolIndex != baseline
          case .firstPoint:
            other.place.point == 0 && group.place.point != 0
              && other.place.protocolIndex == group.place.protocolIndex
          }
        }
        guard let reference else { return [] }
        return ComparedMetric.all.map {
          ReferenceDifference(
            against: against, group: group, reference: reference,
            comparison: Comparison($0, group, reference))
        }
      }
      var comparisons = list.map(\.comparison)
      Comparison.correct(&comparisons)
      for index in list.indices { list[index].comparison = comparisons[index] }
      return list
    }
  }
}

extension ResultFile {
  static func differences(_ outline: RunOutline) -> ResultFile {
    let columns = [Column<ReferenceDifference>].differences(outline)
    return ResultFile(
      name: "differences",
      meaning:
        "Each row compared, trial by trial, with the baseline (or the first row) at the same "
        + "point, and with itself at the first point of the sweep.",
      fields: outline.keyFields + columns.map(\.field),
      primaryKey: outline.keyFields.map(\.name) + ["against", "metric"]
    ) { trials in
      ReferenceDifference.all(TrialGroup.groups(trials), baseline: outline.baseline ?? 0).map {
        difference in
        outline.key(difference.group.place) + columns.map { $0.cell(difference) }
      }
    }
  }
}

extension [Column<ReferenceDifference>] {
  fileprivate static func differences(_ outline: RunOutline) -> Self {
    [
      Column(
        "against", .string, "what the row is compared with",
        allowed: ReferenceDifference.Against.allCases.map(\.rawValue)
      ) { $0.against.rawValue },
      Column("minus_protocol", .string, "the row of reference", allowed: outline.protocols) {
        outline.protocols[$0.reference.place.protocolIndex]
      },
      Column(
        "minus_point", .string, "the swept values of the row of reference", isRequired: false
      ) { outline.pointText($0.reference.place.point) },
      Column(
        "metric", .string, "the metric compared", allowed: ComparedMetric.all.map(\.name)
      ) { $0.metric.name },
      number("difference", "mean of the paired differences, in the metric's unit") {
        $0.comparison.difference.estimate.mean
      },
      number("difference_ci95_low", "lower end of its 95 % interval (Student's t)") {
        $0.comparison.difference.estimate.low
      },
      number("difference_ci95_high", "upper end of the same") {
        $0.comparison.difference.estimate.high
      },
      number(
        "percent", "the difference in percent of the reference's mean; of availability in points"
      ) { $0.percent?.mean },
      number("percent_ci95_low", "lower end of its 95 % interval") { $0.percent?.low },
      number("percent_ci95_high", "upper end of the same") { $0.percent?.high },
      Column("pairs", .integer, "trials in which both have a value") {
        String($0.comparison.difference.estimate.count)
      },
      Column("test", .string, "paired t or sign test") { $0.comparison.difference.test.rawValue },
      number("p", "how likely equals differ by as much; empty with fewer than 3 pairs") {
        $0.comparison.difference.p
      },
      number("p_holm", "the same after Holm's correction over those against the same reference") {
        $0.comparison.corrected
      },
      Column("different", .boolean, "whether p_holm is below 0.05") {
        $0.comparison.isDifferent ? "true" : "false"
      },
    ]
  }

  private static func number(
    _ name: String, _ meaning: String,
    _ value: @escaping @Sendable (ReferenceDifference) -> Double?
  ) -> Column<ReferenceDifference> {
    Column(name, .number, meaning, isRequired: false) { DecimalText.text(value($0)) }
  }
}

extension RunOutline {
  /// `workload.clients=64, replicas=5`; empty without a sweep.
  func pointText(_ point: Int) -> String {
    zip(sweepPaths, points[point]).map { "\($0)=\($1)" }.joined(separator: ", ")
  }
}
