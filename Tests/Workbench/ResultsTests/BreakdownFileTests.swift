import Foundation
import Histories
import Linearizability
import Measurement
import Replication
import Testing
import Trials

@testable import Results

@Suite struct BreakdownFileTests {
  /// Two traced operations of each kind; the second takes three times as long.
  private func traced(_ place: TrialPlace) -> FinishedTrial {
    var seen = observation(place)
    var trace = TimeTrace()
    for (isRead, scale) in [(true, 1), (true, 3), (false, 2), (false, 6)] as [(Bool, Int64)] {
      let parts = LatencyPart.allCases.map { Int64($0.index + 1) * 1000 * scale }
      var members = parts.map { _ in Int64(0) }
      members[LatencyPart.nodeWire.index] = parts[LatencyPart.nodeWire.index]
      members[LatencyPart.disk.index] = parts[LatencyPart.disk.index] / 2
      trace.operations.append(
        OperationBreakdown(isRead: isRead, dueNs: 0, partsNs: parts, membersNs: members))
    }
    trace.forgotten = 2
    seen.timeTrace = trace
    let settings = MeasurementSettings(
      window: .milliseconds(50), sloLatency: .milliseconds(20), isOpenLoop: true)
    return FinishedTrial(
      place: place, seed: 1, observation: seen, metrics: TrialMetrics(seen, settings),
      verdict: TrialVerdict(word: .linearizable))
  }

  @Test("breakdown.csv and its speedscope file hold parts that add up to the mean latency")
  func breakdown() throws {
    var outline = outline
    #expect(!ResultFile.all(outline).contains { $0.name == "breakdown" })
    outline.traces = true
    let file = try #require(ResultFile.all(outline).first { $0.name == "breakdown" })
    let trials = outline.places.map(traced)
    let records = try #require(parseCSV(file.csv(trials)))
    #expect(records[0] == file.fields.map(\.name))
    let rows = records.dropFirst()
    let partCount = LatencyPart.allCases.count
    #expect(rows.count == 2 * 2 * 2 * (partCount + 1))
    let key = Array(rows[1].prefix(3))
    let reads = rows.filter { Array($0.prefix(3)) == key && $0[3] == "read" }
    // The mean of 55 us and 165 us; the slowest hundredth is the slower one.
    #expect(Array(reads[0][4...]) == ["total", "110", "1", "165", "1", "16", "24", "6", "6"])
    let parts = reads.dropFirst()
    #expect(parts.map { Double($0[5])! }.reduce(0, +) == 110)
    #expect(parts.map { Double($0[7])! }.reduce(0, +) == 165)
    #expect(abs(parts.map { Double($0[6])! }.reduce(0, +) - 1) < 1e-5)

    struct File: Decodable {
      struct Shared: Decodable { var frames: [[String: String]] }
      struct Profile: Decodable {
        var type: String
        var unit: String
        var endValue: Int
        var samples: [[Int]]
        var weights: [Int]
      }
      var shared: Shared
      var profiles: [Profile]
    }
    let text = SpeedscopeFile.text(outline, trials)
    let scope = try JSONDecoder().decode(File.self, from: Data(text.utf8))
    #expect(scope.profiles.count == 4)
    for profile in scope.profiles {
      #expect(profile.type == "sampled" && profile.unit == "nanoseconds")
      #expect(profile.samples.count == 2 * (partCount + 1))
      #expect(profile.weights.count == profile.samples.count)
      #expect(profile.weights.reduce(0, +) == profile.endValue)
      #expect(profile.endValue == 110_000 + 220_000)
      #expect(profile.samples.joined().allSatisfy { scope.shared.frames.indices.contains($0) })
    }
    // A trial that was kept says the same when it is read back.
    let kept = try JSONDecoder().decode(
      FinishedTrial.self, from: JSONEncoder().encode(trials[0]))
    #expect(kept == trials[0])
  }
}
