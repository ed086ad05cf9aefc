import Replication

/// The clients of a trial or of a gateway: their machines, and which of them is to be woken when.
///
/// A client is named by its position. Each step leaves in `effects` what a runtime has to do, and
/// says which operation has ended by it. It knows nothing of loads: `ClientDriver` decides when
/// clients begin.
public struct ClientFleet<Application: StateMachine>: Sendable {
  public typealias Machine = ClientMachine<Application>

  /// An operation that is over; its client is idle again.
  public struct Ending: Equatable, Sendable {
    public var client: Int
    public var outcome: ClientOutcome<Application.Response>
    public var attempts: Int

    @inlinable
    public init(client: Int, outcome: ClientOutcome<Application.Response>, attempts: Int) {
      self.client = client
      self.outcome = outcome
      self.attempts = attempts
    }
  }

  /// The identity of client 0; the others follow.
  public let firstID: UInt64
  public let replicas: [ReplicaID]
  public let timeout: Interval
  /// See `ClientMachine.resends`.
  public let resends: Bool
  public var machines: [Machine] = []
  /// When the earliest wake-up comes that was asked for, for each client; `never` is none.
  public var scheduledWakes: [Instant] = []
  /// What the steps so far ask of the runtime. It carries all of it out, in order, and empties it
  /// before the next step: a send means the request that its client has outstanding at this moment.
  public var effects: [ClientEffect] = []

  @inlinable public static var never: Instant { Instant(nanoseconds: .max) }

  public init(
    count: Int = 0, replicas: [ReplicaID], timeout: Interval, firstID: UInt64 = 0,
    resends: Bool = true
  ) {
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
        resends: resends))
    scheduledWakes.append(Self.never)
    return client
  }

  /// What `ClientEffect.send` speaks of. Read where it lies: an array hands out whole elements, and
  /// a machine is a large one to copy for each operation.
  @inlinable
  public func request(of client: Int) -> Machine.Request {
    machines.withUnsafeBufferPointer { $0[client].request! }
  }

  /// When a client wants to be woken. Read where it lies, like its request.
  @inlinable
  public func wakeTime(of client: Int) -> Instant? {
    machines.withUnsafeBufferPointer { $0[client].wakeAt }
  }

  /// The clients whose answers were to come over a connection.
  public func clients(using connection: LostConnection) -> [Int] {
    machines.indices.filter { connection.serves(machines[$0].id) }
  }

  /// A client begins an operation. It must be idle.
  /// - Parameter due: when the operation was due.
  @inlinable
  public mutating func begin(
    _ command: consuming Application.Command, by client: Int, due: Instant, at now: Instant
  ) {
    let action = machines[client].begin(command, due: due, at: now)
    _ = carryOut(action, of: client, at: now)
  }

  /// Replies to others' clients change nothing.
  @inlinable
  public mutating func receive(_ reply: Machine.Reply, at now: Instant) -> Ending? {
    let client = Int(truncatingIfNeeded: reply.id.client.rawValue &- firstID)
    guard machines.indices.contains(client) else { return nil }
    return carryOut(machines[client].receive(reply, at: now), of: client, at: now)
  }

  /// A wake-up comes that was asked for. The client may have gone on since: it is then asked for
  /// again, if the client waits for something later.
  @inlinable
  public mutating func wake(_ client: Int, at now: Instant) -> Ending? {
    if scheduledWakes[client] <= now { scheduledWakes[client] = Self.never }
    guard let due = wakeTime(of: client) else { return nil }
    guard due <= now else {
      scheduleWake(of: client)
      return nil
    }
    return carryOut(machines[client].wake(at: now), of: client, at: now)
  }

  /// A connection of this client is gone (`clients(using:)`).
  @inlinable
  public mutating func lose(
    connectionTo replica: ReplicaID, of client: Int, at now: Instant
  ) -> Ending? {
    let action = machines[client].lostConnection(to: replica, at: now)
    return carryOut(action, of: client, at: now)
  }
}

// MARK: Open to the optimiser only

extension ClientFleet {
  @inlinable
  public mutating func carryOut(
    _ action: consuming Machine.Action, of client: Int, at now: Instant
  ) -> Ending? {
    switch action {
    case .nothing: break
    case .send(let replica): effects.append(.send(client: client, to: replica, at: now))
    case .finish(let outcome, let attempts):
      return Ending(client: client, outcome: outcome, attempts: attempts)
    }
    scheduleWake(of: client)
    return nil
  }

  /// Asks for a wake-up unless one comes that is early enough.
  @inlinable
  public mutating func scheduleWake(of client: Int) {
    guard let due = wakeTime(of: client), due < scheduledWakes[client] else { return }
    scheduledWakes[client] = due
    effects.append(.schedule(.wakes(client), at: due))
  }
}
