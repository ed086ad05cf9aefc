import Foundation
import Measurement
import Testing

@testable import Results

@Suite struct ResultTableTests {
  private let single = RunOutline(
    name: "x", seed: 7, protocols: ["raft", "chain-replication"], trials: 3)
  private var trials: [FinishedTrial] { single.places.map { finished($0) } }

  @Test("Columns are aligned, and a table too wide goes on below with its keys repeated")
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

  @Test("The table of a run")
  func wholeTable() throws {
    var trials = trials
    let column = try #require(MetricColumn.all.firstIndex { $0.name == "time_to_recover_ms" })
    trials[0].metrics[column] = nil
    let text = ResultTable(outline: single, trials: trials.reversed()).text(width: 100)
    #expect(
      text == """
        x, seed 7, 3 trials each: mean ± half of the 95 % interval
        protocol                verdict   ops/s  avail %  outage ms   recover ms  msgs/op  bytes/op
        raft               linearizable  456 ±6    91.11     81 ±10  92 (2 of 3)    14.64       903
        chain-replication  linearizable  456 ±6    91.11     81 ±10       86 ±13    14.64       903

        protocol           lost writes
        raft                         0
        chain-replication            0
        (2 of 3): only so many trials have a value, and the mean is over those
        outage ms: longest of the trial, of reads or writes; recover ms: slowest fault

        Latency in ms, mean over trials
        protocol           read p50   p95   p99  p99.9  write p50   p95   p99  p99.9
        raft                   1.00  38.4  74.4   82.3       1.00  35.7  71.7   79.7
        chain-replication      2.00  39.3  75.4   83.3       2.00  36.7  72.7   80.7

        Faults, mean over trials
        fault                          protocol           outage ms  recover ms
        crash leader @0.4s             raft                    81.3        85.3
        crash leader @0.4s             chain-replication       81.3        86.0
        partition minority,"x" @0.95s  raft                     0.0         0.0
        partition minority,"x" @0.95s  chain-replication        0.0         0.0

        Differences, better to worse (>: the paired 95 % interval excludes zero; ~: may be equal)
        throughput: raft ~ chain-replication
        p99 latency of reads: raft > chain-replication
        p99 latency of writes: raft > chain-replication

        """)
  }

  @Test("Latencies show about three digits")
  func digits() {
    let values: [Double?] = [12.3, 1_234, 12_345, 123_456, 1_234_567, nil]
    #expect(
      values.map(ResultTable.milliseconds) == ["0.012", "1.23", "12.3", "123", "1235", "-"])
  }

  @Test("With a sweep every line says which point it is of, and no line is wider than the terminal")
  func sweep() {
    let table = ResultTable(outline: outline, trials: allTrials)
    let text = table.text(width: 110)
    let prose = ["latency of", "throughput (", "Differences", "outage ms: "]
    let tables = text.split(separator: "\n").filter { line in !prose.contains { line.contains($0) }
    }
    #expect(tables.allSatisfy { $0.count <= 110 })
    #expect(text.contains("throughput (workload.clients=64, workload.valueSize=1KiB): "))
    #expect(text.contains("workload.clients  workload.valueSize"))
  }

  @Test("A violation is shown last, loudly, with its explanation and seed")
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

  @Test("A fault that not every trial recovers from says so, and chaos is taken together")
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

  @Test("A fault that real trials start a moment late, each its own, is still one line")
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

  @Test("Protocols are ranked, and told apart only if their paired trials differ")
  func ranking() throws {
    var trials = trials
    let column = 0
    #expect(trials[0].metric("throughput") == trials[0].metrics[column])
    let values: [Double] = [100, 200, 300, 101, 199, 302]
    for index in values.indices { trials[index].metrics[column] = values[index] }
    func text() -> String? {
      Ranking(metric: "throughput", lowerIsBetter: false, TrialGroup.groups(trials))?
        .text(single, sign: ">")
    }
    #expect(text() == "chain-replication ~ raft")
    // The difference is the same in every trial, though the trials differ more among themselves.
    trials[4].metrics[column] = 201
    #expect(text() == "chain-replication > raft")
    for index in 3..<6 { trials[index].metrics[column] = nil }
    #expect(text() == nil)
  }

  @Test("The JSON holds the same rows, in the same order")
  func json() throws {
    struct Row: Decodable {
      struct Interval: Decodable {
        var mean: Double?
      }
      struct Fault: Decodable {
        var kind: String
      }
      struct Difference: Decodable {
        var metric: String
        var minus: String
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
    #expect(rows[1].differences.map(\.minus) == ["raft", "raft", "raft"])
    #expect(rows[1].differences.map(\.metric) == ["throughput", "read_p99_us", "write_p99_us"])
    #expect(rows[1].differences.last?.different == true)
  }
}
