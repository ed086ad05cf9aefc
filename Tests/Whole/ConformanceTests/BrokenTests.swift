import Environments
import Linearizability
import ProtocolList
import Replication
import Testing

/// A sweep without findings is evidence only if it finds the bugs that were added on purpose.
@Suite("Broken on purpose")
struct BrokenTests {
  /// Bugs that the sweep catches within this number of seeds, over datagrams, whose losses reveal
  /// them, and a seed that does so. The other bugs need rarer coincidences, which the protocols'
  /// own tests construct step by step.
  static let caught: [(kind: ProtocolKind, bug: String, seeds: UInt64, known: UInt64)] =
    [
      (.raft, "skip-log-check", 150, 37),
      (.raft, "always-truncate", 40, 1),
      (.raft, "ack-early", 150, 39),
      (.multiPaxos, "omit-executed-in-promise", 40, 20),
      (.primaryBackup, "reply-before-backups", 40, 7),
      (.primaryBackup, "accept-any-view", 40, 12),
      (.primaryBackup, "continue-without-backup", 40, 7),
      (.primaryBackup, "ignore-gaps", 40, 1),
      (.chainReplication, "ack-at-head", 40, 1),
      (.chainReplication, "drop-sent-on-tail-failure", 40, 2),
      (.chainReplication, "skip-suffix-on-middle-failure", 40, 1),
      (.chainReplication, "remove-sent-on-receipt", 40, 1),
      (.chainReplication, "joiner-serves-during-copy", 40, 1),
      (.chainReplication, "serve-stale-role", 40, 1),
      (.chainReplication, "count-undurable", 400, 357),
      (.viewstampedReplication, "prepare-ok-before-durable", 150, 39),
      (.viewstampedReplication, "count-messages", 650, 608),
      (.viewstampedReplication, "answer-before-commit", 40, 7),
      (.viewstampedReplication, "start-without-quorum", 40, 13),
      (.viewstampedReplication, "volatile-last-normal-view", 650, 325),
      (.viewstampedReplication, "keep-tail", 40, 16),
      (.viewstampedReplication, "primary-resumes-its-view", 40, 3),
      (.viewstampedReplication, "read-without-quorum", 150, 97),
      (.viewstampedReplication, "read-before-view-commit", 250, 104),
      (.unreplicated, "reply-before-sync", 40, 1),
    ]

  /// A seed whose trial shows a problem, and the problem.
  static func firstCatch(
    _ kind: ProtocolKind, bug: String, seeds: ClosedRange<UInt64>, known: UInt64? = nil
  ) async -> (seed: UInt64, problem: String)? {
    for seed in search(seeds, first: known) {
      let findings = SwarmTrial.run(
        kind, SwarmPlan(seed: seed, transport: .datagram), bug: bug)
      if let problem = findings.safetyProblems.first { return (seed, problem) }
      await Task.yield()
    }
    return nil
  }

  @Test("The sweep catches protocols without one of their rules", arguments: caught.indices)
  func catches(row: Int) async {
    let (kind, bug, seeds, known) = BrokenTests.caught[row]
    #expect(kind.description.bugs.contains { $0.name == bug })
    let found = await BrokenTests.firstCatch(kind, bug: bug, seeds: 1...seeds, known: known)
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

  /// For changes of the sweep: shows which bugs it catches now, and after how many seeds. It takes
  /// `CONFORMANCE_PROTOCOL` and `CONFORMANCE_BUG`.
  @Test(
    "Survey of all bugs over CONFORMANCE_SURVEY seeds",
    .enabled(if: SweepRequest.number("CONFORMANCE_SURVEY") != nil),
    arguments: SweepRequest.kinds)
  func survey(kind: ProtocolKind) async throws {
    let count = try #require(SweepRequest.number("CONFORMANCE_SURVEY"))
    let option = try #require(kind.options.first { $0.name == "unsafeBug" })
    guard case .choice(_, let bugs) = option.kind else { return }
    for bug in bugs where bug != "none" && bug == SweepRequest.bug ?? bug {
      let found = await BrokenTests.firstCatch(kind, bug: bug, seeds: 1...count)
      print(kind.name, bug, found.map { "\($0.seed): \($0.problem)" } ?? "not caught")
    }
  }
}
