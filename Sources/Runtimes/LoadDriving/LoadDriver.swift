import Clients
import Primitives
import Replication
import Sockets

/// Drives a load against servers in real time: all clients on one thread.
///
/// A turn: wait; read what has arrived, or answers for half of the clients, so that servers have
/// something to do while others are read; take the time; deal with it and begin what follows; send.
/// The time is thus never before an answer's arrival nor after a request's departure, and one
/// reading serves the whole turn. An operation that begins in the same turn does so a nanosecond
/// after the answer before it, and leaves after everything of this turn has been read: operations
/// seem to overlap only if they may have.
///
/// Every step is inlinable, here and in `ClusterTrial`, for the reason that `ClientDriver` gives.
public struct LoadDriver<Load: ClientLoad, Port: ServerPort & ~Copyable>: ~Copyable
where Port.Application == Load.Application {
  public var clients: ClientDriver<Load>
  public var port: Port
  /// What is to happen to clients, by the trial's time.
  public var agenda = EventQueue<ClientEvent>()
  /// Monotonic time of the trial's beginning.
  public var origin: Int64 = 0
  /// The trial's time of this turn.
  public var now: Int64 = 0

  /// How long the driver looks for answers before it sleeps, in nanoseconds.
  @inlinable public static var awake: Int64 { 50_000 }

  @inlinable
  public init(clients: ClientDriver<Load>, port: consuming Port) {
    self.clients = clients
    self.port = port
  }

  @inlinable
  public var load: Load {
    _read { yield clients.load }
    _modify { yield &clients.load }
  }

  @inlinable public var answered: Int { clients.answered }
  @inlinable public var instant: Instant { Instant(nanoseconds: now) }

  /// The trial begins now.
  @inlinable
  public mutating func start(end: Int64) {
    origin = MonotonicClock.now()
    now = 0
    clients.start(until: Instant(nanoseconds: end))
    carryOut()
  }

  /// One turn, which waits until the trial's time `deadline` at most.
  @inlinable
  public mutating func turn(until deadline: Int64) throws {
    var deadline = deadline
    if !agenda.isEmpty { deadline = min(deadline, agenda.nextTime) }
    try port.wait(
      nanoseconds: max(0, origin + deadline - MonotonicClock.now()), awake: Self.awake,
      share: max(clients.fleet.machines.count / 2, 1))
    now = MonotonicClock.now() - origin
    deliverAll()
    while !agenda.isEmpty, agenda.nextTime <= now {
      clients.handle(agenda.pop(), at: instant)
      carryOut()
    }
    port.flush()
  }

  @inlinable
  public mutating func deliverAll() {
    for connection in port.lost {
      clients.lose(connection, at: instant)
      carryOut()
    }
    if !port.lost.isEmpty { port.lost.removeAll() }
    // Answers may lead to requests that the port refuses at once, with further answers.
    var position = 0
    while position < port.replies.count {
      clients.receive(port.replies[position], at: instant)
      carryOut()
      position += 1
    }
    port.replies.removeAll(keepingCapacity: true)
  }

  @inlinable
  public mutating func carryOut() {
    clients.fleet.carryOutEffects(over: &port, into: &agenda)
  }

  /// The measured part is over.
  @inlinable
  public mutating func close() {
    clients.close(at: instant)
    // What was to happen to these clients must not happen to those that come after them.
    agenda = EventQueue()
  }

  /// After the measured part: every key that was touched is read, so that the checker sees whether
  /// what was acknowledged is still there.
  /// - Parameter timeout: after this time a read is given up.
  /// - Returns: how many reads there are.
  @inlinable
  public mutating func beginReadBack(timeout: Interval) -> Int {
    now = MonotonicClock.now() - origin
    let count = clients.beginReadBack(timeout: timeout, at: instant)
    carryOut()
    port.flush()
    return count
  }

  @inlinable public var hasReadBack: Bool { clients.hasReadBack }
}

extension ClientFleet {
  /// Carries out what clients ask for: requests leave over the port, events go into the agenda.
  @inlinable
  public mutating func carryOutEffects<Port: ServerPort & ~Copyable>(
    over port: inout Port, into agenda: inout EventQueue<ClientEvent>
  ) where Port.Application == Application {
    for position in effects.indices {
      switch effects[position] {
      case .send(let client, let replica, _): port.send(request(of: client), to: replica)
      case .schedule(let event, let time): agenda.push(event, at: time.nanoseconds)
      }
    }
    effects.removeAll(keepingCapacity: true)
  }
}
