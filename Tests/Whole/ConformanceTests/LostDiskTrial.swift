import Faults
import Histories
import Linearizability
import Primitives
import ProtocolList
import ReplicaHosting
import Replication
import Simulation
import Testing
import Trials
import ViewService
import Workloads

/// A node of a cluster with an authority, as the authority sees the cluster.
private protocol Supervised {
  var view: View { get }
  var eligible: [ReplicaID] { get }
}

extension WithAuthority: Supervised {}

/// A trial in which one disk is lost, and whether it was the last copy of the data.
///
/// A view may shrink to one member while the others are away. If that member then loses its disk,
/// acknowledged writes are gone. The others hold older logs, so the authority must not put them in
/// charge: the service stops, which an operator sees, and does not come back with less.
struct LostDiskTrial: ProtocolVisitor {
  struct Outcome: Sendable {
    var findings: TrialFindings
    /// The authority waits for a replica that has lost its disk, and for no other.
    var hasLostLastCopy: Bool
    var lossNs: Int64

    var problems: [String] {
      let seed = "seed \(findings.plan.seed): "
      guard hasLostLastCopy else {
        return (findings.safetyProblems + findings.livenessProblems).map { seed + $0 }
      }
      var problems = findings.record.safetyViolations
      if case .violated(let counterexample) = findings.verdict {
        problems.append(counterexample.explanation)
      }
      let late = findings.operations.count { $0.outcome == .ok && $0.invoked > lossNs }
      if late > 0 { problems.append("\(late) operations were answered after the loss") }
      return problems.map { seed + $0 }
    }
  }

  let kind: ProtocolKind
  let plan: SwarmPlan

  static func run(_ kind: ProtocolKind, _ plan: SwarmPlan) -> Outcome {
    var trial = LostDiskTrial(kind: kind, plan: plan)
    return kind.visit(&trial)
  }

  mutating func visit<Core: ReplicaCore>(
    _ core: Core.Type, _ description: ProtocolDescription
  ) -> Outcome {
    var trial = Trial(
      plan.setup(of: core, for: kind), load: KeyValueLoad(plan.workload, seed: plan.seed))
    let findings = TrialFindings(of: &trial, plan: plan, kind: kind)
    let loss = plan.faults.timed.first { fault in
      if case .crash(_, disk: .lost) = fault.action { true } else { false }
    }
    let lossNs = loss?.at.nanoseconds ?? .max
    let lost = trial.nodes.indices.filter { trial.nodes[$0].diskGeneration > 0 }
    let authority = trial.nodes.elements.compactMap { $0.host.core as? any Supervised }
      .filter { !$0.eligible.isEmpty }.max { $0.view.precedes($1.view) }
    let eligible = authority?.eligible.map(\.index) ?? []
    return Outcome(
      findings: findings, hasLostLastCopy: !eligible.isEmpty && eligible == lost, lossNs: lossNs)
  }
}
