import ClusterMessages
import NodeBench
import NodeRuntime
import ReplicaHosting
import Replication
import Sockets
import StateMachines
import Stubs
import Testing
import Trials
import WireFormat
import WriteAheadLog

private typealias ProbeSeat = Seat<PromiseCore, Counter>

/// Tests which connections a node accepts, and how it ends the others.
@Suite("Cluster node: greetings") struct GreetingTests {
  private let plan: Plan
  private let seat: ProbeSeat

  init() throws {
    plan = try Plan(nodes: 3)
    seat = try ProbeSeat(plan.settings[0])
  }

  private func call() throws -> Caller { try Caller(plan.settings[0].endpoints[0]) }

  /// The refusal that a caller gets.
  private func refusal(of say: (Caller) -> Void) throws -> String {
    let caller = try call()
    say(caller)
    // Further bytes after the hello change nothing.
    caller.say(bytes: frame(UInt64(1), .request))
    caller.say(bytes: [UInt8](repeating: 7, count: 100))
    return try waitFor("refusal", [seat, caller]) { caller.isClosed ? caller.refusal : nil }
  }

  @Test("Clients, peers and runners of this node are welcome, and learn its incarnation")
  func welcome() throws {
    for (role, sender) in [(ConnectionRole.client, 65535), (.peer, 1), (.runner, 65535)] {
      let caller = try call()
      caller.say(plan.hello(role), .hello, from: sender, incarnation: 1)
      try waitFor("welcome", [seat, caller]) { caller.isWelcome ? true : nil }
      #expect(caller.received.first?.incarnation == seat.node.incarnation)
    }
    #expect(seat.node.counters.garbage == 0)
  }

  @Test("A hello for another cluster, protocol, size or node is refused by name")
  func refusals() throws {
    #expect(
      try refusal { $0.say(plan.hello(.client, cluster: "other"), .hello) }
        == "this is node 0 of cluster \"tests\", not of \"other\"")
    #expect(
      try refusal { $0.say(plan.hello(.client, protocolName: "raft"), .hello) }
        == "cluster \"tests\" runs probe, not raft")
    #expect(
      try refusal { $0.say(plan.hello(.client, nodeCount: 5), .hello) }
        == "this cluster has 3 nodes, not 5")
    #expect(
      try refusal { $0.say(plan.hello(.client, to: 2), .hello) } == "this is node 0, not node 2")
    for sender in [0, 3, 65535] {
      #expect(
        try refusal { $0.say(plan.hello(.peer), .hello, from: sender) }
          == "node \(sender) cannot be a peer of node 0")
    }
    #expect(seat.node.counters.garbage == 0)
    #expect(seat.node.knownPeers == [nil, nil, nil])
  }

  @Test("Without the cluster's secret every role is refused")
  func secret() throws {
    var settings = plan.settings[1]
    settings.secret = (0..<32).map { UInt8($0) }
    let guarded = try ProbeSeat(settings)
    func answer(_ role: ConnectionRole, _ secret: [UInt8]) throws -> String? {
      let caller = try Caller(settings.endpoints[1])
      var hello = plan.hello(role, to: 1)
      hello.secret = secret
      caller.say(hello, .hello, from: role == .peer ? 2 : 65535, incarnation: 1)
      return try waitFor("answer", [guarded, caller]) {
        caller.isWelcome ? .some(nil) : caller.refusal.map { .some($0) }
      }
    }
    var wrong = settings.secret
    wrong[31] ^= 1
    for role in [ConnectionRole.peer, .client, .runner] {
      for secret in [[], wrong, Array(settings.secret.dropLast()), settings.secret + [0]] {
        #expect(try answer(role, secret) == "the secret is not that of this cluster")
      }
      #expect(try answer(role, settings.secret) == nil)
    }
  }

  @Test("Clients leave places for peers and runners, and connections without a hello lose theirs")
  func places() throws {
    seat.node.connectionLimit = 24
    var callers: [Caller] = []
    var refused = 0
    for _ in 0..<20 {
      let caller = try call()
      caller.say(plan.hello(.client), .hello)
      try waitFor("answer", [seat, caller]) {
        caller.isWelcome || caller.refusal != nil ? true : nil
      }
      if caller.isWelcome { callers.append(caller) } else { refused += 1 }
    }
    #expect(callers.count == 12 && refused == 8)
    // More connections without a hello than there are places.
    for _ in 0..<30 {
      let caller = try call()
      let before = seat.node.acceptedCount
      try waitFor("connection", [seat, caller]) { seat.node.acceptedCount > before ? true : nil }
      callers.append(caller)
    }
    for (role, sender) in [(ConnectionRole.peer, 1), (.runner, 65535)] {
      let caller = try call()
      caller.say(plan.hello(role), .hello, from: sender, incarnation: 1)
      try waitFor("welcome", [seat, caller]) { caller.isWelcome ? true : nil }
    }
    #expect(seat.node.inbound.count { $0.isOpen } <= 24)
  }

  @Test("A peer with another log than before is refused, unless that log replaces the old one")
  func otherLog() throws {
    func greet(_ number: UInt64, _ generation: UInt64) throws -> Bool {
      let caller = try call()
      var hello = plan.hello(.peer)
      hello.logNumber = number
      hello.logGeneration = generation
      caller.say(hello, .hello, from: 1, incarnation: 1)
      return try waitFor("answer", [seat, caller]) {
        if caller.isWelcome { return true }
        return caller.refusal == nil ? nil : false
      }
    }
    #expect(try greet(5, 0))
    #expect(try greet(5, 0))
    #expect(try !greet(6, 0))
    #expect(try greet(7, 3))
    // Neither the first log nor an older replacement is accepted again.
    #expect(try !greet(5, 0) && !greet(8, 3) && !greet(9, 2))
    #expect(try greet(7, 3))
    // A claim from the future would leave no larger number for a later replacement.
    let now = LogCard.presentTime
    #expect(try !greet(10, 1 << 44) && !greet(10, now + 48 * 3600 * 1000))
    #expect(try greet(10, now) && greet(11, now + 1))
    #expect(LogCard(number: 1, generation: now).mayExist(at: now))
  }

  @Test("Another version of the frame format is refused by name")
  func version() throws {
    let hello = frame(plan.hello(.client), .hello, version: 2)
    #expect(
      try refusal { $0.say(bytes: hello) }
        == "node 0 speaks version 1 of the frame format, not version 2")
  }

  @Test("Garbage of any kind ends its connection and is counted", arguments: Garbage.allCases)
  func garbage(_ kind: Garbage) throws {
    let caller = try call()
    for bytes in kind.bytes(plan) { caller.say(bytes: bytes) }
    try waitFor("end", [seat, caller]) { caller.isClosed ? true : nil }
    #expect(seat.node.counters.garbage == 1)
    #expect(caller.refusal == nil)
    #expect((seat.node.inbound.allSatisfy { !$0.isOpen }) == true)
    #expect(seat.node.host.core.received.isEmpty == true)
    // Other connections are served as before.
    let other = try call()
    other.say(plan.hello(.client), .hello)
    try waitFor("welcome", [seat, other]) { other.isWelcome ? true : nil }
  }

  @Test("A connection without a hello in time is closed, and others stay")
  func deadline() throws {
    let silent = try call()
    let polite = try call()
    polite.say(plan.hello(.client), .hello)
    try waitFor("welcome", [seat, polite, silent]) {
      polite.isWelcome && seat.node.inbound.count == 2 ? true : nil
    }
    for slot in seat.node.inbound.indices {
      let opened = seat.node.inbound[slot].openedAt
      seat.node.inbound[slot].openedAt = opened - NodeLimits.helloDeadline
    }
    seat.node.sweepAt = .zero
    try waitFor("end", [seat, polite, silent]) { silent.isClosed ? true : nil }
    #expect(!polite.isClosed)
    #expect(seat.node.counters.garbage == 0)
  }

  @Test("A connection beyond the limit is closed, and a place is free again after another ends")
  func limit() throws {
    seat.node.connectionLimit = 2
    var callers = [try call(), try call()]
    // With so few places, clients get half of them.
    for (caller, role) in zip(callers, [ConnectionRole.client, .runner]) {
      caller.say(plan.hello(role), .hello)
    }
    try waitFor("welcome", [seat] + callers) { callers.allSatisfy(\.isWelcome) ? true : nil }
    let third = try call()
    try waitFor("end", [seat, third]) { third.isClosed ? true : nil }
    callers.removeLast()
    try waitFor("free place", [seat]) { seat.node.freeSlots.count == 1 ? true : nil }
    let next = try call()
    next.say(plan.hello(.runner), .hello)
    try waitFor("welcome", [seat, next]) { next.isWelcome ? true : nil }
    #expect(seat.node.inbound.count == 2)
  }

  @Test("If no connection can be accepted, the listener is ignored until the next sweep")
  func listenerRests() throws {
    seat.node.watchesListener = false
    seat.node.loop.remove(seat.node.listener)
    let caller = try call()
    caller.say(plan.hello(.client), .hello)
    seat.node.sweepAt = seat.node.now + .seconds(3_600)
    for _ in 0..<50 { try seat.step() }
    #expect(seat.node.inbound.isEmpty == true)
    seat.node.sweepAt = .zero
    try waitFor("welcome", [seat, caller]) { caller.isWelcome ? true : nil }
    #expect(throws: SocketError.self) { try Descriptor.accept(seat.node.loop.descriptor) }
  }
}

extension GreetingTests {
  enum Garbage: CaseIterable {
    case noise, damaged, oversized, requestFirst, longPrelude, secondHello, wrongKind, noRequest

    /// The bytes that a caller sends, piece by piece; the last piece is the invalid one.
    func bytes(_ plan: Plan) -> [[UInt8]] {
      let hello = frame(plan.hello(.client), .hello)
      switch self {
      case .noise: return [Array("GET / HTTP/1.1\r\n\r\n".utf8)]
      case .damaged:
        var bytes = hello
        bytes[20] ^= 1
        return [bytes]
      case .oversized: return [hello, (UInt32(Frame.maximumByteCount) + 1).encodedBytes]
      case .requestFirst: return [frame(UInt64(1), .request)]
      case .longPrelude:
        // The start of a frame that could still become a hello.
        return [UInt32(1 << 20).encodedBytes + [UInt8](repeating: 0, count: 8192)]
      case .secondHello: return [hello, hello]
      case .wrongKind: return [hello, frame(UInt64(1), .message, from: 1)]
      case .noRequest: return [hello, frame(UInt64(1), .request)]
      }
    }
  }
}

extension UInt32 {
  var encodedBytes: [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: self >> (8 * $0)) } }
}
