import Environments
import Linearizability
import ProtocolList
import Replication
import Testing

/// A sweep without findings is evidence only if it finds the bugs that were added on purpose.
@Suite("Broken on purpose")
struct BrokenTests {
  /// Bugs that the sweep catches within this number of seeds, over datagrams, whose losses reveal
  /// them. The other bugs need rarer coincidences, which the protocols' own tests construct step by
  /// step.
  static let caught: [(kind: ProtocolKind, bug: String, seeds: UInt64)] =
    [
      (.raft, "skip-log-check", 150),
      (.raft, "always-truncate", 40),
      (.raft, "ack-early", 150),
      (.multiPaxos, "omit-executed-in-promise", 40),
      (.primaryBackup, "reply-before-backups", 40),
      (.primaryBackup, "accept-any-view", 40),
      (.primaryBackup, "continue-without-backup", 40),
      (.primaryBackup, "ignore-gaps", 40),
      (.chainReplication, "ack-at-head", 40),
      (.chainReplication, "drop-sent-on-tail-failure", 40),
      (.chainReplication, "skip-suffix-on-middle-failure", 40),
      (.chainReplication, "remove-sent-on-receipt", 40),
      (.chainReplication, "joiner-serves-during-copy", 40),
      (.chainReplication, "serve-stale-role", 40),
      (.chainReplication, "count-undurable", 400),
      (.viewstampedReplication, "prepare-ok-before-durable", 150),
      (.viewstampedReplication, "count-messages", 150),
      (.viewstampedReplication, "answer-before-commit", 40),
      (.viewstampedReplication, "start-without-quorum", 40),
      (.viewstampedReplication, "volatile-last-normal-view", 150),
      (.viewstampedReplication, "normal-before-transfer", 150),
      (.viewstampedReplication, "keep-tail", 40),
      (.viewstampedReplication, "primary-resumes-its-view", 40),
      (.viewstampedReplication, "read-without-quorum", 40),
      (.viewstampedReplication, "read-before-view-commit", 40),
      (.unreplicated, "reply-before-sync", 40),
    ]

  /// The first seed whose trial shows a problem, and the problem.
  static func firstCatch(
    _ kind: ProtocolKind, bug: String, seeds: ClosedRange<UInt64>
  ) async -> (seed: UInt64, problem: String)? {
    for seed in seeds {
      let findings = SwarmTrial.run(
        kind, SwarmPlan(seed: seed, transport: .datagram), bug: bug)
      if let problem = findings.safetyProblems.first { return (seed, problem) }
      await Task.yield()
    }
    return nil
  }

  @Test("The sweep catches protocols without one of their rules", arguments: caught.indices)
  func catches(row: Int) async {
    let (kind, bug, seeds) = BrokenTests.caught[row]
    #expect(kind.description.bugs.contains { $0.name == bug })
    let found = await BrokenTests.firstCatch(kind, bug: bug, seeds: 1...seeds)
    #expect(found != nil, "\(kind.name) with \(bug)")
  }

  @Test("Every protocol in the list has a known bug that the sweep catches")
  func everyProtocol() {
    let kinds = Set(BrokenTests.caught.map(\.kind))
    #expect(ProtocolKind.allCases.allSatisfy(kinds.contains))
  }

  @Test("The clients' history alone shows that a protocol is broken")
  func verdict() {
    let seeds = 1...20 as ClosedRange<UInt64>
    let isConvicted = seeds.contains { seed in
      let findings = SwarmTrial.run(
        .primaryBackup, SwarmPlan(seed: seed, transport: .datagram), bug: "reply-before-backups")
      if case .violated = findings.verdict { return true }
      return false
    }
    #expect(isConvicted)
  }

  /// For changes of the sweep: shows which bugs it catches now, and after how many seeds.
  @Test(
    "Survey of all bugs over CONFORMANCE_SURVEY seeds",
    .enabled(if: SweepRequest.number("CONFORMANCE_SURVEY") != nil),
    arguments: ProtocolKind.allCases)
  func survey(kind: ProtocolKind) async throws {
    let count = try #require(SweepRequest.number("CONFORMANCE_SURVEY"))
    let option = try #require(kind.options.first { $0.name == "unsafeBug" })
    guard case .choice(_, let bugs) = option.kind else { return }
    for bug in bugs where bug != "none" {
      let found = await BrokenTests.firstCatch(kind, bug: bug, seeds: 1...count)
      print(kind.name, bug, found.map { "\($0.seed): \($0.problem)" } ?? "not caught")
    }
  }
}
