import Foundation
import ProtocolList
import Replication
import Testing

@Suite("Broken on purpose")
struct BrokenTests {
  /// The first seed whose trial shows that something is wrong, and what.
  static func firstCatch(
    _ kind: ProtocolKind, bug: String, seeds: ClosedRange<UInt64>
  ) async -> (seed: UInt64, problem: String)? {
    var next = seeds.lowerBound
    while next <= seeds.upperBound {
      let block = next...min(next + 3, seeds.upperBound)
      let problems = await sweepSeeds(block) { seed in
        SwarmTrial.run(kind, SwarmPlan(seed: seed), bug: bug).safetyProblems.first
      }
      for (seed, problem) in zip(block, problems) {
        if let problem { return (seed, problem) }
      }
      next += 4
    }
    return nil
  }

  @Test(
    "Which bugs the sweep catches, and how soon", .enabled(if: SweepRequest.number("CONFORMANCE_SURVEY") != nil),
    arguments: ProtocolKind.allCases)
  func survey(kind: ProtocolKind) async {
    var names = kind.description.bugs.map(\.name)
    for option in kind.options where option.name == "unsafeBug" {
      if case .choice(_, let choices) = option.kind { names = choices.filter { $0 != "none" } }
    }
    for bug in names {
      let found = await BrokenTests.firstCatch(kind, bug: bug, seeds: 1...(SweepRequest.number("CONFORMANCE_SURVEY")!))
      print("SURVEY", kind.name, bug, found.map { "\($0.seed): \($0.problem.prefix(150))" } ?? "never")
    }
  }
}
