import Clients
import Configuration
import Foundation
import Histories
import Replication
import Testing
import Workloads

@testable import Experiments

/// A folder with an experiment and its trace.
private final class TraceFolder {
  let folder = FileManager.default.temporaryDirectory.appending(path: "trace-\(UUID())")

  init(_ trace: String) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try write(trace, "t.csv")
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  func write(_ text: String, _ name: String) throws {
    try Data(text.utf8).write(to: folder.appending(path: name))
  }

  func plan(_ rest: String = "", _ workload: String = "") throws -> ExperimentPlan {
    try read("{ workload: { trace: 't.csv', \(workload) }, \(rest) }")
  }

  func read(_ text: String) throws -> ExperimentPlan {
    try ExperimentPlan.read(text: text, file: folder.appending(path: "x.json5").path)
  }

  func refusal(_ rest: String = "", _ workload: String = "") -> String {
    do {
      _ = try plan(rest, workload)
      return "accepted"
    } catch {
      return "\(error)".replacing(folder.path + "/", with: "")
    }
  }
}

private let sample = """
  time_us,key,operation,size
  0,a,put,100
  0,"b, \"\"c\"\"",get,
  10.5,a,append,
  2000000,c,cas,64\r
  2000000,a,delete,9
  """

@Suite struct TraceTests {
  @Test("A trace's operations come due at its times, in its order, with its keys and sizes")
  func reading() throws {
    let plan = try TraceFolder(sample).plan("", "valueSize: '32B'")
    let workload = plan.experiment.workload
    let trace = try #require(workload.trace)
    #expect(trace.times.map(\.nanoseconds) == [1, 2, 10_500, 2_000_000_000, 2_000_000_001])
    #expect(trace.entries.map(\.key) == [0, 1, 0, 2, 0])
    #expect(trace.entries.map(\.size) == [100, nil, nil, 64, nil])
    #expect(trace.entries.map(\.kind.name) == ["put", "get", "append", "cas", "delete"])
    #expect(workload.keys == 3 && workload.mix.put == 1 && workload.mix.insert == 0)
    #expect(workload.meanValueSize == 196.0 / 3)
    guard case .varying(let curve, .constant) = workload.arrival else {
      Issue.record("no open loop")
      return
    }
    var (times, time) = ([Double](), 0.0)
    while let next = curve.timeNs(afterNs: time, count: 1) {
      times.append(next)
      time = next
    }
    #expect(times == trace.times.map { Double($0.nanoseconds) })
    #expect(curve.count(until: .seconds(2)) == 3 && curve.count(until: .seconds(3)) == 5)
  }

  @Test("A byte order mark, with which spreadsheets begin a file, is passed over")
  func byteOrderMark() throws {
    let trace = try TraceFolder("\u{FEFF}" + sample).plan().experiment.workload.trace
    #expect(trace?.times.count == 5)
  }

  @Test("Keys that are not UTF-8 are refused, because two of them could become the same key")
  func damagedKeys() throws {
    let folder = try TraceFolder("")
    for key in [[0xFF], [0x22, 0xC3, 0x22]] as [[UInt8]] {
      let bytes = Array("time_us,key,operation\n0,".utf8) + key + Array(",get\n".utf8)
      try Data(bytes).write(to: folder.folder.appending(path: "t.csv"))
      #expect(
        folder.refusal()
          == "t.csv: line 2: found bytes that are not UTF-8 text, allowed CSV as RFC 4180 has it")
    }
  }

  @Test("A trace without a name, and the length of scans beside one, are refused")
  func withoutName() throws {
    let folder = try TraceFolder(sample)
    for name in ["''", "{ file: '' }"] {
      #expect(throws: ExperimentError.self) { try folder.read("{ workload: { trace: \(name) } }") }
    }
    #expect(
      folder.refusal("", "scanLength: 5").contains(
        "workload.scanLength: found 5, allowed no scanLength beside a trace, which decides it"))
  }

  @Test("A trace of which nothing is due in the measured interval gives a warning")
  func nothingMeasured() throws {
    func warnings(_ trace: String) throws -> [String] {
      try TraceFolder(trace).plan("warmUp: '1s', duration: '2s'").warnings.map(\.text)
        .filter { $0.contains("nothing is measured") }
    }
    #expect(try warnings("time_us,key,operation\n999999,a,put\n2000000,a,put\n").count == 1)
    #expect(try warnings("time_us,key,operation\n1000000,a,put\n").isEmpty)
    #expect(try warnings("time_us,key,operation\n1999999,a,put\n").isEmpty)
  }

  @Test("Columns may come in any order, and that of sizes may be missing")
  func columns() throws {
    let trace = try TraceFolder("operation,time_us,key\nput,5,x\n").plan().experiment.workload.trace
    #expect(
      trace?.entries == [.init(key: 0, kind: .put)] && trace?.times == [Instant(nanoseconds: 5000)])
  }

  @Test("The resolved experiment names the file and its checksum, and stands beside a copy")
  func resolved() throws {
    let folder = try TraceFolder(sample)
    let plan = try folder.plan()
    let checksum = try #require(plan.experiment.workload.trace).checksum
    #expect(plan.resolvedText.contains(#""file": "t.csv""#))
    #expect(plan.resolvedText.contains("\"crc32c\": \"\(checksum)\""))
    #expect(!plan.resolvedText.contains("\"mix\""))
    #expect(try folder.read(plan.resolvedText).points == plan.points)
    let kept = try plan.keptFiles()
    #expect(kept.map(\.name) == ["trace-\(checksum).csv"] && kept[0].bytes == Array(sample.utf8))
    let other = try TraceFolder("")
    try other.write(String(decoding: kept[0].bytes, as: UTF8.self), kept[0].name)
    let moved = try other.read(plan.storedText)
    #expect(moved.experiment.workload.trace?.entries == plan.experiment.workload.trace?.entries)
    #expect(moved.storedText == plan.storedText)
    try folder.write(sample + "\n", "t.csv")
    let error = #expect(throws: ExperimentError.self) { try folder.read(plan.resolvedText) }
    #expect(error?.found.hasPrefix("a file with the checksum ") == true)
    #expect(error?.allowed.contains(checksum) == true)
  }

  @Test("Operations after the trial's end are warned about")
  func late() throws {
    let folder = try TraceFolder(sample)
    let warnings = try folder.plan("duration: '2s', window: '10ms'").warnings.map(\.description)
    #expect(
      warnings.contains {
        $0
          == "workload.trace: 2 of 5 operations come due after the trial's end (2s) and are left out"
      })
    #expect(try !folder.plan().warnings.contains { $0.path == "workload.trace" })
  }

  @Test(
    "The error for a damaged trace names its line",
    arguments: [
      ("", #"t.csv: line 1: found an empty file, allowed a header line with the columns time_us"#),
      (
        "time_us,key,opperation\n", "line 1: found \"opperation\", *did you mean \"operation\"?"
      ),
      ("time_us,key\n1,a\n", "line 1: found time_us,key, allowed *(size may be left out)"),
      ("time_us,key,key,operation\n", "line 1: found key twice"),
      ("time_us,key,operation\n", "line 1: found no operation"),
      ("time_us,key,operation\n1,a,put\n1,a\n", "line 3: found 2 fields, allowed 3"),
      ("time_us,key,operation\n1,a,putt\n", "line 2: found \"putt\", *did you mean \"put\"?"),
      ("time_us,key,operation\n1,a,read\n", "line 2: found \"read\", *did you mean \"get\"?"),
      (
        "time_us,key,operation\n1,a,scan\n",
        "line 2: found \"scan\", allowed an operation: get, *cas (a line has one key, and a scan has many)"
      ),
      ("time_us,key,operation\n-1,a,get\n", "line 2: found \"-1\", allowed a time_us"),
      ("time_us,key,operation\n1ms,a,get\n", "line 2: found \"1ms\", allowed a time_us"),
      ("time_us,key,operation\n1e9,a,get\n", "line 2: found \"1e9\", allowed a time_us"),
      ("time_us,key,operation\n3600000001,a,get\n", "line 2: found \"3600000001\""),
      ("time_us,key,operation\n7,a,get\n5,a,get\n", "line 3: found time_us 5 after a later one"),
      ("time_us,key,operation\n7,,get\n", "line 2: found an empty key"),
      (
        "time_us,key,operation,size\n1,\"a\nb\",put,9\n2,a,put,7\n",
        "line 4: found \"7\", allowed a size in bytes from 8"
      ),
      ("time_us,key,operation\n1,a\"b,get\n", "line 2: found a quote inside a field"),
    ])
  func damaged(text: String, expected: String) throws {
    var rest = try TraceFolder(text).refusal()[...]
    for part in expected.split(separator: "*") {
      let range = try #require(rest.firstRange(of: part), "\(rest) lacks \(part)")
      rest = rest[range.upperBound...]
    }
  }

  @Test("What a trace decides, and sweeps over it, are refused")
  func refusals() throws {
    let folder = try TraceFolder(sample)
    for field in ["keys: 5", "mix: { get: 1 }", "preset: 'ycsb-a'", "thinkTime: '1ms'"] {
      #expect(folder.refusal("", field).contains("beside a trace, which decides it"), "\(field)")
    }
    #expect(
      folder.refusal("sweep: { 'workload.trace': ['t.csv', 'u.csv'] }").hasSuffix(
        "found a sweep over workload.trace, allowed one trace for all points"))
    #expect(
      folder.refusal("sweep: { workload: [{ trace: 't.csv' }] }").contains("a sweep over workload"))
    #expect(try folder.plan("sweep: { 'workload.clients': [1, 2] }").points.count == 2)
    let error = #expect(throws: ExperimentError.self) {
      try folder.read("{ sweep: { workload: [{ trace: 't.csv' }] } }")
    }
    #expect(error?.allowed == "a trace in the file itself, not in a sweep")
    let missing = #expect(throws: ExperimentError.self) {
      try folder.read("{ workload: { trace: 'u.csv' } }")
    }
    #expect(missing?.found == "no such file" && missing?.file.hasSuffix("/u.csv") == true)
  }
}
