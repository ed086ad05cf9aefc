import Linearizability
import Measurement
import ProtocolList
import Replication
import Results

/// A protocol with its replicas in an order of places, and its measured trials.
package struct Candidate {
  let kind: ProtocolKind
  /// `eu, us, asia`; empty if there is only one order.
  let placement: String
  let replicas: Int
  /// The trials of each experiment; an experiment that was not run is absent.
  var trials: [AdviceExperiment.Kind: [FinishedTrial]] = [:]

  var name: String { placement.isEmpty ? kind.name : "\(kind.name) at \(placement)" }

  /// Replicas and the nodes of an authority.
  var nodeCount: Int { kind.membership(replicas: replicas).nodeCount }

  /// The mean without an interval, which is cheaper; infinite without a value.
  func mean(_ metric: String, _ experiment: AdviceExperiment.Kind) -> Double {
    let values = (trials[experiment] ?? []).compactMap { $0.metric(metric) }
    return values.isEmpty ? .infinity : values.reduce(0, +) / Double(values.count)
  }

  func estimate(_ metric: String, _ experiment: AdviceExperiment.Kind) -> Estimate {
    let kind = MetricColumn.all.first { $0.name == metric }?.kind ?? .amount
    return Estimate((trials[experiment] ?? []).map { $0.metric(metric) }, kind)
  }
}

/// The configurations in the order of the request's preference; those that meet all requirements
/// come first.
package struct AdviceRanking {
  package let request: AdviceRequest
  package private(set) var rows: [Row] = []

  package struct Row {
    package let candidate: Candidate
    /// The requirements that it does not meet, as phrases; empty if it meets all.
    package var misses: [String]
    /// Whether the verdicts of its trials allow ranking it.
    package var isRanked: Bool
  }

  /// - Parameter configurations: the candidates with their trials.
  package init(_ request: AdviceRequest, _ configurations: [Candidate]) {
    self.request = request
    rows = configurations.map { row($0) }.sorted { isBetter($0, $1, in: .base) }
  }

  /// All candidates with the trials of each experiment.
  package static func candidates(
    _ request: AdviceRequest, _ results: [(AdviceExperiment.Kind, RunOutline, [FinishedTrial])]
  ) -> [Candidate] {
    let points = max(request.placements.count, 1)
    var all = (0..<points).flatMap { point in
      ProtocolKind.failingOver.map { kind in
        Candidate(
          kind: kind,
          placement: placement(request, point, kind),
          replicas: kind.replicas(tolerating: request.failures))
      }
    }
    let width = ProtocolKind.failingOver.count
    for (experiment, outline, trials) in results {
      for trial in trials {
        let name = outline.protocols[trial.place.protocolIndex]
        guard let column = ProtocolKind.failingOver.firstIndex(where: { $0.name == name }) else {
          continue
        }
        all[trial.place.point * width + column].trials[experiment, default: []].append(trial)
      }
    }
    return all
  }

  /// The places of a protocol's replicas, in order; some protocols need fewer replicas than there
  /// are places.
  private static func placement(
    _ request: AdviceRequest, _ point: Int, _ kind: ProtocolKind
  ) -> String {
    guard !request.placements.isEmpty else { return "" }
    let places = request.placements[point]
    return (0..<kind.replicas(tolerating: request.failures))
      .map { places[$0 % places.count] }.joined(separator: ", ")
  }

  // MARK: What is asked

  private func row(_ candidate: Candidate) -> Row {
    let all = candidate.trials.values.flatMap { $0 }
    let isRanked = !all.contains {
      $0.verdict.word == .violated || $0.verdict.word == .undecided
    }
    var misses = isRanked ? [] : ["a history that is not \(request.consistency.rawValue)"]
    for (operation, limit) in [("read", request.readLatency), ("write", request.writeLatency)] {
      let metric = "\(operation)_\(request.percentileLabel)_us"
      let estimate = candidate.estimate(metric, .base)
      guard let limit, let mean = estimate.mean else { continue }
      let worst = estimate.high ?? mean
      if worst * 1_000 > Double(limit.nanoseconds) {
        misses.append(
          "\(operation)s of \(AdviceText.ms(mean)) (up to \(AdviceText.ms(worst))) at "
            + "\(request.percentileLabel)")
      }
    }
    let offered = candidate.estimate("throughput", .base).mean ?? 0
    if offered < request.rate * 0.9 {
      misses.append("only \(DecimalText.fixed(offered, decimals: 0) ?? "0") operations/s")
    }
    let outage = candidate.estimate("longest_outage_ms", .crash)
    if let limit = request.outage, let mean = outage.mean {
      let worst = outage.high ?? mean
      if worst * 1e6 > Double(limit.nanoseconds) {
        misses.append(
          "an outage of \(AdviceText.ms(mean * 1_000)) (up to \(AdviceText.ms(worst * 1_000)))")
      }
    }
    return Row(candidate: candidate, misses: misses, isRanked: isRanked)
  }

  // MARK: Order

  /// The sort keys: the preferred metric, then the others.
  private func keys(
    _ candidate: Candidate, in experiment: AdviceExperiment.Kind
  ) -> [Double] {
    let latency = candidate.mean(request.latencyMetric, experiment)
    let crash = experiment == .base ? .crash : experiment
    let outage = candidate.mean("longest_outage_ms", crash)
    let nodes = Double(candidate.nodeCount)
    let bytes = candidate.mean("bytes_per_op", experiment)
    switch request.preference {
    case .latency: return [latency, outage, nodes]
    case .availability: return [outage, latency, nodes]
    case .cost: return [nodes, bytes, latency]
    }
  }

  private func isBetter(_ a: Row, _ b: Row, in experiment: AdviceExperiment.Kind) -> Bool {
    if a.isRanked != b.isRanked { return a.isRanked }
    if a.misses.isEmpty != b.misses.isEmpty { return a.misses.isEmpty }
    return keys(a.candidate, in: experiment)
      .lexicographicallyPrecedes(keys(b.candidate, in: experiment))
  }

  /// The deciding metric, and the experiment from which it is taken.
  func decisive(_ experiment: AdviceExperiment.Kind) -> (
    metric: String, experiment: AdviceExperiment.Kind
  ) {
    switch request.preference {
    case .latency: (request.latencyMetric, experiment)
    case .availability: ("longest_outage_ms", experiment == .base ? .crash : experiment)
    case .cost: ("bytes_per_op", experiment)
    }
  }

  /// Whether the trials show a difference between two configurations in the deciding metric.
  func isDifferent(
    _ a: Candidate, _ b: Candidate, under kind: AdviceExperiment.Kind = .base
  ) -> Bool {
    if request.preference == .cost, a.nodeCount != b.nodeCount { return true }
    let (metric, experiment) = decisive(kind)
    func values(_ candidate: Candidate) -> [Double?] {
      (candidate.trials[experiment] ?? []).sorted { $0.place < $1.place }
        .map { $0.metric(metric) }
    }
    let p = PairedDifference(values(a), values(b)).p
    return p.map { $0 < PairedDifference.level } ?? false
  }

  /// The best configuration under a variation, among the ranked ones.
  func best(under experiment: AdviceExperiment.Kind) -> Candidate? {
    rows.filter { row in row.isRanked && row.candidate.trials[experiment] != nil }
      .map(\.candidate)
      .min {
        keys($0, in: experiment).lexicographicallyPrecedes(keys($1, in: experiment))
      }
  }
}
