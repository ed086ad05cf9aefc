import Clients
import Primitives
import ReplicaHosting
import Replication
import Sockets
import Workloads

/// Drives a load against servers in real time: all clients on one thread.
///
/// A turn: wait; read what has arrived, or answers for half of the clients, so that servers have
/// something to do while others are read; take the time; deal with it and begin what follows; send. The
/// time is thus never before an answer's arrival nor after a request's departure, and one reading serves
/// the whole turn. An operation that begins in the same turn does so a nanosecond after
/// the answer before it, and leaves after everything of this turn has been read: operations seem to
/// overlap only if they may have.
///
/// Every step is inlinable, here and in `ClusterTrial`: the optimiser specialises them for a load of another
/// module only then, and three times as many operations pass.
public struct LoadDriver<Load: ClientLoad, Port: ServerPort & ~Copyable>: ~Copyable
where Port.Application == Load.Application {
  public typealias Application = Load.Application

  /// What is to happen at a time of the trial.
  public enum Agenda: Sendable {
    case clientReady(Int)
    case clientWakes(Int)
    case arrival
  }

  public var load: Load
  public var clients: ClientFloor<Application>
  public var port: Port
  public var agenda = EventQueue<Agenda>()
  /// Monotonic time of the trial's beginning.
  public var origin: Int64 = 0
  /// Nothing comes due from here on, by the trial's time.
  public var end: Int64 = .max
  /// The trial's time of this turn.
  public var now: Int64 = 0
  /// Clients begin nothing any more.
  public var isSilent = true
  /// Clients only read back what is there.
  public var isReadingBack = false
  public var answered = 0

  /// How long the driver looks for answers before it sleeps, in nanoseconds.
  @inlinable public static var awake: Int64 { 50_000 }

  @inlinable
  public init(load: Load, clients: ClientFloor<Application>, port: consuming Port) {
    self.load = load
    self.clients = clients
    self.port = port
  }

  /// The trial begins now.
  @inlinable
  public mutating func start(end: Int64) {
    origin = MonotonicClock.now()
    now = 0
    isSilent = false
    self.end = end
    switch clients.arrival {
    case .closed:
      for client in clients.machines.indices {
        agenda.push(.clientReady(client), at: clients.firstBegin())
      }
    case .open:
      clients.free = Array(clients.machines.indices.reversed())
      scheduleArrival()
    }
  }

  @inlinable
  public mutating func scheduleArrival() {
    guard let time = clients.nextArrival(before: end) else { return }
    agenda.push(.arrival, at: time)
  }

  /// One turn, which waits until the trial's time `deadline` at most.
  @inlinable
  public mutating func turn(until deadline: Int64) throws {
    var deadline = deadline
    if !agenda.isEmpty { deadline = min(deadline, agenda.nextTime) }
    try port.wait(
      nanoseconds: max(0, origin + deadline - MonotonicClock.now()), awake: Self.awake,
      share: max(clients.machines.count / 2, 1))
    now = MonotonicClock.now() - origin
    deliverAll()
    while !agenda.isEmpty, agenda.nextTime <= now { happen(agenda.pop()) }
    port.flush()
  }

  @inlinable
  public mutating func deliverAll() {
    if isSilent {
      // Answers to what has been given up.
      port.lost.removeAll()
      port.replies.removeAll(keepingCapacity: true)
      return
    }
    if !port.lost.isEmpty {
      for loss in port.lost { deliver(loss) }
      port.lost.removeAll()
    }
    // Answers may lead to requests that the port refuses at once, with further answers.
    var position = 0
    while position < port.replies.count {
      deliver(port.replies[position])
      position += 1
    }
    port.replies.removeAll(keepingCapacity: true)
  }

  @inlinable
  public mutating func deliver(_ reply: ClientReply<Application.Response>) {
    let client = Int(truncatingIfNeeded: reply.id.client.rawValue &- clients.firstID)
    guard clients.machines.indices.contains(client) else { return }
    carryOut(
      clients.machines[client].receive(reply, at: Instant(nanoseconds: now)), of: client, at: now)
  }

  @inlinable
  public mutating func deliver(_ loss: LostConnection) {
    for client in clients.machines.indices
    where clients.machines[client].id.rawValue % UInt64(loss.stride) == UInt64(loss.remainder) {
      let action = clients.machines[client].lostConnection(
        to: loss.replica, at: Instant(nanoseconds: now))
      carryOut(action, of: client, at: now)
    }
  }

  @inlinable
  public mutating func happen(_ what: Agenda) {
    switch what {
    case .clientReady(let client): begin(client, due: now, at: now)
    case .clientWakes(let client): wake(client)
    case .arrival:
      let due = Int64(clients.lastArrival)
      if let client = clients.free.popLast() {
        begin(client, due: due, at: max(now, due))
      } else {
        clients.dueTimes.append(due)
      }
      scheduleArrival()
    }
  }

  @inlinable
  public mutating func begin(_ client: Int, due: Int64, at time: Int64) {
    guard !isSilent, !isReadingBack || load.readsToDo > 0 else { return }
    let command = load.begin(
      client: client, sequence: clients.machines[client].nextSequence,
      due: Interval(nanoseconds: due), at: Interval(nanoseconds: time))
    let action = clients.machines[client].begin(
      command, due: Instant(nanoseconds: due), at: Instant(nanoseconds: time))
    carryOut(action, of: client, at: time)
  }

  @inlinable
  public mutating func wake(_ client: Int) {
    if clients.wakeScheduled[client] <= now { clients.wakeScheduled[client] = .max }
    guard !isSilent, let due = clients.wakeTime(of: client) else { return }
    guard due <= now else {
      scheduleWake(client)
      return
    }
    carryOut(
      clients.machines[client].wake(at: Instant(nanoseconds: now)), of: client, at: now)
  }

  @inlinable
  public mutating func carryOut(
    _ action: consuming ClientMachine<Application>.Action, of client: Int, at time: Int64
  ) {
    switch action {
    case .nothing: break
    case .send(let replica): clients.machines[client].send(over: &port, to: replica)
    case .finish(let outcome, let attempts):
      let isAnswered = if case .answered = outcome { true } else { false }
      if isAnswered { answered += 1 }
      load.end(
        client: client, outcome: outcome, attempts: attempts, at: Interval(nanoseconds: now))
      if !isAnswered, !clients.machines[client].resends, case .closed = clients.arrival {
        // A server that refuses at once would be asked again without end in this very turn.
        agenda.push(
          .clientReady(client), at: time + clients.machines[client].pause.nanoseconds)
      } else {
        goOn(client)
      }
      return
    }
    scheduleWake(client)
  }

  @inlinable
  public mutating func goOn(_ client: Int) {
    let time = now
    let step = clients.nextStep(of: client, at: time) { due in
      load.dropped(due: Interval(nanoseconds: due), at: Interval(nanoseconds: time))
    }
    switch step {
    case .begin(let due): begin(client, due: due, at: time + 1)
    case .think(let end): agenda.push(.clientReady(client), at: end)
    case .rest: break
    }
  }

  @inlinable
  public mutating func scheduleWake(_ client: Int) {
    guard let due = clients.wakeTime(of: client), due < clients.wakeScheduled[client] else {
      return
    }
    clients.wakeScheduled[client] = due
    agenda.push(.clientWakes(client), at: due)
  }

  /// The measured part is over: what is still open stays unknown, what was never sent has failed.
  @inlinable
  public mutating func close() {
    for due in clients.neverBegun {
      load.dropped(due: Interval(nanoseconds: due), at: Interval(nanoseconds: now))
    }
    load.close(at: Interval(nanoseconds: now))
    isSilent = true
    // What was to happen to these clients must not happen to those that come after them.
    agenda = EventQueue()
  }
}
