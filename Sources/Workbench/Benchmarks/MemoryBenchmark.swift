import Histories
import ProtocolList
import Replication
import Simulation
import Sockets
import Trials
import Workloads

extension Benchmark {
  /// The memory per operation that a trial of Raft with three replicas keeps until its end, beyond
  /// the written values: its history, three logs and the committed commands. Half of the operations
  /// are writes of 128 bytes. With few clients nearly every write has its own batch.
  static func memory(clients: Int) -> Benchmark {
    Benchmark(name: "memory.trial.clients\(clients)", unit: "B/op") {
      var visitor = MemoryVisitor(clients: clients)
      return ProtocolKind.raft.visit(&visitor)
    }
  }
}

struct MemoryVisitor: ProtocolVisitor {
  let clients: Int

  mutating func visit<Core: ReplicaCore>(
    _ core: Core.Type, _ description: ProtocolDescription
  ) -> (work: Double, seconds: Double) {
    var spec = WorkloadSpec()
    spec.clients = clients
    var setup = TrialSetup<Core>(
      membership: ProtocolKind.raft.membership(replicas: 3), options: Core.Options())
    setup.plan.workload = spec
    // Long enough for about a hundred thousand operations.
    setup.plan.duration = .milliseconds(Int64(50_000 / clients + 2_000))
    let before = Memory.allocatedByteCount
    var trial = Trial(setup, load: KeyValueLoad(spec, seed: 1))
    _ = trial.run()
    let allocated = Memory.allocatedByteCount - before
    let operations = trial.load.operations
    let writes = operations.count { $0.kind == .put }
    return (Double(operations.count), Double(allocated) - Double(writes) * spec.valueSize.mean)
  }
}
