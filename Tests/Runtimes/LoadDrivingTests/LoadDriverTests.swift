import Clients
import Histories
import LoadDriving
import Primitives
import ReplicaHosting
import Replication
import Sockets
import StateMachines
import Testing
import Workloads

/// Servers that follow a script, in real time.
private struct ScriptedPort: ServerPort {
  typealias Application = KeyValueStore
  typealias Request = ClientRequest<KeyValueCommand>

  enum Behaviour {
    /// Answers at the next wait.
    case prompt
    /// Never answers.
    case silent
    /// Refuses within the call.
    case refusing
    /// Accepts the request and loses the connection.
    case breaking
  }

  var behaviour = Behaviour.prompt
  var store = KeyValueStore()
  var replies: [ClientReply<KeyValueResponse>] = []
  var lost: [LostConnection] = []
  /// Requests, with the times at which they were handed over and sent.
  var sent: [(request: Request, at: Instant)] = []
  var answeredAt: [RequestID: Instant] = [:]
  var waiting: [Request] = []

  mutating func send(_ request: Request, to replica: ReplicaID) {
    sent.append((request, MonotonicClock.now()))
    switch behaviour {
    case .prompt: waiting.append(request)
    case .silent: break
    case .refusing: replies.append(ClientReply(id: request.id, result: .redirect(nil)))
    case .breaking:
      lost.append(LostConnection(replica: replica, remainder: 0, stride: 1))
    }
  }

  mutating func flush() {}

  /// The share that each wait requested.
  var shares: Set<Int> = []

  mutating func wait(atMost limit: Interval, awake: Interval, share: Int) throws {
    shares.insert(share)
    if waiting.isEmpty, lost.isEmpty, limit > .zero {
      Descriptor.sleep(for: min(limit, .microseconds(200)))
    }
    for request in waiting {
      answeredAt[request.id] = MonotonicClock.now()
      replies.append(ClientReply(id: request.id, result: .answer(store.apply(request.command))))
    }
    waiting = []
  }
}

@Suite("Load driver") struct LoadDriverTests {
  private typealias Driver = LoadDriver<KeyValueLoad, ScriptedPort>

  private func driver(
    clients: Int = 4, keys: Int = 10, arrival: Arrival = .closed, thinkTime: Interval = .zero,
    timeout: Interval = .milliseconds(20), resends: Bool = true,
    patience: Patience = .adaptive
  ) -> Driver {
    var spec = WorkloadSpec()
    spec.clients = clients
    spec.keys = keys
    spec.arrival = arrival
    return Driver(
      clients: ClientDriver(
        load: KeyValueLoad(spec, seed: 1), count: clients, replicas: [ReplicaID(0)],
        arrival: arrival, timeout: timeout, thinkTime: thinkTime, random: RandomStream(seed: 1),
        resends: resends, patience: patience),
      port: ScriptedPort())
  }

  @Test("The driver waits for half of the clients at a time", arguments: [(1, 1), (4, 2), (9, 4)])
  func share(clients: Int, share: Int) throws {
    var driver = driver(clients: clients)
    try run(&driver, for: .milliseconds(2))
    #expect(driver.port.shares == [share])
  }

  private func run(_ driver: inout Driver, for time: Interval) throws {
    let end = Instant.zero + time
    driver.start(end: end)
    while driver.now < end { try driver.turn(until: end) }
    driver.close()
  }

  @Test("When the load is done, operations that are still open have waited until the measured end")
  func done() throws {
    var driver = driver()
    driver.clients.limits = LoadLimits(answers: 30)
    driver.start(end: .zero + .seconds(1_000_000))
    while !driver.isDone { try driver.turn(until: driver.now + .milliseconds(1)) }
    let end = driver.measuredEnd(atMost: .seconds(1_000_000)).nanoseconds
    driver.close()
    let operations = driver.load.operations
    let open = operations.filter { $0.outcome == .unknown }
    #expect(!open.isEmpty && open.allSatisfy { $0.returned == end })
    // Clients were busy from the beginning of each operation to its end.
    let busy = operations.reduce(0) { $0 + max(0, min($1.returned, end) - $1.invoked) }
    #expect(driver.clients.busy.total(until: Instant(nanoseconds: end)).nanoseconds == busy)
  }

  @Test(
    "No operation seems to begin before the previous answer, or to end before its own")
  func stamps() throws {
    var driver = driver()
    driver.start(end: .zero + .seconds(1_000_000))
    while driver.answered <= 100 { try driver.turn(until: driver.now + .milliseconds(1)) }
    driver.close()
    let operations = driver.load.operations
    var lastReturn: [UInt32: Int64] = [:]
    for operation in operations {
      if let earlier = lastReturn[operation.client] { #expect(operation.invoked > earlier) }
      lastReturn[operation.client] = operation.returned
      #expect(operation.intended == operation.invoked)
    }
    // The request leaves after its time stamp, and the answer arrives before its time stamp.
    for (request, at) in driver.port.sent {
      let operation = try #require(
        operations.first {
          UInt64($0.client) == request.id.client.rawValue && $0.sequence == request.id.sequence
        })
      // A time stamp of the same turn is at most one nanosecond late.
      #expect(operation.invoked <= (at - driver.origin).nanoseconds + 1)
      if let answered = driver.port.answeredAt[request.id], operation.outcome == .ok {
        #expect(operation.returned >= (answered - driver.origin).nanoseconds)
      }
    }
  }

  @Test("An open loop counts from the moment an operation was due, however busy the clients are")
  func openLoop() throws {
    // One client, and two hundred operations every ten milliseconds: they queue.
    var driver = driver(
      clients: 1, arrival: .open(rate: 20_000, process: .constant), timeout: .milliseconds(500))
    try run(&driver, for: .milliseconds(30))
    let operations = driver.load.operations.filter { $0.outcome == .ok }
    #expect(operations.count > 20)
    for (position, operation) in operations.enumerated() {
      #expect(operation.intended == Int64(position + 1) * 50_000)
      #expect(operation.invoked >= operation.intended)
    }
    // Operations that never found a client are in the history, as failed.
    #expect(driver.load.operations.count == 599)
  }

  @Test("An unanswered operation ends as unknown at its deadline; with resends it was sent again")
  func silence() throws {
    for resends in [true, false] {
      var driver = driver(
        clients: 1, resends: resends, patience: .fixed(.milliseconds(5)))
      driver.port.behaviour = .silent
      try run(&driver, for: .milliseconds(50))
      let first = try #require(driver.load.operations.first)
      #expect(first.outcome == .unknown)
      #expect((20_000_000..<40_000_000).contains(first.returned - first.invoked))
      #expect((first.attempts > 1) == resends)
    }
  }

  @Test("A lost connection makes an operation unknown only if it may not be resent")
  func lostConnections() throws {
    for resends in [true, false] {
      var driver = driver(clients: 1, timeout: .milliseconds(100), resends: resends)
      driver.port.behaviour = .breaking
      driver.start(end: .zero + .seconds(1_000_000))
      while driver.port.lost.isEmpty { try driver.turn(until: driver.now + .milliseconds(1)) }
      driver.port.behaviour = .prompt
      while driver.load.operations.count <= 1 {
        try driver.turn(until: driver.now + .milliseconds(1))
      }
      driver.close()
      let first = try #require(driver.load.operations.first)
      #expect(first.outcome == (resends ? .ok : .unknown))
      #expect(driver.load.operations.count { $0.outcome == .unknown } <= (resends ? 1 : 2))
    }
  }

  @Test("A server that refuses at once is asked again after a pause, not endlessly in one turn")
  func refusals() throws {
    for resends in [true, false] {
      var driver = driver(clients: 2, resends: resends)
      driver.port.behaviour = .refusing
      driver.start(end: .zero + .seconds(1_000_000))
      while driver.port.sent.count < 20, driver.now < .zero + .seconds(10) {
        let before = driver.port.sent.count
        try driver.turn(until: driver.now + .milliseconds(1))
        #expect(driver.port.sent.count <= before + 2)
      }
      // The attempts of a client are a fiftieth of the timeout apart.
      #expect(driver.port.sent.count >= 20)
      #expect(driver.now >= .zero + .microseconds(9 * 400))
    }
  }

  @Test("No event of a trial's clients reaches the clients that read back after it")
  func readBack() throws {
    var driver = driver(clients: 8, keys: 2, thinkTime: .microseconds(100))
    try run(&driver, for: .milliseconds(20))
    #expect(driver.runtime.agenda.isEmpty == true)
    let count = driver.beginReadBack(timeout: .milliseconds(20))
    #expect(count == 2)
    let limit = driver.now + .milliseconds(100)
    while driver.now < limit, !driver.hasReadBack { try driver.turn(until: limit) }
    #expect(driver.answered == count)
    let last = driver.load.operations.suffix(2)
    #expect(last.allSatisfy { $0.kind == .get && $0.outcome == .ok })
  }

  @Test("Answers after the end, and answers to other clients, have no effect")
  func strangers() throws {
    var driver = driver(clients: 1)
    driver.port.behaviour = .silent
    driver.start(end: .zero + .milliseconds(5))
    while driver.port.sent.isEmpty { try driver.turn(until: .zero + .milliseconds(5)) }
    let id = driver.port.sent[0].request.id
    for client in [1, 99, .max] as [UInt64] {
      driver.port.replies.append(
        ClientReply(
          id: RequestID(client: ClientID(client), sequence: id.sequence), result: .answer(.done)))
    }
    driver.port.replies.append(
      ClientReply(
        id: RequestID(client: id.client, sequence: id.sequence + 1), result: .answer(.done)))
    try driver.turn(until: driver.now)
    #expect(driver.answered == 0)
    driver.close()
    driver.port.replies.append(ClientReply(id: id, result: .answer(.done)))
    try driver.turn(until: driver.now)
    #expect(driver.answered == 0)
    #expect(driver.port.replies == [])
    #expect(driver.load.operations.map(\.outcome) == [.unknown])
  }
}
