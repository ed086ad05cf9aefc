import Foundation
import Primitives
import Testing

/// Runs that are killed at any moment and resumed leave the bytes of undisturbed runs.
@Suite(.enabled(if: KillPoints.problem == nil, "\(KillPoints.problem ?? "")"))
struct KillTests {
  private let space: Workspace
  private let library: String

  init() throws {
    space = try Workspace()
    library = try KillPoints.library(in: space)
  }

  /// A kind of run. Each has several trials that depend on earlier ones or are stored apart.
  enum Kind: String, CaseIterable {
    case plain, find, stoppingRule, shard

    var fields: String {
      switch self {
      case .plain: "trace: { every: 5 }, sweep: { replicas: [1, 3] }"
      case .find:
        "find: { maximum: 'workload.clients', suchThat: 'p50 < 1s', between: [1, 3], within: '50%' }"
      case .stoppingRule: "trials: { min: 2, max: 4, until: 'throughput ±0.01%' }"
      case .shard: "trials: 3, sweep: { replicas: [1, 3] }"
      }
    }

    var arguments: [String] { self == .shard ? ["--shard", "1/2"] : ["--history"] }
    var directory: String { self == .shard ? "tiny-1-shard-1-of-2" : "tiny-1" }
  }

  private func files(_ kind: Kind, _ output: String) throws -> [String: Data] {
    var files = try space.files("\(output)/\(kind.directory)")
    // Only the manifest holds wall-clock times.
    #expect(files.removeValue(forKey: "manifest.json") != nil)
    return files
  }

  @Test(
    "A run that is killed at any step, and again while it is resumed, has the bytes of one run",
    arguments: Kind.allCases)
  func anywhere(kind: Kind) async throws {
    try space.write(
      """
      { name: "tiny", protocols: ["raft"], workload: { clients: 2, keys: 5, thinkTime: "4ms" },
        warmUp: "100ms", duration: "300ms", trials: 2, \(kind.fields) }
      """.replacing("trials: 2, trials", with: "trials"), to: "tiny.json5")
    let count = space.url("count").path
    let arguments = ["run", "tiny.json5", "--jobs", "1"] + kind.arguments
    func run(_ output: String, killedBefore step: Int? = nil) async throws -> Outcome {
      var environment = ["LD_PRELOAD": library, "KILL_COUNT": count]
      environment["KILL_BEFORE"] = step.map(String.init)
      return try await space.rsmbench(
        list: arguments + ["--out", output, "--resume"], environment: environment)
    }
    let whole = try await run("whole")
    #expect(whole.status == 0)
    let expected = try files(kind, "whole")
    let steps = try #require(Int(try space.text("count")))
    #expect(steps > 20)

    // The last steps write the results and end the run; the first kill also hits them on purpose.
    var random = RandomStream(seed: UInt64(kind.rawValue.utf8.reduce(0) { $0 &* 31 &+ Int($1) }))
    let anywhere = (0..<3).map { _ in Int.random(in: 1...steps, using: &random) }
    let atTheEnd = kind == .plain ? stride(from: steps - 9, through: steps, by: 3).map { $0 } : []
    for first in anywhere + atTheEnd {
      let second = Int.random(in: 1...steps, using: &random)
      let output = "killed-\(first)-\(second)"
      let killed = try await run(output, killedBefore: first)
      #expect(killed.diedOfSignal && killed.status == SIGKILL, "step \(first)")
      _ = try await run(output, killedBefore: second)
      let resumed = try await run(output)
      // The run had ended before it was killed, if the kill came late enough.
      let hadEnded = resumed.errors.contains("there is no unfinished run to resume")
      #expect(resumed.status == (hadEnded ? 2 : 0), "\(output): \(resumed.errors)")
      let found = try files(kind, output)
      #expect(found.keys.sorted() == expected.keys.sorted(), "\(output)")
      for (name, bytes) in expected where found[name] != bytes {
        Issue.record("\(output): \(name) differs")
      }
    }
  }
}
