import Foundation
import Testing

@Suite("rsmbench report")
struct ReportCommandTests {
  private func run(_ seed: Int, in space: Workspace) async throws -> String {
    try space.write(
      """
      { name: "page", protocols: ["raft", "chain-replication"], workload: { clients: 2 },
        faults: [{ at: "500ms", crash: "leader", for: "300ms" }],
        warmUp: "100ms", duration: "1200ms", trials: 3 }
      """, to: "page.json5")
    let outcome = try await space.rsmbench("run", "page.json5", "--quiet", "--seed", "\(seed)")
    #expect(outcome.status == 0, "\(outcome.errors)")
    return "results/page-\(seed)"
  }

  @Test("A run writes its page, and report draws the same page again")
  func again() async throws {
    let space = try Workspace()
    let directory = try await run(1, in: space)
    let page = try space.text("\(directory)/report.html")
    #expect(page.contains("<h1>page</h1>") && page.contains("chain-replication"))
    #expect(page.utf8.count < 2_000_000)
    try FileManager.default.removeItem(at: space.url("\(directory)/report.html"))
    let outcome = try await space.rsmbench("report", directory)
    #expect(outcome.status == 0 && outcome.output == "\(directory)/report.html\n")
    #expect(try space.text("\(directory)/report.html") == page)
    // No other file was added or removed.
    #expect(
      try space.names(directory) == [
        "datapackage.json", "differences.csv", "distribution.csv", "expectations.csv",
        "experiment.json5", "faults.csv", "latency.csv", "manifest.json", "report.html",
        "resources.csv",
        "summary.csv", "timeline.csv", "trials.csv",
      ])
  }

  @Test("Several runs are compared on one page")
  func comparison() async throws {
    let space = try Workspace()
    let first = try await run(1, in: space)
    let second = try await run(2, in: space)
    let outcome = try await space.rsmbench("report", first, second, "--baseline", second)
    #expect(outcome.status == 0 && outcome.output == "comparison.html\n")
    #expect(try space.text("comparison.html").contains("against <strong>page-2</strong>"))
    let named = try await space.rsmbench("report", first, second, "--out", "c.html")
    #expect(named.status == 0)
    #expect(try space.text("c.html").contains("against <strong>page-1</strong>"))
  }

  @Test("Bad usage gives one line and exit code 2, and changes no file")
  func badUsage() async throws {
    let space = try Workspace()
    let directory = try await run(1, in: space)
    let before = try space.files(directory)
    try space.write("mine", to: "mine.html")
    try FileManager.default.createDirectory(
      at: space.url("empty"), withIntermediateDirectories: true)
    let cases: [([String], String)] = [
      ([], "which run?"), (["nowhere"], "nowhere: there is no such directory"),
      (["page.json5"], "page.json5: found a file, allowed the directory of a run"),
      (["empty"], "empty: found no file of a run"),
      ([directory, directory], "\(directory) is given twice"),
      ([directory, "--baseline", "result"], "--baseline: found \"result\""),
      ([directory, "--out", ""], "--out: found \"\""),
      ([directory, "--out", "mine.html"], "mine.html: found a file that is no report"),
      ([directory, "--out", "no/where.html"], "cannot write no/where.html"),
      ([directory, "empty"], "empty: found no file of a run"),
    ]
    for (words, message) in cases {
      let outcome = try await space.rsmbench(list: ["report"] + words)
      #expect(outcome.status == 2 && outcome.output == "", "\(words)")
      #expect(outcome.errorLines.count == 1, "\(outcome.errors)")
      #expect(outcome.errors.hasPrefix("rsmbench: \(message)"), "\(outcome.errors)")
    }
    #expect(try space.files(directory) == before)
    #expect(try space.text("mine.html") == "mine")
    #expect(try space.names().filter { $0.hasPrefix(".writing") } == [])
  }
}
