import Environments
import Faults
import Histories
import ProtocolList
import Replication
import Simulation
import Testing
import Trials

/// Events that must have happened somewhere in a sweep; otherwise its other findings prove little.
struct SweepTally: Sendable {
  var leaderChanges = 0
  /// Faults that hit a node.
  var faults = 0
  var retries = 0
  var unknownOutcomes = 0
  var readsAnswered = 0
  var readsOfValues = 0
  var swaps = 0
  var failedSwaps = 0
  var deletesAndAppends = 0
  /// Writes acknowledged after a replica had been crashed and restarted.
  var writesAfterRestart = 0
  var faultKinds: Set<String> = []
  var clusterSizes: Set<Int> = []
  var transports: Set<NetworkTransport> = []
  var snapshots = SnapshotCounts()

  mutating func add(_ findings: TrialFindings) {
    leaderChanges += findings.leaderChanges
    faults += findings.faultCount
    transports.insert(findings.plan.environment.network.transport)
    for node in findings.record.nodes {
      snapshots.taken += node.snapshots.taken
      snapshots.sent += node.snapshots.sent
      snapshots.installed += node.snapshots.installed
    }
    faultKinds.formUnion(findings.record.faults.filter { !$0.nodes.isEmpty }.map(\.kind))
    clusterSizes.insert(findings.record.nodes.count { $0.role != .authority })
    let restart = findings.record.faults.filter { $0.kind == "crash" }.compactMap(\.endNs).min()
    for operation in findings.operations {
      retries += operation.attempts > 1 ? 1 : 0
      guard operation.outcome == .ok else {
        unknownOutcomes += operation.outcome == .unknown ? 1 : 0
        continue
      }
      switch operation.kind {
      case .get:
        readsAnswered += 1
        readsOfValues += operation.observed.isAbsent ? 0 : 1
      case .compareAndSwap:
        swaps += operation.swapped ? 1 : 0
        failedSwaps += operation.swapped ? 0 : 1
      case .delete, .append: deletesAndAppends += 1
      case .put, .scan: break
      }
      if !operation.kind.isRead, let restart, operation.invoked > restart {
        writesAfterRestart += 1
      }
    }
  }
}

@Suite("Sweep")
struct SweepTests {
  @Test(
    "Whatever fails, histories are linearizable and no acknowledged write is lost; service resumes",
    arguments: SweepRequest.kinds)
  func sweep(kind: ProtocolKind) async {
    let all = await sweepSeeds(SweepRequest.seeds) { seed in
      SwarmTrial.run(kind, SwarmPlan(seed: seed))
    }
    var tally = SweepTally()
    for findings in all {
      #expect(findings.safetyProblems == [], "\(findings.replay)")
      #expect(findings.livenessProblems == [], "\(findings.replay)")
      #expect(findings.contradiction == nil, "\(findings.replay)")
      // An authority removes and takes back the members that a fault hits one by one.
      let causes = kind.description.needsAuthority ? findings.hitCount : findings.faultCount
      #expect(findings.leaderChanges <= 2 * causes, "\(findings.replay)")
      tally.add(findings)
    }
    guard SweepRequest.seedCount >= 200 else { return }
    expectEventful(tally, kind)
  }

  private func expectEventful(_ tally: SweepTally, _ kind: ProtocolKind) {
    let failsOver = kind.description.failsOver
    #expect(tally.leaderChanges >= (failsOver ? 200 : 0))
    // Most faults hit no leader. Under an authority a member that restarts costs a view as well.
    #expect(tally.leaderChanges <= tally.faults / 2)
    #expect(tally.clusterSizes == (failsOver ? [3, 5] : [1]))
    #expect(tally.transports.count == 2)
    #expect(tally.snapshots.taken >= 2000)
    #expect(tally.snapshots.sent >= (failsOver ? 30 : 0))
    #expect(tally.snapshots.installed >= (failsOver ? 20 : 0))
    #expect(tally.retries >= 1000)
    #expect(tally.unknownOutcomes >= 200)
    #expect(tally.readsAnswered >= 5000)
    #expect(tally.readsOfValues >= 2000)
    #expect(tally.swaps >= 200)
    #expect(tally.failedSwaps >= 200)
    #expect(tally.deletesAndAppends >= 500)
    #expect(tally.writesAfterRestart >= 1000)
    let kinds = ["clock", "crash", "disk", "link", "partition", "pause", "slow-cpu"]
    #expect(tally.faultKinds.sorted() == kinds)
  }
}
