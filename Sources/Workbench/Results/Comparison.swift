import Measurement

/// Two protocols at one sweep point, compared trial by trial in one metric.
struct Comparison {
  var metric: String
  /// Indices into the outline's protocols.
  var first: Int
  var second: Int
  /// Of first − second.
  var difference: PairedDifference

  /// What protocols are compared in.
  static let metrics = ["throughput", "read_p99_us", "write_p99_us"]

  init(metric: String, _ first: TrialGroup, _ second: TrialGroup) {
    self.metric = metric
    self.first = first.place.protocolIndex
    self.second = second.place.protocolIndex
    // Trials of the same number have the same seed; both groups are in order of the numbers.
    let numbers = Set(first.trials.map(\.place.trial))
      .intersection(second.trials.map(\.place.trial))
    func values(_ group: TrialGroup) -> [Double?] {
      group.trials.filter { numbers.contains($0.place.trial) }.map { $0.metric(metric) }
    }
    difference = PairedDifference(values(first), values(second))
  }
}

/// The protocols of one sweep point in the order of a metric's mean.
struct Ranking {
  /// From the best to the worst.
  private var groups: [TrialGroup]
  private var metric: String

  /// nil with fewer than two protocols that have a value.
  init?(metric: String, lowerIsBetter: Bool, _ groups: [TrialGroup]) {
    self.metric = metric
    self.groups =
      groups.compactMap { group in
        group.estimate(metric).mean.map { (group, lowerIsBetter ? $0 : -$0) }
      }.sorted { ($0.1, $0.0.place) < ($1.1, $1.0.place) }.map(\.0)
    if self.groups.count < 2 { return nil }
  }

  /// `a > b ~ c`: a and b differ by their paired trials, b and c may not.
  func text(_ outline: RunOutline, sign: String) -> String {
    var text = outline.protocols[groups[0].place.protocolIndex]
    for (better, worse) in zip(groups, groups.dropFirst()) {
      let isDifferent = Comparison(metric: metric, better, worse).difference.isDifferent
      text += isDifferent ? " \(sign) " : " ~ "
      text += outline.protocols[worse.place.protocolIndex]
    }
    return text
  }
}
