import Foundation
import Testing

@testable import Report

@Suite("A row that is shown for comparison only presses no other into a corner")
struct ScaleTests {
  private let sample: SampleRun = {
    var sample = SampleRun(protocols: ["raft", "chain-replication", "unreplicated"])
    sample.metrics = { name, _, trial in
      let isBase = name == "unreplicated"
      return [
        "throughput": (isBase ? 9000 : name == "raft" ? 1000 : 990) + Double(trial),
        "longest_outage_ms": (isBase ? 3000 : 200) + Double(trial),
      ]
    }
    return sample
  }()

  private func run(_ sample: SampleRun) throws -> RunData {
    let folder = try Folder()
    return try RunData(directory: sample.write(below: folder.url))
  }

  @Test("The axis reaches the rows that compete, and others that hardly stretch it")
  func reached() {
    #expect(Axis.reached(by: [100, 110], others: [115, 130, 95]) == [100, 110, 115, 95])
    #expect(Axis.reached(by: [0, 100], others: [150, 250]) == [0, 100, 150])
    // Widely spread values are compared by their ratios.
    #expect(Axis.reached(by: [1, 100], others: [900, 2000]) == [1, 100, 900])
    #expect(Axis.reached(by: [], others: [5]) == [5])
  }

  @Test("An arrow with the number stands for a row beyond the axis")
  func arrow() throws {
    let run = try run(sample)
    func chart(_ metric: Metric) -> String {
      IntervalChart(metric: metric, groups: run.groups, palette: Palette(run.protocols))
        .figure?.html.text ?? ""
    }
    let throughput = chart(.throughput)
    #expect(throughput.contains(">9004 →</text>") && !throughput.contains(">2k</text>"))
    #expect(chart(.outage).contains(">3004 →</text>"))
    // The table below has the row.
    #expect(throughput.contains("<th scope=row>unreplicated<td>9004"))
  }

  @Test("A line ends at the edge that it leaves")
  func line() {
    let plot = Plot(
      Drawing(width: 200, height: 120), left: 0, right: 100, top: 10, bottom: 110,
      x: Axis(low: 0, high: 10, ticks: []), y: Axis(low: 0, high: 10, ticks: []), yTitle: "")
    let line = plot.line([(0, 5), (50, 15), (100, 5)])
    #expect(
      line.map { $0.map { [$0.x, $0.y] } } == [[0, 60], [25, 10], nil, [75, 10], [100, 60]])
  }

  @Test("Hollow signs are rows that are not ranked, in every chart and in the legend")
  func hollow() throws {
    func page(_ sample: SampleRun) throws -> String {
      let folder = try Folder()
      return try Report.page(of: sample.write(below: folder.url))
    }
    var plain = sample
    plain.protocols = ["raft", "chain-replication"]
    plain.authority = ["chain-replication"]
    // No sign of a trial, a lower bound, or a node of the authority is hollow.
    #expect(try !page(plain).contains("<path class=\"h\""))
    #expect(try !page(plain).contains("A hollow sign"))
    let with = try page(sample)
    #expect(with.contains("A hollow sign is not ranked: it survives no failure"))
    let colour = Palette(sample.protocols).slot(of: "unreplicated")
    for mark in with.components(separatedBy: "<g class=\"p").dropFirst() {
      let group = mark.components(separatedBy: "</g>")[0]
      let isBase = group.hasPrefix("\(colour)\"")
      #expect(
        !group.contains(isBase ? "<path class=\"m\"" : "<path class=\"h\""), "\(group.prefix(90))")
    }
    plain.verdicts = ["raft": "violated"]
    #expect(try page(plain).contains("A hollow sign is not ranked: its verdict does not hold"))
  }

  @Test("Reads and writes have lines of their own over time")
  func readsAndWrites() throws {
    let run = try run(sample)
    let chart = try #require(
      TimelineChart.all(run.groups, Palette(run.protocols)).first?.figure.html.text)
    // Each is interrupted by the outage, so it has two pieces.
    #expect(chart.components(separatedBy: "<path class=\"l thin\"").count == 3)
    #expect(chart.components(separatedBy: "<path class=\"l thin dotted\"").count == 3)
    let paths = chart.matches(of: #/<path class="l thin( dotted)?" d="([^"]+)"/#)
      .map { (isRead: $0.1 != nil, path: $0.2) }
    let (reads, writes) = (paths.filter(\.isRead), paths.filter { !$0.isRead })
    #expect(zip(reads, writes).allSatisfy { $0.path != $1.path } && reads.count == 2)
    #expect(chart.contains("<th scope=col>reads p99<th scope=col>writes p50"))
  }
}
