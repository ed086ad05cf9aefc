import Clients
import Environments
import Primitives
import ProtocolList
import ReplicaHosting
import Replication
import Simulation
import StateMachines
import Stubs
import Testing
import Trials
import Workloads

/// Clients of an open loop, of which some begin an operation only when all others are busy, so that
/// they pause for longer than their sessions live.
private struct ForgetfulTrial: ProtocolVisitor {
  struct Findings: Sendable {
    var problems: [String] = []
    var acknowledged = 0
    /// Acknowledged operations that began a session after the client's first one.
    var renewed = 0
    var stampedNs: UInt64 = 0
    var sessions = 0
  }

  let kind: ProtocolKind
  let plan: SwarmPlan

  mutating func visit<Core: ReplicaCore>(
    _ core: Core.Type, _ description: ProtocolDescription
  ) -> Findings {
    var setup = plan.setup(of: core, for: kind)
    setup.plan.sessionExpiry = .seconds(1)
    setup.plan.workload.timeout = .milliseconds(100)
    setup.plan.workload.arrival = .open(rate: 60, process: .poisson)
    setup.plan.duration = .seconds(20)
    var trial = Trial(setup, load: CounterLoad(readShare: 0, seed: plan.seed))
    var findings = Findings()
    guard let record = trial.run(), let leader = trial.leader() else {
      findings.problems.append("nobody is in charge in the end")
      return findings
    }
    let host = trial.nodes[leader].host
    let answers = trial.load.acknowledged
    let value = Int(host.application.value)
    findings.problems += record.safetyViolations
    if value < answers.count || value > answers.count + trial.load.unknownCount {
      findings.problems.append("the counter is \(value) after \(answers.count) additions")
    }
    if Set(answers.values).count != answers.count {
      findings.problems.append("two additions saw the same value")
    }
    findings.acknowledged = answers.count
    var beginnings: [ClientID: Int] = [:]
    for batch in trial.world.batches(of: trial.nodes[leader].commits) {
      var reader = batch.makeReader()
      while let id = reader.next() {
        if !reader.continues { beginnings[id.client, default: 0] += 1 }
      }
    }
    findings.renewed = beginnings.values.reduce(0) { $0 + $1 - 1 }
    findings.stampedNs = host.sessions.periods.time
    findings.sessions = host.sessions.count
    return findings
  }
}

@Suite("Expired sessions in trials")
struct ExpiredSessionTests {
  @Test(
    "Replicas forget the same clients, and nothing takes effect twice",
    arguments: ProtocolKind.allCases)
  func forgetful(kind: ProtocolKind) async {
    let all = await sweepSeeds(1...6) { seed in
      var plan = SwarmPlan(seed: seed &+ 9000, transport: .tcp)
      plan.environment.clocks = ClockModel(maxSkew: .seconds(100), maxDrift: 0.02)
      var trial = ForgetfulTrial(kind: kind, plan: plan)
      return kind.visit(&trial)
    }
    for (offset, findings) in all.enumerated() {
      #expect(findings.problems == [], "seed \(9001 + offset)")
    }
    #expect(all.reduce(0) { $0 + $1.acknowledged } >= 2000)
    #expect(all.reduce(0) { $0 + $1.renewed } >= 5)
    // 20 s have passed, and the cluster settles. A change of leader or a restart may lose the time
    // since the last stamp.
    #expect(all.allSatisfy { $0.stampedNs <= 25_000_000_000 })
    #expect(all.contains { $0.stampedNs >= 10_000_000_000 })
  }
}
