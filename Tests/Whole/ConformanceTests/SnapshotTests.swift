import Faults
import Histories
import Linearizability
import Primitives
import ProtocolList
import Replication
import Simulation
import Testing
import Trials
import Workloads

/// A trial with frequent snapshots, and the content of the disks at its end.
private struct SnapshotTrial: ProtocolVisitor {
  struct Outcome {
    var record: TrialRecord
    var findings: TrialFindings
    /// The number of records on each node's disk, and of all records ever written to it.
    var kept: [Int]
    var written: [Int]
    var snapshotsKept: [Int]
  }

  let kind: ProtocolKind
  let plan: SwarmPlan

  mutating func visit<Core: ReplicaCore>(
    _ core: Core.Type, _ description: ProtocolDescription
  ) -> Outcome {
    var trial = Trial(
      plan.setup(of: core, for: kind), load: KeyValueLoad(plan.workload, seed: plan.seed))
    let findings = TrialFindings(of: &trial, plan: plan, kind: kind)
    return Outcome(
      record: findings.record, findings: findings,
      kept: trial.nodes.elements.map(\.log.count),
      written: trial.nodes.elements.map { $0.forgottenCount + $0.log.count },
      snapshotsKept: trial.nodes.elements.map(\.snapshots.count))
  }
}

@Suite("Snapshots")
struct SnapshotTests {
  private func run(
    _ kind: ProtocolKind, seed: UInt64, _ faults: [TimedFault], interval: Int = 2048
  ) -> SnapshotTrial.Outcome {
    var plan = SwarmPlan(seed: seed, faults: faults)
    plan.calm = .milliseconds(1200)
    plan.duration = .milliseconds(2000)
    plan.snapshots = SnapshotPolicy(interval: interval, pageByteCount: 128)
    var trial = SnapshotTrial(kind: kind, plan: plan)
    return kind.visit(&trial)
  }

  @Test(
    "A replica that was away for long is sent a snapshot in pages, and continues from it",
    arguments: ProtocolKind.failingOver, [1, 2, 3] as [UInt64])
  func away(kind: ProtocolKind, seed: UInt64) {
    let outcome = run(
      kind, seed: seed, [DirectedFaultTests.crash(.follower, at: 100, for: 900)])
    #expect(outcome.findings.safetyProblems == [])
    #expect(outcome.findings.livenessProblems == [])
    let counts = outcome.record.nodes.map(\.snapshots)
    #expect(counts.reduce(0) { $0 + $1.sent } >= 1)
    #expect(counts.reduce(0) { $0 + $1.installed } >= 1)
  }

  @Test(
    "Without a snapshot a replica that was away is repaired from the log",
    arguments: ProtocolKind.failingOver)
  func byLog(kind: ProtocolKind) {
    let outcome = run(
      kind, seed: 1, [DirectedFaultTests.crash(.follower, at: 100, for: 900)],
      interval: 1 << 30)
    #expect(outcome.findings.safetyProblems == [])
    #expect(outcome.findings.livenessProblems == [])
    #expect(outcome.record.nodes.allSatisfy { $0.snapshots == SnapshotCounts() })
  }

  @Test(
    "The log stays short however much is written, and all replicas restart from it",
    arguments: ProtocolKind.allCases)
  func bounded(kind: ProtocolKind) {
    let outcome = run(
      kind, seed: 4,
      [
        DirectedFaultTests.crash(.all, at: 600, for: 50, disk: .torn),
        DirectedFaultTests.crash(.all, at: 1100, for: 50),
      ])
    #expect(outcome.findings.safetyProblems == [])
    #expect(outcome.findings.livenessProblems == [])
    for node in outcome.record.nodes where node.role == .replica {
      #expect(outcome.written[node.node] >= 500, "node \(node.node)")
      #expect(outcome.kept[node.node] <= 150, "node \(node.node)")
      #expect(outcome.snapshotsKept[node.node] <= 3)
      #expect(node.snapshots.taken >= 20)
    }
  }

  @Test("The sweep catches a replica that cuts its log before the snapshot is durable")
  func forgotten() {
    let seed = search(1...1000, first: 122).first { seed in
      SwarmTrial.run(
        .chainReplication, SwarmPlan(seed: seed), bug: SnapshotBug.forgetEarly.rawValue
      ).safetyProblems != []
    }
    #expect(seed != nil)
  }
}
