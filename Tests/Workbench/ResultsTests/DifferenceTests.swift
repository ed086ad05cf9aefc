import Measurement
import Testing

@testable import Results

@Suite struct DifferenceTests {
  private var groups: [TrialGroup] { TrialGroup.groups(allTrials) }

  @Test("Each row is compared with the baseline at its point, and with itself at the first point")
  func references() {
    let all = ReferenceDifference.all(groups, baseline: 1)
    let metrics = ComparedMetric.all.count
    let baseline = all.filter { $0.against == .baseline }
    #expect(baseline.count == 2 * metrics)
    #expect(baseline.allSatisfy { $0.group.place.protocolIndex == 0 })
    #expect(baseline.allSatisfy { $0.group.place.point == $0.reference.place.point })
    let along = all.filter { $0.against == .firstPoint }
    #expect(along.count == 2 * metrics)
    #expect(along.allSatisfy { $0.group.place.point == 1 && $0.reference.place.point == 0 })
    // Two operations in three milliseconds instead of one in two.
    let throughput = along.filter { $0.metric.name == "throughput" }
    #expect(throughput.allSatisfy { abs(($0.percent?.mean ?? 0) + 33) < 2 })
  }

  @Test("The correction is over the comparisons with the same kind of reference")
  func correction() {
    for against in ReferenceDifference.Against.allCases {
      let family = ReferenceDifference.all(groups, baseline: 0).filter { $0.against == against }
      let expected = Holm.corrected(family.map(\.comparison.difference.p))
      #expect(family.map(\.comparison.corrected) == expected)
    }
  }

  @Test("The table shows the baseline's block only if the experiment names one")
  func blocks() {
    var outline = outline
    #expect(
      !ResultTable(outline: outline, trials: allTrials).text().contains("Differences from raft"))
    outline.baseline = 0
    let text = ResultTable(outline: outline, trials: allTrials).text()
    #expect(text.contains("Differences from raft\n"))
    #expect(text.contains("Differences from workload.clients=8, workload.valueSize=128B\n"))
  }

  @Test("differences.csv has a row for each difference, with names and numbers")
  func file() throws {
    let rows = try #require(parseCSV(ResultFile.differences(outline).csv(allTrials)))
    #expect(rows.count == 1 + 4 * ComparedMetric.all.count)
    #expect(
      rows[0].prefix(6) == [
        "protocol", "workload.clients", "workload.valueSize", "against", "minus_protocol",
        "minus_point",
      ])
    #expect(
      rows[1].prefix(7) == [
        "chain-replication", "8", "128B", "baseline", "raft",
        "workload.clients=8, workload.valueSize=128B", "throughput",
      ])
    #expect(rows.dropFirst().allSatisfy { ["true", "false"].contains($0.last) })
  }
}
