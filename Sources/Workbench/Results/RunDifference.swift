import Experiments
import Measurement

/// The difference between two runs in the compared metrics, over the rows that both have.
package struct RunDifference: Sendable {
  /// One metric of one row.
  struct Cell: Sendable {
    var metric: ComparedMetric
    var base: Double?
    var new: Double?
    /// The difference new - base.
    var mean: Double?
    var low: Double?
    var high: Double?
    var p: Double?
    /// The p-value after Holm's correction over all cells of the comparison.
    var corrected: Double?
    var isPaired: Bool

    var isDifferent: Bool { corrected.map { $0 < PairedDifference.level } ?? false }
  }

  package let base: StoredRun
  package let new: StoredRun
  let keys: [StoredRun.Key]
  private(set) var cells: [StoredRun.Key: [Cell]] = [:]

  package init(base: StoredRun, new: StoredRun) {
    self.base = base
    self.new = new
    let isAlike = base.sweepPaths == new.sweepPaths
    keys = isAlike ? base.keys.filter { new.rows[$0] != nil } : []
    for key in keys {
      guard let a = base.rows[key], let b = new.rows[key] else { continue }
      cells[key] = ComparedMetric.all.map { RunDifference.cell($0, a, b) }
    }
    correct()
  }

  package var hasRows: Bool { !keys.isEmpty }

  private mutating func correct() {
    let values = keys.flatMap { cells[$0] ?? [] }.map(\.p)
    var corrected = Holm.corrected(values)[...]
    for key in keys {
      for index in cells[key]?.indices ?? 0..<0 {
        cells[key]?[index].corrected = corrected.removeFirst()
      }
    }
  }

  /// Pairs the trials if both sides have the same seeds.
  private static func cell(
    _ metric: ComparedMetric, _ base: StoredRun.Row, _ new: StoredRun.Row
  ) -> Cell {
    let a = base.trials.map { $0.metrics[metric.name] }
    let b = new.trials.map { $0.metrics[metric.name] }
    var cell = Cell(
      metric: metric, base: Estimate(a).mean, new: Estimate(b).mean,
      isPaired: base.trials.map(\.seed) == new.trials.map(\.seed))
    if cell.isPaired {
      let difference = PairedDifference(b, a, test: metric.test)
      (cell.mean, cell.p) = (difference.estimate.mean, difference.p)
      (cell.low, cell.high) = (difference.estimate.low, difference.estimate.high)
    } else {
      let difference = UnpairedDifference(b, a)
      (cell.mean, cell.p) = (difference.mean, difference.p)
      (cell.low, cell.high) = (difference.low, difference.high)
    }
    return cell
  }

  // MARK: Conditions

  /// The names that `--fail-if` may use: `new.METRIC` or METRIC alone, `base.METRIC`, and
  /// `change.METRIC`, the relative change from base to new.
  package static let vocabulary = ConditionVocabulary(rows: ["new", "base"], change: "change")

  /// A row in which a condition holds or cannot be decided.
  package struct Finding: Sendable {
    /// nil if the condition cannot be decided.
    package var holds: Bool?
    package var place: String
    package var found: String
  }

  /// The rows in which the condition holds or cannot be decided.
  package func findings(_ condition: Condition) -> [Finding] {
    keys.compactMap { key in
      let holds = condition.holds { value(of: $0, key) }
      guard holds != false else { return nil }
      let found = condition.measures.map { measure in
        "\(measure.text) \(text(of: measure, key))"
      }
      return Finding(
        holds: holds, place: place(key), found: found.joined(separator: ", "))
    }
  }

  func place(_ key: StoredRun.Key) -> String {
    ([key.name] + zip(base.sweepPaths, key.values).map { "\($0)=\($1)" }).joined(separator: ", ")
  }

  private func value(of measure: Measure, _ key: StoredRun.Key) -> Condition.Value? {
    guard let a = base.rows[key], let b = new.rows[key] else { return nil }
    if measure.name.source == .verdict {
      return .word((measure.row == "base" ? a : b).verdict.rawValue)
    }
    let (x, y) = (a.values(of: measure.name), b.values(of: measure.name))
    guard measure.row == "change" else {
      return RunDifference.statistic(measure, measure.row == "base" ? x : y)
    }
    // A mean over some of the trials would hide the missing values of the others.
    guard !x.contains(nil), !y.contains(nil), let mean = Estimate(x).mean, mean != 0 else {
      return nil
    }
    if a.trials.map(\.seed) == b.trials.map(\.seed) {
      let changes = zip(x, y).map { x, y in x.flatMap { x in y.map { ($0 - x) / mean } } }
      return RunDifference.statistic(measure, changes, .difference)
    }
    let difference = UnpairedDifference(y, x)
    let value: Double? =
      switch measure.statistic {
      case .mean: difference.mean
      case .low: difference.low
      case .high: difference.high
      case .median, .min, .max: nil
      }
    return value.map { .number($0 / mean) }
  }

  private static func statistic(
    _ measure: Measure, _ values: [Double?], _ kind: ValueKind = .skewed
  ) -> Condition.Value? {
    guard !values.contains(nil) else { return nil }
    return TrialGroup.statistic(
      measure.statistic, values.compactMap { $0 }, Estimate(values, kind)
    ).map { .number($0) }
  }

  private func text(of measure: Measure, _ key: StoredRun.Key) -> String {
    switch value(of: measure, key) {
    case .word(let word)?: return word
    case .number(let number)? where measure.row == "change":
      return (DecimalText.table(number * 100, decimals: 1) ?? "-") + " %"
    case .number(let number)?: return measure.name.text(number)
    case nil: return "no value"
    }
  }

  // MARK: Text

  package func text(width: Int) -> String {
    var table = TextTable(
      headings: [.init(text: "protocol", alignment: .left)]
        + base.sweepPaths.map { .init(text: $0) }
        + ["throughput", "availability", "read p99", "write p99"].map { .init(text: $0) },
      keyCount: 1 + base.sweepPaths.count)
    table.rows = keys.prefix(ResultTable.mostRows).map { key in
      [key.name] + key.values + (cells[key] ?? []).map(\.text)
    }
    var lines = ["\(new.path) against \(base.path)"]
    let shown = cells.values.joined().map(\.text)
    var notes: [String] = []
    let omitted = keys.count - table.rows.count
    if omitted > 0 { notes.append("(\(omitted) more rows are left out: --format json has them)") }
    let isPaired = cells.values.joined().allSatisfy(\.isPaired)
    notes.append(
      "change ± distance to the farther end of the 95 % interval; availability in points; trials "
        + (isPaired ? "paired by seed" : "of other seeds, by Welch's t test"))
    if shown.contains(where: { $0.hasPrefix("~") }) {
      notes.append("~: may be equal, after Holm's correction over all comparisons here")
    }
    if shown.contains(where: { $0.hasPrefix("?") }) {
      notes.append(
        "?: fewer than \(PairedDifference.leastPairs) trials on a side, which tell nothing")
    }
    let worse = keys.filter {
      (base.rows[$0]?.verdict ?? .unchecked) < (new.rows[$0]?.verdict ?? .unchecked)
    }
    notes += worse.map { key in
      "verdict of \(place(key)): \(base.rows[key]?.verdict.rawValue ?? "-") before, "
        + "\(new.rows[key]?.verdict.rawValue ?? "-") now"
    }
    notes += only(in: base, not: new) + only(in: new, not: base)
    lines[0] += "\n" + (keys.isEmpty ? "" : table.render(width: width))
    return lines[0] + notes.map { $0 + "\n" }.joined()
  }

  private func only(in run: StoredRun, not other: StoredRun) -> [String] {
    let keys = run.keys.filter { key in
      other.rows[key] == nil || run.sweepPaths != other.sweepPaths
    }
    guard !keys.isEmpty else { return [] }
    let names = keys.prefix(4).map { key in
      ([key.name] + zip(run.sweepPaths, key.values).map { "\($0)=\($1)" }).joined(separator: " ")
    }
    return [
      "only in \(run.path): " + names.joined(separator: "; ")
        + (keys.count > 4 ? "; and \(keys.count - 4) more" : "")
    ]
  }

  /// One object per row and metric.
  package var json: String {
    JSONText.array(
      keys.flatMap { key in
        (cells[key] ?? []).map { cell in
          JSONText.object([
            .init("base", .string(base.path)), .init("new", .string(new.path)),
            .init("protocol", .string(key.name)),
            .init(
              "sweep",
              .object(zip(base.sweepPaths, key.values).map { .init($0, .string($1)) })),
            .init("metric", .string(cell.metric.name)), .init("base_mean", .number(cell.base)),
            .init("new_mean", .number(cell.new)), .init("difference", .number(cell.mean)),
            .init("difference_ci95_low", .number(cell.low)),
            .init("difference_ci95_high", .number(cell.high)),
            .init("paired", .bool(cell.isPaired)),
            .init("p", .number(cell.p)), .init("p_holm", .number(cell.corrected)),
            .init("different", .bool(cell.isDifferent)),
          ])
        }
      }
    ).text
  }
}

extension RunDifference.Cell {
  fileprivate var text: String {
    let isShare = metric.name == "availability"
    guard let mean, let base = isShare ? 1 : base, base != 0 else {
      return mean == 0 ? "=" : "-"
    }
    if mean == 0, low == 0, high == 0 { return "=" }
    return ReferenceDifference.text(
      percent: (mean / base * 100, low.map { $0 / base * 100 }, high.map { $0 / base * 100 }),
      isShare: isShare, corrected: corrected, isDifferent: isDifferent)
  }
}
