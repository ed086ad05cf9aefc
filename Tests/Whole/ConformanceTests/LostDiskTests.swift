import Faults
import Primitives
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

  /// The world of a seed, with all that breaks in it, in which one disk is lost besides. If more
  /// were lost, no majority might be left of those who remember.
  private static func swarm(_ seed: UInt64) -> SwarmPlan {
    var plan = SwarmPlan(seed: seed)
    var random = RandomStream(seed: seed, label: 0x1_05D1)
    let targets: [FaultTarget] = [.leader, .leader, .follower, .random]
    let start = 50 + random.below(Int(plan.calm.milliseconds) - 250)
    plan.faults.timed.append(
      DirectedFaultTests.crash(
        targets[random.below(targets.count)], at: Int64(start), for: Int64(10 + random.below(150)),
        disk: .lost))
    plan.faults.timed.sort { $0.at < $1.at }
    return plan
  }

  @Test(
    "A lost disk among all other faults: nothing is lost, and service resumes if a copy is left",
    arguments: kinds)
  func amongOthers(kind: ProtocolKind) async {
    let outcomes = await sweepSeeds(1...60) { seed in
      LostDiskTrial.run(kind, Self.swarm(seed))
    }
    #expect(outcomes.flatMap(\.problems) == [])
    let stopped = outcomes.count { $0.hasLostLastCopy }
    #expect(stopped <= (kind.description.needsAuthority ? 10 : 0))
  }

  @Test(
    "A view of one member that loses its disk is the end of service, whatever older logs remain",
    arguments: ProtocolKind.supervised, [1, 2, 3, 4] as [UInt64])
  func lastCopy(kind: ProtocolKind, seed: UInt64) {
    // The others come back while the one that lost its disk is still away.
    let faults = [
      DirectedFaultTests.crash(.follower, at: 300, for: 700),
      DirectedFaultTests.crash(.follower, at: 450, for: 550),
      DirectedFaultTests.crash(.leader, at: 800, for: 100 + Int64(seed) * 100, disk: .lost),
    ]
    var plan = SwarmPlan(seed: seed, faults: faults)
    plan.calm = .milliseconds(1300)
    plan.duration = .milliseconds(2500)
    let outcome = LostDiskTrial.run(kind, plan)
    #expect(outcome.problems == [] && outcome.hasLostLastCopy)
    #expect(outcome.findings.writeCount(from: .milliseconds(700), to: .milliseconds(800)) > 0)
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
