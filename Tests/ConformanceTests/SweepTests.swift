import Histories
import ProtocolList
import Simulation
import Testing

@Suite("Sweep")
struct SweepTests {
  @Test(
    "Whatever breaks, histories are linearizable and nothing acknowledged is lost; then service resumes",
    arguments: ProtocolKind.allCases)
  func sweep(kind: ProtocolKind) async {
    let all = await ConformanceTests.sweep(SweepRequest.seeds) { seed in
      SwarmTrial.run(kind, SwarmPlan(seed: seed))
    }
    for findings in all {
      #expect(findings.safetyProblems == [], "\(findings.replay)")
      #expect(findings.livenessProblems == [], "\(findings.replay)")
    }
  }
}
