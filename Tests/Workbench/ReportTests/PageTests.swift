import Foundation
import Results
import Testing

@testable import Report

@Suite("The page of a run")
struct PageTests {
  private func page(_ sample: SampleRun = SampleRun()) throws -> String {
    let folder = try Folder()
    return try Report.page(of: sample.write(below: folder.url))
  }

  @Test("The same files give the same bytes, in any directory and from any machine")
  func sameBytes() throws {
    let other = SampleRun(host: "second")
    let first = try page()
    #expect(try first == page() && first == page(other))
    // In real time the machine influences the numbers, so the page names it.
    #expect(
      try page(SampleRun(runtime: "cluster")) != page(SampleRun(runtime: "cluster", host: "b")))
  }

  @Test("The page has every section and every chart with its table, and fetches no other file")
  func sections() throws {
    let page = try page()
    let ids = [
      "answer", "summary", "glance", "time", "latency", "faults", "cost", "change", "run",
    ]
    for id in ids {
      #expect(page.contains("<section id=\"\(id)\""), "\(id)")
      #expect(page.contains("<a href=\"#\(id)\">"), "\(id)")
    }
    #expect(!page.contains("<section id=\"sweep\""))
    let figures = page.components(separatedBy: "<figure").dropFirst()
    #expect(figures.count >= 15)
    #expect(figures.allSatisfy { $0.contains("aria-label=") && $0.contains("<details>") })
    for word in ["http://", "https://", "src=", "@import", "url("] {
      #expect(!page.contains(word), "\(word)")
    }
  }

  @Test("A traced run has a stacked bar per protocol, whose parts have a colour each")
  func breakdown() throws {
    let folder = try Folder()
    let directory = try SampleRun().write(below: folder.url)
    let parts = [
      ("total", 100), ("sending", 1), ("retry", 2), ("client-wire", 3), ("node-wire", 4),
      ("processor-wait", 5), ("processor", 6), ("disk-wait", 7), ("disk", 8), ("timer", 9),
      ("other", 55),
    ]
    var text = "protocol,operation,part,mean_us,share,slowest_us,slowest_share\r\n"
    for name in ["raft", "chain-replication"] {
      for (part, mean) in parts { text += "\(name),write,\(part),\(mean),0.5,200,0.5\r\n" }
    }
    try Data(text.utf8).write(to: folder.url.appending(path: "sample-1/breakdown.csv"))
    let page = try Report.page(of: directory)
    #expect(page.contains("<section id=\"breakdown\""))
    for (part, _) in parts.dropFirst() {
      #expect(page.components(separatedBy: "<rect class=\"t-\(part)\"").count == 4, "\(part)")
      #expect(page.contains(".t-\(part){fill:"), "\(part)")
    }
    #expect(page.contains("disk, 0.0080 ms") && page.contains(">0.100</text>"))
    let plain = try self.page()
    #expect(!plain.contains("<section id=\"breakdown\""))
  }

  @Test("Without faults the page has no section on faults")
  func noFaults() throws {
    var sample = SampleRun()
    sample.hasFaults = false
    let page = try page(sample)
    #expect(!page.contains("id=\"faults\"") && !page.contains("Longest outage"))
  }

  @Test("Tables below charts have units in their headings, and no more digits than their intervals")
  func rounded() throws {
    let page = try page()
    let tables = page.components(separatedBy: "<table class=data").dropFirst()
    #expect(tables.count > 10)
    for table in tables {
      let numbers = table.matches(of: #/<td>(?:≥ )?(\d[\d,.]*)(?=<)/#).map { String($0.1) }
      let long = numbers.filter { ($0.split(separator: ".").dropFirst().first?.count ?? 0) > 3 }
      #expect(long == [], "\(table.prefix(120))")
    }
    let headings = [
      "latency, ms", "raft, ms", "share, %", "mean, ms", "mean, /s", "from, s", "reads, ms",
      "busy, %",
    ]
    for heading in headings { #expect(page.contains("<th scope=col>\(heading)<"), "\(heading)") }
  }

  @Test("A measure has one unit on a page: latencies and outages are in ms, times of a trial in s")
  func units() throws {
    var sample = SampleRun()
    sample.sweepPath = "workload.clients"
    sample.points = ["8", "64"]
    for page in [try page(), try page(sample)] {
      let text = page.components(separatedBy: "<details><summary>The experiment").first ?? ""
      #expect(!text.contains("µs") && !text.contains(" us<") && !text.contains(" ms to the end"))
    }
    #expect(try page(sample).contains("<option value=\"read_p99_us\">read p99, ms"))
  }

  @Test("The summary's sort keys are cells")
  func sortKeys() throws {
    let sample = SampleRun()
    let known = Set(
      sample.files.filter { $0.key.hasSuffix(".csv") }.values
        .flatMap { $0.split(whereSeparator: { ",\r\n".contains($0) }).map(String.init) })
    let sorted = try page(sample).matches(of: #/<td class=n data-v="([0-9.]+)"/#)
      .map { String($0.1) }
    #expect(sorted.count == 16)
    #expect(sorted.filter { !known.contains($0) && !known.contains($0 + ".0") } == [])
  }

  @Test("A printed page is light, of size A4, and has no closed part and no button")
  func print() throws {
    let page = try page()
    let rules = page.components(separatedBy: "@media print{").dropFirst().joined()
    #expect(page.contains("@page{size:A4"))
    for part in ["nav", "fieldset", ".bar", "details:not([open])"] {
      #expect(rules.contains("\(part),") || rules.contains("\(part){display:none"), "\(part)")
    }
    // The light colours come last, and with more weight than a chosen dark theme.
    #expect(rules.contains(":root:root:root{color-scheme:light;--bg:#fff"))
  }

  @Test("A violated row is shown, marked, without a bar")
  func violated() throws {
    var sample = SampleRun()
    sample.verdicts = ["raft": "violated"]
    let page = try page(sample)
    #expect(page.contains("class=unranked><th scope=row>"))
    #expect(page.contains("violated</span><small>7 of 7 trials, not ranked</small>"))
    #expect(page.contains("<span class=badge>violated</span>"))
  }

  @Test("A sweep's page has a chart per metric, and a part for each point")
  func sweep() throws {
    var sample = SampleRun()
    sample.sweepPath = "workload.clients"
    sample.points = ["8", "64", "512"]
    let page = try page(sample)
    #expect(page.contains("<h2 id=\"sweep-title\">Over workload.clients</h2>"))
    #expect(page.contains("<section id=\"load\"") && page.contains("<section id=\"explore\""))
    #expect(page.components(separatedBy: "<details class=point open>").count == 5)
    #expect(!page.contains("id=\"glance\""))
  }

  @Test("A large sweep's page stays below 2 MB, says what it leaves out, and keeps every row")
  func largeSweep() throws {
    var sample = SampleRun(
      protocols: ["raft", "multi-paxos", "primary-backup", "chain-replication", "unreplicated"])
    sample.sweepPath = "workload.clients"
    sample.points = (1...40).map { "\($0)" }
    sample.trials = 3
    let page = try page(sample)
    #expect(page.utf8.count < 2_000_000)
    #expect(page.contains("more sweep points, which <code>timeline.csv</code> has"))
    #expect(page.components(separatedBy: "<td class=\"v good\">").count == 201)
  }

  @Test("The page of a long run stays small, because points of a line are merged")
  func size() throws {
    let bins = TimeSeries(
      (1...5).map { number in
        var trial = Trial(number: number, seed: "1", verdict: "linearizable")
        trial.windows = (0..<10_000).map {
          Window(
            startMs: Double($0) * 100, lengthMs: 100, ok: Double($0 % 7 + number), leaderChanges: 0)
        }
        return trial
      }
    ).bins
    #expect(bins.count <= TimelineChart.mostPoints && bins.count > TimelineChart.mostPoints / 2)
    #expect(bins[0].ok.low == 1 && bins[0].ok.high == 11)
    #expect(bins.last?.endMs == 1_000_000)
  }

  @Test("If faults are drawn at random, only one trial is drawn over time")
  func chance() throws {
    func trial(_ start: Double) -> Trial {
      var trial = Trial(number: 1, seed: "1", verdict: "linearizable")
      trial.faults = [
        Fault(kind: "crash", target: "", node: "0", startMs: start, times: [:], recovery: "")
      ]
      trial.windows = [Window(startMs: 0, lengthMs: 100, ok: 1, leaderChanges: 0)]
      return trial
    }
    #expect(TimeSeries([trial(100), trial(110)]).trialCount == 2)
    #expect(TimeSeries([trial(100), trial(1_000)]).trialCount == 1)
  }

  @Test("A report replaces an earlier report but no other file")
  func replacing() throws {
    let folder = try Folder()
    let directory = try SampleRun().write(below: folder.url)
    let path = try Report.write(of: directory)
    #expect(path == directory + "/report.html")
    let page = try Data(contentsOf: URL(filePath: path))
    try Report.write(of: directory)
    #expect(try Data(contentsOf: URL(filePath: path)) == page)
    let mine = folder.url.appending(path: "mine.html")
    try Data("mine".utf8).write(to: mine)
    #expect(
      throws: ReportError("\(mine.path): found a file that is no report; it is not overwritten")
    ) { try Report.write(of: directory, to: mine.path) }
    #expect(try Data(contentsOf: mine) == Data("mine".utf8))
    #expect(throws: ReportError.self) { try Report.write(of: directory, to: folder.url.path) }
    #expect(throws: ReportError.self) { try Report.write(of: directory, to: "/nowhere/a.html") }
  }
}
