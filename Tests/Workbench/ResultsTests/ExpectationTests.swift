import Experiments
import Foundation
import Measurement
import Testing

@testable import Results

@Suite struct ExpectationTests {
  private func expectations(
    _ texts: String..., of trials: [FinishedTrial] = allTrials
  ) -> [ExpectedCondition] {
    var outline = outline
    outline.expect = texts
    return ExpectedCondition.all(outline, trials)
  }

  @Test("A condition is evaluated for every row and point that it leaves open")
  func places() {
    let all = expectations(
      "*.throughput > 0", "raft.throughput > 0",
      "raft[workload.clients=64, workload.valueSize=1KiB].throughput > 0",
      "raft.throughput > chain-replication.throughput - 1")
    #expect(all.map(\.cases.count) == [4, 2, 1, 2])
    #expect(
      all[0].cases[1].place == "chain-replication, workload.clients=8, workload.valueSize=128B")
    #expect(all[2].cases[0].place.isEmpty)
    #expect(all.map(\.holds) == [true, true, true, true])
  }

  @Test("One failed case, or one missing value, makes an expectation fail")
  func failures() {
    var trials = allTrials
    trials[1].faults[0].timeToRecoverNs = nil
    let all = expectations(
      "read_p50 < 1.5ms", "recover_ms < 100000", "lost_writes == 0", "verdict == linearizable",
      "verdict == violated", of: trials)
    #expect(all.map(\.holds) == [false, false, true, true, false])
    #expect(all[0].cases.map(\.holds) == [true, false, true, false])
    #expect(all[1].cases[0].holds == nil)
    #expect(all[1].cases[0].found.contains("no value in 1 of 3 trials"))
    #expect(all[0].cases[0].found == "read_p50 1.00 ±0.01 ms")
  }

  @Test("The largest fault of a trial counts, and over several trials the mean")
  func faults() {
    let text = expectations("raft.write_outage_ms < 500")[0].cases[0].found
    let group = TrialGroup.groups(allTrials)[0]
    let largest = group.trials.map { trial in
      Double(trial.faults.compactMap(\.writeOutageNs).max() ?? -1)
    }
    let mean = largest.reduce(0, +) / 3 / 1e6
    #expect(text.hasPrefix("raft.write_outage_ms \(DecimalText.fixed(mean, decimals: 1) ?? "")"))
    #expect(largest.allSatisfy { $0 > 0 })
  }

  @Test("The verdicts in conditions are those of the results, in the same order")
  func words() {
    #expect(ConditionVocabulary.verdicts == TrialVerdict.Word.allCases.map(\.rawValue))
  }

  @Test("Failed expectations appear in the table and in expectations.csv")
  func shown() throws {
    var outline = outline
    outline.expect = ["raft.throughput > 1000000/s", "raft.verdict == linearizable"]
    let text = ResultTable(outline: outline, trials: allTrials).text()
    #expect(text.contains("FAILED  raft.throughput > 1000000/s (holds in 0 of 2)\n"))
    #expect(text.contains("holds   raft.verdict == linearizable\n"))
    let file = ResultFile.expectations(outline)
    let rows = try #require(parseCSV(file.csv(allTrials)))
    #expect(rows.map { $0[2] } == ["holds", "false", "false", "true", "true"])
    // Expectations of an interrupted run are not judged yet.
    let partial = ResultTable(outline: outline, trials: Array(allTrials.dropLast())).text()
    #expect(!partial.contains("FAILED"))
  }

  @Test("However many cases fail, some that hold are shown")
  func holdingCases() throws {
    let cases = (0..<20).map { number in
      ExpectedCondition.Case(
        place: "case \(number)", holds: number >= 16, found: "\(number)", places: [])
    }
    let table = ResultTable(outline: outline, trials: allTrials)
    let lines = try #require(table.text(of: [ExpectedCondition(text: "p99 < 1ms", cases: cases)]))
      .split(separator: "\n").map { $0.drop { $0 == " " } }
    #expect(lines.first == "FAILED  p99 < 1ms (holds in 4 of 20)")
    #expect(lines[1...5].map { $0.hasPrefix("not: case ") } == Array(repeating: true, count: 5))
    #expect(
      lines[6...] == [
        "case 16: 16", "case 17: 17", "case 18: 18", "(12 more: see expectations.csv)",
      ])
  }

  @Test("In JSON each row has the outcomes in which it takes part, once the run is complete")
  func json() throws {
    struct Row: Decodable {
      struct Outcome: Decodable, Equatable {
        var expectation: String
        var place: String
        var holds: Bool
        var found: String
      }
      var `protocol`: String
      var expectations: [Outcome]
    }
    var outline = outline
    outline.expect = [
      "raft.throughput > 1e9", "*.verdict == linearizable",
      "raft.throughput > chain-replication.throughput - 1",
    ]
    func rows(_ trials: [FinishedTrial]) throws -> [Row] {
      let text = ResultTable(outline: outline, trials: trials).json
      return try JSONDecoder().decode([Row].self, from: Data(text.utf8))
    }
    let complete = try rows(allTrials)
    #expect(complete.map(\.protocol) == ["raft", "chain-replication", "raft", "chain-replication"])
    #expect(
      complete.map { $0.expectations.map(\.expectation) } == [
        outline.expect, Array(outline.expect[1...]), outline.expect, Array(outline.expect[1...]),
      ])
    #expect(complete[0].expectations.map(\.holds) == [false, true, true])
    #expect(complete[0].expectations[0].found.hasPrefix("raft.throughput "))
    #expect(
      complete[3].expectations[0].place
        == "chain-replication, workload.clients=64, workload.valueSize=1KiB")
    let partial = try rows(Array(allTrials.dropLast()))
    #expect(partial.flatMap(\.expectations) == [])
  }
}
