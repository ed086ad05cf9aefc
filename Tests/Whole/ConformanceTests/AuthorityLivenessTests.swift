import Clients
import Environments
import Faults
import Histories
import ProtocolList
import Replication
import Simulation
import Testing
import Trials
import Workloads

/// Tests the protocols with an authority in whole trials: how many views a fault costs, and whether
/// reads are answered if the authority is far away.
@Suite("Authority in trials") struct AuthorityLivenessTests {
  struct Outcome {
    var operations: [Operation]
    var views: UInt64
  }

  struct Visitor: ProtocolVisitor {
    let kind: ProtocolKind
    let configure: (inout TrialPlan, inout Environment) -> Void

    mutating func visit<Core: ReplicaCore>(
      _ core: Core.Type, _ description: ProtocolDescription
    ) -> Outcome {
      var setup = TrialSetup<Core>(
        membership: kind.membership(replicas: 3), options: Core.Options())
      setup.plan.duration = .seconds(6)
      setup.settling = .zero
      setup.plan.workload.clients = 4
      setup.plan.workload.timeout = .seconds(2)
      configure(&setup.plan, &setup.environment)
      var trial = Trial(setup, load: KeyValueLoad(setup.plan.workload, seed: 1))
      let record = trial.run()!
      return Outcome(
        operations: trial.clients.load.takeOperations(),
        views: record.leadership.map(\.newestEpoch).max() ?? 0)
    }
  }

  func run(
    _ kind: ProtocolKind, _ configure: @escaping (inout TrialPlan, inout Environment) -> Void
  ) -> Outcome {
    var visitor = Visitor(kind: kind, configure: configure)
    return kind.visit(&visitor)
  }

  @Test(
    "A replica that sends but cannot receive costs two views, however long that lasts",
    arguments: ProtocolKind.supervised, [0, 2])
  func deaf(kind: ProtocolKind, replica: Int) {
    let outcome = run(kind) { plan, _ in
      plan.faults.timed = [
        TimedFault(
          at: .seconds(1), duration: .seconds(4),
          action: .partition(.oneWay(.replica(replica), .inbound)))
      ]
    }
    #expect(outcome.views <= 3)
  }

  @Test(
    "A slow disk costs no view, because pings do not wait for it",
    arguments: ProtocolKind.supervised, [100, 250] as [Int64])
  func slowDisk(kind: ProtocolKind, milliseconds: Int64) {
    let outcome = run(kind) { plan, _ in
      plan.faults.timed = [
        TimedFault(
          at: .seconds(1), duration: .seconds(4),
          action: .disk(.replica(2), .slow(.milliseconds(milliseconds))))
      ]
    }
    #expect(outcome.views == 1)
  }

  @Test(
    "Members that cannot reach each other are separated, and updates continue",
    arguments: ProtocolKind.supervised)
  func cutMembers(kind: ProtocolKind) {
    let outcome = run(kind) { plan, _ in
      plan.faults.timed = [
        TimedFault(
          at: .seconds(1), duration: .seconds(4), action: .partition(.majorityRing))
      ]
    }
    let late = outcome.operations.filter {
      $0.outcome == .ok && $0.returned > 2_000_000_000 && $0.returned < 4_900_000_000
    }
    #expect(late.count > 100)
    #expect(outcome.views <= 3)
  }

  @Test(
    "By default reads are answered 40 ms away", arguments: ProtocolKind.supervised)
  func farAway(kind: ProtocolKind) {
    let outcome = run(kind) { plan, environment in
      plan.workload.mix = OperationMix(get: 1)
      environment.network.latency = .constant(.milliseconds(40))
    }
    let late = outcome.operations.filter { $0.outcome == .ok && $0.invoked > 2_000_000_000 }
    #expect(late.count > 100)
    #expect(late.allSatisfy { $0.returned - $0.invoked < 200_000_000 })
  }
}
