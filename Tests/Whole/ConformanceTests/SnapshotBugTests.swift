import Environments
import Faults
import ProtocolList
import Replication
import Testing
import Workloads

/// The mistakes around snapshots are shared like the mechanism; each must show in every protocol
/// that lists it.
@Suite("Mistakes around snapshots")
struct SnapshotBugTests {
  struct Row: CustomTestStringConvertible, Sendable {
    var kind: ProtocolKind
    var bug: SnapshotBug
    /// A seed that shows it.
    var known: UInt64
    var testDescription: String { "\(kind.name), \(bug.rawValue)" }
  }

  /// The older snapshot of primary-backup is not among them: its SnapshotRuleTests show the harm.
  static let rows = [
    Row(kind: .raft, bug: .dropSessions, known: 26),
    Row(kind: .raft, bug: .installOlder, known: 105),
    Row(kind: .multiPaxos, bug: .dropSessions, known: 6),
    Row(kind: .multiPaxos, bug: .installOlder, known: 3),
    Row(kind: .primaryBackup, bug: .dropSessions, known: 34),
    Row(kind: .chainReplication, bug: .dropSessions, known: 67),
    Row(kind: .chainReplication, bug: .installOlder, known: 1033),
    Row(kind: .viewstampedReplication, bug: .dropSessions, known: 69),
    Row(kind: .viewstampedReplication, bug: .installOlder, known: 89),
    Row(kind: .unreplicated, bug: .dropSessions, known: 59),
  ]

  /// Snapshots every few entries, of one page each.
  static func plan(_ seed: UInt64, _ kind: ProtocolKind, _ bug: SnapshotBug) -> SwarmPlan {
    guard bug == .installOlder else {
      // All start again from their snapshots, and clients ask again for what was in flight.
      return severalTimes(seed) { [DirectedFaultTests.crash(.all, at: $0, for: 20)] }
    }
    guard kind.description.needsAuthority else { return lateSnapshots(seed) }
    return severalTimes(seed) { start in
      [
        DirectedFaultTests.crash(.follower, at: start, for: 70),
        DirectedFaultTests.crash(.leader, at: start + 120, for: 30),
      ]
    }
  }

  /// A snapshot comes late to a replica that has acknowledged newer entries since, in the moment
  /// after the only other replica that has these entries is lost. A moment earlier the harm would
  /// be undone, because the replica in charge would send the entries again.
  ///
  ///     replica 1   down        │ its messages arrive late │ the late snapshot arrives
  ///     replica 2   up              │ down, so that it lacks the entries    │ up
  ///     replica 0   in charge                                            │ down
  private static func lateSnapshots(_ seed: UInt64) -> SwarmPlan {
    var late = LinkDegradation()
    late.reorder = 1
    late.extraLatency = .milliseconds(22)
    var faults: [TimedFault] = []
    for round in 0..<2 as Range<Int64> {
      let start = 150 + round * 350 + Int64(seed % 11) * 3
      faults.append(DirectedFaultTests.crash(.replica(1), at: start, for: 70))
      faults.append(
        TimedFault(
          at: .milliseconds(start + 70 + Int64(seed % 8)), duration: .milliseconds(8),
          action: .link(.replica(1), late)))
      faults.append(DirectedFaultTests.crash(.replica(2), at: start + 72, for: 64))
      faults.append(DirectedFaultTests.crash(.replica(0), at: start + 135, for: 80))
    }
    var plan = plan(seed, faults)
    plan.environment.network.latency = .lognormal(median: .microseconds(500), sigma: 0.5)
    return plan
  }

  /// Faults three times, while messages come twice and late, so that pages of an older snapshot
  /// come behind newer entries.
  private static func severalTimes(
    _ seed: UInt64, _ faults: (_ start: Int64) -> [TimedFault]
  ) -> SwarmPlan {
    var plan = plan(
      seed, (0..<3 as Range<Int64>).flatMap { faults(150 + $0 * 200 + Int64(seed % 11) * 7) })
    plan.environment.network.duplicate = 0.3
    plan.environment.network.reorder = 0.3
    plan.environment.network.latency = .lognormal(median: .milliseconds(2), sigma: 1)
    return plan
  }

  private static func plan(_ seed: UInt64, _ faults: [TimedFault]) -> SwarmPlan {
    var plan = SwarmPlan(seed: seed, faults: faults)
    plan.calm = .milliseconds(800)
    plan.duration = .milliseconds(1200)
    plan.environment.network.transport = .datagram
    plan.workload.clients = 4
    plan.workload.keys = 8
    plan.workload.mix = OperationMix(get: 0.3, append: 1)
    plan.workload.thinkTime = .milliseconds(1)
    plan.snapshots = SnapshotPolicy(interval: 600, pageByteCount: 64 << 10)
    return plan
  }

  @Test("Each shows within 1,100 seeds", arguments: rows)
  func caught(row: Row) async {
    #expect(row.kind.description.bugs.contains { $0.name == row.bug.rawValue })
    for seed in search(1...1100, first: row.known) {
      let findings = SwarmTrial.run(
        row.kind, Self.plan(seed, row.kind, row.bug), bug: row.bug.rawValue)
      if !findings.safetyProblems.isEmpty { return }
      await Task.yield()
    }
    Issue.record("not caught")
  }

  @Test("Without them the same worlds are safe", arguments: rows)
  func safe(row: Row) {
    for seed in 1...2 as ClosedRange<UInt64> {
      let findings = SwarmTrial.run(row.kind, Self.plan(seed, row.kind, row.bug))
      #expect(findings.safetyProblems == [], "seed \(seed)")
    }
  }

  @Test("Only a protocol without replicas lacks the one about snapshots of others")
  func listed() {
    for kind in ProtocolKind.allCases {
      let bug = SnapshotBug.installOlder.rawValue
      #expect(kind.description.bugs.contains { $0.name == bug } == !kind.isBaseline, "\(kind)")
    }
  }
}
