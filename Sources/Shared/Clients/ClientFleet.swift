import Primitives
import Replication

/// The clients of a trial or of a gateway: their machines and their wake-up times.
///
/// A client is identified by its position. Each step tells the runtime what to do, and returns the
/// operation that ended, if any. A fleet does not contain the load: `ClientDriver` decides when
/// clients begin.
public struct ClientFleet<Application: StateMachine>: Sendable {
  public typealias Machine = ClientMachine<Application>

  /// An operation that has ended; its client is idle again.
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
  public let retries: RetryPolicy
  /// `nil` if clients may repeat requests without limit.
  public var budget: RetryBudget?
  /// The client that was answered last; clients that begin their first operation later copy its
  /// targets.
  public var lastAnswered: Int?
  /// The longest timer among clients that were answered; it decays by 1/1024 with each answer.
  public var longestTimer = Interval.zero
  /// See `ClientMachine.firstAsked`, by client; `nil` if no client has one.
  public let firstAsked: (@Sendable (Int) -> ReplicaID?)?
  /// Whether the fleet sends probes, so that its wake-ups are events of probes.
  public let isProbing: Bool
  public var machines: [Machine] = []
  /// For each client, its earliest scheduled wake-up; `never` if there is none.
  public var scheduledWakes: [Instant] = []

  public static var never: Instant { Instant(nanoseconds: .max) }

  public init(
    count: Int = 0, replicas: [ReplicaID], timeout: Interval, firstID: UInt64 = 0,
    resends: Bool = true, patience: Patience = .adaptive, retries: RetryPolicy = RetryPolicy(),
    firstAsked: (@Sendable (Int) -> ReplicaID?)? = nil, isProbing: Bool = false
  ) {
    self.firstAsked = firstAsked
    self.patience = patience
    self.retries = retries
    budget = retries.budget.map { RetryBudget(perAnswer: $0) }
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
        resends: resends, patience: patience, retries: retries))
    machines[client].firstAsked = firstAsked?(client)
    scheduledWakes.append(Self.never)
    return client
  }

  /// Prepares a client for its first operation. If other clients have been answered, it asks the
  /// same replica first, and until it has measured a round trip itself, it waits for the longest
  /// timer of an answered client (for twice that unless it sends probes).
  public mutating func inherit(_ client: Int) {
    guard let lastAnswered else { return }
    machines[client].updateTarget = machines[lastAnswered].updateTarget
    machines[client].readTarget = machines[lastAnswered].readTarget
    machines[client].roundTrips.timer = longestTimer * (isProbing ? 1 : 2)
  }

  /// When a client wants to be woken. It is read in place, because an array subscript copies the
  /// whole machine, which is too large to copy for each operation.
  public func wakeTime(of client: Int) -> Instant? {
    machines.withUnsafeBufferPointer { $0[client].wakeAt }
  }

  /// The clients that expect their answers over a connection.
  public func clients(using connection: LostConnection) -> [Int] {
    machines.indices.filter { connection.serves(machines[$0].id) }
  }

  /// Begins an operation of a client, which must be idle.
  /// - Parameter due: when the operation was due.
  @inline(__always)
  public mutating func begin(
    _ command: consuming Application.Command, by client: Int, due: Instant, at now: Instant,
    in runtime: inout (some ClientRuntime<Application> & ~Copyable)
  ) {
    if rarely(machines[client].sequence == 0) { inherit(client) }
    let request = machines[client].nextRequest(for: command, due: due, at: now)
    guard case .send(let replica) = machines[client].begin(request, due: due, at: now) else {
      preconditionFailure("an operation begins with a request")
    }
    // The request is sent from here, because the processor would have to wait for the copy in the
    // machine.
    runtime.send(consume request, to: replica, at: now)
    scheduleWake(of: client, in: &runtime)
  }

  /// Handles a reply; replies to clients of other fleets are ignored.
  @inline(__always)
  public mutating func receive(
    _ reply: consuming Machine.Reply, from replica: ReplicaID, at now: Instant,
    in runtime: inout (some ClientRuntime<Application> & ~Copyable)
  ) -> Ending? {
    let client = Int(truncatingIfNeeded: reply.id.client.rawValue &- firstID)
    guard machines.indices.contains(client) else { return nil }
    let ending = carryOut(
      machines[client].receive(reply, from: replica, at: now), of: client, at: now, in: &runtime)
    if ending != nil {
      lastAnswered = client
      budget?.noteAnswer()
      longestTimer = max(
        machines[client].roundTrips.timer, longestTimer - longestTimer / 1024)
    }
    return ending
  }

  /// Handles a scheduled wake-up. If the client has continued since and now waits for a later time,
  /// the wake-up is scheduled again.
  public mutating func wake(
    _ client: Int, at now: Instant, in runtime: inout (some ClientRuntime<Application> & ~Copyable)
  ) -> Ending? {
    if scheduledWakes[client] <= now { scheduledWakes[client] = Self.never }
    guard let due = wakeTime(of: client) else { return nil }
    guard due <= now else {
      scheduleWake(of: client, in: &runtime)
      return nil
    }
    guard budget != nil else {
      return carryOut(machines[client].wake(at: now), of: client, at: now, in: &runtime)
    }
    let before = machines[client].progress.repetitions
    let action = machines[client].wake(at: now, mayRepeat: budget!.allows)
    budget!.spend(machines[client].progress.repetitions - before)
    return carryOut(action, of: client, at: now, in: &runtime)
  }

  /// Handles the loss of a connection of this client (see `clients(using:)`).
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
  @inline(__always)
  public mutating func carryOut(
    _ action: consuming Machine.Action, of client: Int, at now: Instant,
    in runtime: inout (some ClientRuntime<Application> & ~Copyable)
  ) -> Ending? {
    switch action {
    case .nothing: break
    case .send(let replica):
      // The request is passed in place and not copied, as in `wakeTime`.
      machines.withUnsafeBufferPointer {
        runtime.send($0[client].request!, to: replica, at: now)
      }
    case .finish(let outcome, let attempts):
      return (client, outcome, attempts)
    }
    scheduleWake(of: client, in: &runtime)
    return nil
  }

  /// Schedules a wake-up unless an earlier or equal one is already scheduled.
  @inline(__always)
  public mutating func scheduleWake(
    of client: Int, in runtime: inout (some ClientRuntime<Application> & ~Copyable)
  ) {
    guard let due = wakeTime(of: client), due < scheduledWakes[client] else { return }
    scheduledWakes[client] = due
    runtime.schedule(isProbing ? .probeWakes(client) : .wakes(client), at: due)
  }
}
