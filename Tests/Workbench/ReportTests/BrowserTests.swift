import Foundation
import HostTesting
import Testing

@testable import Report

@Suite(
  "In a browser", .serialized, .ownThreads, .enabled(if: Browser.path != nil, Browser.missing))
struct BrowserTests {
  private static let faults: SampleRun = {
    var sample = SampleRun(
      protocols: ["raft", "multi-paxos", "primary-backup", "chain-replication", "unreplicated"])
    sample.verdicts = ["multi-paxos": "violated", "primary-backup": "undecided"]
    return sample
  }()

  private static let sweep: SampleRun = {
    var sample = SampleRun(protocols: ["raft", "a-system-with-a-rather-long-name"])
    sample.sweepPath = "workload.clients"
    sample.points = ["1", "8", "64", "512"]
    return sample
  }()

  private func check(_ finding: Browser.Finding, isDark: Bool, _ name: String) {
    #expect(finding.console == [], "\(name)")
    #expect(finding.overflow <= 0, "\(name)")
    #expect(finding.empty == [], "\(name)")
    #expect(finding.clipped == [], "\(name)")
    #expect(finding.overlapping == [], "\(name)")
    #expect(finding.nameless == [] && finding.reachable > 10, "\(name)")
    let (light, dark) = ("rgb(255, 255, 255)", "rgb(20, 23, 27)")
    #expect(finding.background == (isDark ? dark : light), "\(name)")
    #expect(finding.toggledBackground == (isDark ? light : dark), "\(name)")
    #expect(finding.hidden > 5, "\(name)")
    #expect(finding.fragment.contains("theme=\(isDark ? "light" : "dark")"), "\(name)")
  }

  @Test(
    "A run's page fits in both themes, wide and on a phone", arguments: [1400, 360], [false, true])
  func run(width: Int, isDark: Bool) throws {
    let folder = try Folder()
    let page = try Report.page(of: BrowserTests.faults.write(below: folder.url))
    let finding = try Browser.open(page, width: width, isDark: isDark, in: folder.url)
    check(finding, isDark: isDark, "\(width), dark: \(isDark)")
    #expect(finding.headings == 9 && finding.figures == 22)
    // A phone cuts wide tables off, and shows no bar to scroll them.
    #expect(finding.unhinted == [])
    #expect(width > 1000 || finding.hinted > 0)
    // Sorted by throughput, the largest first; rows that are not ranked come last.
    #expect(
      finding.sorted == [
        "raft", "chain-replication", "unreplicated", "multi-paxos", "primary-backup",
      ])
    #expect(finding.fragment.contains("sort=3-down"))
    // A phone has room for the longest part of a name, "viewstamped-", of 12 bold letters.
    #expect(finding.firstColumn >= 115, "\(finding.firstColumn)")
  }

  @Test("A sweep's page obeys the fragment", arguments: [1400, 360])
  func sweep(width: Int) throws {
    let folder = try Folder()
    let page = try Report.page(of: BrowserTests.sweep.write(below: folder.url))
    let finding = try Browser.open(
      page, width: width, isDark: false, fragment: "#theme=dark&hide=raft&sort=3-up",
      in: folder.url)
    #expect(finding.console == [] && finding.overflow <= 0)
    #expect(finding.empty == [])
    #expect(finding.clipped == [])
    #expect(finding.overlapping == [])
    #expect(finding.background == "rgb(20, 23, 27)")
    // The first chart that is drawn, and those that the choice of axes draws.
    #expect(
      finding.chosen == [
        " |  | throughput, /s over workload.clients | 8 | 8",
        " | y=write_p99_us | write p99, ms over workload.clients | 8 | 8",
        "x=throughput | y=write_p99_us | write p99, ms over throughput, /s | 8 | 8",
      ])
  }

  @Test("The fragment chooses the axes and the zoom; what it gets wrong is ignored")
  func fragment() throws {
    let folder = try Folder()
    let page = try Report.page(of: BrowserTests.sweep.write(below: folder.url))
    let finding = try Browser.open(
      page, width: 1400, isDark: false,
      fragment: "#x=read_p99_us&y=messages_per_op&zoom=0.5-1.5&at.workload.clients=7",
      in: folder.url)
    #expect(finding.chosen.first?.contains("messages per op over read p99, ms | 8 | 8") == true)
    #expect(finding.zoom.first == "zoom=0.5-1.5 | 0.6 0.8 1.0 1.2 1.4")
    let wrong = try Browser.open(
      page, width: 1400, isDark: false, fragment: "#x=nothing&y=%zz&zoom=9-8&sort=x",
      in: folder.url)
    #expect(wrong.console == [])
    #expect(wrong.chosen.first?.contains("throughput, /s over workload.clients | 8 | 8") == true)
    #expect(wrong.zoom.first?.hasSuffix(" | 0 0.5 1 1.5 2") == true)
  }

  @Test("Buttons, keys and dragging zoom all charts over time")
  func zoom() throws {
    let folder = try Folder()
    let page = try Report.page(of: BrowserTests.faults.write(below: folder.url))
    let finding = try Browser.open(page, width: 1400, isDark: false, in: folder.url)
    #expect(
      finding.zoom == [
        " | 0 0.5 1 1.5 2", "zoom=0.5-1.5 | 0.6 0.8 1.0 1.2 1.4",
        "zoom=1-2 | 1.0 1.2 1.4 1.6 1.8 2.0", " | 0 0.5 1 1.5 2", " | 0 0.5 1 1.5 2",
        "zoom=0.5-1 | 0.5 0.6 0.7 0.8 0.9 1.0",
      ])
  }

  @Test("A large page has few enough elements to open at once")
  func elements() throws {
    let folder = try Folder()
    var sample = SampleRun(
      protocols: ["raft", "multi-paxos", "primary-backup", "chain-replication", "unreplicated"])
    sample.sweepPath = "workload.clients"
    sample.points = (1...40).map { "\($0)" }
    sample.trials = 3
    let page = try Report.page(of: sample.write(below: folder.url))
    let finding = try Browser.open(page, width: 1400, isDark: false, in: folder.url)
    #expect(finding.elements < 60_000, "\(finding.elements)")
    #expect(page.utf8.count < 2_000_000)
  }

  @Test("A swept run beside an earlier one has room for long names", arguments: [1400, 360])
  func longNames(width: Int) throws {
    let folder = try Folder()
    var sample = BrowserTests.sweep
    sample.sweepPath = "network.places.with-a-rather-long-name.clients"
    sample.points = ["1us", "4KiB", "ten"]
    _ = try sample.write(below: folder.url)
    (sample.seed, sample.started) = ("2", "2026-11-28T13:00:00Z")
    let page = try Report.page(of: sample.write(below: folder.url))
    let finding = try Browser.open(page, width: width, isDark: true, in: folder.url)
    #expect(page.contains("<strong>sample-1</strong>"))
    #expect(finding.console == [] && finding.overflow <= 0)
    #expect(finding.clipped == [])
    #expect(finding.overlapping == [])
  }

  @Test("A page that compares runs", arguments: [1400, 360])
  func comparison(width: Int) throws {
    let folder = try Folder()
    var other = BrowserTests.faults
    other.seed = "2"
    let file = folder.url.appending(path: "comparison.html").path
    try Report.write(
      comparing: [BrowserTests.faults.write(below: folder.url), other.write(below: folder.url)],
      baseline: 0, to: file)
    let page = try String(contentsOfFile: file, encoding: .utf8)
    let finding = try Browser.open(page, width: width, isDark: false, in: folder.url)
    check(finding, isDark: false, "\(width)")
    #expect(finding.headings == 4 && finding.figures == 8)
  }
}
