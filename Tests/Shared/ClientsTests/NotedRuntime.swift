import Clients
import Replication
import StateMachines
import Stubs

/// Records the effects that clients request.
struct NotedRuntime: ClientRuntime {
  typealias Application = Counter

  enum Effect: Equatable {
    /// Clients are given by their identities.
    case send(client: UInt64, to: ReplicaID, at: Instant)
    case schedule(ClientEvent, at: Instant)
  }

  var effects: [Effect] = []
  var requests: [ClientRequest<Counter.Command>] = []

  mutating func send(
    _ request: ClientRequest<Counter.Command>, to replica: ReplicaID, at time: Instant
  ) {
    requests.append(request)
    effects.append(.send(client: request.id.client.rawValue, to: replica, at: time))
  }

  mutating func schedule(_ event: ClientEvent, at time: Instant) {
    effects.append(.schedule(event, at: time))
  }
}

/// A fleet or a driver together with its recorded effects.
@dynamicMemberLookup struct Watched<Subject> {
  var subject: Subject
  var runtime = NotedRuntime()

  init(_ subject: Subject) { self.subject = subject }

  subscript<Value>(dynamicMember path: WritableKeyPath<Subject, Value>) -> Value {
    get { subject[keyPath: path] }
    set { subject[keyPath: path] = newValue }
  }

  subscript<Value>(dynamicMember path: KeyPath<Subject, Value>) -> Value {
    subject[keyPath: path]
  }

  /// The effects since the last call.
  mutating func takeEffects() -> [NotedRuntime.Effect] {
    defer { runtime.effects = [] }
    return runtime.effects
  }
}

/// The end of an operation, in a form that can be compared.
struct Ending: Equatable {
  var client: Int
  var outcome: ClientOutcome<UInt64>
  var attempts: Int
}

extension Ending {
  init?(_ ending: ClientFleet<Counter>.Ending?) {
    guard let ending else { return nil }
    self.init(client: ending.client, outcome: ending.outcome, attempts: ending.attempts)
  }
}

extension Watched where Subject == ClientFleet<Counter> {
  mutating func begin(_ command: Counter.Command, by client: Int, due: Instant, at now: Instant) {
    subject.begin(command, by: client, due: due, at: now, in: &runtime)
  }

  mutating func receive(
    _ reply: ClientReply<UInt64>, from replica: ReplicaID = ReplicaID(0), at now: Instant
  ) -> Ending? {
    Ending(subject.receive(reply, from: replica, at: now, in: &runtime))
  }

  mutating func wake(_ client: Int, at now: Instant) -> Ending? {
    Ending(subject.wake(client, at: now, in: &runtime))
  }

  mutating func lose(
    connectionTo replica: ReplicaID, of client: Int, at now: Instant
  ) -> Ending? {
    Ending(subject.lose(connectionTo: replica, of: client, at: now, in: &runtime))
  }
}

extension Watched where Subject == ClientDriver<CounterLoad> {
  mutating func start(until end: Instant) { subject.start(until: end, in: &runtime) }

  mutating func handle(_ event: ClientEvent, at now: Instant) {
    subject.handle(event, at: now, in: &runtime)
  }

  mutating func receive(_ reply: ClientReply<UInt64>, at now: Instant) {
    subject.receive(reply, from: ReplicaID(0), at: now, in: &runtime)
  }

  mutating func lose(_ connection: LostConnection, at now: Instant) {
    subject.lose(connection, at: now, in: &runtime)
  }

  mutating func close(at now: Instant) { subject.close(at: now) }

  mutating func beginReadBack(timeout: Interval, at now: Instant) -> Int {
    subject.beginReadBack(timeout: timeout, at: now, in: &runtime)
  }
}

extension ClientMachine {
  /// Handles a reply from the replica that was asked last.
  mutating func receive(_ reply: Reply, at now: Instant) -> Action {
    receive(reply, from: target, at: now)
  }
}

/// The instant at this many milliseconds.
func at(_ milliseconds: Int64) -> Instant { .zero + .milliseconds(milliseconds) }
