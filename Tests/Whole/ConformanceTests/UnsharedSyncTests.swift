import Clients
import Environments
import Faults
import Histories
import Primitives
import ProtocolList
import ReplicaHosting
import Replication
import Simulation
import Testing
import Trials
import Workloads

/// A trial on disks on which every record needs a sync of its own.
private struct UnsharedSyncTrial: ProtocolVisitor {
  struct Outcome {
    var served = 0
    var unanswered = 0
    var leaders = 0
    /// The most records that wait for a disk at the end.
    var waiting = 0
  }

  let kind: ProtocolKind
  var clients: Int

  mutating func visit<Core: ReplicaCore>(
    _ core: Core.Type, _ description: ProtocolDescription
  ) -> Outcome {
    var workload = WorkloadSpec()
    workload.clients = clients
    workload.mix = OperationMix(put: 1)
    var setup = TrialSetup<Core>(
      membership: kind.membership(replicas: 3), options: Core.Options())
    setup.environment = .standard
    setup.environment.disk.groupCommit = false
    setup.plan.workload = workload
    setup.plan.warmUp = .zero
    setup.plan.duration = .seconds(2)
    var trial = Trial(setup, load: KeyValueLoad(workload, seed: 1))
    trial.prepare()
    _ = trial.advance(to: .zero + .seconds(2)) { _, _ in true }
    trial.world.now = .zero + .seconds(2)
    trial.clients.close(at: trial.world.now)
    var outcome = Outcome()
    for operation in trial.load.operations {
      outcome.served += operation.outcome == .ok ? 1 : 0
      outcome.unanswered += operation.outcome == .unknown ? 1 : 0
    }
    outcome.leaders = Set(trial.leadership.samples.filter { $0.leader != nil }.map(\.epoch)).count
    outcome.waiting = trial.nodes.elements.map(\.unsyncedCount).max() ?? 0
    return outcome
  }
}

@Suite("Disks that share no sync")
struct UnsharedSyncTests {
  private static func run(_ kind: ProtocolKind, clients: Int) -> UnsharedSyncTrial.Outcome {
    var trial = UnsharedSyncTrial(kind: kind, clients: clients)
    return kind.visit(&trial)
  }

  @Test(
    "Updates gather while the disk is behind, so four times the clients get three times the answers",
    arguments: ProtocolKind.allCases)
  func gathering(kind: ProtocolKind) {
    let few = Self.run(kind, clients: 64)
    let many = Self.run(kind, clients: 256)
    #expect(many.served >= 3 * few.served)
    #expect(many.unanswered <= 256, "only the operations of the end have no answer")
    #expect(many.leaders == 1)
    #expect(many.waiting <= 72)
  }

  @Test("No protocol is far behind the others, whether all members have to sync or a majority")
  func alike() {
    let served = ProtocolKind.failingOver.map { Self.run($0, clients: 256).served }
    #expect(Double(served.min() ?? 0) >= 0.6 * Double(served.max() ?? 0), "\(served)")
  }
}
