import Foundation
import Testing

@testable import Report

@Suite("Distributions, knees and danger zones")
struct ChartTests {
  private func run(_ sample: SampleRun) throws -> RunData {
    let folder = try Folder()
    return try RunData(directory: sample.write(below: folder.url))
  }

  @Test("A distribution is drawn up to the operations that were answered")
  func distribution() throws {
    let run = try run(SampleRun())
    func figure(_ operation: String) throws -> Figure {
      try #require(
        DistributionChart(
          groups: run.groups, palette: Palette(run.protocols), operation: operation, title: "T"
        ).figure)
    }
    let reads = try figure("read").html.text
    // Raft's line has the points 0, 50 and 90 %, and chain replication's 99 and 100 % as well.
    let lines = reads.matches(of: #/<path class="l d\d" d="([^"]+)"/#).map { $0.1 }
    #expect(lines.map { $0.count { $0 == "L" } } == [2, 4])
    #expect(reads.contains("<title>raft: 90 % within 0.400 ms</title>"))
    #expect(!reads.contains("<title>raft: 99 % within"))
    #expect(reads.contains("<tr><th scope=row>99<td>≥ 1001<td>1001"))
    let writes = try figure("write").html.text
    #expect(writes.contains("<title>raft: 99 % within 1001 ms</title>"))
    #expect(!writes.contains("≥ 1"))
  }

  @Test("A run of an earlier version, without the file, has no distribution")
  func absent() throws {
    let folder = try Folder()
    let directory = try SampleRun().write(below: folder.url)
    try FileManager.default.removeItem(atPath: directory + "/distribution.csv")
    let page = try Report.page(of: directory)
    #expect(page.contains("<section id=\"latency\"") && !page.contains("distribution</figcaption>"))
  }

  /// A protocol at loads of 1, 2, 3 ...
  private func points(
    _ numbers: [(rate: Double, latency: Double)], verdicts: [Int: String] = [:]
  ) -> [LoadSection.Point] {
    numbers.enumerated().map { index, at in
      LoadSection.Point(
        group: Group(
          protocolIndex: 0, name: "raft", point: index, summary: [:],
          verdict: verdicts[index] ?? "linearizable"),
        load: "\(index + 1)", rate: at.rate, latency: at.latency)
    }
  }

  @Test("The knee is the point of the most throughput per latency, between two other loads")
  func knee() {
    let curve = [(100.0, 1.0), (200.0, 1.1), (390.0, 1.5), (400.0, 4.0), (401.0, 20.0)]
    #expect(LoadSection.knee(points(curve)) == 2)
    // A load beyond the knee was not tried, or none below it.
    #expect(LoadSection.knee(points(Array(curve.prefix(3)))) == nil)
    #expect(LoadSection.knee(points(Array(curve.suffix(3)))) == nil)
    #expect(LoadSection.knee([]) == nil)
    // A violated point is not the knee.
    #expect(LoadSection.knee(points(curve, verdicts: [2: "violated"])) == 1)
  }

  @Test("The page names the knees and rings them, and says where none was found")
  func knees() throws {
    var sample = SampleRun()
    sample.sweepPath = "workload.clients"
    sample.points = ["8", "64", "512"]
    sample.metrics = { name, point, trial in
      let isRaft = name == "raft"
      return [
        "throughput": [1000, 5000, isRaft ? 5100 : 90_000][point] + Double(trial),
        "read_p99_us": [500, 600, isRaft ? 9000 : 700][point], "write_p99_us": 900,
      ]
    }
    let folder = try Folder()
    let page = try Report.page(of: sample.write(below: folder.url))
    #expect(
      page.contains(
        "<b>Knee of p99 of reads</b>: <strong>raft</strong> at 64, with 5004/s and 0.600 ms; "
          + "not within the loads tried: chain-replication."))
    #expect(page.contains("of p99 of writes</b>: not within the loads tried: raft and chain-repl"))
    #expect(page.components(separatedBy: "class=ring").count == 2)
    #expect(page.contains("5004/s, 0.600 ms, the knee</title>"))
  }

  @Test("A severity has a chart per protocol with its dangerous steps as bands")
  func severity() throws {
    var sample = SampleRun()
    sample.sweepPath = "faults.slow.slow"
    sample.points = ["1us", "10ms", "100ms"]
    let folder = try Folder()
    let page = try Report.page(of: sample.write(below: folder.url))
    let section = try #require(
      page.components(separatedBy: "<section ").first { $0.hasPrefix("id=\"severity\"") })
    #expect(section.components(separatedBy: "<figure").count == 3)
    #expect(section.components(separatedBy: "<rect class=\"zone jump\"").count == 2)
    #expect(section.contains("<title>jump from 1us to 10ms: -30\u{A0}%</title>"))
    #expect(section.contains("<strong>raft</strong>: no step is dangerous"))
    #expect(section.contains("chain-replication</strong>: jump from 1us to 10ms (-30\u{A0}%)"))
    #expect(section.contains("<tr><th scope=row>1us<td>10ms<td>-30.3<td>0.0012<td>jump"))
    let plain = try Report.page(of: SampleRun(seed: "7").write(below: folder.url))
    #expect(!plain.contains("id=\"severity\""))
  }
}
