import Histories
import Linearizability
import ProtocolList
import Replication
import Testing
import Trials

/// Requests are refused, dropped and repeated later under the faults of swarm trials.
@Suite("Cures of overload under faults")
struct OverloadTests {
  /// Cures that act on the few clients of a swarm trial.
  static let cures: [OverloadCures] = {
    var queue = OverloadCures()
    queue.limits = RequestLimits(queue: 1, dropsLate: true)
    var admission = OverloadCures()
    admission.limits.admission = .milliseconds(1)
    admission.backoff = .milliseconds(1)...(.milliseconds(20))
    var budget = OverloadCures()
    budget.limits.queue = 1
    budget.retryBudget = 0
    return [queue, admission, budget]
  }()

  @Test(
    "Every history stays linearizable, and what was refused has had no effect",
    arguments: ProtocolKind.replicated)
  func safe(kind: ProtocolKind) async {
    let findings = await sweepSeeds(1...24) { seed in
      var plan = SwarmPlan(seed: seed)
      plan.overload = Self.cures[Int(seed) % Self.cures.count]
      return SwarmTrial.run(kind, plan)
    }
    var refused = 0
    for finding in findings {
      #expect(finding.safetyProblems == [], "\(finding.replay)")
      for operation in finding.operations
      where operation.outcome == .failed && operation.attempts > 0 {
        refused += 1
        #expect(
          !finding.record.surviving!.contains(
            RequestID(client: ClientID(UInt64(operation.client)), sequence: operation.sequence)),
          "\(finding.replay)")
      }
    }
    // Enough are refused to the end for the test to say something.
    #expect(refused > 20)
  }
}
