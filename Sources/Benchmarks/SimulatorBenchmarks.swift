import Clients
import ProtocolList
import Replication
import Simulation
import StateMachines
import Workloads

extension Benchmark {
  /// Tokens in a ring of five nodes, delays uniform in 100...999 ns, no disk and no processor time:
  /// what one event costs when nodes do nothing.
  static let simulatorRing = Benchmark(name: "simulator.ring", unit: "events/s") {
    var setup = TrialSetup<RingCore>(
      membership: Membership(replicas: 5), options: RingCore.Options())
    setup.environment = Environment(
      network: NetworkModel(latency: .uniform(.nanoseconds(100)...(.nanoseconds(999)))),
      disk: DiskModel(sync: nil), cpu: CPUModel(perMessage: .zero, perByte: .zero, apply: .zero),
      clocks: ClockModel())
    setup.clients = 0
    setup.duration = .milliseconds(20)
    setup.warmUp = .milliseconds(1)
    setup.settling = .zero
    var trial = Trial(setup, load: NoLoad())
    var events = 0
    let seconds = time {
      _ = trial.run()
      events = trial.eventCount
    }
    return (Double(events), seconds)
  }

  /// A whole trial of three replicas on the standard environment: 16 closed-loop clients, half gets and
  /// half puts of 64 bytes on 1,000 uniformly drawn keys, history and final state included.
  static func simulator(_ kind: ProtocolKind) -> Benchmark {
    Benchmark(name: "simulator.\(kind.name)", unit: "events/s") {
      var visitor = SimulatorVisitor(kind: kind)
      return kind.visit(&visitor)
    }
  }
}

/// Nobody asks for anything.
struct NoLoad: ClientLoad {
  typealias Application = Counter

  mutating func begin(
    client: Int, sequence: UInt64, due: Interval, at now: Interval
  ) -> Counter.Command { .read }
  mutating func end(
    client: Int, outcome: ClientOutcome<UInt64>, attempts: Int, at now: Interval
  ) {}
  mutating func dropped(due: Interval, at now: Interval) {}
  mutating func close(at end: Interval) {}
}

struct SimulatorVisitor: ProtocolVisitor {
  let kind: ProtocolKind

  mutating func visit<Core: ReplicaCore>(
    _ core: Core.Type, _ description: ProtocolDescription
  ) -> (work: Double, seconds: Double) {
    var setup = TrialSetup<Core>(
      membership: kind.membership(replicas: 3), options: Core.Options())
    setup.clients = 16
    setup.duration = .seconds(16)
    var spec = WorkloadSpec()
    spec.clients = 16
    spec.distribution = .uniform
    spec.valueSize = 64
    var trial = Trial(setup, load: KeyValueLoad(spec, seed: 1))
    var events = 0
    let seconds = Benchmark.time {
      _ = trial.run()
      events = trial.eventCount
    }
    return (Double(events), seconds)
  }
}
