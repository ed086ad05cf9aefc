import Environments
import Histories
import Linearizability
import ProtocolList
import Replication
import Testing
import Workloads

/// Scans under the sweep's faults: they read several keys at one moment of the log.
@Suite("Scans") struct ScanTests {
  /// A plan of the sweep whose clients only scan and write.
  static func plan(_ seed: UInt64) -> SwarmPlan {
    var plan = SwarmPlan(seed: seed, transport: .datagram)
    plan.workload.mix = OperationMix(put: 2, compareAndSwap: 1, scan: 3)
    plan.workload.scanLength = .uniform(1...6)
    return plan
  }

  @Test(
    "Whatever fails, histories with scans are linearizable", arguments: ProtocolKind.allCases)
  func linearizable(kind: ProtocolKind) async {
    var answered = 0
    for findings in await sweepSeeds(1...12, { SwarmTrial.run(kind, Self.plan($0)) }) {
      #expect(findings.safetyProblems.isEmpty, "\(findings.safetyProblems) \(findings.plan.seed)")
      answered += findings.operations.count {
        $0.kind == .scan && $0.outcome == .ok && $0.scanLength > 1
      }
    }
    #expect(answered > 500)
  }

  /// Mistakes that let a replica answer reads from an old state, and a seed that shows each.
  static let stale: [(kind: ProtocolKind, bug: String, known: UInt64)] = [
    (.raft, "read-without-quorum", 7), (.multiPaxos, "read-without-quorum", 7),
    (.primaryBackup, "read-unestablished", 1), (.chainReplication, "serve-stale-role", 1),
    (.viewstampedReplication, "read-before-view-commit", 1),
  ]

  @Test(
    "Mistakes of the protocols are caught although all reads are scans", arguments: stale.indices)
  func catches(row: Int) async {
    let (kind, bug, known) = Self.stale[row]
    for seed in search(1...60, first: known) {
      let findings = SwarmTrial.run(kind, Self.plan(seed), bug: bug)
      if case .violated(let counterexample) = findings.verdict {
        #expect(counterexample.operations.contains { $0.kind == .scan })
        return
      }
      await Task.yield()
    }
    Issue.record("\(bug) of \(kind.name) was not caught")
  }
}
