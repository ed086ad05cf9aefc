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

  /// The older snapshot of Raft, primary-backup and Viewstamped Replication is not among them: its
  /// harm is undone before it shows, unless the leader is lost in that moment. SnapshotRuleTests of
  /// the first two bring that about.
  static let rows = [
    Row(kind: .raft, bug: .dropSessions, known: 26),
    Row(kind: .multiPaxos, bug: .dropSessions, known: 6),
    Row(kind: .multiPaxos, bug: .installOlder, known: 26),
    Row(kind: .primaryBackup, bug: .dropSessions, known: 34),
    Row(kind: .chainReplication, bug: .dropSessions, known: 67),
    Row(kind: .chainReplication, bug: .installOlder, known: 135),
    Row(kind: .viewstampedReplication, bug: .dropSessions, known: 69),
    Row(kind: .unreplicated, bug: .dropSessions, known: 59),
  ]

  /// Snapshots every few entries, of one page each. Messages come twice and late, so that pages of
  /// an older snapshot come behind newer entries, and requests are asked for again.
  static func plan(_ seed: UInt64, _ kind: ProtocolKind, _ bug: SnapshotBug) -> SwarmPlan {
    var faults: [TimedFault] = []
    for number in 0..<3 as Range<Int64> {
      let start = 150 + number * 200 + Int64(seed % 11) * 7
      switch bug {
      case .dropSessions:
        // All start again from their snapshots, and clients ask again for what was in flight.
        faults.append(DirectedFaultTests.crash(.all, at: start, for: 20))
      default:
        faults.append(DirectedFaultTests.crash(.follower, at: start, for: 70))
        faults.append(DirectedFaultTests.crash(.leader, at: start + 120, for: 30))
      }
    }
    var plan = SwarmPlan(seed: seed, faults: faults)
    plan.calm = .milliseconds(800)
    plan.duration = .milliseconds(1200)
    plan.environment.network.transport = .datagram
    plan.environment.network.duplicate = 0.3
    plan.environment.network.reorder = 0.3
    plan.environment.network.latency = .lognormal(median: .milliseconds(2), sigma: 1)
    plan.workload.clients = 4
    plan.workload.keys = 8
    plan.workload.mix = OperationMix(get: 0.3, append: 1)
    plan.workload.thinkTime = .milliseconds(1)
    plan.snapshots = SnapshotPolicy(interval: 600, pageByteCount: 64 << 10)
    return plan
  }

  @Test("Each shows within 200 seeds", arguments: rows)
  func caught(row: Row) async {
    #expect(row.kind.description.bugs.contains { $0.name == row.bug.rawValue })
    for seed in search(1...200, first: row.known) {
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
