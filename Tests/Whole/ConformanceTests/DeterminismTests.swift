import Histories
import ProtocolList
import Simulation
import Testing
import Trials

@Suite("Determinism")
struct DeterminismTests {
  @Test(
    "A seed determines the trial, and another one differs", arguments: ProtocolKind.allCases)
  func sameProcess(kind: ProtocolKind) {
    for seed in [3, 17, 40] as [UInt64] {
      let first = SwarmTrial.run(kind, SwarmPlan(seed: seed))
      let second = SwarmTrial.run(kind, SwarmPlan(seed: seed))
      #expect(first.record.traceHash == second.record.traceHash)
      #expect(first.record.eventsProcessed == second.record.eventsProcessed)
      #expect(first.record.surviving == second.record.surviving)
      #expect(first.operations == second.operations)
      #expect(first.operations.count >= 100)
      let other = SwarmTrial.run(kind, SwarmPlan(seed: seed + 1))
      #expect(first.record.traceHash != other.record.traceHash)
      #expect(first.operations != other.operations)
    }
  }

  /// Every process seeds its hashing differently, so the order of a set or a dictionary would show.
  @Test("Another process gives the same result")
  func otherProcess() async throws {
    let result = await #expect(
      processExitsWith: .success, observing: [\.standardOutputContent]
    ) {
      print("digests: \(DeterminismTests.digests())")
    }
    let output = try #require(result).standardOutputContent
    let text = String(decoding: output, as: UTF8.self)
    #expect(text.contains("digests: \(DeterminismTests.digests())\n"))
  }

  static func digests() -> String {
    ProtocolKind.allCases.map { kind in
      let findings = SwarmTrial.run(kind, SwarmPlan(seed: 17))
      var hash: UInt64 = 0
      for operation in findings.operations {
        hash = hash &* 31 &+ UInt64(operation.returned) ^ operation.observed.hash
      }
      return "\(kind.name) \(findings.record.traceHash ?? 0) \(hash)"
    }.joined(separator: ", ")
  }
}
