import Configuration
import Experiments
import Faults
import Foundation
import ProtocolList
import Replication
import Testing

@testable import Advice

@Suite("A request is read and made into experiments")
struct AdviceRequestTests {
  private static let regions = """
    { places: { latency: { "eu-us": "40ms", "eu-asia": "80ms", "us-asia": "75ms" } },
      reads: 0.95, rate: "2000/s", valueSize: "1KiB", failures: 1,
      slo: { latency: "100ms", percentile: 99 } }
    """

  @Test("Three regions: each is the first in one order, and timers fit the longest round trip")
  func regions() throws {
    let request = try AdviceRequest(text: AdviceRequestTests.regions)
    #expect(request.roundTrip == .milliseconds(160))
    #expect(
      request.placements == [["eu", "us", "asia"], ["us", "asia", "eu"], ["asia", "eu", "us"]])
    let plan = try AdviceExperiment(request, .base).plan(file: "a.json5")
    #expect(plan.points.count == 3)
    #expect(plan.experiment.protocols.map(\.kind) == ProtocolKind.failingOver)
    #expect(
      plan.experiment.protocols.allSatisfy { $0.replicas == $0.kind.replicas(tolerating: 1) })
    #expect(plan.warnings.filter { "\($0)".contains("electionTimeout") } == [])
  }

  @Test("Every field is optional, and all experiments are valid at the ends of all ranges")
  func defaults() throws {
    let texts = [
      "{}", #"{ roundTrip: "1us", rate: "1/s", reads: 1 }"#,
      #"{ roundTrip: "10s", rate: "200000/s", valueSize: "1MiB", reads: 0, failures: 3 }"#,
      #"{ prefer: "availability", slo: { percentile: 99.9, outage: "1s" } }"#,
      #"{ places: { latency: { "a-b": "1ms" }, clients: ["a"] }, prefer: "cost" }"#,
    ]
    for text in texts where !text.contains("200000/s") {
      let request = try AdviceRequest(text: text)
      for experiment in AdviceExperiment.all(request) {
        _ = try experiment.plan(file: "a.json5")
      }
    }
    // A request too large for any trial is refused before a trial runs.
    let large = try AdviceRequest(text: texts[2])
    #expect(throws: ExperimentError.self) {
      for experiment in AdviceExperiment.all(large) { _ = try experiment.plan(file: "a.json5") }
    }
  }

  @Test("An error that only the experiments show names the request's own fields")
  func ownFields() throws {
    let request = try AdviceRequest(
      text: #"{ places: { latency: { "a-b": "1ms" }, clients: [] } }"#)
    do {
      _ = try AdviceExperiment(request, .base).plan(file: "a.json5")
      Issue.record("it was accepted")
    } catch {
      #expect("\(error)".hasPrefix("a.json5: places.clients: found [], allowed a list of places"))
    }
  }

  @Test("Each variation differs in one thing")
  func variations() throws {
    let request = try AdviceRequest(text: #"{ reads: 0.9, rate: "100/s", valueSize: "1KiB" }"#)
    func difference(_ kind: AdviceExperiment.Kind) -> String {
      AdviceExperiment(request, kind).difference
    }
    #expect(difference(.moreLoad) == "four times the load (400/s)")
    #expect(difference(.otherMix) == "10 % reads")
    #expect(difference(.largerValues) == "values of 16KiB")
    let base = try AdviceExperiment(request, .base).plan(file: "a").experiment
    let crash = try AdviceExperiment(request, .crash).plan(file: "a").experiment
    #expect(base.faults.timed.isEmpty && crash.faults.timed.count == 1)
    #expect(base.workload == crash.workload)
  }

  @Test(
    "The error for a mistake names its place",
    arguments: [
      (#"{ read: 1 }"#, "read: found an unknown key"),
      (#"{ reads: 2 }"#, "reads: found 2"),
      (#"{ rate: 5 }"#, "rate: found 5"),
      (#"{ failures: 0 }"#, "failures: found 0"),
      (#"{ consistency: "strong" }"#, "consistency: found \"strong\""),
      (
        #"{ slo: { percentile: 97 } }"#, "slo.percentile: found 97, allowed 50, 95, 99, 99.9 or 100"
      ),
      (#"{ slo: { p99: "1s" } }"#, "slo.p99: found an unknown key"),
      (#"{ prefer: "speed" }"#, "prefer: found \"speed\""),
      (#"{ places: {} }"#, "places.latency: found nothing"),
      (#"{ places: { latency: { "eu-us": 5 } } }"#, "places.latency.eu-us: found 5"),
      (#"{ places: { latency: { "a-b": "1ms" } }, roundTrip: "1ms" }"#, "roundTrip: found \"1ms\""),
      ("", "found an empty file"),
    ])
  func mistakes(text: String, message: String) {
    do {
      _ = try AdviceRequest(text: text)
      Issue.record("\(text) was read")
    } catch {
      #expect("\(error)".contains(message), "\(error)")
    }
  }

  @Test("Reads and writes may have limits of their own, and a single one decides")
  func limits() throws {
    let reads = try AdviceRequest(text: #"{ slo: { reads: "5ms" } }"#)
    #expect(reads.readLatency == .milliseconds(5) && reads.writeLatency == nil)
    #expect(reads.latencyMetric == "read_p99_us")
    let both = try AdviceRequest(
      text: #"{ slo: { latency: "9ms", writes: "20ms", percentile: 50 } }"#)
    #expect(both.readLatency == .milliseconds(9) && both.writeLatency == .milliseconds(20))
    #expect(both.latencyMetric == "all_p50_us")
    let experiment = try AdviceExperiment(both, .base).plan(file: "a").experiment
    #expect(experiment.sloLatency == .milliseconds(20))
  }

  @Test("The error for an unknown place names its place in the file")
  func unknownPlace() throws {
    let request = try AdviceRequest(
      text: #"{ places: { latency: { "a-b": "1ms" }, clients: ["c"] } }"#)
    do {
      _ = try AdviceExperiment(request, .base).plan(file: "a.json5")
      Issue.record("it was read")
    } catch {
      #expect("\(error)".hasPrefix("a.json5: places.clients"), "\(error)")
    }
  }

  @Test("The manual names every field, and its file of ten lines is read")
  func manual() throws {
    var folder = URL(filePath: #filePath)
    for _ in 0..<4 { folder.deleteLastPathComponent() }
    let text = try String(
      contentsOf: folder.appending(path: "experiments/README.md"), encoding: .utf8)
    let parts = text.components(separatedBy: "cat > need.json5 <<'END'\n")
    let file = try #require(parts.last?.components(separatedBy: "END\n").first)
    #expect(parts.count == 2 && file.split(separator: "\n").count <= 10)
    let request = try AdviceRequest(text: file)
    #expect(request.reads == 0.95 && request.placements.count == 3)
    #expect(request.readLatency == .milliseconds(450) && request.percentile == 99)
    #expect(request.writeLatency == .milliseconds(450))
    for key in AdviceRequest.keys where key != "places" && key != "slo" {
      #expect(text.contains("\n| `\(key)` | "), "\(key)")
    }
    for key in ["places.latency", "places.replicas", "places.clients"] {
      #expect(text.contains("\n| `\(key)` | "), "\(key)")
    }
    for key in ["slo.latency", "slo.reads", "slo.percentile", "slo.outage"] {
      #expect(text.contains("\n| `\(key)`"), "\(key)")
    }
  }
}
