import Clients
import Faults
import Histories
import Linearizability
import Measurement
import ProtocolList
import Replication
import Simulation
import Trials
import Workloads

/// The results of one trial of the key-value store, and its problems.
struct TrialFindings: Sendable {
  var plan: SwarmPlan
  var kind: ProtocolKind
  var record: TrialRecord
  var operations: [Operation]
  var verdict: Verdict

  /// Broken safety promises, which no fault excuses.
  var safetyProblems: [String] {
    var problems = record.safetyViolations
    if case .violated(let counterexample) = verdict { problems.append(counterexample.explanation) }
    if case .undecided(let key, let reason) = verdict {
      problems.append("key \(key) is undecided: \(reason)")
    }
    let lost = operations.filter { operation in
      operation.outcome == .ok && !operation.kind.isRead
        && !record.surviving!.contains(
          RequestID(client: ClientID(UInt64(operation.client)), sequence: operation.sequence))
    }
    if let first = lost.first {
      problems.append(
        "\(lost.count) acknowledged writes are lost, the first at \(first.invoked) ns")
    }
    return problems
  }

  /// A contradiction between the numbers of the trial; nil if there is none.
  var contradiction: String? {
    var record = record
    record.operations = operations
    let workload = plan.workload
    let isOpenLoop = workload.arrival != .closed
    let metrics = TrialMetrics(
      record,
      MeasurementSettings(
        window: .milliseconds(100), sloLatency: .milliseconds(100), isOpenLoop: isOpenLoop))
    return metrics.brokenInvariant(
      in: record, pause: isOpenLoop ? nil : max(workload.thinkTime, .nanoseconds(1)))
  }

  /// Broken promises of progress, which must hold once the faults have ended.
  var livenessProblems: [String] {
    var problems: [String] = []
    if !record.hasSettled { problems += record.notes }
    for (what, isRead) in [("write", false), ("read", true)] {
      let isServed = operations.contains {
        $0.outcome == .ok && $0.kind.isRead == isRead && $0.invoked > plan.calm.nanoseconds
      }
      if !isServed { problems.append("no \(what) succeeded after \(plan.calm)") }
    }
    return problems
  }

  /// Changes of the leader or of the view after the first one.
  var leaderChanges: Int {
    let epochs = Set(record.leadership.filter { $0.leader != nil }.map(\.epoch))
    return max(epochs.count - 1, 0)
  }

  /// Faults that hit a node.
  var faultCount: Int { record.faults.count { !$0.nodes.isEmpty } }
  /// How often any node was hit by a fault.
  var hitCount: Int { record.faults.reduce(0) { $0 + $1.nodes.count } }

  /// The command that replays this trial.
  var replay: String {
    "replay: CONFORMANCE_PROTOCOL=\(kind.name) CONFORMANCE_SEED=\(plan.seed)"
      + " swift test --filter ConformanceTests.ReplayTests"
  }
}

/// Runs one plan with one protocol.
struct SwarmTrial: ProtocolVisitor {
  let kind: ProtocolKind
  let plan: SwarmPlan
  var bug: String?

  static func run(_ kind: ProtocolKind, _ plan: SwarmPlan, bug: String? = nil) -> TrialFindings {
    var trial = SwarmTrial(kind: kind, plan: plan, bug: bug)
    return kind.visit(&trial)
  }

  mutating func visit<Core: ReplicaCore>(
    _ core: Core.Type, _ description: ProtocolDescription
  ) -> TrialFindings {
    var trial = Trial(
      plan.setup(of: core, for: kind, bug: bug),
      load: KeyValueLoad(plan.workload, seed: plan.seed))
    return TrialFindings(of: &trial, plan: plan, kind: kind)
  }
}

extension TrialFindings {
  /// Runs the trial and checks its history.
  init<Core: ReplicaCore>(
    of trial: inout Trial<Core, KeyValueLoad>, plan: SwarmPlan, kind: ProtocolKind
  ) {
    guard let record = trial.run() else { preconditionFailure("no caller stops the trial") }
    let operations = trial.load.operations
    self.init(
      plan: plan, kind: kind, record: record, operations: operations,
      verdict: ConsistencyCheck(budget: SearchBudget(configurations: 200_000, steps: 20_000_000))
        .verdict(of: operations, scans: trial.load.scans))
  }
}

/// The seeds of a search for a mistake in their order, but first the one that showed it before. If
/// changes of the worlds have made that one harmless, the search only takes longer.
func search(_ seeds: ClosedRange<UInt64>, first known: UInt64?) -> [UInt64] {
  (known.map { [$0] } ?? []) + seeds.filter { $0 != known }
}

/// Runs the seeds on both processor cores and returns the findings in the order of the seeds.
func sweepSeeds<Finding: Sendable>(
  _ seeds: ClosedRange<UInt64>, _ body: @escaping @Sendable (UInt64) -> Finding
) async -> [Finding] {
  await withTaskGroup(of: (UInt64, Finding).self) { group in
    for seed in seeds { group.addTask { (seed, body(seed)) } }
    var findings: [(UInt64, Finding)] = []
    for await finding in group { findings.append(finding) }
    return findings.sorted { $0.0 < $1.0 }.map(\.1)
  }
}
