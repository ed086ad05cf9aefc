import Configuration
import Experiments
import Foundation
import Histories
import HostTesting
import ProtocolList
import Replication
import Testing
import Trials

@testable import Runner

/// Tests how often clients of real processes send each operation.
@Suite("Cluster trials without faults", .serialized, .ownThreads) struct AttemptsTests {
  /// The program, which the build puts beside the bundle of its tests.
  private static let program =
    (Bundle.main.executableURL ?? URL(fileURLWithPath: CommandLine.arguments[0]))
    .resolvingSymlinksInPath().deletingLastPathComponent().appending(path: "rsmbench").path

  @Test(
    "Every client is answered from its first operation, and no operation is sent twice",
    arguments: ProtocolKind.allCases)
  func sentOnce(kind: ProtocolKind) throws {
    // A client without an answer waits to the end of the trial, and a busy machine causes no change
    // of leader.
    let patient = kind.options.filter(\.awaitsSignOfLife).map { option in
      if case .intervalRange = option.kind { return "\(option.name): [\"2s\", \"3s\"]" }
      return "\(option.name): \"3s\""
    }
    let options =
      patient.isEmpty
      ? "" : "options: { \"\(kind.name)\": { \(patient.joined(separator: ", ")) } },"
    let plan = try ExperimentPlan.read(
      text: """
        { runtime: "cluster", protocols: ["\(kind.name)"], trials: 1, seed: 5, \(options)
          workload: { clients: 12, keys: 20, valueSize: "16B", mix: { put: 1 },
            timeout: "60s", patience: "30s", thinkTime: "5ms" },
          warmUp: "100ms", duration: "3s" }
        """, file: "x.json5")
    let task = TrialTask.all(of: plan)[0]
    guard case .protocol(let choice) = task.contender else { return }
    let scratch = FileManager.default.temporaryDirectory.appending(path: "trial-\(UUID())").path
    try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: scratch) }
    var place = ClusterPlace(hosts: nil, scratch: scratch)
    place.program = AttemptsTests.program
    let report = try #require(
      try ClusterTrialRunner.run(task, of: choice, at: place) { _, _ in true })
    for client in 0..<12 {
      // A client's first write also searches for the replica in charge. Reads are excluded, because
      // those that check the final state come after the trial.
      let attempts = report.observation.operations
        .filter { $0.client == client && $0.outcome == .ok && !$0.kind.isRead }.sorted {
          $0.invoked < $1.invoked
        }
        .map(\.attempts)
      #expect(attempts.count >= 2, "client \(client)")
      #expect(attempts.prefix(1).allSatisfy { $0 <= 3 }, "client \(client): \(attempts)")
      #expect(attempts.dropFirst().allSatisfy { $0 == 1 }, "client \(client): \(attempts)")
    }
  }
}
