import Clients
import Environments
import Faults
import Replication
import StateMachines
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

  /// One server whose operations take 50 µs of processor and 200 µs of network.
  func run(
    _ command: Counter.Command = .read,
    configure: (inout TrialSetup<UnreplicatedServer>) -> Void
  ) -> (load: CounterLoad, stock: TrialRecord) {
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
    configure(&setup)
    var trial = ServerTrial(setup, load: CounterLoad(command))
    let stock = trial.run()!
    return (trial.load, stock)
  }

  func meanLatency(_ operations: [CounterLoad.Noted]) -> Double {
    let answered = operations.filter(\.isAnswered)
    return answered.reduce(0) { $0 + Double($1.returned - $1.due) } / Double(answered.count)
  }

  @Test(
    "A node is a single server that takes all that has arrived as one turn", arguments: [0.3, 0.8])
  func exactly(load share: Double) {
    let rate = share * 1e9 / Double(Self.service)
    let (load, stock) = run { $0.plan.workload.arrival = .open(rate: rate, process: .poisson) }
    // The same queue, worked out from the arrivals alone.
    let answered = load.operations.filter(\.isAnswered)
    var free: Int64 = 0
    var next = 0
    var wrong = 0
    while next < answered.count {
      let arrival = answered[next].invoked + Self.latency
      let start = max(arrival, free)
      var end = next + 1
      while free > arrival, end < answered.count,
        answered[end].invoked + Self.latency <= start
      {
        end += 1
      }
      let size = Int64(end - next)
      for (place, position) in (next..<end).enumerated() {
        let done = size * (Self.perMessage + Self.apply) + Int64(place + 1) * Self.perMessage
        if answered[position].returned != start + done + Self.latency { wrong += 1 }
      }
      free = start + size * Self.service
      next = end
    }
    #expect(wrong == 0 && answered.count > 5000 && load.dropped.isEmpty)
    let busy = Double(stock.nodes[0].busy) / 1e9
    #expect(abs(busy / share - 1) < 0.03)
  }

  @Test("At low load the mean latency is that of M/D/1")
  func poissonQueue() {
    let share = 0.2
    let rate = share * 1e9 / Double(Self.service)
    let (load, _) = run { $0.plan.workload.arrival = .open(rate: rate, process: .poisson) }
    let expected =
      Double(2 * Self.latency) + Double(Self.service) * (1 + share / (2 * (1 - share)))
    #expect(abs(meanLatency(load.operations) / expected - 1) < 0.02)
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

  @Test("Constant arrivals come at equal distances, Poisson ones with an exponential gap")
  func arrivals() {
    let (constant, _) = run { $0.plan.workload.arrival = .open(rate: 1000, process: .constant) }
    #expect(constant.operations.map(\.due) == (1..<1000).map { $0 * 1_000_000 })
    let (poisson, _) = run { $0.plan.workload.arrival = .open(rate: 5000, process: .poisson) }
    #expect(abs(poisson.operations.count - 5000) < 5 * 71)
    let gaps = zip(poisson.operations, poisson.operations.dropFirst()).map { $1.due - $0.due }
    let long = gaps.filter { $0 > 200_000 }.count
    #expect(abs(Double(long) / Double(gaps.count) - 0.3679) < 0.04)
  }

  @Test("Arrivals are the same whatever the cluster's disk does")
  func sameArrivals() {
    func due(_ sync: LatencyDistribution?) -> [Int64] {
      let (load, _) = run(.add(1)) {
        $0.environment.disk.sync = sync
        $0.plan.workload.arrival = .open(rate: 1000, process: .poisson)
        $0.plan.duration = .milliseconds(300)
      }
      return load.operations.map(\.due)
    }
    #expect(due(nil) == due(.uniform(.microseconds(10)...(.microseconds(900)))))
  }

  @Test("Operations wait for a free client, counted from when they came due, or are dropped")
  func overload() {
    let (load, _) = run {
      $0.plan.workload.clients = 2
      $0.plan.workload.timeout = .milliseconds(100)
      $0.plan.workload.arrival = .open(rate: 40_000, process: .constant)
      $0.plan.duration = .milliseconds(300)
    }
    #expect(load.operations.contains { $0.invoked - $0.due > 90_000_000 })
    #expect(load.operations.allSatisfy { $0.invoked - $0.due <= 100_000_001 })
    #expect(!load.dropped.isEmpty)
    #expect(load.operations.count + load.dropped.count == 11_999)
  }
}
