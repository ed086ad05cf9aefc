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
/// Every step is inlinable, here and in `ClusterTrial`: the optimiser specialises them for a load
/// of another module only then, and three times as many operations pass.
public struct LoadDriver<Load: ClientLoad, Port: ServerPort & ~Copyable>: ~Copyable
where Port.Application == Load.Application {
  public var clients: ClientDriver<Load>
  public var runtime: PortRuntime<Port>
  /// Monotonic time of the trial's beginning.
  public var origin: Int64 = 0
  /// The trial's time of this turn.
  public var now: Int64 = 0

  /// How long the driver looks for answers before it sleeps, in nanoseconds.
  @inlinable public static var awake: Int64 { 50_000 }

  @inlinable
  public init(clients: ClientDriver<Load>, port: consuming Port) {
    self.clients = clients
    runtime = PortRuntime(port)
  }

  @inlinable
  public var load: Load {
    _read { yield clients.load }
    _modify { yield &clients.load }
  }

  @inlinable
  public var port: Port {
    _read { yield runtime.port }
    _modify { yield &runtime.port }
  }

  @inlinable public var answered: Int { clients.answered }
  @inlinable public var instant: Instant { Instant(nanoseconds: now) }

  /// The trial begins now.
  @inlinable
  public mutating func start(end: Int64) {
    origin = MonotonicClock.now()
    now = 0
    clients.start(until: Instant(nanoseconds: end), in: &runtime)
  }

  /// Before the trial: clients write what is to be there.
  /// - Returns: how many writes there are.
  @inlinable
  public mutating func beginLoading() -> Int {
    origin = MonotonicClock.now()
    now = 0
    let count = clients.beginLoading(at: instant, in: &runtime)
    runtime.port.flush()
    return count
  }

  @inlinable public var hasLoaded: Bool { clients.hasLoaded }

  /// - Returns: how many writes were answered.
  @inlinable
  public mutating func endLoading() -> Int {
    runtime.agenda = EventQueue()
    return clients.endLoading()
  }

  /// One turn, which waits until the trial's time `deadline` at most.
  @inlinable
  public mutating func turn(until deadline: Int64) throws {
    var deadline = deadline
    if !runtime.agenda.isEmpty { deadline = min(deadline, runtime.agenda.nextTime) }
    try runtime.port.wait(
      nanoseconds: max(0, origin + deadline - MonotonicClock.now()), awake: Self.awake,
      share: max(clients.fleet.machines.count / 2, 1))
    now = MonotonicClock.now() - origin
    deliverAll()
    while !runtime.agenda.isEmpty, runtime.agenda.nextTime <= now {
      clients.handle(runtime.agenda.pop(), at: instant, in: &runtime)
    }
    runtime.port.flush()
  }

  @inlinable
  public mutating func deliverAll() {
    for connection in runtime.port.lost {
      clients.lose(connection, at: instant, in: &runtime)
    }
    if !runtime.port.lost.isEmpty { runtime.port.lost.removeAll() }
    // Answers may lead to requests that the port refuses at once, with further answers.
    var position = 0
    while position < runtime.port.replies.count {
      clients.receive(
        runtime.port.replies[position], from: runtime.port.sender(of: position), at: instant,
        in: &runtime)
      position += 1
    }
    runtime.port.removeReplies()
  }

  /// The measured part is over.
  @inlinable
  public mutating func close() {
    clients.close(at: instant)
    // What was to happen to these clients must not happen to those that come after them.
    runtime.agenda = EventQueue()
  }

  /// After the measured part: every key that was touched is read, so that the checker sees whether
  /// what was acknowledged is still there.
  /// - Parameter timeout: after this time a read is given up.
  /// - Returns: how many reads there are.
  @inlinable
  public mutating func beginReadBack(timeout: Interval) -> Int {
    now = MonotonicClock.now() - origin
    let count = clients.beginReadBack(timeout: timeout, at: instant, in: &runtime)
    runtime.port.flush()
    return count
  }

  @inlinable public var hasReadBack: Bool { clients.hasReadBack }
}
