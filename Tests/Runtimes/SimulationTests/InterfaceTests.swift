import Environments
import Faults
import Primitives
import Replication
import Stubs
import Testing

@testable import Simulation

/// A delivered message and its time.
private struct Delivery {
  var time: Instant
  var from: Int
  var to: Int
  var bytes: Int
}

@Suite struct InterfaceTests {
  /// A thousand bytes take one millisecond of the rate that remains beside the packets' share.
  private static let nic = 8e6 / (1 - NetworkState.packetShare)

  /// A trial of probes in which only the network takes time, with a latency of 1 ms.
  private func cluster(
    _ nodes: Int, latency: DelayDistribution = .constant(.milliseconds(1))
  ) -> ProbeTrial {
    probes(nodes) {
      $0.environment.network = NetworkModel(latency: latency)
      $0.environment.network.nic = Self.nic
    }
  }

  /// The deliveries of all sent messages, in order of time. Replies to clients count as sent to
  /// node -1.
  private func deliveries(_ trial: inout ProbeTrial, until end: Instant = .never) -> [Delivery] {
    var found: [Delivery] = []
    while !trial.world.queue.isEmpty, trial.world.queue.nextTime < end {
      trial.world.now = trial.world.queue.nextTime
      switch trial.world.queue.pop() {
      case .message(let message, var envelope):
        if let time = trial.world.reception(of: envelope) {
          envelope.stage = .received
          trial.world.schedule(.message(message, envelope), at: time)
          continue
        }
        found.append(
          Delivery(
            time: trial.world.now, from: envelope.from, to: envelope.to, bytes: envelope.bytes))
      case .reply(let reply, _):
        guard case .answer(let bytes) = reply.result else { continue }
        found.append(
          Delivery(time: trial.world.now, from: 0, to: -1, bytes: Int(bytes)))
      default: break
      }
    }
    return found
  }

  /// Checks that no time span has more bytes than the rate allows, except for one message of either
  /// queue whose transmission had begun before.
  private func expectWithinRate(_ deliveries: [Delivery], _ what: String) {
    let longest = deliveries.map(\.bytes).max()! + NetworkState.packetByteCount
    var sum = 0
    var least = Double.infinity
    for delivery in deliveries {
      let allowed = Double(delivery.time.nanoseconds) * Self.nic / 8e9
      if Double(sum + delivery.bytes) - allowed > least + Double(longest) {
        Issue.record("\(what): too much at \(delivery.time.nanoseconds) ns")
        return
      }
      sum += delivery.bytes
      least = min(least, Double(sum) - allowed)
    }
  }

  /// The time, in nanoseconds, that all deliveries take at the full rate.
  private func time(of deliveries: [Delivery]) -> Double {
    Double(deliveries.reduce(0) { $0 + $1.bytes }) * 8e9 / Self.nic
  }

  private func answer(_ bytes: Int, client: UInt64) -> ClientReply<UInt64> {
    ClientReply(
      id: RequestID(client: ClientID(client), sequence: 1), result: .answer(UInt64(bytes)))
  }

  @Test("A node's messages to all peers and clients together use exactly its rate")
  func egress() {
    var trial = cluster(6)
    var random = RandomStream(seed: 2)
    for number in 0..<2000 {
      let bytes = 1 + random.below(2000)
      let time = Instant.zero + .microseconds(100) * number
      if random.chance(0.3) {
        trial.world.answer(
          answer(bytes, client: UInt64(random.below(50))), from: 0, departing: time, bytes: bytes)
      } else {
        trial.world.transmit(
          1, from: 0, to: 1 + random.below(5), bytes: bytes, departing: time)
      }
    }
    let found = deliveries(&trial)
    #expect(found.count == 2000 && Set(found.map(\.to)) == [-1, 1, 2, 3, 4, 5])
    expectWithinRate(found, "egress")
    // The offered load is ten times its rate.
    #expect(abs(Double(found.last!.time.nanoseconds) / time(of: found) - 1) < 0.02)
  }

  @Test("The messages that a node receives from all peers and clients stay within its rate")
  func ingress() {
    var trial = cluster(
      6, latency: .lognormal(median: .milliseconds(5), sigma: 1))
    var random = RandomStream(seed: 3)
    for number in 0..<2000 {
      // Short and long messages, at half the rate that the node can receive.
      let bytes = random.chance(0.5) ? 1 + random.below(9) : 1 + random.below(5000)
      trial.world.transmit(
        1, from: 1 + random.below(5), to: 0, bytes: bytes,
        departing: .zero + .microseconds(2_500) * number)
    }
    let found = deliveries(&trial)
    #expect(found.count == 2000)
    expectWithinRate(found, "ingress")
    #expect(found.last!.time < 5_200_000_000)
    for from in 1...5 {
      let times = found.filter { $0.from == from }.map(\.time)
      #expect(zip(times, times.dropFirst()).allSatisfy { $0 <= $1 })
    }
  }

  @Test("An overloaded interface receives at its full rate")
  func saturatedIngress() {
    var trial = cluster(6)
    for number in 0..<500 {
      trial.world.transmit(
        1, from: 1 + number % 5, to: 0, bytes: 7 + number % 3 * 500, departing: 0)
    }
    let found = deliveries(&trial)
    expectWithinRate(found, "ingress")
    #expect(abs(Double(found.last!.time.nanoseconds) / time(of: found) - 1) < 0.02)
  }

  @Test(
    "A message without competing traffic pays for its bytes once, over any number of interfaces")
  func cutThrough() {
    var trial = cluster(3)
    trial.world.transmit(1, from: 0, to: 1, bytes: 3000, departing: 0)
    trial.world.transmit(1, from: 2, to: 0, bytes: 5, departing: 0)
    #expect(deliveries(&trial).map(\.time) == [1_005_000, 4_000_000])
  }

  @Test(
    "A packet overtakes long messages of other links, within its share; no other message does")
  func packets() {
    var trial = cluster(3)
    trial.world.transmit(1, from: 1, to: 0, bytes: 3000, departing: 0)
    trial.world.transmit(2, from: 2, to: 0, bytes: 5, departing: 1_000_000)
    // A message of 3000 bytes has already begun to arrive, and one of 2000 bytes waits for it.
    trial.world.transmit(3, from: 2, to: 0, bytes: 2000, departing: 1_000_000)
    // On its own link a packet keeps its place.
    trial.world.transmit(4, from: 1, to: 0, bytes: 5, departing: 0)
    let found = deliveries(&trial)
    #expect(found.map(\.bytes) == [5, 3000, 5, 2000])
    #expect(found.map(\.from) == [2, 1, 1, 2])
    #expect(found.map(\.time) == [2_315_000, 4_000_000, found[2].time, 6_000_000])
    #expect(found[2].time >= 4_005_000 && found[2].time < 4_400_000)
  }

  @Test("A client's request occupies the node's interface as long as its bytes need")
  func requests() {
    var network = network(cluster(1).setup.environment.network)
    #expect(network.request(1, to: 0, bytes: 2000) == 3_000_000)
    // No request is queued yet, because the interface queues requests when they arrive.
    #expect(network.request(2, to: 0, bytes: 2000) == 3_000_000)
    #expect(network.lead(of: 2000, to: 0, arriving: 3_000_000) == 2_000_000)
    #expect(network.lead(of: 10, to: 0, arriving: 3_000_000) == 0)
    let times = [1, 2].map { _ in
      network.receive(2000, at: 0, hasLead: true, now: 1_000_000)
    }
    #expect(times == [3_000_000, 5_000_000])
  }

  @Test("A path may be narrower than the interfaces at its ends")
  func paths() {
    var model = NetworkModel(latency: .constant(.milliseconds(1)))
    model.nic = Self.nic
    var link = LinkOverride(from: 0, to: 1, bothWays: false)
    link.bandwidth = 4e6
    model.links = [link]
    var network = network(model)
    #expect(network.arrival(0, 1, bytes: 1000) == 3_000_000)
    #expect(network.arrival(0, 1, bytes: 1000) == 5_000_000)
    // The interface itself was busy for only two milliseconds.
    #expect(network.arrival(0, 2, bytes: 1000) == 4_000_000)
    #expect(network.arrival(1, 0, bytes: 1000) == 2_000_000)
  }

  @Test("A queue of a narrowed interface leaves at full speed once the fault is over")
  func narrowInterface() {
    var model = NetworkModel(latency: .constant(.milliseconds(1)))
    model.nic = 1000 * Self.nic
    var network = network(model)
    var narrow = LinkDegradation()
    narrow.bandwidth = Self.nic
    var ledger = FaultLedger(drifts: [0, 0, 0])
    ledger.add(.degraded([0], narrow, until: 5_000_000), key: 1)
    network.adopt(ledger)
    // Each message of 2000 bytes to any destination takes 2 ms until 5 ms; from then on it takes 2
    // us.
    #expect(network.arrival(0, 1, bytes: 2000) == 3_000_000)
    #expect(network.arrival(0, 2, bytes: 2000) == 5_000_000)
    #expect(network.reply(0, from: 0, bytes: 2000) == 6_001_000)
    #expect(network.arrival(0, 1, bytes: 2000) == 6_003_000)
    #expect(network.arrival(1, 2, bytes: 2000) == 1_002_000)
    // Messages on one link to it arrive one after the other at the same low rate, and at full speed
    // after the fault. Their events are due when they begin to arrive.
    #expect(network.arrival(2, 0, bytes: 2000) == 3_000_000)
    #expect(network.lead(of: 2000, to: 0, arriving: 3_000_000) == 2_000_000)
    #expect(network.arrival(2, 0, bytes: 2000) == 5_000_000)
    #expect(network.arrival(2, 0, bytes: 2000) == 5_002_000)
    #expect(network.lead(of: 2000, to: 0, arriving: 5_002_000) == 0)
    // The same holds for requests of a client.
    #expect(network.request(1, to: 0, bytes: 2000) == 3_000_000)
    #expect(network.request(1, to: 0, bytes: 2000) == 5_000_000)
    #expect(network.request(1, to: 0, bytes: 2000) == 5_002_000)
    let times = (0..<3).map { _ in
      network.receive(2000, at: 0, hasLead: true, now: 0)
    }
    #expect(times == [2_000_000, 4_000_000, 5_001_000])
  }
}
