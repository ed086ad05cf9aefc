import Environments
import Linearizability
import ProtocolList
import Replication
import Testing

/// A sweep that finds nothing proves little unless it finds what was broken on purpose.
@Suite("Broken on purpose")
struct BrokenTests {
  /// Bugs that the sweep catches within these many seeds, over datagrams, whose losses bring them
  /// out. The others need rarer coincidences, which the protocols' own tests bring about step by
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

  /// The first seed whose trial shows that something is wrong, and what.
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

  @Test("Every protocol in the list has a known mistake that the sweep catches")
  func everyProtocol() {
    let kinds = Set(BrokenTests.caught.map(\.kind))
    #expect(ProtocolKind.allCases.allSatisfy(kinds.contains))
  }

  @Test("What clients see is enough to convict a protocol")
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

  /// For those who change the sweep: which bugs does it catch now, and how soon?
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
