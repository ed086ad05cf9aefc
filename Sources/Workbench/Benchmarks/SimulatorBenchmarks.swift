import Clients
import Environments
import Histories
import ProtocolList
import Replication
import Simulation
import Sockets
import StateMachines
import Trials
import Workloads

extension Benchmark {
  /// The cost of one event when nodes do no work: tokens in a ring of five nodes, delays uniform in
  /// 100...999 ns, no disk and no processor time.
  static let simulatorRing = Benchmark(name: "simulator.ring", unit: "events/s") {
    var setup = TrialSetup<RingCore>(
      membership: Membership(replicas: 5), options: RingCore.Options())
    setup.environment = Environment(
      network: NetworkModel(latency: .uniform(.nanoseconds(100)...(.nanoseconds(999)))),
      disk: DiskModel(sync: nil), cpu: CPUModel(perMessage: .zero, perByte: .zero, apply: .zero),
      clocks: ClockModel())
    setup.plan.workload.clients = 0
    setup.plan.duration = .milliseconds(20)
    setup.plan.warmUp = .milliseconds(1)
    setup.settling = .zero
    var trial = Trial(setup, load: NoLoad())
    var events = 0
    let seconds = time {
      _ = trial.run()
      events = trial.eventCount
    }
    return (Double(events), seconds)
  }

  /// The cost of one event of a replicated state machine: three replicas on the standard
  /// environment and 4 closed-loop clients that alternate gets and puts of 64 bytes on 1,000 keys.
  /// The commands are made beforehand and no history is kept, because `trial.*` measures workloads
  /// and histories.
  static func simulator(_ kind: ProtocolKind) -> Benchmark {
    Benchmark(name: "simulator.\(kind.name)", unit: "events/s") {
      var visitor = SimulatorVisitor(kind: kind, clients: 4, load: RepeatedLoad()) {
        events, _ in events
      }
      return kind.visit(&visitor)
    }
  }

  /// The same with YCSB's workload E, 95 % scans of 1 to 100 keys, at 64 clients: scans and inserts
  /// per second.
  static let scanTrial = Benchmark(name: "scan.raft", unit: "ops/s") {
    var spec = WorkloadSpec()
    spec.clients = 64
    spec.mix = WorkloadPreset.ycsbE.mix
    spec.preload = true
    var visitor = SimulatorVisitor(
      kind: .raft, clients: 64, load: KeyValueLoad(spec, seed: 1, populate: Memory.populate),
      seconds: 2
    ) { _, load in load.history.count }
    return ProtocolKind.raft.visit(&visitor)
  }

  /// The same with YCSB's workload A at 64 clients and a history, without metrics: operations per
  /// second.
  /// - Parameter every: one in this many operations is traced. The cost of tracing is the ratio of
  ///   `traced.*` to `trial.*` in one run.
  static func trial(_ kind: ProtocolKind, tracingOneIn every: Int? = nil) -> Benchmark {
    Benchmark(name: "\(every == nil ? "trial" : "traced").\(kind.name)", unit: "ops/s") {
      var spec = WorkloadSpec()
      spec.clients = 64
      var visitor = SimulatorVisitor(
        kind: kind, clients: 64, load: KeyValueLoad(spec, seed: 1, populate: Memory.populate),
        traceEvery: every
      ) { _, load in load.history.count }
      return kind.visit(&visitor)
    }
  }
}

/// A load whose clients send no requests.
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

/// Repeats the same commands and does not record their outcomes.
struct RepeatedLoad: ClientLoad {
  typealias Application = KeyValueStore

  private let commands: [KeyValueCommand]
  private var next = 0

  init() {
    let value = [UInt8](repeating: 7, count: 64)
    let names = KeyNames()
    commands = (0..<2_000).map { number in
      // Every key is both written and read, because the step of 7 is prime to the number of keys.
      let key = names[number * 7 % 1_000]
      return number % 2 == 0 ? .get(key) : .put(key, value: value)
    }
  }

  mutating func begin(
    client: Int, sequence: UInt64, due: Interval, at now: Interval
  ) -> KeyValueCommand {
    next = next + 1 == commands.count ? 0 : next + 1
    return commands[next]
  }

  mutating func end(
    client: Int, outcome: ClientOutcome<KeyValueResponse>, attempts: Int, at now: Interval
  ) {}
  mutating func dropped(due: Interval, at now: Interval) {}
  mutating func close(at end: Interval) {}
}

struct SimulatorVisitor<Load: ClientLoad>: ProtocolVisitor {
  let kind: ProtocolKind
  let clients: Int
  let load: Load
  var traceEvery: Int?
  var seconds: Int64 = 12
  /// The amount of work, computed from the number of events and the load at the end.
  let work: (Int, Load) -> Int

  mutating func visit<Core: ReplicaCore>(
    _ core: Core.Type, _ description: ProtocolDescription
  ) -> (work: Double, seconds: Double) {
    var setup = TrialSetup<Core>(
      membership: kind.membership(replicas: 3), options: Core.Options())
    setup.plan.workload.clients = clients
    setup.plan.duration = .seconds(seconds)
    setup.plan.traceEvery = traceEvery
    var trial = Trial(setup, load: load)
    var done = 0
    let seconds = Benchmark.time {
      _ = trial.run()
      done = work(trial.eventCount, trial.load)
    }
    return (Double(done), seconds)
  }
}
