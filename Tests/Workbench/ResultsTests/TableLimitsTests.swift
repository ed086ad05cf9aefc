import Foundation
import Histories
import Linearizability
import Measurement
import Testing

@testable import Results

/// How a table prevents wrong conclusions from its numbers, and how it stays readable.
@Suite struct TableLimitsTests {
  private let single = RunOutline(name: "x", seed: 7, protocols: ["raft", "other"], trials: 2)

  private func set(_ name: String, _ value: Double?, in trials: inout [FinishedTrial]) throws {
    let column = try #require(MetricColumn.all.firstIndex { $0.name == name })
    for index in trials.indices { trials[index].metrics[column] = value }
  }

  @Test("For a large sweep the table shows the first rows and names the file with the others")
  func sweep() {
    let outline = RunOutline(
      name: "x", seed: 7, protocols: ["raft", "other"], trials: 3, sweepPaths: ["replicas"],
      points: (1...100).map { ["\($0)"] })
    let pattern = single.places.map { finished($0) }
    let trials = outline.places.map { place in
      var trial = pattern[place.protocolIndex * 2 + (place.trial - 1) % 2]
      trial.place = place
      return trial
    }
    let text = ResultTable(outline: outline, trials: trials).text(width: 200)
    #expect(text.contains("(152 more rows are left out: see summary.csv)\n"))
    #expect(text.contains("(352 more rows are left out: see faults.csv)\n"))
    #expect(text.contains("(88 more sweep points are left out: --format json has them)\n"))
    #expect(text.split(separator: "\n").count < 270)
  }

  @Test("One trial has no interval, and no difference is claimed")
  func oneTrial() {
    let outline = RunOutline(name: "x", seed: 7, protocols: ["raft", "other"], trials: 1)
    let text = ResultTable(outline: outline, trials: outline.places.map { finished($0) }).text()
    #expect(text.hasPrefix("x, seed 7, 1 trial each\n"))
    #expect(!text.contains("interval") && !text.contains("mean over trials"))
    #expect(
      text.contains(
        "1 trial each: nothing is compared, because fewer than 3 trials cannot tell a difference from chance\n"
      ))
    #expect(!text.contains(" ~") && !text.contains("±"))
  }

  @Test("Two trials have intervals, and no difference is claimed")
  func twoTrials() {
    let text = ResultTable(outline: single, trials: single.places.map { finished($0) }).text()
    #expect(text.contains("±") && text.contains("95 % interval"))
    #expect(text.contains("2 trials each: nothing is compared, because fewer than 3 trials"))
    #expect(!text.contains(" ~") && !text.contains(" > "))
  }

  @Test("A comparison is corrected for all comparisons printed with it")
  func correction() throws {
    let protocols = ["a", "b", "c", "d", "e"]
    let outline = RunOutline(name: "x", seed: 7, protocols: protocols, trials: 4)
    let pattern = finished(single.places[0])
    var trials = outline.places.map { place in
      var trial = pattern
      trial.place = place
      return trial
    }
    let column = try #require(MetricColumn.all.firstIndex { $0.name == "throughput" })
    // Alone, b would differ from a with p = 0.03; the other differences are chance.
    let values: [[Double]] = [
      [100, 101, 99, 100], [97, 100.4, 96.8, 98], [90, 70, 110, 60], [60, 90, 50, 88],
      [50, 90, 55, 60],
    ]
    for index in trials.indices { trials[index].metrics[column] = values[index / 4][index % 4] }
    func ranking(_ groups: Int) throws -> String {
      let text = ResultTable(outline: outline, trials: Array(trials.prefix(groups * 4))).text()
      return try String(#require(text.split(separator: "\n").first { $0.hasPrefix("throughput") }))
    }
    #expect(try ranking(2).hasPrefix("throughput: a > b"))
    #expect(try ranking(5).hasPrefix("throughput: a ~["))
    let text = ResultTable(outline: outline, trials: trials).text()
    #expect(text.contains("4 trials each, paired by number."))
    #expect(text.contains("Holm's correction over the 4 comparisons here"))
  }

  @Test("A percentile from few operations is marked, and one among unanswered ones is a bound")
  func percentiles() {
    func text(_ answered: Int, _ censored: Int, _ percentile: Double) -> String {
      var (fast, slow) = (Histogram(), Histogram())
      fast.record(2 * ms, times: answered)
      slow.record(1_000 * ms, times: censored)
      return ResultTable.text(LatencyDistribution(answered: fast, abandoned: slow), percentile)
    }
    #expect(text(1_000, 0, 99) == "2.00" && text(999, 0, 99) == "2.00*")
    #expect(text(980, 20, 99) == "≥ 1000" && text(0, 0, 99) == "-")
    let trials = single.places.map { finished($0) }
    #expect(
      ResultTable(outline: single, trials: trials).text()
        .contains("*: fewer than 10 operations are slower, so that chance decides the percentile\n")
    )
  }

  @Test("A verdict without acknowledgements says so, and small rates keep two digits")
  func nothing() throws {
    var trials = single.places.map { finished($0) }
    try set("throughput", 0.0833, in: &trials)
    #expect(ResultTable(outline: single, trials: trials).text().contains("0.083 ±0.000 "))
    #expect(!ResultTable(outline: single, trials: trials).text().contains("nothing acknowledged"))
    try set("acknowledged", 0, in: &trials)
    #expect(
      ResultTable(outline: single, trials: trials).text()
        .contains("linearizable (nothing acknowledged)"))
  }

  @Test("Lost writes are shown if replicas were killed or a write was lost")
  func lostWrites() throws {
    var trials = single.places.map { finished($0) }
    #expect(ResultTable(outline: single, trials: trials).text().contains("lost writes"))
    for index in trials.indices { trials[index].faults = [] }
    #expect(!ResultTable(outline: single, trials: trials).text().contains("lost writes"))
    try set("lost_writes", 2, in: &trials)
    #expect(ResultTable(outline: single, trials: trials).text().contains("lost writes"))
  }

  @Test("Many faults of a kind in one trial are one line with their number and the worst")
  func chaos() {
    var trials = [finished(single.places[0])]
    let pattern = trials[0].faults[0]
    trials[0].faults = (0..<6).map { number in
      var row = pattern
      row.plannedNs = Int64(number) * 300 * ms + 1
      row.startNs = row.plannedNs
      row.readOutageNs = 0
      row.writeOutageNs = Int64(number + 1) * 10 * ms
      let isOver = number < 3 || number == 5
      row.timeToRecoverNs = isOver ? Int64(number + 1) * 100 * ms : nil
      row.recovery = isOver ? .recovered : .cutShort
      return row
    }
    let summary = FaultSummary.all(trials)
    #expect(summary.map(\.label) == ["crash leader"])
    #expect(summary.map(\.worstOutage) == [60] && summary.map(\.outage) == [35])
    #expect(summary.map(\.recoveryText) == ["300.0 (4 of 6, 2 cut short)"])
    trials[0].faults.removeLast(2)
    let few = FaultSummary.all(trials)
    #expect(few.count == 4 && few[1].label == "crash leader @0.3s")
  }

  @Test("A recovery cut short by the next fault counts neither as a time nor as never")
  func cutShort() {
    var trials = [finished(single.places[0])]
    trials[0].faults[0].timeToRecoverNs = nil
    trials[0].faults[0].recovery = .cutShort
    trials[0].faults[1].timeToRecoverNs = nil
    trials[0].faults[1].recovery = .never
    #expect(FaultSummary.all(trials).map(\.recoveryText) == ["cut short", "never"])
    let text = ResultTable(outline: single, trials: trials).text()
    #expect(text.contains("cut short: the next fault began before throughput was back\n"))
    #expect(text.contains("never: throughput was not back at the end of the trial\n"))
  }

  @Test("A recovery that nothing can be compared with is unknown, not never")
  func unknownRecovery() {
    var trials = [finished(single.places[0])]
    trials[0].faults[0].timeToRecoverNs = nil
    trials[0].faults[0].recovery = .unknown
    trials[0].faults[1].timeToRecoverNs = nil
    trials[0].faults[1].recovery = nil
    #expect(FaultSummary.all(trials).map(\.recoveryText) == ["unknown", "-"])
    let text = ResultTable(outline: single, trials: trials).text()
    #expect(text.contains("unknown: there was no time without a fault to compare with\n"))
    #expect(!text.contains("never: "))
  }

  @Test("A violation states each fact once, with the node in charge, the faults and the replay")
  func violation() {
    func operation(_ client: UInt32, _ kind: OperationKind, _ from: Int64, _ to: Int64)
      -> Histories.Operation
    {
      Histories.Operation(
        client: client, kind: kind, key: 3, argument: ValueDigest(hash: 0xABCD, length: 8),
        outcome: .ok, invoked: from * ms, returned: to * ms)
    }
    let operations = [operation(1, .put, 410, 420), operation(2, .get, 500, 510)]
    let counterexample = Counterexample(
      key: 3, operations: operations, culprit: operations[1],
      explanation:
        "\(Counterexample.text(operations[1])) missed \(Counterexample.text(operations[0])).")
    let place = single.places[0]
    let verdict = TrialVerdict(.violated(counterexample), in: observation(place))
    let text = ResultTable(outline: single, trials: [finished(place, verdict)]) { trial in
      "again \(trial.seed)"
    }.text()
    #expect(
      text.hasSuffix(
        """
        VIOLATED
        raft trial 1 (seed 18446744073709551361)
          client 2's get missed client 1's put.
            [410 .. 420 ms] client 1: put key 3 #00000000 -> ok
          > [500 .. 510 ms] client 2: get key 3 -> nothing
          in charge: node 0 (term, ballot or view 1), then no node from 450 ms, then node 1 (term, ballot or view 18446744073709551615) from 500 ms
          faults: crash leader (node 0) from 400 ms to 450 ms
          to replay: again 18446744073709551361

        """), "\(text)")
  }

  @Test("The first broken promises are shown, and the number of the others")
  func manyViolations() {
    let verdict = TrialVerdict(word: .linearizable).with(
      safetyViolations: (1...9).map { "promise \($0)" })
    #expect(verdict.word == .violated)
    #expect(
      verdict.explanation
        == "promise 1\npromise 2\npromise 3\npromise 4\n(5 more broken promises are left out)")
  }

  @Test("A list fits its terminal: long cells continue on further lines")
  func wrapping() {
    let rows = [["name", "meaning"], ["first", "several words that do not fit the line"]]
    #expect(
      WrappedTable.render(rows, width: nil)
        == "name   meaning\nfirst  several words that do not fit the line\n")
    #expect(
      WrappedTable.render(rows, width: 25) == """
        name   meaning
        first  several words that
               do not fit the
               line

        """)
    #expect(
      WrappedTable.render([["a", String(repeating: "x", count: 25)]], width: 13)
        == "a  xxxxxxxxxx\n   xxxxxxxxxx\n   xxxxx\n")
  }
}
