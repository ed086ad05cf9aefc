import Foundation
import Measurement
import Testing

@testable import Results

@Suite struct ResultTableTests {
  private let single = RunOutline(
    name: "x", seed: 7, protocols: ["raft", "chain-replication"], trials: 3)
  private var trials: [FinishedTrial] { single.places.map { finished($0) } }

  @Test("Columns are aligned, and a too wide table continues below with its keys repeated")
  func textTable() {
    var table = TextTable(
      headings: [.init(text: "name", alignment: .left), .init(text: "one"), .init(text: "two")],
      keyCount: 1)
    table.rows = [["a", "1", "±22"], ["longer", "100000", ""]]
    #expect(
      table.render(width: 80)
        == """
        name       one  two
        a            1  ±22
        longer  100000

        """)
    #expect(
      table.render(width: 15)
        == """
        name       one
        a            1
        longer  100000

        name    two
        a       ±22
        longer

        """)
  }

  @Test("The table of a run has these lines")
  func wholeTable() throws {
    var trials = trials
    let column = try #require(MetricColumn.all.firstIndex { $0.name == "time_to_recover_ms" })
    trials[0].metrics[column] = nil
    let text = ResultTable(outline: single, trials: trials.reversed()).text(width: 100)
    #expect(
      text == """
        x, seed 7, 3 trials each: mean ± distance to the farther end of its 95 % interval
        protocol                verdict    ops/s  avail %  outage ms   recover ms  msgs/op  bytes/op
        raft               linearizable  456 ±14    91.11     81 ±58  88 (2 of 3)    14.64       903
        chain-replication  linearizable  456 ±14    91.11     81 ±58       84 ±57    14.64       903

        protocol           lost writes
        raft                         0
        chain-replication            0
        (2 of 3): only so many trials have a value, and the mean is over those
        outage ms: longest of the trial, of reads or writes; recover ms: slowest fault

        Latency in ms, over the operations of all trials together
        protocol           read p50     p95      p99    p99.9  write p50     p95      p99    p99.9
        raft                   1.00  ≥ 41.0  ≥ 77.0*  ≥ 93.0*       1.00  ≥ 37.0  ≥ 73.0*  ≥ 89.0*
        chain-replication      2.00  ≥ 42.0  ≥ 78.1*  ≥ 94.0*       2.00  ≥ 38.0  ≥ 74.1*  ≥ 90.0*
        ≥: so many operations had no answer that the percentile is at least this
        *: fewer than 10 operations are slower, so that chance decides the percentile

        Faults, mean over trials
        fault                          protocol           mean outage ms  mean recover ms
        crash leader @0.4s             raft                         81.3             83.0
        crash leader @0.4s             chain-replication            81.3             84.0
        partition minority,"x" @0.95s  raft                          0.0              0.0
        partition minority,"x" @0.95s  chain-replication             0.0              0.0

        Differences, better to worse
        throughput: raft ~ chain-replication
        availability: raft ~ chain-replication
        p99 latency of reads: raft > chain-replication
        p99 latency of writes: raft > chain-replication
        3 trials each, paired by number. >: better, by Student's t test of the paired differences
        (availability: sign test) with Holm's correction over the 4 comparisons here
        ~: may be equal

        """)
  }

  @Test("Latencies show about three digits")
  func digits() {
    let values: [Double?] = [12.3, 1_234, 12_345, 123_456, 1_234_567, nil]
    #expect(
      values.map(ResultTable.milliseconds) == ["0.012", "1.23", "12.3", "123", "1235", "-"])
  }

  @Test("With a sweep every line names its point, and no line is wider than the terminal")
  func sweep() {
    let table = ResultTable(outline: outline, trials: allTrials)
    let text = table.text(width: 110)
    let prose = ["latency of", "throughput (", "availability", "Differences", "outage ms: "]
    let tables = text.split(separator: "\n").filter { line in !prose.contains { line.contains($0) }
    }
    #expect(tables.allSatisfy { $0.count <= 110 })
    #expect(text.contains("throughput (workload.clients=64, workload.valueSize=1KiB): "))
    #expect(text.contains("workload.clients  workload.valueSize"))
  }

  @Test("A violation is shown last and marked, with its explanation and seed")
  func violation() {
    var trials = trials
    trials[1].verdict = TrialVerdict(word: .violated, explanation: "A lost write.\n  put 1")
    trials[4].verdict = TrialVerdict(word: .undecided, explanation: "key 3: budget")
    let text = ResultTable(outline: single, trials: trials).text()
    #expect(
      text.hasSuffix(
        """
        Undecided
        chain-replication trial 2 (seed 18446744073709551362)
          key 3: budget

        VIOLATED
        raft trial 2 (seed 18446744073709551362)
          A lost write.
            put 1

        """))
    #expect(!text.contains("\u{1B}"))
    #expect(
      ResultTable(outline: single, trials: trials).text(usesColor: true)
        .contains("\u{1B}[1;31mVIOLATED\u{1B}[0m"))
    #expect(ResultTable(outline: single, trials: []).text() == "No trial was finished.\n")
  }

  @Test("A fault from which some trials never recover shows it, and chaos is summarised")
  func faults() {
    var trials = Array(trials.prefix(3))
    func row(_ start: Int64, recovers: Int64?) -> FaultRow {
      var row = trials[0].faults[0]
      row.plannedNs = start * ms
      row.readOutageNs = 50 * ms
      row.writeOutageNs = 100 * ms
      row.timeToRecoverNs = recovers.map { $0 * ms }
      row.recovery = recovers == nil ? .never : .recovered
      return row
    }
    trials[0].faults = [row(500, recovers: 10), row(600, recovers: 30)]
    trials[1].faults = [row(500, recovers: nil), row(700, recovers: 10)]
    trials[2].faults = [row(500, recovers: nil)]
    let summaries = FaultSummary.all(trials)
    #expect(summaries.map(\.label) == ["crash leader @0.5s", "crash leader"])
    #expect(summaries.map(\.recoveryText) == ["10.0 (1 of 3, 2 never)", "20.0 (2 of 2)"])
    #expect(summaries.map(\.outage) == [100, 100])
    trials[0].faults[0].timeToRecoverNs = nil
    trials[0].faults[0].recovery = .never
    #expect(FaultSummary.all(trials)[0].recoveryText == "never")
  }

  @Test("A fault that real trials start at slightly different times is still one line")
  func lateFaults() {
    var trials = Array(trials.prefix(3))
    for trial in trials.indices {
      trials[trial].faults = [trials[trial].faults[0]]
      trials[trial].faults[0].startNs += Int64(trial) * 60_334 + 1
    }
    let summaries = FaultSummary.all(trials)
    #expect(summaries.map(\.label) == ["crash leader @0.4s"])
    #expect(summaries.map(\.rows.count) == [3])
    #expect(trials[1].faultCells[0][3] == "400.060335")
    let text = ResultTable(outline: single, trials: trials).text(width: 100)
    #expect(text.components(separatedBy: "crash leader").count == 2)
  }

  @Test("Protocols are ranked, and separated only if their paired trials differ")
  func ranking() throws {
    var trials = trials
    let column = 0
    #expect(trials[0].metric("throughput") == trials[0].metrics[column])
    let values: [Double] = [100, 200, 300, 101, 199, 302]
    for index in values.indices { trials[index].metrics[column] = values[index] }
    func text() -> String? {
      guard var ranking = Ranking(ComparedMetric.all[0], TrialGroup.groups(trials)) else {
        return nil
      }
      Comparison.correct(&ranking.comparisons)
      return ranking.text(single, level: 0.05)
    }
    #expect(text() == "chain-replication ~[43] raft")
    // The difference is nearly the same in every trial, although the trials vary more than that.
    trials[4].metrics[column] = 201.1
    trials[5].metrics[column] = 301
    #expect(text() == "chain-replication > raft")
    trials[3].metrics[column] = nil
    #expect(text() == "chain-replication ? raft")
    for index in 3..<6 { trials[index].metrics[column] = nil }
    #expect(text() == nil)
    for index in trials.indices { trials[index].metrics[column] = 5 }
    #expect(text() == nil)
  }

  @Test("The JSON has the same rows in the same order")
  func json() throws {
    struct Row: Decodable {
      struct Interval: Decodable {
        var mean: Double?
        var pooled: Double?
      }
      struct Fault: Decodable {
        var kind: String
      }
      struct Difference: Decodable {
        var metric: String
        var minus: String
        var trials: Int
        var test: String
        var p: Double
        var corrected: Double
        enum CodingKeys: String, CodingKey {
          case metric, minus, trials, test, p, comparisons, different
          case corrected = "p_holm"
        }
        var comparisons: Int
        var different: Bool
      }
      var `protocol`: String
      struct Sweep: Decodable, Equatable {
        var clients: Int
        var valueSize: String
        enum CodingKeys: String, CodingKey {
          case clients = "workload.clients"
          case valueSize = "workload.valueSize"
        }
      }
      var sweep: Sweep
      var trials: Int
      var verdict: String
      var metrics: [String: Interval]
      var faults: [Fault]
      var differences: [Difference]
    }
    let text = ResultTable(outline: outline, trials: allTrials).json
    let rows = try JSONDecoder().decode([Row].self, from: Data(text.utf8))
    #expect(rows.map(\.protocol) == ["raft", "chain-replication", "raft", "chain-replication"])
    #expect(rows[2].sweep == Row.Sweep(clients: 64, valueSize: "1KiB"))
    #expect(rows.allSatisfy { $0.trials == 3 && $0.verdict == "linearizable" })
    #expect(rows[0].metrics["throughput"]?.mean ?? 0 > 0)
    #expect(rows[0].faults.map(\.kind) == ["crash", "partition"])
    let differences = rows[1].differences
    #expect(differences.map(\.minus) == ["raft", "raft", "raft", "raft"])
    #expect(
      differences.map(\.metric) == ["throughput", "availability", "read_p99_us", "write_p99_us"])
    #expect(differences.map(\.test) == ["paired t", "sign", "paired t", "paired t"])
    #expect(
      differences.allSatisfy { $0.trials == 3 && $0.comparisons == 8 && $0.corrected >= $0.p })
    #expect(rows[0].differences.map(\.corrected) == differences.map(\.corrected))
    #expect(differences.last?.different == true)
    #expect(differences.first?.different == false)
    #expect(rows[0].metrics["read_p99_us"]?.pooled == 77_004_799 / 1e3)
    #expect(rows[0].metrics["throughput"]?.pooled == nil)
  }
}
