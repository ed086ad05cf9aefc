import Replication

/// The clients of a trial or of a gateway: their machines, and which of them is to be woken when.
///
/// A client is named by its position. Each step tells the runtime what to do, and says which
/// operation has ended by it. A fleet knows no load: `ClientDriver` decides when clients begin.
public struct ClientFleet<Application: StateMachine>: Sendable {
  public typealias Machine = ClientMachine<Application>

  /// An operation that is over; its client is idle again.
  public typealias Ending = (
    client: Int, outcome: ClientOutcome<Application.Response>, attempts: Int
  )

  /// The identity of client 0; the others follow.
  public let firstID: UInt64
  public let replicas: [ReplicaID]
  public let timeout: Interval
  /// See `ClientMachine.resends`.
  public let resends: Bool
  public let patience: Patience
  /// The client that was answered last; those that begin their first operation later know what it
  /// knows.
  public var lastAnswered: Int?
  /// The longest timer of a client that was answered; it fades by a 1024th with each answer.
  public var longestTimer = Interval.zero
  /// The fleet sends probes and is woken as one that does.
  public let isProbing: Bool
  public var machines: [Machine] = []
  /// When the earliest wake-up comes that was asked for, for each client; `never` is none.
  public var scheduledWakes: [Instant] = []

  public static var never: Instant { Instant(nanoseconds: .max) }

  public init(
    count: Int = 0, replicas: [ReplicaID], timeout: Interval, firstID: UInt64 = 0,
    resends: Bool = true, patience: Patience = .adaptive, isProbing: Bool = false
  ) {
    self.patience = patience
    self.isProbing = isProbing
    self.firstID = firstID
    self.replicas = replicas
    self.timeout = timeout
    self.resends = resends
    machines.reserveCapacity(count)
    for _ in 0..<count { _ = add() }
  }

  /// Adds an idle client.
  /// - Returns: its position.
  public mutating func add() -> Int {
    let client = machines.count
    machines.append(
      Machine(
        id: ClientID(firstID + UInt64(client)), replicas: replicas, timeout: timeout,
        resends: resends, patience: patience))
    scheduledWakes.append(Self.never)
    return client
  }

  /// A client begins its first operation. If others have been answered it asks the same replica
  /// first, and waits as the one farthest away does, until it has seen a round trip of its own.
  public mutating func inherit(_ client: Int) {
    guard let lastAnswered else { return }
    machines[client].updateTarget = machines[lastAnswered].updateTarget
    machines[client].readTarget = machines[lastAnswered].readTarget
    machines[client].roundTrips.timer = longestTimer * (isProbing ? 1 : 2)
  }

  /// When a client wants to be woken. Read where it lies: an array hands out whole elements, and a
  /// machine is a large one to copy for each operation.
  public func wakeTime(of client: Int) -> Instant? {
    machines.withUnsafeBufferPointer { $0[client].wakeAt }
  }

  /// The clients whose answers were to come over a connection.
  public func clients(using connection: LostConnection) -> [Int] {
    machines.indices.filter { connection.serves(machines[$0].id) }
  }

  /// A client begins an operation. It must be idle.
  /// - Parameter due: when the operation was due.
  public mutating func begin(
    _ command: consuming Application.Command, by client: Int, due: Instant, at now: Instant,
    in runtime: inout (some ClientRuntime<Application> & ~Copyable)
  ) {
    if machines[client].sequence == 0 { inherit(client) }
    let action = machines[client].begin(command, due: due, at: now)
    _ = carryOut(action, of: client, at: now, in: &runtime)
  }

  /// Replies to others' clients change nothing.
  public mutating func receive(
    _ reply: Machine.Reply, from replica: ReplicaID, at now: Instant,
    in runtime: inout (some ClientRuntime<Application> & ~Copyable)
  ) -> Ending? {
    let client = Int(truncatingIfNeeded: reply.id.client.rawValue &- firstID)
    guard machines.indices.contains(client) else { return nil }
    let ending = carryOut(
      machines[client].receive(reply, from: replica, at: now), of: client, at: now, in: &runtime)
    if ending != nil {
      lastAnswered = client
      longestTimer = max(
        machines[client].roundTrips.timer, longestTimer - longestTimer / 1024)
    }
    return ending
  }

  /// A wake-up comes that was asked for. The client may have gone on since: it is then asked for
  /// again, if the client waits for something later.
  public mutating func wake(
    _ client: Int, at now: Instant, in runtime: inout (some ClientRuntime<Application> & ~Copyable)
  ) -> Ending? {
    if scheduledWakes[client] <= now { scheduledWakes[client] = Self.never }
    guard let due = wakeTime(of: client) else { return nil }
    guard due <= now else {
      scheduleWake(of: client, in: &runtime)
      return nil
    }
    return carryOut(machines[client].wake(at: now), of: client, at: now, in: &runtime)
  }

  /// A connection of this client is gone (`clients(using:)`).
  public mutating func lose(
    connectionTo replica: ReplicaID, of client: Int, at now: Instant,
    in runtime: inout (some ClientRuntime<Application> & ~Copyable)
  ) -> Ending? {
    let action = machines[client].lostConnection(to: replica, at: now)
    return carryOut(action, of: client, at: now, in: &runtime)
  }
}

// MARK: Open to the optimiser only

extension ClientFleet {
  public mutating func carryOut(
    _ action: consuming Machine.Action, of client: Int, at now: Instant,
    in runtime: inout (some ClientRuntime<Application> & ~Copyable)
  ) -> Ending? {
    switch action {
    case .nothing: break
    case .send(let replica):
      // Handed over from where it lies, like the time above.
      machines.withUnsafeBufferPointer {
        runtime.send($0[client].request!, to: replica, at: now)
      }
    case .finish(let outcome, let attempts):
      return (client, outcome, attempts)
    }
    scheduleWake(of: client, in: &runtime)
    return nil
  }

  /// Asks for a wake-up unless one comes that is early enough.
  public mutating func scheduleWake(
    of client: Int, in runtime: inout (some ClientRuntime<Application> & ~Copyable)
  ) {
    guard let due = wakeTime(of: client), due < scheduledWakes[client] else { return }
    scheduledWakes[client] = due
    runtime.schedule(isProbing ? .probeWakes(client) : .wakes(client), at: due)
  }
}
