import Clients
import Environments
import Faults
import Histories
import Linearizability
import ProtocolList
import Replication
import Testing
import Trials
import Workloads

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
    arguments: ProtocolKind.failingOver)
  func safe(kind: ProtocolKind) async {
    let findings = await sweepSeeds(1...24) { seed in
      // Over datagrams no refusal is definite. Eight busy clients fill a queue of one.
      var plan = SwarmPlan(seed: seed, transport: .tcp)
      plan.overload = Self.cures[Int(seed) % Self.cures.count]
      plan.workload.mix = OperationMix(get: 0.5, put: 0.5)
      plan.workload.clients = 8
      plan.workload.thinkTime = .microseconds(300)
      plan.workload.timeout = .milliseconds(30)
      return SwarmTrial.run(kind, plan)
    }
    let usages = findings.flatMap(\.record.nodes)
    #expect(usages.contains { $0.refused > 0 } && usages.contains { $0.droppedLate > 0 })
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

  /// The share of operations, of those due from 5 to 6.4 s, that are answered within 50 ms. For a
  /// second from 1.5 s on all processors are eight times slower.
  func goodShare(_ cures: OverloadCures, patience: Patience) -> Double {
    let outcome = PatienceTests().run(.raft) { plan, environment in
      environment.cpu = CPUModel(
        perMessage: .microseconds(40), perByte: .nanoseconds(1), apply: .microseconds(10))
      plan.workload.arrival = .open(rate: 4000, process: .poisson)
      plan.workload.patience = patience
      plan.overload = cures
      plan.duration = .milliseconds(6500)
      plan.faults.timed = [
        TimedFault(
          at: .milliseconds(1500), duration: .seconds(1), action: .slowCPU(.all, factor: 8))
      ]
    }
    let late = outcome.operations.filter {
      $0.intended >= 5_000_000_000 && $0.intended < 6_400_000_000
    }
    let good = late.count { $0.outcome == .ok && $0.returned - $0.intended <= 50_000_000 }
    return Double(good) / Double(late.count)
  }

  @Test(
    "Clients that ask again every 50 ms keep a service down after a fault; a budget cures that")
  func metastable() {
    let impatient = Patience.fixed(.milliseconds(50))
    #expect(goodShare(OverloadCures(), patience: impatient) < 0.1)
    var budget = OverloadCures()
    budget.retryBudget = 0.1
    #expect(goodShare(budget, patience: impatient) > 0.95)
    #expect(goodShare(OverloadCures(), patience: .adaptive) > 0.95)
  }
}
