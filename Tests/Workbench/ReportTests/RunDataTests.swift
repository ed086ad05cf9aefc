import Foundation
import Testing

@testable import Report

@Suite("A run directory is read completely, or refused in one line")
struct RunDataTests {
  private func message(_ change: (URL) throws -> Void) throws -> String {
    let folder = try Folder()
    let directory = URL(filePath: try SampleRun().write(below: folder.url))
    try change(directory)
    do {
      _ = try Report.page(of: directory.path)
      return ""
    } catch {
      return "\(error)".replacing(folder.url.path, with: "")
    }
  }

  private func edit(_ file: URL, _ name: String, _ change: (String) -> String) throws {
    let url = file.appending(path: name)
    let text = try String(contentsOf: url, encoding: .utf8)
    let changed = change(text)
    #expect(changed != text)
    try Data(changed.utf8).write(to: url)
  }

  @Test("The files' values are read")
  func reading() throws {
    let folder = try Folder()
    var sample = SampleRun()
    sample.sweepPath = "workload.clients"
    sample.points = ["8", "64"]
    let run = try RunData(directory: sample.write(below: folder.url))
    #expect(run.protocols == ["raft", "chain-replication"])
    #expect(run.sweepPaths == ["workload.clients"] && run.points == [["8"], ["64"]])
    #expect(run.groups.map(\.point) == [0, 0, 1, 1])
    let last = try #require(run.groups.last)
    #expect(last.name == "chain-replication" && last.trials.count == 7)
    #expect(last.interval("throughput")?.mean == 514)
    #expect(last.trials[2].seed == "903" && last.trials[2].metrics["throughput"] == 513)
    #expect(last.trials[1].latency.count == 8 && last.trials[1].windows.count == 20)
    #expect(last.trials[0].faults.first?.outageMs == 101)
    #expect(last.trials[0].nodes.map(\.messagesSent) == [1000, 2000, 3000])
    #expect(run.about.name == "sample" && run.about.setting("duration") == "2s")
  }

  @Test("Paths that are not run directories are refused")
  func noRun() throws {
    let folder = try Folder()
    func message(_ path: String) -> String {
      do {
        _ = try Report.page(of: path)
        return ""
      } catch {
        return "\(error)"
      }
    }
    #expect(message("/nowhere") == "/nowhere: there is no such directory")
    #expect(
      message("/dev/null").hasPrefix("/dev/null: found a file, allowed the directory of a run"))
    #expect(
      message(folder.url.path)
        == "\(folder.url.path): found no file of a run, allowed a directory that 'rsmbench run' has "
        + "written")
  }

  @Test(
    "A missing file is named", arguments: RunData.tableNames + RunFacts.fileNames)
  func missing(name: String) throws {
    let text = try message { try FileManager.default.removeItem(at: $0.appending(path: name)) }
    #expect(text == "/sample-1/\(name): it is missing; run the experiment again")
  }

  @Test("A column that an older version did not write is named")
  func olderFormat() throws {
    let text = try message { directory in
      try edit(directory, "timeline.csv") { $0.replacing("leader_changes", with: "other") }
    }
    #expect(
      text
        == "/sample-1/timeline.csv: found no column leader_changes, which this version needs; run "
        + "the experiment again")
    let metric = try message { directory in
      try edit(directory, "summary.csv") { $0.replacing("bytes_per_op_mean", with: "other") }
    }
    #expect(metric.contains("summary.csv: found no column bytes_per_op_mean"))
  }

  @Test("The error for a damaged file names the line")
  func damage() throws {
    let cut = try message { directory in
      try edit(directory, "latency.csv") { String($0.dropLast(9)) }
    }
    #expect(cut.hasPrefix("/sample-1/latency.csv: line 113: found 6 fields, allowed 8"))
    let word = try message { directory in
      try edit(directory, "faults.csv") { $0.replacing(",500,", with: ",soon,") }
    }
    #expect(
      word == "/sample-1/faults.csv: line 2: start_ms: found \"soon\", allowed a number or nothing")
    let stranger = try message { directory in
      try edit(directory, "resources.csv") { $0.replacing("\r\nraft,1,", with: "\r\nraft,9,") }
    }
    #expect(
      stranger == "/sample-1/resources.csv: line 2: found trial raft, 9, which trials.csv does not "
        + "have")
    let foreign = try message { directory in
      try edit(directory, "trials.csv") { $0.replacing("\r\nraft,", with: "\r\nboat,") }
    }
    #expect(foreign.contains("trials.csv: line 2: protocol: found \"boat\", allowed a protocol"))
    let empty = try message { directory in
      try edit(directory, "summary.csv") { String($0.prefix { $0 != "\r\n" }) }
    }
    #expect(empty == "/sample-1/summary.csv: found no row, so there is nothing to report")
    let manifest = try message { directory in
      try Data("{".utf8).write(to: directory.appending(path: "manifest.json"))
    }
    #expect(manifest.hasPrefix("/sample-1/manifest.json: line 1: found"))
  }
}
