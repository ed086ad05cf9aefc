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

/// The results of one trial with a counter.
struct CounterFindings: Sendable {
  var problems: [String] = []
  var acknowledged = 0
  var unknown = 0
  var retries = 0
  var reads = 0
  /// Entries that were ordered more than once, so that sessions had to recognise them.
  var repetitions = 0
}

struct CounterTrial: ProtocolVisitor {
  let kind: ProtocolKind
  let plan: SwarmPlan

  mutating func visit<Core: ReplicaCore>(
    _ core: Core.Type, _ description: ProtocolDescription
  ) -> CounterFindings {
    var trial = Trial(
      plan.setup(of: core, for: kind),
      load: CounterLoad(readShare: 0.3, seed: plan.seed))
    var findings = CounterFindings()
    func expect(_ holds: Bool, _ problem: String) {
      if !holds { findings.problems.append(problem) }
    }
    guard let record = trial.run(), let leader = trial.leader() else {
      findings.problems.append("nobody is in charge in the end")
      return findings
    }
    let load = trial.load
    let value = trial.nodes[leader].host.application.value
    let answers = load.acknowledged
    let acknowledged = UInt64(answers.count)
    let ordered = trial.world.batches(of: trial.nodes[leader].commits).flatMap(\.requestIDs)
    findings.acknowledged = answers.count
    findings.unknown = load.unknownCount
    findings.retries = load.retryCount
    findings.reads = load.readCount
    findings.repetitions = ordered.count - Set(ordered).count
    expect(record.safetyViolations.isEmpty, "\(record.safetyViolations)")
    expect(
      value == UInt64(record.surviving!.count),
      "the counter is \(value) after \(record.surviving!.count) additions")
    expect(
      acknowledged <= value && value <= acknowledged + UInt64(load.unknownCount),
      "the counter is \(value): \(acknowledged) were acknowledged, \(load.unknownCount) are unknown"
    )
    expect(
      Set(answers.values).count == answers.count,
      "two additions saw the same value")
    expect(
      answers.keys.allSatisfy(record.surviving!.contains),
      "an acknowledged addition is lost")
    expect(load.staleCount == 0, "\(load.staleCount) operations saw an old value")
    return findings
  }
}

@Suite("Exactly once")
struct ExactlyOnceTests {
  @Test(
    "Every acknowledged addition counts once, however often it was sent and ordered",
    arguments: ProtocolKind.allCases)
  func counter(kind: ProtocolKind) async {
    let all = await sweepSeeds(1...60) { seed in
      var plan = SwarmPlan(seed: seed &+ 5000, transport: .datagram)
      plan.environment.network.duplicate = 0.1
      plan.environment.network.loss = 0.04
      plan.environment.network.clients.loss = 0.04
      var trial = CounterTrial(kind: kind, plan: plan)
      return kind.visit(&trial)
    }
    for (offset, findings) in all.enumerated() {
      #expect(findings.problems == [], "seed \(5001 + offset)")
    }
    #expect(all.reduce(0) { $0 + $1.acknowledged } >= 1500)
    #expect(all.reduce(0) { $0 + $1.unknown } >= 30)
    #expect(all.reduce(0) { $0 + $1.retries } >= 100)
    // A replica in charge orders a request once, so only its successor can order it again.
    let failsOver = kind.description.failsOver
    #expect(all.reduce(0) { $0 + $1.repetitions } >= (failsOver ? 1 : 0))
    #expect(all.reduce(0) { $0 + $1.reads } >= 500)
  }
}
