import Faults
import ProtocolList
import Replication
import Testing

/// Crashes destroy the disk of one node after another, each after the previous node has recovered.
@Suite("Lost disks")
struct LostDiskTests {
  private static let kinds = ProtocolKind.allCases.filter(\.replacesLostReplicas)

  private static func plan(_ seed: UInt64, _ targets: [FaultTarget]) -> SwarmPlan {
    let faults = targets.enumerated().map { number, target in
      DirectedFaultTests.crash(
        target, at: 500 + Int64(number) * 1500 + Int64(seed % 7) * 30,
        for: 100 + Int64(seed % 5) * 40,
        disk: .lost)
    }
    var plan = SwarmPlan(seed: seed, faults: faults)
    plan.calm = .milliseconds(Int64(500 + targets.count * 1500))
    plan.duration = plan.calm + .milliseconds(1000)
    return plan
  }

  @Test(
    "Losing disks of leaders, followers and authority nodes loses no acknowledged write",
    arguments: kinds)
  func oneByOne(kind: ProtocolKind) async {
    let targets: [FaultTarget] = [.leader, .follower, .coordinator, .tail, .leader, .random]
    let problems = await sweepSeeds(1...12) { seed -> [String] in
      let findings = SwarmTrial.run(kind, Self.plan(seed, targets))
      return (findings.safetyProblems + findings.livenessProblems).map { "seed \(seed): \($0)" }
    }
    #expect(problems.flatMap { $0 } == [])
  }

  @Test("Every node loses its disk once, and the last ones still know the first writes")
  func everyNode() {
    for kind in Self.kinds {
      let count = kind.membership(replicas: 3).nodeCount
      let findings = SwarmTrial.run(kind, Self.plan(3, (0..<count).map { .replica($0 % 3) }))
      #expect(findings.safetyProblems == [] && findings.livenessProblems == [], "\(kind.name)")
    }
  }
}
