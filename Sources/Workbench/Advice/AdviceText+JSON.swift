import Linearizability
import Measurement
import ProtocolList
import Replication
import Results

extension AdviceText {
  /// The advice for programs: the same content as the text, with intervals.
  /// - Parameter evidence: the directory of the runs.
  package func json(evidence: String) -> String {
    let fine = ranking.rows.filter(\.misses.isEmpty)
    var place = 0
    let rows = ranking.rows.map { row -> JSONText in
      if row.misses.isEmpty { place += 1 }
      return self.row(row, place: row.misses.isEmpty ? place : nil)
    }
    return JSONText.object([
      .init("asked", askedJSON),
      .init("advised", fine.first.map { .string($0.candidate.name) } ?? .null),
      .init("reason", .string(reason(fine))),
      .init("ranking", .array(rows)),
      .init("changes", .array(changes(fine).map(change))),
      .init("evidence", .string(evidence)),
    ]).text
  }

  private var askedJSON: JSONText {
    func ms(_ nanoseconds: Int64?) -> JSONText {
      nanoseconds.map { .number(Double($0) / 1e6) } ?? .null
    }
    return .object([
      .init("name", .string(request.name)), .init("reads", .number(request.reads)),
      .init("rate_per_s", .number(request.rate)), .init("value_bytes", .integer(request.valueSize)),
      .init("failures", .integer(request.failures)),
      .init("consistency", .string(request.consistency.rawValue)),
      .init("round_trip_ms", ms(request.roundTrip.nanoseconds)),
      .init("read_latency_ms", ms(request.readLatency?.nanoseconds)),
      .init("write_latency_ms", ms(request.writeLatency?.nanoseconds)),
      .init("percentile", .number(request.percentile)),
      .init("outage_ms", ms(request.outage?.nanoseconds)),
      .init("prefer", .string(request.preference.rawValue)),
      .init("trials", .integer(request.trials)),
    ])
  }

  private func row(_ row: AdviceRanking.Row, place: Int?) -> JSONText {
    let candidate = row.candidate
    let label = request.percentileLabel
    let metrics: [(String, AdviceExperiment.Kind)] = [
      ("read_\(label)_us", .base), ("write_\(label)_us", .base), ("throughput", .base),
      ("longest_outage_ms", .crash), ("messages_per_op", .base), ("bytes_per_op", .base),
    ]
    return .object([
      .init("place", place.map { .integer($0) } ?? .null),
      .init("configuration", .string(candidate.name)),
      .init("protocol", .string(candidate.kind.name)),
      .init("replica_places", candidate.placement.isEmpty ? .null : .string(candidate.placement)),
      .init("replicas", .integer(candidate.replicas)),
      .init("nodes", .integer(candidate.nodeCount)),
      .init("verdicts_hold", .bool(row.isRanked)), .init("misses", .strings(row.misses)),
      .init("evidence", .array(metrics.map { evidence(candidate, $0.0, $0.1) })),
    ])
  }

  /// A mean over trials and its interval, with the experiment below the evidence's directory.
  private func evidence(
    _ candidate: Candidate, _ metric: String, _ experiment: AdviceExperiment.Kind
  ) -> JSONText {
    let estimate = candidate.estimate(metric, experiment)
    return .object([
      .init("metric", .string(metric)), .init("experiment", .string(experiment.rawValue)),
      .init("mean", .number(estimate.mean)), .init("ci95_low", .number(estimate.low)),
      .init("ci95_high", .number(estimate.high)), .init("trials", .integer(estimate.count)),
    ])
  }

  private func change(_ change: Change) -> JSONText {
    let (metric, at) = ranking.decisive(change.kind)
    return .object([
      .init("if", .string(change.what)), .init("experiment", .string(at.rawValue)),
      .init("metric", .string(metric)), .init("first", .string(change.first.name)),
      .init("stays", .bool(change.stays)),
      .init("different", change.stays ? .null : .bool(change.isDifferent)),
      .init("mean_of_first", .number(change.first.mean(metric, at))),
      .init("mean_of_advised", .number(change.advised.mean(metric, at))),
    ])
  }
}
