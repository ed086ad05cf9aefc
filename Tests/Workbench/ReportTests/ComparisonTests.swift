import Foundation
import Results
import Testing

@testable import Report

@Suite("Several runs are compared with one of them")
struct ComparisonTests {
  private func run(
    _ seed: String, in folder: Folder, factor: Double = 1,
    _ change: (inout SampleRun) -> Void = { _ in }
  ) throws -> String {
    var sample = SampleRun(seed: seed)
    sample.metrics = { name, _, trial in
      [
        "throughput": factor * (1000 + Double(trial)), "read_p99_us": 500 + Double(trial * trial),
        "availability": 1, "longest_outage_ms": 0,
      ]
    }
    change(&sample)
    return try sample.write(below: folder.url)
  }

  private func comparison(_ directories: [String], baseline: Int = 0) throws -> RunComparison {
    try RunComparison(directories.map { try RunData(directory: $0) }, baseline: baseline)
  }

  @Test("Ratios have intervals, and some differ after the correction")
  func ratios() throws {
    let folder = try Folder()
    let two = try comparison([
      run("1", in: folder), run("2", in: folder, factor: 1.5),
    ])
    let throughput = try #require(two.ratio(.throughput, row: 0, run: 1))
    #expect((throughput.value - 1.5).magnitude < 1e-6 && throughput.isDifferent)
    #expect((throughput.low ?? 0) <= 1.5 && (throughput.high ?? 9) >= 1.5)
    let latency = try #require(two.ratio(.readLatency, row: 0, run: 1))
    #expect(latency.value == 1 && !latency.isDifferent)
    // A metric that is 0 has no ratio.
    #expect(two.ratio(.outage, row: 0, run: 1) == nil)
    let back = try comparison(
      [
        run("1", in: folder), run("2", in: folder, factor: 1.5),
      ], baseline: 1)
    #expect(
      (try #require(back.ratio(.throughput, row: 0, run: 0)).value - 1 / 1.5).magnitude < 1e-6)
  }

  @Test("Runs with other seeds are compared by Welch's t test")
  func welch() throws {
    let folder = try Folder()
    let first = try run("1", in: folder)
    let second = try run("2", in: folder, factor: 1.001)
    let trials = URL(filePath: second).appending(path: "trials.csv")
    let text = try String(contentsOf: trials, encoding: .utf8)
    try Data(text.replacing(",90", with: ",80").utf8).write(to: trials)
    let paired = try comparison([first, run("3", in: folder, factor: 1.001)])
    let welch = try comparison([first, second])
    // The logarithms of 1001 to 1007 have the deviation 0.002 152, their difference the standard
    // error 0.002 152 · √(2/7) = 0.001 150 and 12 degrees of freedom, whose 95 % quantile is 2.179.
    let ratio = try #require(welch.ratio(.throughput, row: 0, run: 1))
    #expect((ratio.value - 1.001).magnitude < 1e-6)
    #expect(((ratio.high ?? 0) / ratio.value - 1.002_509).magnitude < 5e-6)
    #expect(!ratio.isDifferent)
    let different = try #require(paired.ratio(.throughput, row: 0, run: 1))
    #expect(different.isDifferent)
    // Two digits would show 1.00, which is no difference.
    #expect(different.phrase.hasPrefix("1.001 ("))
  }

  @Test("A row of a chart names paths by their last parts, and is cut off if it is too long")
  func shortNames() throws {
    let folder = try Folder()
    let value = String(repeating: "x", count: 80)
    func sweep(_ sample: inout SampleRun) {
      sample.sweepPath = "network.places.clients"
      sample.points = ["[eu]", value]
    }
    let two = try comparison([run("1", in: folder, sweep), run("2", in: folder, sweep)])
    #expect(two.rows[0].shortText == "raft, clients = [eu]")
    #expect(two.rows.map(\.shortText.count).max() == 60)
    let plain = try comparison([run("3", in: folder), run("4", in: folder)])
    #expect(plain.rows[0].shortText == "raft")
  }

  @Test("A violated row is shown without a ratio")
  func violated() throws {
    let folder = try Folder()
    let directories = [
      try run("1", in: folder),
      try run("2", in: folder, factor: 2) { $0.verdicts = ["raft": "violated"] },
    ]
    let two = try comparison(directories)
    #expect(two.ratio(.throughput, row: 0, run: 1) == nil)
    #expect(two.ratio(.throughput, row: 1, run: 1) != nil)
    let page = ComparisonPage(comparison: two).html
    #expect(page.contains("<strong>sample-2</strong>: raft violated; not ranked"))
    #expect(page.contains("class=unranked><th scope=row>raft"))
  }

  @Test("Runs without a common row are refused, and rows missing in one run are shown")
  func rows() throws {
    let folder = try Folder()
    let first = try run("1", in: folder)
    let other = try run("2", in: folder) { $0.protocols = ["primary-backup"] }
    #expect(
      throws: ReportError(
        "sample-2: found no row (protocol and sweep point) that sample-1 has too, so the two cannot be "
          + "compared")
    ) { try comparison([first, other]) }
    let more = try run("3", in: folder) { $0.protocols = ["raft", "primary-backup"] }
    let two = try comparison([first, more])
    #expect(two.rows.map(\.name) == ["raft", "chain-replication", "primary-backup"])
    #expect(two.ratios.allSatisfy { $0.row == 0 })
  }

  @Test("The page shows the differences between the machines and between the experiments")
  func facts() throws {
    let folder = try Folder()
    let first = try run("1", in: folder)
    let second = try run("2", in: folder) { $0.host = "<second>" }
    let file = URL(filePath: second).appending(path: "experiment.json5")
    let text = try String(contentsOf: file, encoding: .utf8).replacing("\"2s\"", with: "\"9s\"")
    try Data(text.utf8).write(to: file)
    let out = folder.url.appending(path: "c.html").path
    try Report.write(comparing: [first, second], baseline: 0, to: out)
    let page = try String(contentsOfFile: out, encoding: .utf8)
    #expect(page.contains("<th scope=row>host<td>first<td>&lt;second&gt;"))
    #expect(page.contains("<th scope=row>duration<td>&quot;2s&quot;<td>&quot;9s&quot;"))
    #expect(!page.contains("<th scope=row>replicas"))
    #expect(
      page.contains("The experiments differ. <b>duration</b>: 2s in sample-1, 9s in sample-2.</p>"))
    #expect(page.contains("no difference from sample-1 can be told from chance"))
  }
}
