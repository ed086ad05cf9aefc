import Configuration
import Measurement

/// Two neighbouring severities of a fault along a sweep, in one row and with all other swept values
/// equal: what the step from the milder to the severer does to the throughput.
struct SeverityStep: Sendable {
  enum Kind: String, Sendable, CaseIterable {
    /// Throughput falls by at least `leastJump` of that at the mildest severity.
    case jump
    /// The milder fault hurts more than the severer one.
    case reversal
    /// Neither can be told from chance.
    case none
  }

  /// As a share of the throughput at the mildest severity.
  static let leastJump = 0.1

  /// The path of the severity.
  let path: String
  let milder: TrialGroup
  let severer: TrialGroup
  /// The group at the mildest severity.
  let mildest: TrialGroup
  /// The difference severer - milder in throughput; equal trials are compared in pairs.
  var comparison: Comparison

  var estimate: Estimate { comparison.difference.estimate }

  /// The difference as a share of the throughput at the mildest severity.
  func share(_ value: Double?) -> Double? {
    guard let value, let base = mildest.estimate("throughput").mean, base > 0 else { return nil }
    return value / base
  }

  var kind: Kind {
    guard comparison.isDifferent, let share = share(estimate.mean) else { return .none }
    return share > 0 ? .reversal : share <= -SeverityStep.leastJump ? .jump : .none
  }

  /// All steps of a run in the order of its rows, corrected together.
  static func all(_ outline: RunOutline, _ groups: [TrialGroup]) -> [SeverityStep] {
    guard let metric = ComparedMetric.all.first(where: { $0.name == "throughput" }) else {
      return []
    }
    var steps: [SeverityStep] = []
    for (axis, severities) in outline.severityAxes {
      var lines: [[String]: [TrialGroup]] = [:]
      var order: [[String]] = []
      for group in groups {
        var line = outline.key(group.place)
        line[axis + 1] = ""
        if lines[line] == nil { order.append(line) }
        lines[line, default: []].append(group)
      }
      for line in order {
        func severity(_ group: TrialGroup) -> Double { severities[group.place.point] }
        let sorted = (lines[line] ?? []).sorted { severity($0) < severity($1) }
        for (milder, severer) in zip(sorted, sorted.dropFirst()) {
          steps.append(
            SeverityStep(
              path: outline.sweepPaths[axis], milder: milder, severer: severer,
              mildest: sorted[0], comparison: Comparison(metric, severer, milder)))
        }
      }
    }
    var comparisons = steps.map(\.comparison)
    Comparison.correct(&comparisons)
    for index in steps.indices { steps[index].comparison = comparisons[index] }
    return steps
  }
}

extension RunOutline {
  /// The axes of the sweep that vary how severe a fault is: durations or numbers in a field of a
  /// fault. Each has the severities by point.
  fileprivate var severityAxes: [(axis: Int, severities: [Double])] {
    guard search == nil else { return [] }
    return sweepPaths.indices.compactMap { axis in
      let path = sweepPaths[axis]
      guard path.hasPrefix("faults"), !RunOutline.times.contains(where: path.hasSuffix) else {
        return nil
      }
      let values = points.compactMap { RunOutline.severity($0[axis]) }
      guard values.count == points.count, Set(values).count > 1 else { return nil }
      return (axis, values)
    }
  }

  /// The severity of a group as results show it.
  fileprivate func severity(of group: TrialGroup, along path: String) -> String {
    sweepPaths.firstIndex(of: path).map { points[group.place.point][$0] } ?? ""
  }

  /// Fields that say when a fault happens and not how severe it is.
  private static let times = [".at", ".every", ".from", ".until"]

  /// A duration in nanoseconds, or a number.
  private static func severity(_ text: String) -> Double? {
    guard let quantity = Quantity(text), !quantity.unit.isEmpty,
      case .exact(let count) = quantity.count(in: Unit.durations)
    else { return Double(text).flatMap { $0.isFinite ? $0 : nil } }
    return Double(count)
  }
}

extension ResultFile {
  /// nil if the sweep varies no fault's severity.
  static func severity(_ outline: RunOutline) -> ResultFile? {
    guard !outline.severityAxes.isEmpty else { return nil }
    func number(
      _ name: String, _ meaning: String, _ value: @escaping @Sendable (SeverityStep) -> Double?
    ) -> Column<SeverityStep> {
      Column(name, .number, meaning, isRequired: false) { DecimalText.text(value($0)) }
    }
    let columns: [Column<SeverityStep>] = [
      Column("path", .string, "the severity that the step is along", allowed: outline.sweepPaths) {
        $0.path
      },
      Column("milder", .string, "the milder severity; the key has the severer one") {
        outline.severity(of: $0.milder, along: $0.path)
      },
      number("step", "mean of the paired differences in throughput, severer - milder") {
        $0.estimate.mean
      },
      number("step_ci95_low", "lower end of its 95 % interval") { $0.estimate.low },
      number("step_ci95_high", "upper end of the same") { $0.estimate.high },
      number("step_percent", "the step in percent of the throughput at the mildest severity") {
        $0.share($0.estimate.mean).map { $0 * 100 }
      },
      number("p_holm", "after Holm's correction over this file; empty with fewer than 3 pairs") {
        $0.comparison.corrected
      },
      Column(
        "zone", .string,
        "jump: less by 10 % or more; reversal: the milder fault hurts more; else none",
        allowed: SeverityStep.Kind.allCases.map(\.rawValue)
      ) { $0.kind.rawValue },
    ]
    return ResultFile(
      name: "severity",
      meaning: "The steps between neighbouring severities of a fault, and which are dangerous.",
      fields: outline.keyFields + columns.map(\.field),
      primaryKey: outline.keyFields.map(\.name) + ["path"]
    ) { trials in
      SeverityStep.all(outline, TrialGroup.groups(trials)).map { step in
        outline.key(step.severer.place) + columns.map { $0.cell(step) }
      }
    }
  }
}

extension ResultTable {
  /// The jumps and reversals along each severity that the sweep varies.
  var dangerZones: [(title: String, table: TextTable?, notes: [String])] {
    let all = SeverityStep.all(outline, groups)
    return outline.severityAxes.map { axis, _ in
      let path = outline.sweepPaths[axis]
      let steps = all.filter { $0.path == path && $0.kind != .none }
      let others = outline.sweepPaths.indices.filter { $0 != axis }
      var table = TextTable(
        headings: [keyHeadings[0]] + others.map { keyHeadings[$0 + 1] }
          + ["from", "to", "throughput", "zone"].map { .init(text: $0) },
        keyCount: 1 + others.count)
      table.rows = steps.map { step in
        let key = outline.key(step.severer.place)
        let change = (step.share(step.estimate.mean) ?? 0) * 100
        let percent = DecimalText.fixed(change, decimals: 0) ?? ""
        return [key[0]] + others.map { key[$0 + 1] }
          + [
            outline.points[step.milder.place.point][axis], key[axis + 1],
            (change > 0 ? "+" : "") + percent + " %", step.kind.rawValue,
          ]
      }
      let rule =
        "jump: less by 10 % or more of the throughput at the mildest; reversal: the milder fault "
        + "hurts more (severity.csv)"
      return (
        "Danger zone along \(path)", steps.isEmpty ? nil : table,
        steps.isEmpty ? ["no jump and no reversal"] : [rule]
      )
    }
  }
}
