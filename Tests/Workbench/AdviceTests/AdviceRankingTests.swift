import Foundation
import Histories
import Measurement
import Replication
import Results
import Testing
import Trials

@testable import Advice

@Suite("Candidates are ranked by measured results")
struct AdviceRankingTests {
  /// The measured values of a protocol in every experiment, unless an experiment overrides them.
  private struct Measured {
    var latencyMs = 5.0
    var outageMs: Int64 = 100
    var bytes = 1_000
    var verdict = TrialVerdict.Word.linearizable
    var variations: [AdviceExperiment.Kind: Double] = [:]
  }

  private let protocols = ["raft", "multi-paxos", "primary-backup", "chain-replication"]

  /// One second with an operation every 10 ms, alternately reads and writes, and a gap in it.
  private func trial(
    _ place: TrialPlace, _ measured: Measured, _ kind: AdviceExperiment.Kind
  ) -> FinishedTrial {
    let ms: Int64 = 1_000_000
    let base = measured.variations[kind] ?? measured.latencyMs
    let latency = Int64(base * 1e6) + Int64(place.trial) * 10_000
    let hole = kind == .crash ? 400 * ms..<(400 + measured.outageMs) * ms : 0..<0
    let operations = stride(from: Int64(0), to: 1_000, by: 10).map { at in
      let isLost = hole.contains(at * ms)
      return Operation(
        client: 0, kind: at % 20 == 0 ? .get : .put, key: UInt32(at % 7),
        argument: at % 20 == 0 ? .absent : ValueDigest(hash: UInt64(at), length: 8),
        outcome: isLost ? .unknown : .ok,
        invoked: at * ms, returned: at * ms + (isLost ? ms : latency))
    }
    let record = TrialRecord(
      operations: operations, warmUpEndNs: 0, measuredEndNs: 1_000 * ms, clients: 1, faults: [],
      nodes: [
        NodeUsage(
          node: 0, messagesSent: operations.count, messagesReceived: 0,
          bytesSent: operations.count * measured.bytes, bytesReceived: 0, syncs: 0,
          bytesWritten: 0, busyNs: 0, logRecords: 0)
      ], leadership: [])
    let settings = MeasurementSettings(
      window: .milliseconds(50), sloLatency: .milliseconds(20), isOpenLoop: true)
    return FinishedTrial(
      place: place, seed: UInt64(place.trial), observation: record,
      metrics: TrialMetrics(record, settings), verdict: TrialVerdict(word: measured.verdict))
  }

  private func ranking(_ text: String, _ measured: [String: Measured]) throws -> AdviceRanking {
    let request = try AdviceRequest(text: text)
    let results = AdviceExperiment.Kind.allCases.map { kind in
      let outline = RunOutline(name: kind.rawValue, seed: 1, protocols: protocols, trials: 4)
      let trials = outline.places.map { place in
        trial(place, measured[protocols[place.protocolIndex]] ?? Measured(), kind)
      }
      return (kind, outline, trials)
    }
    return AdviceRanking(request, AdviceRanking.candidates(request, results))
  }

  private func names(_ ranking: AdviceRanking) -> [String] {
    ranking.rows.map(\.candidate.name).filter(protocols.contains)
  }

  private let measured: [String: Measured] = [
    "raft": Measured(latencyMs: 8, outageMs: 60, bytes: 900),
    "multi-paxos": Measured(latencyMs: 9, outageMs: 200, bytes: 700),
    "primary-backup": Measured(
      latencyMs: 6, outageMs: 300, bytes: 500, variations: [.moreLoad: 30]),
    "chain-replication": Measured(latencyMs: 7, outageMs: 250, bytes: 400),
  ]

  @Test("The preferred metric decides the order")
  func preferences() throws {
    let rate = #"rate: "90/s""#
    #expect(
      try names(ranking("{ \(rate) }", measured)) == [
        "primary-backup", "chain-replication", "raft", "multi-paxos",
      ])
    #expect(
      try names(ranking("{ \(rate), prefer: \"availability\" }", measured)) == [
        "raft", "multi-paxos", "chain-replication", "primary-backup",
      ])
    // Three nodes cost less than two nodes and an authority of three.
    #expect(
      try names(ranking("{ \(rate), prefer: \"cost\" }", measured)) == [
        "multi-paxos", "raft", "chain-replication", "primary-backup",
      ])
  }

  @Test("A configuration that misses a requirement comes last, with the requirement named")
  func objectives() throws {
    let ranking = try ranking(
      #"{ rate: "90/s", slo: { latency: "8.5ms", outage: "275ms" } }"#, measured)
    #expect(
      names(ranking) == ["chain-replication", "raft", "primary-backup", "multi-paxos"])
    #expect(ranking.rows.prefix(4).map(\.misses.isEmpty) == [true, true, false, false])
    #expect(ranking.rows[2].misses.first?.hasPrefix("an outage of ") == true)
    #expect(ranking.rows[3].misses.first?.hasPrefix("reads of 9.0") == true)
    let text = AdviceText(ranking).text(evidence: "here")
    #expect(text.contains("Take chain-replication: 2 configurations do all that is asked"))
    #expect(text.contains("\n1.  chain-replication"))
    #expect(text.contains("\n-   primary-backup"))
  }

  @Test(
    "A violating protocol is never advised", arguments: [TrialVerdict.Word.violated, .undecided])
  func violated(word: TrialVerdict.Word) throws {
    var measured = measured
    measured["primary-backup"]?.verdict = word
    let ranking = try ranking(#"{ rate: "90/s" }"#, measured)
    #expect(names(ranking).last == "primary-backup")
    let last = ranking.rows.last { protocols.contains($0.candidate.name) }
    #expect(last?.misses == ["a history that is not linearizable"])
    #expect(ranking.best(under: .otherMix)?.name == "chain-replication")
  }

  @Test("The text says which changes would alter the ranking and which would not")
  func changes() throws {
    let text = AdviceText(try ranking(#"{ rate: "90/s" }"#, measured)).text(evidence: "here")
    #expect(
      text.contains("four times the load (360/s): chain-replication comes first, with p99 of"))
    #expect(text.contains("10 % reads: stays, with p99 of 6.0"))
    #expect(text.contains("Take primary-backup: 4 configurations do all that is asked"))
    #expect(!text.contains("do not tell apart"))
  }

  /// What the tests read of the JSON.
  private struct Told: Decodable {
    struct Row: Decodable {
      struct Evidence: Decodable {
        var metric: String
        var experiment: String
        var mean: Double?
        var ci95Low: Double?
        var ci95High: Double?
        var trials: Int
      }
      var place: Int?
      var `protocol`: String
      var nodes: Int
      var verdictsHold: Bool
      var misses: [String]
      var evidence: [Evidence]
    }
    struct Change: Decodable {
      var `if`: String
      var first: String
      var stays: Bool
      var different: Bool?
    }
    var advised: String?
    var reason: String
    var ranking: [Row]
    var changes: [Change]
    var evidence: String
  }

  private func told(_ text: String, _ measured: [String: Measured]) throws -> Told {
    let json = AdviceText(try ranking(text, measured)).json(evidence: "here")
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(Told.self, from: Data(json.utf8))
  }

  @Test("The JSON has the ranking with evidence, the reason, and what would change it")
  func json() throws {
    var measured = measured
    measured["chain-replication"]?.verdict = .violated
    let told = try told(#"{ rate: "90/s", slo: { latency: "8.5ms" } }"#, measured)
    #expect(told.advised == "primary-backup" && told.evidence == "here")
    #expect(told.reason.hasPrefix("Take primary-backup: 2 configurations do all that is asked"))
    let rows = told.ranking.filter { protocols.contains($0.protocol) }
    #expect(rows.map(\.protocol) == ["primary-backup", "raft", "multi-paxos", "chain-replication"])
    #expect(rows.map(\.place) == [1, 2, nil, nil])
    // A row whose verdict does not hold is there, and never has a place.
    #expect(rows.map(\.verdictsHold) == [true, true, true, false])
    #expect(rows[3].misses == ["a history that is not linearizable"])
    let read = try #require(rows[0].evidence.first { $0.metric == "read_p99_us" })
    #expect(read.experiment == "base" && read.trials == 4)
    let mean = try #require(read.mean)
    #expect(abs(mean - 6_025) < 30)
    #expect(try #require(read.ci95Low) < mean && mean < #require(read.ci95High))
    #expect(told.changes.map(\.stays) == [false, true, true])
    #expect(told.changes[0].if == "four times the load (360/s)")
    #expect(told.changes[0].first == "raft" && told.changes[0].different == true)
    #expect(told.changes[1].different == nil)

    let none = try self.told(
      #"{ rate: "90/s" }"#, self.measured.mapValues { _ in Measured(verdict: .undecided) })
    #expect(none.advised == nil)
  }

  @Test("The text says if no configuration fits, and if a lead may be chance")
  func doubts() throws {
    let none = AdviceText(
      try ranking(#"{ rate: "90/s", slo: { latency: "1ms" } }"#, measured)
    ).text(evidence: "here")
    #expect(none.contains("No configuration does all that is asked. Nearest is primary-backup"))
    let same = ["raft": Measured(), "multi-paxos": Measured()]
    let text = AdviceText(try ranking(#"{ rate: "90/s" }"#, same)).text(evidence: "here")
    #expect(text.contains("which the trials do not tell apart from it."))
  }
}
