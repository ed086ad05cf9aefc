import Experiments
import Foundation
import Measurement
import Testing

@testable import Results

@Suite struct CompareTests {
  /// The fixture's run with the throughput of its trials changed, other seeds or other rows.
  private func write(
    to path: String, outline: RunOutline = outline, factor: Double = 1, seedShift: UInt64 = 0,
    violated: Bool = false
  ) throws -> String {
    let index = try #require(MetricColumn.all.firstIndex { $0.name == "throughput" })
    let trials = outline.places.map { place in
      var trial = finished(place)
      trial.seed &+= seedShift
      trial.metrics[index] = (trial.metrics[index] ?? 0) * factor
      if violated, place.trial == 1 { trial.verdict = TrialVerdict(word: .violated) }
      return trial
    }
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    for file in ResultFile.all(outline) where ["trials", "faults"].contains(file.name) {
      try FileStore.write(file.csv(trials), to: "\(path)/\(file.fileName)")
    }
    return path
  }

  private func difference(_ a: String, _ b: String) throws -> RunDifference {
    RunDifference(base: try StoredRun(a), new: try StoredRun(b))
  }

  private func holds(_ difference: RunDifference, _ text: String) throws -> [Bool?] {
    let condition = try Condition(text, RunDifference.vocabulary, source: "--fail-if")
    return difference.findings(condition).map(\.holds)
  }

  @Test("Rows with the same name and point are compared, in pairs if their seeds are equal")
  func paired() throws {
    try inTemporaryDirectory { path in
      let a = try write(to: path + "/a")
      let b = try write(to: path + "/b", factor: 0.9)
      let difference = try difference(a, b)
      #expect(difference.keys.count == 4)
      let cells = try #require(difference.cells[difference.keys[0]])
      #expect(cells.map(\.isPaired) == [true, true, true, true])
      #expect(abs((cells[0].mean ?? 0) / (cells[0].base ?? 1) + 0.1) < 1e-9)
      #expect(cells[1].mean == 0 && !cells[1].isDifferent)
      let text = difference.text(width: 120)
      #expect(text.hasPrefix("\(b) against \(a)\n"))
      #expect(text.contains("-10.0 %") && text.contains("paired by seed"))
      let other = try self.difference(a, try write(to: path + "/c", seedShift: 77))
      #expect(other.cells[other.keys[0]]?.allSatisfy { !$0.isPaired } == true)
      #expect(other.text(width: 120).contains("Welch"))
    }
  }

  @Test("A condition is evaluated in every row, for the later run, the first one and the change")
  func conditions() throws {
    try inTemporaryDirectory { path in
      let a = try write(to: path + "/a")
      let b = try write(to: path + "/b", factor: 0.9, violated: true)
      let difference = try difference(a, b)
      #expect(try holds(difference, "change.throughput < -5%").count == 4)
      #expect(try holds(difference, "change.throughput < -15%").isEmpty)
      #expect(try holds(difference, "high(change.throughput) < 0").count == 4)
      #expect(try holds(difference, "throughput < 0.95 * base.throughput").count == 4)
      #expect(try holds(difference, "new.verdict == violated").count == 4)
      #expect(try holds(difference, "base.verdict == violated").isEmpty)
      #expect(try holds(difference, "write_outage_ms > 1").count == 4)
      // No write is lost in the fixture, and zero has no relative change.
      #expect(try holds(difference, "change.lost_writes > 5%") == [nil, nil, nil, nil])
    }
  }

  @Test("Rows of only one run are listed; runs without a common row are refused")
  func rows() throws {
    try inTemporaryDirectory { path in
      let a = try write(to: path + "/a")
      var fewer = outline
      fewer.protocols = ["raft", "raft-2"]
      let difference = try difference(a, try write(to: path + "/b", outline: fewer))
      #expect(difference.keys.map(\.name) == ["raft", "raft"])
      let text = difference.text(width: 120)
      #expect(text.contains("only in \(path)/a: chain-replication workload.clients=8"))
      #expect(text.contains("only in \(path)/b: raft-2 workload.clients=8"))
      let plain = RunOutline(name: "x", seed: 1, protocols: ["raft"], trials: 3)
      #expect(try !self.difference(a, try write(to: path + "/c", outline: plain)).hasRows)
    }
  }

  @Test("A directory without a run, and damaged files, are refused by name")
  func refusals() throws {
    try inTemporaryDirectory { path in
      func refusal(_ path: String) -> String {
        do {
          _ = try StoredRun(path)
          return "accepted"
        } catch { return "\(error)" }
      }
      #expect(refusal(path).hasPrefix("\(path) holds no results: give"))
      #expect(refusal(path + "/absent").contains("holds no results"))
      try FileStore.write("a,b\r\n1\r\n", to: path + "/trials.csv")
      #expect(refusal(path).contains("it is no CSV file of a run"))
      try FileStore.write("a,b\r\n1,2\r\n", to: path + "/trials.csv")
      #expect(refusal(path).contains("it has not the columns of a run"))
    }
  }
}
