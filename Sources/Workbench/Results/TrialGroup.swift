import Measurement
import Primitives
import Replication

/// The trials of one protocol at one sweep point.
struct TrialGroup: Sendable {
  /// In order of their numbers; never empty.
  let trials: [FinishedTrial]

  var place: TrialPlace { trials[0].place }
  var verdict: TrialVerdict.Word { trials.map(\.verdict.word).max() ?? .unchecked }

  /// The groups in the order of their places.
  static func groups(_ trials: [FinishedTrial]) -> [TrialGroup] {
    var groups: [[FinishedTrial]] = []
    for trial in trials.sorted(by: { $0.place < $1.place }) {
      if let last = groups.last?[0].place, last.point == trial.place.point,
        last.protocolIndex == trial.place.protocolIndex
      {
        groups[groups.count - 1].append(trial)
      } else {
        groups.append([trial])
      }
    }
    return groups.map { TrialGroup(trials: $0) }
  }

  /// The estimate of the metric at this index of `MetricColumn.all`. Costs a bootstrap if the
  /// metric is skewed.
  func estimate(_ index: Int) -> Estimate {
    Estimate(trials.map { $0.metrics[index] }, MetricColumn.all[index].kind)
  }

  func estimate(_ name: String) -> Estimate {
    MetricColumn.all.firstIndex { $0.name == name }.map { estimate($0) } ?? Estimate([])
  }

  /// The number of trials with a fault after which throughput did not recover; nil without any
  /// fault.
  var neverRecovered: Int? {
    guard trials.contains(where: { !$0.faults.isEmpty }) else { return nil }
    return trials.count { $0.faults.contains { $0.timeToRecoverNs == nil } }
  }
}

/// The operations of several trials taken together, because a percentile of all of them is not the
/// mean of the trials' percentiles, and nine trials without an outage do not make up for one trial
/// without an answer.
struct PooledTrials: Sendable {
  private(set) var read = LatencyDistribution()
  private(set) var write = LatencyDistribution()
  private(set) var all = LatencyDistribution()
  let availability: Double?
  let nines: Double?

  init(_ trials: [FinishedTrial]) {
    var (available, demanded, due) = (0.0, 0.0, 0.0)
    for trial in trials {
      read.merge(LatencyDistribution(trial.readLatency))
      write.merge(LatencyDistribution(trial.writeLatency))
      if let share = trial.metric("availability") {
        available += share * trial.availabilityWeight
        demanded += trial.availabilityWeight
        due += trial.metric("operations_due") ?? 0
      }
    }
    all.merge(read)
    all.merge(write)
    availability = demanded > 0 ? available / demanded : nil
    nines = availability.map { TrialMetrics.nines(availability: $0, operations: due) }
  }
}

/// A column of `summary.csv` beside a metric's mean, and the same value for `--format json`.
struct PooledColumn: Sendable {
  let metric: String
  let value: @Sendable (PooledTrials) -> Double?

  static let latencies: [(name: String, latency: @Sendable (PooledTrials) -> LatencyDistribution)] =
    [
      ("read", { $0.read }), ("write", { $0.write }), ("all", { $0.all }),
    ]

  static let all: [PooledColumn] =
    [
      PooledColumn(metric: "availability") { $0.availability },
      PooledColumn(metric: "nines") { $0.nines },
    ]
    + latencies.flatMap { name, latency in
      [PooledColumn(metric: "\(name)_mean_us") { latency($0).mean.map { $0 / 1e3 } }]
        + MetricColumn.latencyPercentiles.map { label, p in
          PooledColumn(metric: "\(name)_\(label)_us") {
            latency($0).percentile(p).map(\.time.microseconds)
          }
        }
    }
}
