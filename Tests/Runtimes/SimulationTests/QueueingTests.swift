import Clients
import Environments
import Faults
import Histories
import Replication
import StateMachines
import Stubs
import Testing
import Trials
import Unreplicated
import Workloads

@testable import Simulation

@Suite struct QueueingTests {
  static let perMessage: Int64 = 10_000
  static let apply: Int64 = 30_000
  static let latency: Int64 = 100_000
  static let service = 2 * perMessage + apply

  typealias ServerTrial = Trial<UnreplicatedServer, CounterLoad>

  /// One server whose operations take 50 µs of processor time and 200 µs of network latency.
  var setup: TrialSetup<UnreplicatedServer> {
    var setup = TrialSetup<UnreplicatedServer>(
      membership: Membership(replicas: 1), options: UnreplicatedServer.Options())
    setup.environment = Environment(
      network: NetworkModel(latency: .constant(.nanoseconds(Self.latency))),
      disk: DiskModel(sync: nil),
      cpu: CPUModel(
        perMessage: .nanoseconds(Self.perMessage), perByte: .zero,
        apply: .nanoseconds(Self.apply)), clocks: ClockModel())
    setup.plan.warmUp = .zero
    setup.plan.duration = .seconds(1)
    setup.plan.workload.clients = 200
    return setup
  }

  func run(
    _ commands: [Counter.Command] = [.read],
    configure: (inout TrialSetup<UnreplicatedServer>) -> Void
  ) -> (load: CounterLoad, record: TrialRecord) {
    var setup = setup
    configure(&setup)
    var trial = ServerTrial(setup, load: CounterLoad(commands))
    let record = trial.run()!
    return (trial.load, record)
  }

  func meanLatency(_ operations: [CounterLoad.Operation]) -> Double {
    let answered = operations.filter(\.isAnswered)
    return answered.reduce(0) { $0 + Double($1.returned - $1.due) } / Double(answered.count)
  }

  @Test(
    "A node serves requests one after the other, and its mean latency is that of M/D/1",
    arguments: [0.5, 0.8, 0.9], [[Counter.Command.read], [.add(1)], [.add(1), .read, .read]])
  func poissonQueue(load share: Double, commands: [Counter.Command]) {
    let service = Double(Self.service)
    let (load, record) = run(commands) {
      $0.plan.workload.arrival = .open(rate: share * 1e9 / service, process: .poisson)
      $0.plan.duration = .seconds(4)
    }
    // The time needed for a mean wait within 5 % of Pollaczek and Khinchin's grows with the load.
    let wait = service * share / (2 * (1 - share))
    let expected = Double(2 * Self.latency) + service + wait
    #expect(abs(meanLatency(load.operations) - expected) < 0.05 * (service + wait))
    // Lindley's recursion: a request is served from its arrival or from the end of the previous
    // one.
    var free: Int64 = 0
    var wrong = 0
    for operation in load.operations where operation.isAnswered {
      free = max(operation.invoked + Self.latency, free) + Self.service
      if operation.returned != free + Self.latency { wrong += 1 }
    }
    #expect(wrong == 0 && load.operations.count > 30_000 && load.dropped.isEmpty)
    #expect(abs(Double(record.nodes[0].busyNs) / 4e9 / share - 1) < 0.03)
  }

  @Test("A processor that is never idle is busy for exactly the measured interval")
  func busyShare() {
    for (perMessage, warmUp) in [(10_000, 300), (90_000_000, 250), (170_000_000, 333)] {
      let (_, record) = run([.add(1)]) {
        $0.environment.cpu.perMessage = .nanoseconds(Int64(perMessage))
        $0.plan.warmUp = .milliseconds(Int64(warmUp))
        $0.plan.workload.timeout = .seconds(100)
      }
      #expect(record.nodes[0].busyNs <= 1_000_000_000 - warmUp * 1_000_000)
      #expect(record.nodes[0].busyNs >= 1_000_000_000 - warmUp * 1_000_000 - 1000)
    }
  }

  @Test(
    "A closed loop obeys Little's law and both bounds of its throughput", arguments: [1, 4, 20])
  func closedLoop(clients: Int) {
    let (load, _) = run { $0.plan.workload.clients = clients }
    let measured = load.operations.filter { $0.isAnswered && $0.returned > 200_000_000 }
    let throughput = Double(measured.count) / 0.8e9
    let minimum = Double(2 * Self.latency + Self.service)
    #expect(throughput <= min(Double(clients) / minimum, 1 / Double(Self.service)) * 1.002)
    #expect(abs(throughput * meanLatency(measured) / Double(clients) - 1) < 0.01)
    if clients == 1 { #expect(abs(throughput * minimum - 1) < 0.01) }
    if clients == 20 { #expect(throughput * Double(Self.service) > 0.99) }
  }

  @Test("Think time is spent between operations")
  func thinkTime() {
    let (load, _) = run {
      $0.plan.workload.clients = 1
      $0.plan.workload.thinkTime = .milliseconds(2)
    }
    for (one, next) in zip(load.operations, load.operations.dropFirst()) {
      #expect(next.invoked == one.returned + 2_000_000)
    }
  }

  @Test("Constant arrivals have equal gaps, and Poisson arrivals have exponential gaps")
  func arrivals() {
    let (constant, _) = run { $0.plan.workload.arrival = .open(rate: 1000, process: .constant) }
    #expect(constant.operations.map(\.due) == (1..<1000).map { $0 * 1_000_000 })
    let (poisson, _) = run { $0.plan.workload.arrival = .open(rate: 5000, process: .poisson) }
    #expect(abs(poisson.operations.count - 5000) < 5 * 71)
    let gaps = zip(poisson.operations, poisson.operations.dropFirst()).map { $1.due - $0.due }
    let long = gaps.filter { $0 > 200_000 }.count
    #expect(abs(Double(long) / Double(gaps.count) - 0.3679) < 0.04)
  }

  @Test("Arrivals do not depend on the cluster's disk")
  func sameArrivals() {
    func due(_ sync: DelayDistribution?) -> [Int64] {
      let (load, _) = run([.add(1)]) {
        $0.environment.disk.sync = sync
        $0.plan.workload.arrival = .open(rate: 1000, process: .poisson)
        $0.plan.duration = .milliseconds(300)
      }
      return load.operations.map(\.due)
    }
    #expect(due(nil) == due(.uniform(.microseconds(10)...(.microseconds(900)))))
  }

  @Test("Probes take no time of the server that they measure")
  func freeProbes() {
    func returned(probeRate: Double?) -> (times: [Int64], messages: Int) {
      var setup = setup
      setup.plan.probeRate = probeRate
      setup.plan.workload.arrival = .open(rate: 16_000, process: .poisson)
      var trial = Trial(setup, load: KeyValueLoad(setup.plan.workload, seed: setup.plan.seed))
      let record = trial.run()!
      return (trial.load.operations.map(\.returned), record.nodes[0].messagesReceived)
    }
    let without = returned(probeRate: nil)
    let with = returned(probeRate: 2000)
    #expect(with.messages > without.messages + 3900)
    #expect(with.times == without.times)
  }

  @Test("Operations beyond the capacity wait, counted from their due time, or are dropped")
  func overload() {
    let (load, _) = run {
      // 10,000 operations a second are possible, 40,000 come due.
      $0.environment.cpu.perMessage = .microseconds(50)
      $0.plan.workload.clients = 2
      $0.plan.workload.timeout = .milliseconds(100)
      $0.plan.workload.arrival = .open(rate: 40_000, process: .constant)
      $0.plan.duration = .milliseconds(300)
    }
    #expect(load.operations.contains { $0.invoked - $0.due > 10_000_000 })
    #expect(load.operations.allSatisfy { $0.invoked - $0.due <= 100_000_001 })
    #expect(!load.dropped.isEmpty)
    #expect(load.operations.count + load.dropped.count == 11_999)
  }
}
