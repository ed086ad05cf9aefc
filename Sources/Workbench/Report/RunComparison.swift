import Measurement
import Primitives
import Results

/// Compares several runs, row by row, with one of them.
struct RunComparison {
  let runs: [RunData]
  /// The index of the run with which the others are compared.
  let baseline: Int
  /// A protocol at a sweep point. Rows follow the order of the baseline; rows that it lacks come
  /// last.
  let rows: [RowKey]
  private(set) var ratios: [Ratio] = []

  struct RowKey: Hashable {
    var name: String
    /// `workload.clients = 8`; empty without a sweep.
    var point: String
    /// The same with the last parts of the paths.
    var shortPoint: String

    var text: String { point.isEmpty ? name : "\(name), \(point)" }
    /// Short enough for the row of a chart: paths by their last parts, and cut off if need be.
    var shortText: String {
      let most = 60
      let text = shortPoint.isEmpty ? name : "\(name), \(shortPoint)"
      return text.count <= most ? text : text.prefix(most - 1) + "…"
    }
  }

  /// One metric of one row of a run, divided by the baseline's.
  struct Ratio {
    var run: Int
    var row: Int
    var metric: Metric
    /// The ratio of the geometric means over trials.
    var value: Double
    var low: Double?
    var high: Double?
    var p: Double?
    /// The p-value after Holm's correction over the page.
    var corrected: Double?
    var isPaired = false

    var isDifferent: Bool { corrected.map { $0 < PairedDifference.level } ?? false }
  }

  /// - Throws: if a run has no row in common with the baseline.
  init(_ runs: [RunData], baseline: Int) throws(ReportError) {
    self.runs = runs
    self.baseline = baseline
    var rows: [RowKey] = []
    let order = [baseline] + runs.indices.filter { $0 != baseline }
    for run in order {
      for group in runs[run].groups {
        let key = RunComparison.key(group, in: runs[run])
        if !rows.contains(key) { rows.append(key) }
      }
    }
    self.rows = rows
    for index in runs.indices {
      guard
        runs[index].groups.contains(where: { group in
          self.group(RunComparison.key(group, in: runs[index]), in: baseline) != nil
        })
      else {
        throw ReportError(
          "\(runs[index].label): found no row (protocol and sweep point) that "
            + "\(runs[baseline].label) has too, so the two cannot be compared")
      }
    }
    ratios = order.dropFirst().flatMap(ratios)
    let corrected = Holm.corrected(ratios.map(\.p))
    for index in ratios.indices { ratios[index].corrected = corrected[index] }
  }

  private static func key(_ group: Group, in run: RunData) -> RowKey {
    RowKey(
      name: group.name, point: run.pointName(group.point),
      shortPoint: run.pointName(group.point, isShort: true))
  }

  /// The ratios are computed here from these columns.
  static let source = "ratio trials.csv"

  /// Whether the trials of all compared rows have the seeds of the baseline.
  var isPaired: Bool { ratios.allSatisfy(\.isPaired) }

  /// `raft × 1.20 (1.15 to 1.25); chain-replication × ...`, at most six.
  func list(_ ratios: [Ratio]) -> HTML {
    let parts = ratios.prefix(6).map { ratio -> HTML in
      "\(rows[ratio.row].text) <strong>× \(ratio.phrase)</strong>"
    }
    let rest = ratios.count > 6 ? " and \(ratios.count - 6) more rows" : ""
    return "\(parts.joined("; "))\(rest)"
  }

  func group(_ row: RowKey, in run: Int) -> Group? {
    runs[run].groups.first { RunComparison.key($0, in: runs[run]) == row }
  }

  func ratio(_ metric: Metric, row: Int, run: Int) -> Ratio? {
    ratios.first { $0.metric.name == metric.name && $0.row == row && $0.run == run }
  }

  /// The ratios of a run; a row whose verdict does not hold in either run is not compared.
  private func ratios(of run: Int) -> [Ratio] {
    rows.enumerated().flatMap { row, key -> [Ratio] in
      guard let group = group(key, in: run), let base = self.group(key, in: baseline),
        group.isRanked, base.isRanked
      else { return [] }
      return Metric.summarised.compactMap { metric in
        Ratio(metric, group, base).map {
          var ratio = $0
          ratio.run = run
          ratio.row = row
          return ratio
        }
      }
    }
  }
}

extension RunComparison.Ratio {
  /// `nil` if a trial has no value, or a value that is not above zero and so has no ratio.
  ///
  /// The logarithms of the trials' values are compared: in pairs if the trials have the same seeds,
  /// and otherwise by Welch's t test, which does not assume equal spreads.
  init?(_ metric: Metric, _ group: Group, _ base: Group) {
    guard let first = RunComparison.Ratio.logarithms(metric, group),
      let second = RunComparison.Ratio.logarithms(metric, base)
    else { return nil }
    self.init(run: 0, row: 0, metric: metric, value: 1)
    isPaired = group.trials.map(\.seed) == base.trials.map(\.seed)
    if isPaired {
      let difference = PairedDifference(first, second)
      let estimate = difference.estimate
      set(estimate.mean ?? 0, estimate.low, estimate.high)
      p = difference.p
    } else {
      let difference = UnpairedDifference(first, second)
      // Samples without any spread do not show how large chance variation is.
      let hasSpread = difference.low != difference.high
      set(
        difference.mean ?? 0, hasSpread ? difference.low : nil, hasSpread ? difference.high : nil)
      p = hasSpread ? difference.p : nil
    }
  }

  private static func logarithms(_ metric: Metric, _ group: Group) -> [Double]? {
    let values = group.values(metric.name).compactMap { $0 }
    guard !values.isEmpty, values.count == group.trials.count, values.allSatisfy({ $0 > 0 }) else {
      return nil
    }
    return values.map(RealFunctions.log)
  }

  private mutating func set(_ mean: Double, _ low: Double?, _ high: Double?) {
    value = RealFunctions.exp(mean)
    self.low = low.map(RealFunctions.exp)
    self.high = high.map(RealFunctions.exp)
  }

  /// `1.20 (1.15 to 1.25)`; a ratio that differs from 1 has digits enough to show it.
  var phrase: String {
    guard let low, let high else { return RunComparison.Ratio.text(value) }
    var decimals = 2
    func text(_ value: Double) -> String {
      DecimalText.table(value, decimals: value < 100 ? decimals : 0) ?? "-"
    }
    if isDifferent {
      let nearest = low > 1 ? low : high
      while decimals < 5, Double(text(nearest)) == 1 { decimals += 1 }
    }
    return "\(text(value)) (\(text(low)) to \(text(high)))"
  }

  static func text(_ value: Double) -> String {
    Quantity.count.text(value)
  }
}
