import Foundation
import Testing

/// A protocol with one safety rule switched off, and a fault under which the violation shows.
struct BrokenProtocol: Sendable, CustomTestStringConvertible {
  var name: String
  var options: String
  var fault: String

  var testDescription: String { "\(name) with \(options)" }

  static let all = [
    // The isolated leader still answers reads, while the others elect a new one.
    BrokenProtocol(
      name: "raft", options: #"{ unsafeBug: "read-without-quorum", checkQuorum: false }"#,
      fault: #"partition: "isolate""#),
    BrokenProtocol(
      name: "multi-paxos", options: #"{ unsafeBug: "read-without-quorum" }"#,
      fault: #"partition: "isolate""#),
    // Writes that only the replica in charge holds are lost when another one takes over.
    BrokenProtocol(
      name: "primary-backup", options: #"{ unsafeBug: "reply-before-backups" }"#,
      fault: #"partition: "isolate""#),
    BrokenProtocol(
      name: "chain-replication", options: #"{ unsafeBug: "ack-at-head" }"#,
      fault: #"partition: "isolate""#),
    BrokenProtocol(
      name: "viewstamped-replication", options: #"{ unsafeBug: "answer-before-commit" }"#,
      fault: #"partition: "isolate""#),
    // Unsynced writes are lost in a crash.
    BrokenProtocol(
      name: "unreplicated", options: #"{ unsafeBug: "reply-before-sync" }"#,
      fault: #"crash: "leader""#),
  ]

  func experiment(_ options: String) -> String {
    """
    {
      name: "broken", protocols: ["\(name)"], options: { "\(name)": \(options) },
      workload: { clients: 6, keys: 2, thinkTime: "2ms", timeout: "300ms" },
      faults: [{ at: "500ms", \(fault), for: "900ms" }],
      warmUp: "200ms", duration: "2s", trials: 2,
    }
    """
  }
}

/// The verdicts decide the exit code.
@Suite struct VerdictTests {
  private let space: Workspace

  init() throws { space = try Workspace() }

  @Test(
    "A protocol without a safety rule is violated: exit code 1; with the rule it is linearizable",
    arguments: BrokenProtocol.all)
  func violated(broken: BrokenProtocol) async throws {
    try space.write(broken.experiment(broken.options), to: "broken.json5")
    let run = try await space.rsmbench("run", "broken.json5", "--quiet")
    #expect(run.status == 1)
    #expect(!run.diedOfSignal)
    #expect(run.output.contains("VIOLATED"))
    #expect(
      rows(try space.text("results/broken-1/trials.csv")).column("verdict").contains("violated"))
    #expect(try space.text("results/broken-1/summary.csv").contains(",violated"))
    #expect(try space.text("results/broken-1/manifest.json").contains("\"violated\""))

    let sound = broken.options.replacing(#/unsafeBug: "[^"]*"/#, with: #"unsafeBug: "none""#)
    try space.write(broken.experiment(sound), to: "sound.json5")
    let again = try await space.rsmbench("run", "sound.json5", "--quiet", "--out", "sound")
    #expect(again.status == 0)
    let verdicts = rows(try space.text("sound/broken-1/trials.csv")).column("verdict")
    #expect(verdicts == ["linearizable", "linearizable"])
  }

  @Test("If the experiment asks for no check, the verdict is unchecked: exit code 0")
  func unchecked() async throws {
    try space.write(tiny(#"check: "none","#), to: "tiny.json5")
    let run = try await space.rsmbench("run", "tiny.json5", "--quiet")
    #expect(run.status == 0)
    let trials = rows(try space.text("results/tiny-1/trials.csv"))
    #expect(Set(trials.column("verdict")) == ["unchecked"])
    #expect(run.output.contains("unchecked"))
    #expect(!run.output.contains("linearizable"))
  }

  @Test(
    "Reads under a lease are safe with clocks that drift by a fifth, and violated far beyond",
    arguments: [("0.2", "linearizable"), ("1", "violated")])
  func drift(drift: String, verdict: String) async throws {
    // The authority's clock runs fast, so it gives up a replica that still holds its lease.
    try space.write(
      """
      {
        name: "lease", protocols: ["primary-backup", "chain-replication"],
        workload: { clients: 6, keys: 2, thinkTime: "2ms", timeout: "300ms" },
        faults: [
          { at: "300ms", clock: "coordinator", drift: \(drift) },
          { at: "500ms", partition: { isolate: "tail" }, for: "700ms" },
        ],
        warmUp: "200ms", duration: "1500ms", trials: 1,
      }
      """, to: "lease.json5")
    let run = try await space.rsmbench("run", "lease.json5", "--quiet")
    #expect(run.status == (verdict == "violated" ? 1 : 0))
    let verdicts = rows(try space.text("results/lease-1/trials.csv")).column("verdict")
    #expect(verdicts == [verdict, verdict])
  }
}
