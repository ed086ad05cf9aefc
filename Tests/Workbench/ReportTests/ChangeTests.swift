import Foundation
import Testing

@testable import Report

@Suite("The change since the last run")
struct ChangeTests {
  private let folder: Folder

  init() throws { folder = try Folder() }

  /// The section of the page of a run.
  private func section(_ sample: SampleRun) throws -> String {
    let page = try Report.page(of: sample.write(below: folder.url))
    return try #require(
      page.components(separatedBy: "<section ").first { $0.hasPrefix("id=\"change\"") })
  }

  private let first = SampleRun(started: "2026-11-28T12:00:00Z")
  private let later = SampleRun(seed: "2", started: "2026-11-28T13:00:00Z")

  private func write(_ sample: SampleRun) throws { _ = try sample.write(below: folder.url) }

  @Test("A run without an earlier one says so")
  func alone() throws {
    #expect(try section(first).contains("There is no earlier run to compare with"))
    // A later run, and one of another experiment, are no earlier ones.
    try write(later)
    try write(SampleRun(name: "sample-b", started: "2026-11-28T11:00:00Z"))
    #expect(try section(first).contains("There is no earlier run to compare with"))
  }

  @Test("An equal run changed nothing, in pairs")
  func same() throws {
    try write(first)
    let text = try section(later)
    #expect(text.contains("is <strong>sample-1</strong>"))
    #expect(text.contains("<strong>Nothing changed</strong> beyond chance"))
    #expect(text.contains("trials of equal seeds, pair by pair"))
    #expect(text.contains("and all are exactly 1"))
    // The seed is all that differs.
    #expect(text.contains("<tr><th scope=row>seed<td>1<td>2</tbody>"))
  }

  @Test("The run started last before this one counts, and real changes are told with intervals")
  func changed() throws {
    try write(SampleRun(seed: "9", started: "2026-11-27T12:00:00Z"))
    try write(first)
    var now = later
    now.firstSeed = 5_000
    now.metrics = { name, point, trial in
      var metrics = SampleRun().metrics(name, point, trial)
      if name == "raft" { metrics["throughput", default: 0] *= 1.5 }
      return metrics
    }
    let text = try section(now)
    #expect(text.contains("is <strong>sample-1</strong>"))
    #expect(text.contains("by Welch's t test"))
    #expect(text.contains("<b>Throughput</b>: raft <strong>× 1.50 (1.50 to 1.50)</strong>"))
    #expect(!text.contains("chain-replication <strong>×"))
  }

  @Test("A changed verdict is said first, and its row is not compared")
  func verdict() throws {
    try write(first)
    var now = later
    now.verdicts = ["raft": "violated"]
    let text = try section(now)
    #expect(text.contains("<strong>raft</strong>: linearizable before, violated now"))
    #expect(!text.contains("<th scope=row>raft"))
  }

  @Test("An earlier run that is damaged, unfinished or of another runtime is no trap")
  func damaged() throws {
    let path = try first.write(below: folder.url)
    try Data("protocol\r\n".utf8).write(to: URL(filePath: path + "/summary.csv"))
    let text = try section(later)
    #expect(text.contains("cannot be compared") && text.contains("summary.csv"))
    try FileManager.default.removeItem(atPath: path + "/manifest.json")
    #expect(try section(later).contains("There is no earlier run"))
    try write(SampleRun(runtime: "cluster"))
    #expect(try section(later).contains("There is no earlier run"))
  }

  @Test("A link to the run finds the same earlier run")
  func link() throws {
    try write(first)
    let path = try later.write(below: folder.url)
    let link = folder.url.appending(path: "latest").path
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
    #expect(try Report.page(of: link).contains("is <strong>sample-1</strong>"))
  }
}
