import Primitives
import Faults
import Replication
import Testing

@testable import ClusterMessages
import Trials
import WireFormat

/// Tests the messages of a cluster's connections other than the protocol's own.
@Suite("Cluster messages") struct MessageTests {
  private static func faults(_ random: inout RandomStream) -> NodeFaults {
    var faults = NodeFaults(nodeCount: random.below(6))
    func link(_ random: inout RandomStream) -> LinkFault {
      var link = LinkFault()
      link.cutsOutbound = random.chance(0.5)
      link.cutsInbound = random.chance(0.5)
      link.degradation.loss = random.unit()
      link.degradation.duplicate = random.unit() * 2
      link.degradation.reorder = random.unit()
      link.degradation.corrupt = random.unit()
      link.degradation.extraLatency = .nanoseconds(Int64(random.below(1 << 40)))
      link.degradation.bandwidth = 1 + random.unit() * 8e9
      return link
    }
    for position in faults.links.indices { faults.links[position] = link(&random) }
    faults.clients = link(&random).degradation
    faults.slowness = 1 + random.unit()
    faults.syncDelay = .nanoseconds(Int64(random.below(1 << 40)))
    faults.syncStalls = random.chance(0.5)
    faults.drift = random.unit() - 0.5
    return faults
  }

  private static func report(_ random: inout RandomStream) -> NodeReport {
    var counters = NodeUsage(node: 0)
    for field in NodeUsage.counts { counters[keyPath: field] = random.below(1 << 50) }
    var report = NodeReport(
      status: ReplicaStatus(
        role: "leader", isInCharge: random.chance(0.5), isTail: random.chance(0.5),
        isCoordinator: random.chance(0.5), epoch: random.next(),
        commitIndex: LogIndex(random.below(1 << 40)), lastIndex: LogIndex(random.below(1 << 40))),
      appliedIndex: LogIndex(random.below(1 << 40)), counters: counters,
      digest: random.chance(0.5) ? StateDigest(state: 1, commits: 2) : nil,
      violation: random.chance(0.5) ? "zwei Führer" : nil)
    report.stamps = (0..<random.below(3)).map { _ in
      RequestStamp(
        RequestID(client: ClientID(random.next()), sequence: random.next()),
        [.taken, .answered, .answeredAfterSync][random.below(3)], begin: Instant(nanoseconds: 1),
        middle: Instant(nanoseconds: -2),
        end: Instant(nanoseconds: Int64(random.below(1 << 50))))
    }
    return report
  }

  private static func order(_ random: inout RandomStream) -> Order {
    switch random.below(5) {
    case 0: .faults(faults(&random))
    case 1: .stepClock(.milliseconds(Int64(random.below(2_000_000)) - 1_000_000))
    case 2: .disk([.syncError, .full, .bitFlip][random.below(3)])
    case 3: .trace(every: UInt32(random.below(1 << 30)))
    default: .report(digest: random.chance(0.5))
    }
  }

  private static func hello(_ random: inout RandomStream) -> Hello {
    Hello(
      cluster: String(repeating: "ß", count: random.below(20)), protocolName: "raft",
      role: [.peer, .client, .runner][random.below(3)], addressee: ReplicaID(random.below(100)),
      nodeCount: random.below(1 << 16),
      clients: CarriedClients(
        first: random.next(), remainder: UInt32(random.below(1 << 20)),
        stride: UInt32(random.below(1 << 20))))
  }

  /// Encodes, decodes and compares; then damages the bytes. Damaged bytes may be refused or have
  /// another meaning but never trap, and an accepted message can be encoded again.
  private func roundTrip<Body: WireCodable & Equatable>(
    _ body: Body, _ random: inout RandomStream
  ) throws {
    let bytes = body.encoded()
    #expect(bytes.count == body.encodedByteCount)
    #expect(try WireReader.decode(Body.self, from: bytes) == body)
    for _ in 0..<20 {
      var damaged = bytes
      if random.chance(0.3) { damaged.removeLast(random.below(damaged.count) + 1) }
      for _ in 0..<random.below(4) where !damaged.isEmpty {
        damaged[random.below(damaged.count)] = UInt8(truncatingIfNeeded: random.next())
      }
      if let other = try? WireReader.decode(Body.self, from: damaged) {
        #expect(other.encoded() == damaged)
      }
    }
  }

  @Test(
    "Every message survives encoding, and damage is refused or harmless", arguments: 0..<50)
  func roundTrips(seed: Int) throws {
    var random = RandomStream(seed: UInt64(seed))
    try roundTrip(MessageTests.hello(&random), &random)
    try roundTrip(MessageTests.order(&random), &random)
    try roundTrip(MessageTests.report(&random), &random)
    try roundTrip(RefusalReason("because"), &random)
  }

  @Test("Numbers that would overflow are refused")
  func absurdNumbers() throws {
    func refused(_ change: (inout NodeFaults) -> Void) -> Bool {
      var faults = NodeFaults(nodeCount: 1)
      change(&faults)
      return (try? WireReader.decode(Order.self, from: Order.faults(faults).encoded())) == nil
    }
    #expect(!refused { $0.syncDelay = .nanoseconds(1) })
    #expect(refused { $0.syncDelay = .nanoseconds(.max) })
    #expect(refused { $0.syncDelay = .nanoseconds(-1) })
    #expect(refused { $0.slowness = 1e300 })
    #expect(refused { $0.slowness = 0.5 })
    #expect(refused { $0.drift = 1e18 })
    #expect(refused { $0.drift = .nan })
    #expect(refused { $0.clients.extraLatency = .nanoseconds(.max) })
    #expect(refused { $0.clients.bandwidth = 0.5 })
    #expect(refused { $0.clients.bandwidth = -0.0 })
    #expect(refused { $0.links[0].degradation.bandwidth = 1e18 })
    #expect(refused { $0.links[0].degradation.bandwidth = 0.5 })
    #expect(refused { $0.links[0].degradation.loss = -0.1 })
    #expect(refused { $0.links[0].degradation.corrupt = .infinity })
    for step in [Int64.max, .min] {
      let bytes = Order.stepClock(Interval(nanoseconds: step)).encoded()
      #expect(throws: WireError.self) { try WireReader.decode(Order.self, from: bytes) }
    }
  }

  @Test("Counters are added and subtracted field by field, whatever values a node reports")
  func counters() {
    var a = NodeUsage(node: 0)
    var b = NodeUsage(node: 0)
    for (position, field) in NodeUsage.counts.enumerated() {
      a[keyPath: field] = position * 10
      b[keyPath: field] = position
    }
    let (sum, difference) = (a + b, a - b)
    for (position, field) in NodeUsage.counts.enumerated() {
      #expect(sum[keyPath: field] == position * 11)
      #expect(difference[keyPath: field] == position * 9)
    }
    a.busyNs = .max
    b.busyNs = .min
    #expect((a - b).busyNs == -1)
  }
}
