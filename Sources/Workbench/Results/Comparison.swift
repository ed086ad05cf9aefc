import Measurement

/// A metric that protocols are compared in.
struct ComparedMetric: Sendable {
  let name: String
  let label: String
  let lowerIsBetter: Bool
  let test: PairedDifference.Test

  static let all = [
    ComparedMetric(
      name: "throughput", label: "throughput", lowerIsBetter: false, test: .studentT),
    // The sign test, because most trials are at the ceiling of 1.
    ComparedMetric(
      name: "availability", label: "availability", lowerIsBetter: false, test: .sign),
    ComparedMetric(
      name: "read_p99_us", label: "p99 latency of reads", lowerIsBetter: true, test: .studentT),
    ComparedMetric(
      name: "write_p99_us", label: "p99 latency of writes", lowerIsBetter: true, test: .studentT),
  ]
}

/// Two protocols at one sweep point, compared trial by trial in one metric.
struct Comparison: Sendable {
  let metric: ComparedMetric
  /// Indices into the outline's protocols.
  let first: Int
  let second: Int
  /// The difference first - second.
  let difference: PairedDifference
  /// The p-value after Holm's correction over all comparisons printed together; nil with too few
  /// pairs.
  var corrected: Double?

  /// False until `correct` was called.
  var isDifferent: Bool { corrected.map { $0 < PairedDifference.level } ?? false }

  init(_ metric: ComparedMetric, _ first: TrialGroup, _ second: TrialGroup) {
    self.metric = metric
    self.first = first.place.protocolIndex
    self.second = second.place.protocolIndex
    // Trials of the same number have the same seed; both groups are in order of the numbers.
    let numbers = Set(first.trials.map(\.place.trial))
      .intersection(second.trials.map(\.place.trial))
    func values(_ group: TrialGroup) -> [Double?] {
      group.trials.filter { numbers.contains($0.place.trial) }.map { $0.metric(metric.name) }
    }
    difference = PairedDifference(values(first), values(second), test: metric.test)
  }

  /// - Parameter comparisons: all that are printed together.
  static func correct(_ comparisons: inout [Comparison]) {
    let corrected = Holm.corrected(comparisons.map(\.difference.p))
    for index in comparisons.indices { comparisons[index].corrected = corrected[index] }
  }
}

/// The protocols of one sweep point in the order of a metric's mean, each compared with the next.
struct Ranking: Sendable {
  let metric: ComparedMetric
  /// From the best to the worst.
  private let groups: [TrialGroup]
  var comparisons: [Comparison]

  /// nil if fewer than two protocols have a value, or if all values are equal.
  init?(_ metric: ComparedMetric, _ groups: [TrialGroup]) {
    self.metric = metric
    self.groups =
      groups.compactMap { group in
        group.estimate(metric.name).mean.map { (group, metric.lowerIsBetter ? $0 : -$0) }
      }.sorted { ($0.1, $0.0.place) < ($1.1, $1.0.place) }.map(\.0)
    comparisons = zip(self.groups, self.groups.dropFirst()).map { Comparison(metric, $0, $1) }
    let values = groups.flatMap(\.trials).compactMap { $0.metric(metric.name) }
    if self.groups.count < 2 || values.allSatisfy({ $0 == values[0] }) { return nil }
  }

  /// `a > b ~ c`: a and b differ by their paired trials; for b and c no difference is shown.
  /// `~[40]`: about 40 trials would show it. `a ? b`: too few trials.
  ///
  /// - Parameter level: the p-value that would be needed.
  func text(_ outline: RunOutline, level: Double) -> String {
    func name(_ group: TrialGroup) -> String { outline.protocols[group.place.protocolIndex] }
    return zip(comparisons, groups.dropFirst()).reduce(name(groups[0])) { text, next in
      let (comparison, worse) = next
      var sign = comparison.isDifferent ? ">" : comparison.corrected == nil ? "?" : "~"
      if sign == "~", let trials = comparison.difference.trialsToResolve(level: level) {
        sign += "[\(trials)]"
      }
      return "\(text) \(sign) \(name(worse))"
    }
  }
}
