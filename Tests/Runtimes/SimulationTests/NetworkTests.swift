import Environments
import Faults
import Primitives
import Replication
import Stubs
import Testing

@testable import Simulation

func network(_ model: NetworkModel, nodes: Int = 3, seed: UInt64 = 4) -> NetworkState {
  NetworkState(model: model, membership: Membership(replicas: nodes), seed: seed)
}

/// A network with this latency on every link, and interfaces without limits.
func steady(
  _ milliseconds: Int64, _ transport: NetworkTransport = .tcp
) -> NetworkModel {
  var model = NetworkModel(latency: .constant(.milliseconds(milliseconds)))
  model.transport = transport
  return model
}

extension NetworkState.Fate {
  var arrival: Instant? {
    switch self {
    case .lost, .held: nil
    case .delivered(let at), .twice(let at, _): at
    }
  }
}

extension NetworkState {
  /// The arrival time of a message; `nil` if it is lost or waits.
  mutating func arrival(
    _ from: Int, _ to: Int, bytes: Int = 1, at time: Instant = 0
  ) -> Instant? {
    route(from: from, to: to, bytes: bytes, departing: time).arrival
  }

  mutating func request(
    _ client: UInt64, to node: Int, bytes: Int = 1, at time: Instant = 0
  ) -> Instant? {
    route(
      client: ClientID(client), node: node, isRequest: true, bytes: bytes, departing: time
    ).arrival
  }

  mutating func reply(
    _ client: UInt64, from node: Int, bytes: Int = 1, at time: Instant = 0
  ) -> Instant? {
    route(
      client: ClientID(client), node: node, isRequest: false, bytes: bytes, departing: time
    ).arrival
  }
}

@Suite struct NetworkStateTests {
  @Test("A link is first in, first out, except for datagrams chosen to be reordered")
  func order() {
    var model = NetworkModel(latency: .lognormal(median: .milliseconds(1), sigma: 1))
    func arrivals(_ model: NetworkModel) -> [Instant] {
      var network = network(model)
      return (0..<500).map { network.arrival(0, 1, at: Instant(nanoseconds: $0))! }
    }
    let ordered = arrivals(model)
    #expect(zip(ordered, ordered.dropFirst()).allSatisfy { $0 <= $1 })
    model.reorder = 0.1
    #expect(arrivals(model) == ordered)
    model.transport = .datagram
    let mixed = arrivals(model)
    #expect(zip(mixed, mixed.dropFirst()).contains { $0 > $1 })
  }

  @Test("Datagrams are lost and duplicated at the rates of the model")
  func rates() {
    var model = steady(1, .datagram)
    model.loss = 0.2
    model.duplicate = 0.1
    var network = network(model)
    var lost = 0
    var twice = 0
    for number in 0..<10_000 as Range<Int64> {
      let time = Instant(nanoseconds: number)
      switch network.route(from: 0, to: 1, bytes: 1, departing: time) {
      case .lost: lost += 1
      case .twice: twice += 1
      case .delivered, .held: break
      }
    }
    #expect(abs(lost - 2000) < 200 && abs(twice - 800) < 140)
  }

  @Test("Clients' links lose no message unless they have a loss of their own")
  func clientLoss() {
    for transport in NetworkTransport.allCases {
      var model = steady(1, transport)
      model.loss = 0.5
      var spared = network(model)
      model.clients.loss = 0.2
      var lossy = network(model)
      var late = 0
      for number in 0..<1000 {
        let departure = Instant.zero + .seconds(10) * number
        #expect(spared.request(1, to: 0, at: departure) == departure + 1_000_000)
        #expect(spared.reply(1, from: 0, at: departure) == departure + 1_000_000)
        if lossy.reply(1, from: 0, at: departure) != departure + 1_000_000 { late += 1 }
      }
      #expect(abs(late - 200) < 50)
    }
  }

  @Test("A link that is cut twice works again after both cuts end; cuts have a direction")
  func cuts() {
    var network = network(steady(1, .datagram))
    var ledger = FaultLedger(drifts: [0, 0, 0])
    for key in [1, 2] { ledger.add(.cut([(from: 0, to: 1)]), key: key) }
    #expect(ledger.remove(key: 1) != nil)
    network.adopt(ledger)
    #expect(network.arrival(0, 1) == nil)
    #expect(network.arrival(1, 0) != nil)
    #expect(ledger.remove(key: 2) != nil)
    network.adopt(ledger)
    #expect(network.arrival(0, 1) != nil)
  }

  @Test("Degradations affect all links of their nodes, also to clients, and add up until they end")
  func degradations() {
    var network = network(steady(1, .datagram))
    func slower(_ node: Int, by milliseconds: Int64) -> FaultLedger.Entry {
      var what = LinkDegradation()
      what.extraLatency = .milliseconds(milliseconds)
      return .degraded([node], what, until: nil)
    }
    var ledger = FaultLedger(drifts: [0, 0, 0])
    ledger.add(slower(1, by: 1), key: 1)
    ledger.add(slower(0, by: 2), key: 2)
    network.adopt(ledger)
    #expect(network.arrival(0, 1) == 4_000_000)
    #expect(network.arrival(1, 2) == 2_000_000)
    #expect(network.request(0, to: 0) == 3_000_000)
    #expect(ledger.remove(key: 2) != nil)
    network.adopt(ledger)
    #expect(network.arrival(2, 0) == 1_000_000)
    var deaf = LinkDegradation()
    deaf.loss = 1
    ledger.add(.degraded([2], deaf, until: nil), key: 3)
    network.adopt(ledger)
    #expect(network.arrival(2, 0) == nil && network.request(0, to: 2) == nil)
  }

  @Test("Places determine latencies of nodes and clients; an override replaces one direction")
  func places() {
    var model = NetworkModel(latency: .constant(.seconds(1)))
    model.places = Places(
      names: ["here", "there"],
      latency: [
        [.constant(.milliseconds(1)), .constant(.milliseconds(10))],
        [.constant(.milliseconds(20)), .constant(.milliseconds(2))],
      ])
    model.places?.clients = [1, 1, 0]
    var override = LinkOverride(from: 0, to: 2, bothWays: false)
    override.latency = .constant(.milliseconds(77))
    model.links = [override]
    var network = network(model, nodes: 4)
    #expect(network.arrival(0, 1) == 10_000_000 && network.arrival(1, 0) == 20_000_000)
    #expect(network.arrival(2, 0) == 1_000_000 && network.arrival(0, 2) == 77_000_000)
    #expect(network.arrival(1, 3) == 2_000_000)
    #expect(network.request(1, to: 3) == 2_000_000 && network.request(2, to: 3) == 10_000_000)
    #expect(network.reply(1, from: 0) == 10_000_000 && network.reply(3, from: 0) == 10_000_000)
    #expect(network.request(4, to: 0) == 20_000_000 && network.request(5, to: 0) == 1_000_000)
  }

  @Test("Clients may have their own latency and interface")
  func clientLinks() {
    var model = steady(1)
    model.clients.latency = .constant(.milliseconds(5))
    model.clients.nic = 8e6
    var network = network(model)
    #expect(network.arrival(0, 1) == 1_000_000)
    // A thousand bytes take a millisecond, to any node and from any client.
    #expect(network.request(1, to: 0, bytes: 1000) == 6_000_000)
    #expect(network.request(1, to: 1, bytes: 1000) == 7_000_000)
    #expect(network.request(2, to: 1, bytes: 1000) == 6_000_000)
    #expect(network.reply(1, from: 0, bytes: 1000) == 6_000_000)
    #expect(network.reply(1, from: 1, bytes: 1000) == 7_000_000)
  }
}

@Suite struct CommonRandomNumberTests {
  private var model: NetworkModel {
    var model = NetworkModel(latency: .lognormal(median: .milliseconds(1), sigma: 0.5))
    model.loss = 0.1
    return model
  }

  /// The arrival times of messages on a link that are sent ten seconds apart.
  private func arrivals(
    _ network: inout NetworkState, _ from: Int, _ to: Int,
    between: (inout NetworkState, Instant) -> Void
  ) -> [Interval] {
    (0..<200).map { number in
      let time = Instant.zero + .seconds(10) * number
      between(&network, time)
      return network.arrival(from, to, at: time)! - time
    }
  }

  @Test("The nth message of a link has the same fate, whatever else is sent")
  func links() {
    var alone = network(model)
    let expected = arrivals(&alone, 0, 1) { _, _ in }
    var busy = network(model, nodes: 5)
    let found = arrivals(&busy, 0, 1) { network, time in
      for other in 2..<5 { _ = network.arrival(0, other, bytes: 3 * other, at: time) }
      _ = network.arrival(1, 0, at: time)
      _ = network.request(7, to: 1, at: time)
    }
    // The number of nodes does not influence it.
    #expect(found == expected)
    var other = network(model)
    #expect(arrivals(&other, 1, 0) { _, _ in } != expected)
    var seed = network(model, seed: 5)
    #expect(arrivals(&seed, 0, 1) { _, _ in } != expected)
  }

  @Test("The nth request of a client has the same fate, and so has its nth answer")
  func clients() {
    func times(_ clients: [UInt64]) -> [UInt64: [Interval]] {
      var network = network(model)
      var times: [UInt64: [Interval]] = [:]
      for round in 0..<100 {
        for client in clients {
          let time = Instant.zero + .seconds(10) * round
          times[client, default: []] += [
            network.request(client, to: 0, at: time)! - time,
            network.reply(client, from: 0, at: time)! - time,
          ]
        }
      }
      return times
    }
    let all = times([1 << 40, 2, 0, 1])
    for client in all.keys { #expect(times([client])[client] == all[client]) }
    #expect(Set(all.values).count == 4)
  }
}

@Suite struct PlacesTests {
  private func places(_ names: [String], replicas: [Int]) -> Places {
    var places = Places(
      names: names, latency: names.map { _ in names.map { _ in .constant(.milliseconds(1)) } })
    places.replicas = replicas
    return places
  }

  @Test("Replicas and clients cycle through their lists")
  func lists() {
    let places = places(["a", "b", "c"], replicas: [2, 0])
    #expect((0..<5).map(places.place(ofReplica:)) == [2, 0, 2, 0, 2])
    #expect((0..<5).map(places.place(ofClient:)) == [0, 1, 2, 0, 1])
  }

  @Test("Authority nodes are in separate places if possible, preferably with replicas")
  func authority() {
    let membership = Membership(replicas: 3, authority: 3)
    let three = places(["a", "b", "c", "d"], replicas: [3, 1, 3])
    #expect(three.places(of: membership) == [3, 1, 3, 3, 1, 0])
    #expect(places(["a", "b"], replicas: [1]).places(of: membership) == [1, 1, 1, 1, 0, 1])
    var told = three
    told.authority = [2]
    #expect(told.places(of: membership) == [3, 1, 3, 2, 2, 2])
    let preset = NetworkModel.wanAWS5.places!
    #expect(preset.places(of: Membership(replicas: 5, authority: 3)) == [0, 1, 2, 3, 4, 0, 1, 2])
    #expect(NetworkModel.presets.allSatisfy { !$0.name.isEmpty && !$0.meaning.isEmpty })
  }
}

@Test(
  "Where no fault can hit a message, it arrives when it would among faults that hit none",
  arguments: [1e6, 1e9, nil] as [Double?], [nil, 1e7] as [Double?])
func shortWay(nic: Double?, clientNic: Double?) {
  var model = NetworkModel(latency: .lognormal(median: .microseconds(100), sigma: 0.5))
  model.nic = nic
  model.clients.nic = clientNic
  var short = network(model)
  var general = network(model)
  general.degradations = [
    NetworkState.Degradation(
      nodes: [false, false, false], what: LinkDegradation(), nanosecondsPerByte: 0, until: .never)
  ]
  var random = RandomStream(seed: 7)
  var now: Instant = 0
  var differences = 0
  for _ in 0..<4_000 {
    now += .nanoseconds(Int64(random.below(60_000)))
    let bytes = 1 + random.below(random.chance(0.1) ? 20_000 : 300)
    let (from, to) = (random.below(3), random.below(3))
    let client = UInt64(random.below(5))
    switch random.below(4) {
    case 0 where from != to:
      if short.arrival(from, to, bytes: bytes, at: now)
        != general.arrival(from, to, bytes: bytes, at: now)
      {
        differences += 1
      }
    case 1:
      if short.request(client, to: to, bytes: bytes, at: now)
        != general.request(client, to: to, bytes: bytes, at: now)
      {
        differences += 1
      }
    case 2:
      if short.reply(client, from: to, bytes: bytes, at: now)
        != general.reply(client, from: to, bytes: bytes, at: now)
      {
        differences += 1
      }
    default:
      let hasLead = random.chance(0.2)
      if short.receive(bytes, at: to, hasLead: hasLead, now: now)
        != general.receive(bytes, at: to, hasLead: hasLead, now: now)
      {
        differences += 1
      }
    }
  }
  #expect(differences == 0)
}
