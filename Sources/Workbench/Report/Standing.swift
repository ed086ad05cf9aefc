import Measurement
import ProtocolList

/// The ranking in one metric at a sweep point, by the paired trials. Protocols whose verdict is
/// `violated` or `undecided` do not take part, nor does the baseline without replication.
struct Standing {
  let metric: Metric
  let point: Int
  /// From the best to the worst.
  let ranked: [Group]
  /// The p-values of the best against each other protocol, after Holm's correction over the page;
  /// `nil` with too few trials to compare.
  private(set) var corrected: [Double?] = []
  /// Protocols with a trial that never recovered; they cannot lead in recovery.
  let neverRecovered: [Group]

  /// Whether a row is a server without replication, which does not compete.
  static func isBaseline(_ group: Group) -> Bool {
    ProtocolKind(rawValue: group.name)?.isBaseline ?? false
  }

  /// `nil` if fewer than two protocols take part.
  init?(_ metric: Metric, _ groups: [Group], point: Int) {
    func isLeft(_ group: Group) -> Bool {
      metric.name == Metric.recovery.name
        && (group.summary["never_recovered"] ?? 0) > 0
    }
    let candidates = groups.filter { $0.isRanked && !Standing.isBaseline($0) }
    neverRecovered = candidates.filter(isLeft)
    self.metric = metric
    self.point = point
    let sign = metric.lowerIsBetter ? 1.0 : -1.0
    ranked =
      candidates.filter { !isLeft($0) }.compactMap { group in
        group.interval(metric.name).map { (group, $0.mean * sign) }
      }.sorted { ($0.1, $0.0.protocolIndex) < ($1.1, $1.0.protocolIndex) }.map(\.0)
    guard ranked.count + neverRecovered.count >= 2, !ranked.isEmpty else { return nil }
  }

  /// All standings of a run, corrected together.
  static func all(_ run: RunData) -> [Standing] {
    var standings = run.points.indices.flatMap { point in
      run.answered.filter { $0.isShown(in: run) }
        .compactMap { Standing($0, run.groups(at: point), point: point) }
    }
    let values = standings.map(\.uncorrected)
    var rest = Holm.corrected(values.flatMap { $0 })[...]
    for index in standings.indices {
      standings[index].corrected = Array(rest.prefix(values[index].count))
      rest = rest.dropFirst(values[index].count)
    }
    return standings
  }

  private var uncorrected: [Double?] {
    ranked.dropFirst().map { other in
      let pairs = ranked[0].trials.compactMap { trial -> (Double?, Double?)? in
        guard let match = other.trials.first(where: { $0.number == trial.number }) else {
          return nil
        }
        return (trial.metrics[metric.name], match.metrics[metric.name])
      }
      return PairedDifference(pairs.map(\.0), pairs.map(\.1), test: metric.test).p
    }
  }

  /// Whether there were enough trials to compare.
  var isCompared: Bool {
    corrected.contains { $0 != nil }
      || ranked.count == 1 && ranked[0].trials.count >= PairedDifference.leastPairs
  }

  /// With fewer pairs a sign test finds no difference, because even if all signs are equal p is
  /// above 5 %: 2 / 2^5 = 6.25 %.
  static let leastSigns = 6

  /// Whether the test could have found a difference.
  var canTell: Bool {
    metric.test != .sign || (ranked.first?.trials.count ?? 0) >= Standing.leastSigns
  }

  /// The best, and the protocols that cannot be told from it and whose mean lies in its interval.
  var leaders: [Group] { [ranked[0]] + notTold.filter(isNear) }

  /// The protocols that cannot be told from the best although their mean is not near it, because
  /// their trials vary much.
  var scattered: [Group] { notTold.filter { !isNear($0) } }

  private var notTold: [Group] {
    zip(ranked.dropFirst(), corrected).filter { ($0.1 ?? 1) >= PairedDifference.level }.map(\.0)
  }

  /// Whether the mean lies in the interval of the best, or, without an interval, within 1 % of it.
  private func isNear(_ group: Group) -> Bool {
    guard let best = ranked[0].interval(metric.name), let mean = group.interval(metric.name)?.mean
    else { return false }
    let margin = best.mean.magnitude / 100
    let low = min(best.low ?? best.mean, best.mean - margin)
    let high = max(best.high ?? best.mean, best.mean + margin)
    return mean >= low && mean <= high
  }

  /// The protocols that are certainly worse than the best, from the best to the worst.
  var followers: [Group] {
    zip(ranked.dropFirst(), corrected).filter { ($0.1 ?? 1) < PairedDifference.level }.map(\.0)
  }

  /// Whether no protocol is better than another, so that the metric decides nothing.
  var isLevel: Bool { followers.isEmpty && neverRecovered.isEmpty }
}
