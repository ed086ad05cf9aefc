import Foundation
import Testing

@testable import Report

@Suite("Every number of a page is a cell of a CSV file")
struct NumbersTests {
  /// A run with everything that a page can show.
  private func rich(_ sweepPath: String?, _ points: [String]) -> SampleRun {
    var sample = SampleRun(protocols: ["raft", "multi-paxos", "chain-replication", "unreplicated"])
    sample.verdicts = ["multi-paxos": "undecided"]
    sample.sweepPath = sweepPath
    sample.points = points
    return sample
  }

  private func breakdown(_ sample: SampleRun) -> String {
    var text = "protocol,operation,part,mean_us,share,slowest_us,slowest_share\r\n"
    for name in sample.protocols {
      for (part, mean) in [("total", "812.345"), ("disk", "609.2587"), ("other", "203.0863")] {
        text += "\(name),write,\(part),\(mean),0.7512,1234.5,0.8123\r\n"
      }
    }
    return text
  }

  private func check(_ sample: SampleRun, least: Int, traced: Bool = false) throws {
    let folder = try Folder()
    var earlier = sample
    earlier.seed = "0"
    earlier.started = "2026-11-01T00:00:00Z"
    _ = try earlier.write(below: folder.url)
    let directory = try sample.write(below: folder.url)
    var files = sample.files
    if traced {
      files["breakdown.csv"] = breakdown(sample)
      try Data(breakdown(sample).utf8).write(to: URL(filePath: directory + "/breakdown.csv"))
    }
    let page = try Report.page(of: directory)
    let seen = PageNumbers(page)
    #expect(seen.numbers.count > least, "\(seen.numbers.count)")
    let missing = seen.missing(from: files)
    #expect(missing.isEmpty, "\(missing.count) such as \(missing.prefix(8))")
  }

  @Test("A run with faults, traced, with an earlier run and a row that is not ranked")
  func faults() throws { try check(rich(nil, [""]), least: 900, traced: true) }

  @Test("A sweep over load, and one over a fault's severity")
  func sweep() throws {
    try check(rich("workload.clients", ["8", "64", "512"]), least: 2_000)
    try check(rich("faults.slow.slow", ["1us", "10ms", "100ms"]), least: 2_000)
  }

  @Test("A number that no cell has is found")
  func wrong() throws {
    let folder = try Folder()
    let sample = rich(nil, [""])
    let page = try Report.page(of: sample.write(below: folder.url))
    let number = try #require(
      page.firstMatch(of: /<td class=n data-v="[^"]*"\n? *style="[^"]*">([\d.,]+)/))
    var changed = page
    changed.replaceSubrange(number.1.startIndex..<number.1.endIndex, with: "4567.8")
    #expect(PageNumbers(changed).missing(from: sample.files).map(\.text) == ["4567.8"])
    // A number outside of any element that names columns has no cell either.
    let stray = page.replacing("<section id=\"answer\"", with: "<p>12.5</p><section id=\"answer\"")
    #expect(PageNumbers(stray).missing(from: sample.files).map(\.text) == ["12.5"])
  }
}
