import Clients
import Environments
import Faults
import Histories
import Primitives
import ProtocolList
import Replication
import Simulation
import Testing
import Trials
import Workloads

/// Tests clients and probes with all protocols in the simulator.
@Suite("Clients' patience") struct PatienceTests {
  struct Outcome {
    var operations: [Operation]
    var probes: [Operation]
    var clients: Int
  }

  struct Visitor: ProtocolVisitor {
    let kind: ProtocolKind
    let replicas: Int
    let configure: (inout TrialPlan, inout Environment) -> Void

    mutating func visit<Core: ReplicaCore>(
      _ core: Core.Type, _ description: ProtocolDescription
    ) -> Outcome {
      var setup = TrialSetup<Core>(
        membership: kind.membership(replicas: replicas), options: Core.Options())
      setup.plan.duration = .milliseconds(1500)
      setup.settling = .zero
      configure(&setup.plan, &setup.environment)
      var trial = Trial(setup, load: KeyValueLoad(setup.plan.workload, seed: 1))
      let record = trial.run()!
      return Outcome(
        operations: trial.clients.load.takeOperations(),
        probes: trial.clients.load.takeProbes(), clients: record.clients)
    }
  }

  func run(
    _ kind: ProtocolKind, replicas: Int = 3,
    _ configure: @escaping (inout TrialPlan, inout Environment) -> Void
  ) -> Outcome {
    var visitor = Visitor(kind: kind, replicas: replicas, configure: configure)
    return kind.visit(&visitor)
  }

  /// The attempts of operations after the first second, in which a leader is elected and clients
  /// search for it.
  func attempts(_ operations: [Operation]) -> [UInt16] {
    operations.filter { $0.invoked > 1_000_000_000 && $0.outcome == .ok }.map(\.attempts)
  }

  @Test("Without a fault no request is sent twice, at any load", arguments: ProtocolKind.allCases)
  func noResends(kind: ProtocolKind) {
    for clients in [1, 100] {
      let outcome = run(kind) { plan, _ in
        plan.workload.clients = clients
        plan.probeRate = 200
      }
      let attempts = attempts(outcome.operations)
      #expect(attempts.count > 50, "\(clients) clients")
      #expect(attempts.allSatisfy { $0 == 1 }, "\(clients) clients")
      #expect(self.attempts(outcome.probes).count > 190, "\(clients) clients")
    }
  }

  @Test(
    "Clients that ask one replica reach the one in charge by a redirect", arguments: [0, 1, 2])
  func asked(replica: Int) {
    for rule in [FirstAsked.replica(replica), .nearest] {
      let outcome = run(.raft) { plan, environment in
        plan.workload.clients = 4
        plan.workload.ask = rule
        if rule == .nearest {
          var places = Places(
            names: ["near", "far"],
            latency: [
              [Self.constant(50), Self.constant(2_000)], [Self.constant(2_000), Self.constant(50)],
            ])
          places.replicas = (0..<3).map { $0 == replica ? 0 : 1 }
          places.clients = [0]
          environment.network.places = places
        }
      }
      let attempts = attempts(outcome.operations)
      #expect(attempts.count > 50)
      // Either the replica is in charge and each operation is sent once, or each is redirected.
      #expect(Set(attempts).count == 1 && attempts[0] <= 2)
    }
    let sum = [0, 1, 2].reduce(into: 0) { sum, other in
      let outcome = run(.raft) { plan, _ in plan.workload.ask = .replica(other) }
      sum += Int(attempts(outcome.operations)[0])
    }
    #expect(sum == 1 + 2 + 2, "one of three replicas is in charge")
  }

  private static func constant(_ microseconds: Int64) -> DelayDistribution {
    .constant(.microseconds(microseconds))
  }

  @Test("The outage measured by probes does not depend on the timeout of the load")
  func outage() {
    let outages = [Interval.milliseconds(200), .seconds(1), .seconds(20)].map { timeout in
      let probes = run(.raft) { plan, _ in
        plan.workload.timeout = timeout
        plan.probeRate = 200
        plan.faults.timed = [
          TimedFault(at: .milliseconds(1500), duration: nil, action: .crash(.leader, disk: .kept))
        ]
        plan.duration = .seconds(3)
      }.probes
      let answers = probes.filter { $0.outcome == .ok }.map(\.returned).sorted()
      return zip(answers, answers.dropFirst()).map { $1 - $0 }.max() ?? 0
    }
    #expect(outages.allSatisfy { abs($0 - outages[0]) < outages[0] / 5 }, "\(outages)")
  }

  @Test("In an open loop no operation waits for a client, and the record has the number of clients")
  func openLoop() {
    let outcome = run(.raft) { plan, _ in
      plan.workload.clients = 2
      plan.workload.arrival = .open(rate: 4_000, process: .poisson)
      plan.workload.mix = OperationMix(put: 1)
    }
    let late = outcome.operations.filter { $0.invoked > 1_000_000_000 }
    #expect(late.count > 1_500)
    #expect(late.allSatisfy { $0.invoked == $0.intended && $0.outcome != .failed })
    #expect(outcome.clients > 2)
  }
}
