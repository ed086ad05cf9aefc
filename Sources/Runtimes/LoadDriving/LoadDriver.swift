import Clients
import Primitives
import Replication
import Sockets
import Trials

/// Drives a load against servers in real time: all clients on one thread.
///
/// A turn: wait; read the replies that have arrived, at most for half of the clients, so that
/// servers have work while the other replies are read; take the time; handle the replies and begin
/// the next operations; send. The time is thus never before a reply's arrival or after a request's
/// departure, and one reading serves the whole turn. An operation that begins in the same turn as
/// its client's last reply begins one nanosecond after it, and its request is sent after all reads
/// of this turn: operations seem to overlap only if they may have overlapped.
///
/// Every function is inlinable, here and in `ClusterTrial`, because only then does the optimiser
/// specialise them for a load of another module, which makes three times as many operations per
/// second.
public struct LoadDriver<Load: ClientLoad, Port: ServerPort & ~Copyable>: ~Copyable
where Port.Application == Load.Application {
  public var clients: ClientDriver<Load>
  public var runtime: PortRuntime<Port>
  /// Monotonic time of the trial's beginning.
  public var origin = Instant.zero
  /// The trial's time of this turn.
  public var now = Instant.zero

  /// How long the driver polls for replies before it sleeps.
  @inlinable public static var awake: Interval { .microseconds(50) }

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
  /// Whether all answers have arrived that the load is to have.
  @inlinable public var isDone: Bool { clients.limits.doneAt != nil }

  /// When the measured part ends.
  @inlinable
  public func measuredEnd(atMost duration: Interval) -> Instant {
    min(clients.limits.doneAt.map { $0 + .nanoseconds(1) } ?? .never, .zero + duration)
  }

  /// Starts the trial at the present time.
  @inlinable
  public mutating func start(end: Instant) {
    origin = MonotonicClock.now()
    now = .zero
    clients.start(until: end, in: &runtime)
  }

  /// Before the trial: lets the clients write the keys that must exist.
  /// - Returns: the number of writes.
  @inlinable
  public mutating func beginLoading() -> Int {
    origin = MonotonicClock.now()
    now = .zero
    let count = clients.beginLoading(at: now, in: &runtime)
    runtime.port.flush()
    return count
  }

  @inlinable public var hasLoaded: Bool { clients.hasLoaded }

  /// - Returns: the number of writes that were answered.
  @inlinable
  public mutating func endLoading() -> Int {
    runtime.agenda = EventQueue()
    return clients.endLoading()
  }

  /// Runs one turn, which waits at most until the trial's time `deadline`.
  @inlinable
  public mutating func turn(until deadline: Instant) throws {
    var deadline = deadline
    if !runtime.agenda.isEmpty { deadline = min(deadline, runtime.agenda.nextTime) }
    try runtime.port.wait(
      atMost: max(.zero, origin + (deadline - .zero) - MonotonicClock.now()),
      awake: Self.awake,
      share: max(clients.fleet.machines.count / 2, 1))
    now = .zero + (MonotonicClock.now() - origin)
    deliverAll()
    while !runtime.agenda.isEmpty, runtime.agenda.nextTime <= now {
      clients.handle(runtime.agenda.pop(), at: now, in: &runtime)
    }
    runtime.port.flush()
  }

  @inlinable
  public mutating func deliverAll() {
    for connection in runtime.port.lost {
      clients.lose(connection, at: now, in: &runtime)
    }
    if !runtime.port.lost.isEmpty { runtime.port.lost.removeAll() }
    // Replies may lead to requests that the port refuses at once, which adds further replies.
    var position = 0
    while position < runtime.port.replies.count {
      if runtime.traced.isOn { noteAnswer(runtime.port.replies[position]) }
      clients.receive(
        runtime.port.replies[position], from: runtime.port.sender(of: position), at: now,
        in: &runtime)
      position += 1
    }
    runtime.port.removeReplies()
  }

  /// Notes when a traced operation was due and answered, before its client begins the next one.
  @inlinable
  public mutating func noteAnswer(_ reply: ClientReply<Load.Application.Response>) {
    guard case .answer = reply.result, clients.phase == .driving,
      reply.id.isTraced(oneIn: runtime.traced.every)
    else { return }
    let client = Int(truncatingIfNeeded: reply.id.client.rawValue &- clients.fleet.firstID)
    guard clients.fleet.machines.indices.contains(client) else { return }
    let machine = clients.fleet.machines[client]
    guard !machine.isIdle, machine.sequence == reply.id.sequence else { return }
    let due = machine.progress.deadline - machine.timeout
    runtime.traced.noteAnswer(reply.id, isRead: machine.progress.isRead, due: due, at: now)
  }

  /// Ends the measured part. After the last of the load's answers it ends one nanosecond later than
  /// that answer, so operations that are still open have waited until then.
  @inlinable
  public mutating func close() {
    clients.close(at: clients.limits.doneAt.map { max(now, $0 + .nanoseconds(1)) } ?? now)
    // Events of these clients must not reach the clients of the read-back.
    runtime.agenda = EventQueue()
  }

  /// After the measured part: begins to read every key that was touched, so that the checker sees
  /// whether acknowledged writes are still there.
  /// - Parameter timeout: the time after which a read is given up.
  /// - Returns: the number of reads.
  @inlinable
  public mutating func beginReadBack(timeout: Interval) -> Int {
    now = .zero + (MonotonicClock.now() - origin)
    let count = clients.beginReadBack(timeout: timeout, at: now, in: &runtime)
    runtime.port.flush()
    return count
  }

  @inlinable public var hasReadBack: Bool { clients.hasReadBack }
}
