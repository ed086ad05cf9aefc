import Foundation
import Measurement
import Testing

@testable import Results

@Suite struct SeverityStepTests {
  private static let swept = RunOutline(
    name: "slow", seed: 1, protocols: ["raft", "chain-replication"], trials: 4,
    sweepPaths: ["faults.slow.disk", "faults.slow.slow"],
    points: ["leader", "follower"].flatMap { place in
      // Not in the order of severity.
      ["100ms", "1us", "3ms", "1s"].map { [place, $0] }
    })

  /// Throughput by severity; the trials of a seed go up and down together.
  private func trials(_ throughput: (TrialPlace) -> Double) -> [FinishedTrial] {
    let column = MetricColumn.all.firstIndex { $0.name == "throughput" }!
    return Self.swept.places.map { place in
      var trial = allTrials[0]
      trial.place = place
      let noise = Double(place.trial) * 20 + Double(place.trial * (place.point + 2) * 3 % 7)
      trial.metrics[column] = throughput(place) + noise
      return trial
    }
  }

  private func byPoint(_ leader: [Double], _ follower: [Double]) -> [FinishedTrial] {
    trials { place in
      place.protocolIndex == 1 ? (leader + follower)[place.point] : 1000
    }
  }

  @Test("Steps go from each severity to the next, whatever the order of the sweep")
  func steps() {
    // A loss of 7 % is no jump, although it is certain.
    let groups = TrialGroup.groups(byPoint([300, 1000, 930, 600], [1000, 1000, 700, 1000]))
    let steps = SeverityStep.all(Self.swept, groups).filter {
      $0.severer.place.protocolIndex == 1
    }
    func text(_ group: TrialGroup) -> String { Self.swept.points[group.place.point].last ?? "" }
    #expect(
      steps.map { [text($0.milder), text($0.severer), $0.kind.rawValue] } == [
        ["1us", "3ms", "none"], ["3ms", "100ms", "jump"], ["100ms", "1s", "reversal"],
        ["1us", "3ms", "jump"], ["3ms", "100ms", "reversal"], ["100ms", "1s", "none"],
      ])
    #expect(steps.allSatisfy { text($0.mildest) == "1us" })
    let jump = steps[1]
    #expect(abs((jump.share(jump.estimate.mean) ?? 0) + 0.63 / 1.05) < 0.02)
  }

  @Test("Rows that no severity changes have no dangerous step, and the text says so")
  func nothing() throws {
    let calm = byPoint([1000, 1000, 1000, 1000], [1000, 1000, 1000, 1000])
    let steps = SeverityStep.all(Self.swept, TrialGroup.groups(calm))
    #expect(steps.count == 12 && steps.allSatisfy { $0.kind == .none })
    let text = ResultTable(outline: Self.swept, trials: calm).text()
    #expect(text.contains("Danger zone along faults.slow.slow\nno jump and no reversal\n"))
  }

  @Test("The file has a row for each step, and the table only the dangerous ones")
  func file() throws {
    let trials = byPoint([300, 1000, 980, 600], [1000, 1000, 1000, 1000])
    let file = try #require(ResultFile.severity(Self.swept))
    let rows = try #require(parseCSV(file.csv(trials)))
    #expect(rows.count == 13 && rows[0].suffix(2) == ["p_holm", "zone"])
    let zones = rows.dropFirst().map { $0.last ?? "" }
    #expect(zones.count { $0 != "none" } == 2)
    #expect(rows.dropFirst().allSatisfy { $0.count == rows[0].count })
    let text = ResultTable(outline: Self.swept, trials: trials).text()
    let zone = text.components(separatedBy: "Danger zone along faults.slow.slow\n").last ?? ""
    #expect(zone.contains("3ms") && zone.contains("jump") && zone.contains("reversal"))
  }

  @Test("A sweep without a severity has no such file")
  func otherSweeps() {
    #expect(ResultFile.severity(outline) == nil)
    #expect(!ResultFile.all(outline).map(\.name).contains("severity"))
    #expect(ResultFile.all(Self.swept).map(\.name).contains("severity"))
    var times = Self.swept
    times.sweepPaths[1] = "faults.slow.at"
    #expect(ResultFile.severity(times) == nil)
    #expect(!ResultTable(outline: outline, trials: allTrials).text().contains("Danger"))
  }
}
