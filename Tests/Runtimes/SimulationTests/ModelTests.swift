import Environments
import Faults
import Primitives
import Replication
import Testing

@testable import Simulation

@Suite struct EventQueueTests {
  @Test("Events come out in order of time, those of equal times in the order in which they went in")
  func order() {
    var queue = EventQueue<Int>()
    var random = RandomStream(seed: 1)
    var reference: [(time: Int64, number: Int)] = []
    for number in 0..<5000 {
      let time = Int64(random.below(200))
      queue.push(number, at: time)
      reference.append((time, number))
      if random.chance(0.4) {
        let first = reference.indices.min {
          (reference[$0].time, reference[$0].number) < (reference[$1].time, reference[$1].number)
        }!
        let time = queue.nextTime
        let number = queue.pop()
        if time != reference[first].time || number != reference[first].number {
          Issue.record("\(number) came out instead of \(reference[first])")
        }
        reference.remove(at: first)
      }
      if reference.count > 60 {
        reference.sort { ($0.time, $0.number) < ($1.time, $1.number) }
        for expected in reference where queue.pop() != expected.number { Issue.record("order") }
        reference.removeAll()
      }
    }
    while !queue.isEmpty { _ = queue.pop() }
  }

  final class Token {}

  @Test("Payloads are released when they come out, and when the queue goes")
  func release() {
    weak var first: Token?
    weak var second: Token?
    do {
      var queue = EventQueue<Token>()
      for number in 0..<1000 {
        let token = Token()
        if number == 0 { first = token }
        if number == 900 { second = token }
        queue.push(token, at: Int64(number))
      }
      #expect(first != nil && second != nil)
      _ = queue.pop()
      #expect(first == nil && second != nil)
    }
    #expect(second == nil)
  }
}

@Suite struct LatencySamplerTests {
  func draw(_ distribution: LatencyDistribution) -> [Double] {
    let sampler = LatencySampler(distribution)
    var random = RandomStream(seed: 9)
    return (0..<20_000).map { _ in Double(sampler.next(&random)) }.sorted()
  }

  func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

  @Test("A constant is constant, and a uniform draw fills its range")
  func simple() {
    #expect(Set(draw(.constant(.microseconds(5)))) == [5000])
    let uniform = draw(.uniform(.microseconds(100)...(.microseconds(300))))
    #expect(uniform.first! >= 100_000 && uniform.last! <= 300_000)
    #expect(uniform.first! < 101_000 && uniform.last! > 299_000)
    #expect(abs(mean(uniform) - 200_000) < 2500)
  }

  @Test("Normal, lognormal and exponential draws have their mean, median and spread")
  func shapes() {
    let normal = draw(.normal(mean: .microseconds(100), deviation: .microseconds(10)))
    #expect(abs(mean(normal) - 100_000) < 400 && abs(normal[10_000] - 100_000) < 500)
    #expect(abs(normal[Int(20_000 * 0.8413)] - 110_000) < 600)
    let cut = draw(.normal(mean: .zero, deviation: .microseconds(10)))
    #expect(cut.first! == 0 && cut[9000] == 0 && cut[11_000] > 0)
    let lognormal = draw(.lognormal(median: .milliseconds(1), sigma: 0.5))
    #expect(abs(lognormal[10_000] - 1e6) < 20_000)
    #expect(abs(mean(lognormal) - 1e6 * RealFunctions.exp(0.125)) < 20_000)
    #expect(lognormal.last! > 1e6 * RealFunctions.exp(0.5 * 3.4))
    let exponential = draw(.exponential(minimum: .milliseconds(1), mean: .milliseconds(2)))
    #expect(exponential.first! >= 1e6 && abs(mean(exponential) - 3e6) < 70_000)
    #expect(abs(exponential[10_000] - (1e6 + 2e6 * 0.6931)) < 50_000)
  }

  @Test("The ends of the unit interval have a quantile")
  func ends() {
    for distribution: LatencyDistribution in [
      .normal(mean: .milliseconds(1), deviation: .milliseconds(1)),
      .lognormal(median: .milliseconds(1), sigma: 1),
      .exponential(minimum: .zero, mean: .milliseconds(1)),
    ] {
      let last = LatencySampler.quantile(1, of: distribution)
      #expect(last > 5_000_000 && last <= 3_600_000_000_000)
      #expect(LatencySampler.quantile(0x1p-64, of: distribution) >= 0)
    }
  }
}

@Suite struct NetworkStateTests {
  func network(
    _ model: NetworkModel, nodes: Int = 3
  ) -> NetworkState {
    NetworkState(model: model, nodeCount: nodes, random: RandomStream(seed: 4))
  }

  func arrival(_ fate: NetworkState.Fate) -> Int64? {
    switch fate {
    case .lost: nil
    case .delivered(let at), .twice(let at, _): at
    }
  }

  @Test("A link is first in, first out, except for messages that are picked to be reordered")
  func order() {
    var model = NetworkModel(latency: .lognormal(median: .milliseconds(1), sigma: 1))
    func arrivals(_ model: NetworkModel) -> [Int64] {
      var network = network(model)
      return (0..<500).map { arrival(network.route(from: 0, to: 1, bytes: 1, departing: $0))! }
    }
    let ordered = arrivals(model)
    #expect(zip(ordered, ordered.dropFirst()).allSatisfy { $0 <= $1 })
    model.reorder = 0.1
    let mixed = arrivals(model)
    #expect(zip(mixed, mixed.dropFirst()).contains { $0 > $1 })
  }

  @Test("Losses and duplicates come as often as the model says")
  func rates() {
    var model = NetworkModel(latency: .constant(.milliseconds(1)))
    model.loss = 0.2
    model.duplicate = 0.1
    var network = network(model)
    var lost = 0
    var twice = 0
    for time in 0..<10_000 as Range<Int64> {
      switch network.route(from: 0, to: 1, bytes: 1, departing: time) {
      case .lost: lost += 1
      case .twice: twice += 1
      case .delivered: break
      }
    }
    #expect(abs(lost - 2000) < 200 && abs(twice - 800) < 140)
  }

  @Test("Messages queue for a link's bandwidth, each direction for itself")
  func bandwidth() {
    var model = NetworkModel(latency: .constant(.milliseconds(1)))
    model.bandwidth = 8e6
    var network = network(model)
    // A thousand bytes take a millisecond.
    for place in 1...3 as ClosedRange<Int64> {
      #expect(
        arrival(network.route(from: 0, to: 1, bytes: 1000, departing: 0))
          == (place + 1) * 1_000_000)
    }
    #expect(arrival(network.route(from: 1, to: 0, bytes: 1000, departing: 0)) == 2_000_000)
    #expect(arrival(network.route(from: 0, to: 1, bytes: 1000, departing: 9_000_000)) == 11_000_000)
  }

  @Test("A link that is cut twice works again after both cuts are mended; cuts have a direction")
  func cuts() {
    var network = network(NetworkModel(latency: .constant(.milliseconds(1))))
    var ledger = FaultLedger(drifts: [0, 0, 0])
    for key in [1, 2] { ledger.add(.cut([(from: 0, to: 1)]), key: key) }
    #expect(ledger.remove(key: 1) != nil)
    network.adopt(ledger)
    #expect(arrival(network.route(from: 0, to: 1, bytes: 1, departing: 0)) == nil)
    #expect(arrival(network.route(from: 1, to: 0, bytes: 1, departing: 0)) != nil)
    #expect(ledger.remove(key: 2) != nil)
    network.adopt(ledger)
    #expect(arrival(network.route(from: 0, to: 1, bytes: 1, departing: 0)) != nil)
  }

  @Test("Degradations hit all links of their nodes, clients' too, and add up until they end")
  func degradations() {
    var network = network(NetworkModel(latency: .constant(.milliseconds(1))))
    func slower(_ node: Int, by milliseconds: Int64) -> FaultLedger.Entry {
      var what = LinkDegradation()
      what.extraLatency = .milliseconds(milliseconds)
      return .degraded([node], what, until: nil)
    }
    var ledger = FaultLedger(drifts: [0, 0, 0])
    ledger.add(slower(1, by: 1), key: 1)
    ledger.add(slower(0, by: 2), key: 2)
    network.adopt(ledger)
    #expect(arrival(network.route(from: 0, to: 1, bytes: 1, departing: 0)) == 4_000_000)
    #expect(arrival(network.route(from: 1, to: 2, bytes: 1, departing: 0)) == 2_000_000)
    #expect(
      arrival(network.routeClient(client: 0, node: 0, bytes: 1, departing: 0)) == 3_000_000)
    #expect(ledger.remove(key: 2) != nil)
    network.adopt(ledger)
    #expect(arrival(network.route(from: 2, to: 0, bytes: 1, departing: 0)) == 1_000_000)
    var deaf = LinkDegradation()
    deaf.loss = 1
    ledger.add(.degraded([2], deaf, until: nil), key: 3)
    network.adopt(ledger)
    #expect(arrival(network.route(from: 2, to: 0, bytes: 1, departing: 0)) == nil)
  }

  @Test("What queued up behind a narrow link leaves at full speed once the degradation is over")
  func narrowLink() {
    var model = NetworkModel(latency: .constant(.milliseconds(1)))
    model.bandwidth = 8e9
    var network = network(model)
    var narrow = LinkDegradation()
    narrow.bandwidth = 8e6
    var ledger = FaultLedger(drifts: [0, 0, 0])
    ledger.add(.degraded([0], narrow, until: 5_000_000), key: 1)
    network.adopt(ledger)
    // 2 ms for each message of 2000 bytes, until 5 ms; from then on 2 us.
    let arrivals = (0..<4).map { _ in
      arrival(network.route(from: 0, to: 1, bytes: 2000, departing: 0))
    }
    #expect(arrivals == [3_000_000, 5_000_000, 6_001_000, 6_003_000])
    #expect(
      arrival(network.routeClient(client: 0, node: 0, bytes: 6000, departing: 0)) == 6_001_000)
    #expect(arrival(network.route(from: 1, to: 2, bytes: 2000, departing: 0)) == 1_002_000)
  }

  @Test("Places decide latencies of nodes and of clients; an override replaces one direction")
  func places() {
    var model = NetworkModel(latency: .constant(.seconds(1)))
    model.places = [
      [.milliseconds(1), .milliseconds(10)], [.milliseconds(20), .milliseconds(2)],
    ]
    var override = LinkOverride(from: 0, to: 2, bothWays: false)
    override.latency = .constant(.milliseconds(77))
    override.loss = 0
    model.links = [override]
    var network = network(model, nodes: 4)
    func near(_ fate: NetworkState.Fate, _ milliseconds: Double) -> Bool {
      abs(Double(arrival(fate) ?? 0) / 1e6 / milliseconds - 1) < 0.1
    }
    #expect(near(network.route(from: 0, to: 1, bytes: 1, departing: 0), 10))
    #expect(near(network.route(from: 1, to: 0, bytes: 1, departing: 0), 20))
    #expect(near(network.route(from: 2, to: 0, bytes: 1, departing: 0), 1))
    #expect(near(network.route(from: 0, to: 2, bytes: 1, departing: 0), 77))
    #expect(near(network.route(from: 1, to: 3, bytes: 1, departing: 0), 2))
    #expect(near(network.routeClient(client: 1, node: 3, bytes: 1, departing: 0), 2))
    #expect(near(network.routeClient(client: 2, node: 3, bytes: 1, departing: 0), 10))
    #expect(NetworkModel.presets.allSatisfy { !$0.name.isEmpty && !$0.meaning.isEmpty })
  }
}
