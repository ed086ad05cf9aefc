import Configuration
import Experiments
import Faults
import Foundation
import Histories
import HostTesting
import Linearizability
import Measurement
import ProtocolList
import Replication
import Testing
import Trials

@testable import Runner

/// Whole trials on real processes, each with several faults.
@Suite("Cluster trials", .serialized, .ownThreads) struct ClusterTrialTests {
  /// The program, which the build puts beside the bundle of its tests.
  private static let program =
    (Bundle.main.executableURL ?? URL(fileURLWithPath: CommandLine.arguments[0]))
    .resolvingSymlinksInPath().deletingLastPathComponent().appending(path: "rsmbench").path

  /// Runs one trial; afterwards none of its processes and files may be left.
  private func trial(
    _ faults: String, of protocolName: String = "raft", duration: String = "1500ms",
    stopAfter limit: Interval? = nil
  ) throws -> TrialReport? {
    let plan = try ExperimentPlan.read(
      text: """
        { runtime: "cluster", protocols: ["\(protocolName)"], trials: 1, seed: 5,
          workload: { clients: 4, keys: 20, valueSize: "16B", timeout: "500ms", thinkTime: "1ms" },
          clocks: { maxSkew: "20ms", maxDrift: 0.01 },
          warmUp: "100ms", duration: "\(duration)", faults: [\(faults)] }
        """, file: "x.json5")
    let task = TrialTask.all(of: plan)[0]
    guard case .protocol(let choice) = task.contender else { return nil }
    let scratch = FileManager.default.temporaryDirectory.appending(path: "trial-\(UUID())").path
    try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: scratch) }
    var place = ClusterPlace(hosts: nil, scratch: scratch)
    place.program = ClusterTrialTests.program
    let report = try ClusterTrialRunner.run(task, of: choice, at: place) { time, _ in
      limit.map { time < $0 } ?? true
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch) == [])
    #expect(try processes(naming: scratch) == [])
    return report
  }

  private func processes(naming path: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { name in
      guard Int(name) != nil,
        let line = FileManager.default.contents(atPath: "/proc/\(name)/cmdline")
      else { return false }
      return String(decoding: line, as: UTF8.self).contains(path)
    }
  }

  private func expectSound(_ report: TrialReport?, faults: Int) throws {
    let report = try #require(report)
    #expect(report.verdict == .linearizable)
    #expect(report.observation.safetyViolations == [])
    #expect(report.observation.lostWrites == 0)
    #expect(report.observation.faults.count == faults)
    // The number depends on the machine, so the test only demands that it is not zero.
    #expect(report.observation.operations.contains { $0.outcome == .ok })
  }

  @Test("A crash during a pause, faults that overlap, and faults that outlast the trial")
  func overlaps() throws {
    let report = try trial(
      """
      { at: "200ms", pause: 1, for: "600ms" },
      { at: "300ms", crash: 1, for: "200ms", disk: "torn" },
      { at: "350ms", crash: 1, for: "300ms" },
      { at: "400ms", link: 2, loss: 0.1, duplicate: 0.1, reorder: 0.1, corrupt: 0.05, latency: "1ms" },
      { at: "500ms", clock: 2, jump: "-30m", for: "1s" },
      { at: "900ms", partition: "isolate", target: 0, for: "60m" },
      { at: "1s", pause: 2, for: "60m" },
      { at: "1200ms", disk: 1, stall: true, for: "60m" },
      { at: "1400ms", crash: 1 }
      """)
    try expectSound(report, faults: 9)
    #expect(report?.notes == [])
    let faults = try #require(report?.observation.faults)
    #expect(faults.map(\.plannedNs).prefix(3) == [200_000_000, 300_000_000, 350_000_000])
    #expect(faults.allSatisfy { $0.startNs >= $0.plannedNs })
    #expect(faults[5].endNs == 1_500_000_000)
  }

  @Test(
    "A disk that fails or is full ends its node but not the trial; a slow disk slows its node")
  func disks() throws {
    let report = try trial(
      """
      { at: "200ms", disk: 0, error: true, for: "300ms" },
      { at: "300ms", disk: 1, slow: "5ms" },
      { at: "300ms", "slow-cpu": 1, factor: 3 },
      { at: "900ms", disk: 2, full: true, for: "300ms" }
      """)
    try expectSound(report, faults: 4)
    #expect(report?.notes == [])
    // Both nodes have been started twice: the syncs of both incarnations count.
    #expect(report?.observation.nodes.allSatisfy { $0.syncs > 0 } == true)
  }

  @Test("A node with bit rot in its log does not start again, and the user is told why")
  func bitRot() throws {
    let report = try trial(
      """
      { at: "500ms", disk: 1, bitRot: true },
      { at: "700ms", crash: 1, for: "200ms" }
      """)
    try expectSound(report, faults: 2)
    let note = try #require(report?.notes.first)
    #expect(note.contains("node 1 did not start again: "))
    #expect(note.contains("cannot vouch"))
  }

  @Test("A trial that is abandoned amid its faults leaves no process or file")
  func abandoned() throws {
    let report = try trial(
      """
      { at: "100ms", pause: 1 },
      { at: "100ms", crash: 2 }
      """, stopAfter: .milliseconds(200))
    #expect(report == nil)
  }
}
