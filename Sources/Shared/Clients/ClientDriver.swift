import Primitives
import Replication

/// Drives the clients of a trial through its load, in a closed or an open loop, and lets them read
/// back the final state. It is a pure value: a runtime passes it events with their times, and it
/// tells the runtime which requests to send and which events to schedule.
///
/// A client that continues at once begins 1 ns after its last answer, so that its operations never
/// appear concurrent.
///
/// In an open loop clients are created when they are needed, so that an operation begins when it is
/// due, because waiting for a client would be a delay of the load generator and not of the service.
public struct ClientDriver<Load: ClientLoad>: Sendable {
  public typealias Application = Load.Application
  public typealias Fleet = ClientFleet<Application>

  public enum Phase: Sendable {
    /// No client begins an operation, and all events are ignored.
    case silent
    /// Clients write the initial state of the trial.
    case loading
    case driving
    /// Clients only read back the final state.
    case readingBack
  }

  public var load: Load
  public var fleet: Fleet
  public var probes: ProbeSchedule<Application>?
  public var phase = Phase.silent
  /// Operations that were answered since the phase began.
  public var answered = 0
  /// Operations that no client could begin in time, because the number of clients or of outstanding
  /// operations was at its limit.
  public var dropped = 0
  /// The maximum number of clients in an open loop.
  public var mostClients = ClientNumbers.mostOfLoad
  /// The number of operations that an open loop may always have outstanding, regardless of the rate
  /// of answers.
  public let fewestUnderWay: Int
  /// Whether the number of outstanding operations of an open loop follows the rate of answers
  /// (`AnswerRate`).
  public let limitsOutstanding: Bool
  public var rate: AnswerRate
  public var arrival: Arrival
  public var thinkTime: Interval
  /// Used only for arrivals, so that they do not depend on the cluster's behaviour.
  public var random: RandomStream
  public var limits: LoadLimits
  /// How long clients have been busy with the load since `limits.countedFrom`.
  public var busy: BusyTime
  /// No operation comes due at or after this time.
  public var end = Fleet.never
  /// When the last operation of an open loop came due, in fractions of a nanosecond.
  public var lastArrivalNs = 0.0
  /// Idle clients of an open loop; the last one begins next.
  public var idle: [Int] = []
  /// Times at which operations came due that still wait for an idle client; the first is at
  /// `nextDue`.
  public var dueTimes: [Instant] = []
  public var nextDue = 0

  /// - Parameters:
  ///   - firstID: see `ClientFleet`.
  ///   - resends: see `ClientMachine`.
  ///   - limitsOutstanding: see the property.
  ///   - firstAsked: see `ClientMachine`.
  ///   - limits: see the property's type.
  ///   - probes: the rate of probes of each kind, and their seed; `nil` for none.
  public init(
    load: Load, count: Int, replicas: [ReplicaID], arrival: Arrival, timeout: Interval,
    thinkTime: Interval, random: RandomStream, firstID: UInt64 = 0, resends: Bool = true,
    patience: Patience = .adaptive, retries: RetryPolicy = RetryPolicy(),
    limitsOutstanding: Bool = true, firstAsked: (@Sendable (Int) -> ReplicaID?)? = nil,
    limits: LoadLimits = LoadLimits(), probes: (rate: Double, seed: UInt64)? = nil
  ) {
    self.limits = limits
    busy = BusyTime(from: limits.countedFrom)
    self.limitsOutstanding = limitsOutstanding
    self.load = load
    self.arrival = arrival
    self.thinkTime = thinkTime
    self.random = random
    fewestUnderWay = count
    rate = AnswerRate(timeout: timeout)
    fleet = Fleet(
      count: count, replicas: replicas, timeout: timeout, firstID: firstID, resends: resends,
      patience: patience, retries: retries, firstAsked: firstAsked)
    self.probes = probes.map {
      ProbeSchedule(rate: $0.rate, replicas: replicas, firstID: firstID, seed: $0.seed)
    }
  }

  /// Begins the trial at time zero. Clients of a closed loop begin spread over 1 ms, so that they
  /// do not run in step.
  public mutating func start(
    until end: Instant, in runtime: inout (some ClientRuntime<Application> & ~Copyable)
  ) {
    self.end = end
    busy.end = end
    phase = .driving
    switch arrival {
    case .closed:
      for client in fleet.machines.indices {
        runtime.schedule(.ready(client), at: limits.firstStart(of: client, &random))
      }
    case .open, .varying:
      idle = Array(fleet.machines.indices.reversed())
      scheduleArrival(in: &runtime)
    }
    scheduleProbe(in: &runtime)
  }

  /// Handles an event that was scheduled earlier.
  public mutating func handle(
    _ event: ClientEvent, at now: Instant,
    in runtime: inout (some ClientRuntime<Application> & ~Copyable)
  ) {
    guard phase != .silent else { return }
    switch event {
    case .ready(let client): begin(client, due: now, at: now, in: &runtime)
    case .wakes(let client):
      continueClient(after: fleet.wake(client, at: now, in: &runtime), at: now, in: &runtime)
    case .operationDue:
      let due = Instant(nanoseconds: Int64(lastArrivalNs))
      let client = freeClient(at: now)
      if let client, nextDue == dueTimes.count {
        begin(client, due: due, at: now, in: &runtime)
      } else {
        dueTimes.append(due)
        if let client { takeDue(client, at: now, in: &runtime) }
      }
      scheduleArrival(in: &runtime)
    case .probeDue: beginProbe(at: now, in: &runtime)
    case .probeWakes(let client):
      guard phase == .driving else { return }
      endProbe(probes?.fleet.wake(client, at: now, in: &runtime), at: now)
    }
  }

  public mutating func receive(
    _ reply: consuming ClientReply<Application.Response>, from replica: ReplicaID, at now: Instant,
    in runtime: inout (some ClientRuntime<Application> & ~Copyable)
  ) {
    guard phase != .silent else { return }
    if rarely(phase == .driving && reply.id.client.rawValue >= firstProbeID) {
      endProbe(probes?.fleet.receive(reply, from: replica, at: now, in: &runtime), at: now)
    } else {
      continueClient(
        after: fleet.receive(reply, from: replica, at: now, in: &runtime), at: now, in: &runtime)
    }
  }

  public mutating func lose(
    _ connection: LostConnection, at now: Instant,
    in runtime: inout (some ClientRuntime<Application> & ~Copyable)
  ) {
    guard phase != .silent else { return }
    for client in fleet.clients(using: connection) {
      let ending = fleet.lose(
        connectionTo: connection.replica, of: client, at: now, in: &runtime)
      continueClient(after: ending, at: now, in: &runtime)
    }
    guard phase == .driving, let probes = self.probes?.fleet.clients(using: connection) else {
      return
    }
    for client in probes {
      endProbe(
        self.probes!.fleet.lose(
          connectionTo: connection.replica, of: client, at: now, in: &runtime), at: now)
    }
  }

  /// The lowest identity of the probes' clients.
  public var firstProbeID: UInt64 { fleet.firstID + UInt64(ClientNumbers.firstProbe) }

  /// Ends the phase: operations that are still open stay unknown, and operations that were never
  /// sent have failed.
  public mutating func close(at now: Instant) {
    for due in dueTimes[nextDue...] { drop(due, at: now) }
    dueTimes.removeAll()
    nextDue = 0
    load.close(at: now - .zero)
    phase = .silent
  }

  /// Begins to write the initial state of the trial.
  /// - Returns: the number of writes.
  public mutating func beginLoading(
    at now: Instant, in runtime: inout (some ClientRuntime<Application> & ~Copyable)
  ) -> Int {
    let writes = load.prepareLoading()
    phase = .loading
    answered = 0
    for client in fleet.machines.indices.prefix(writes) {
      begin(client, due: now, at: now, in: &runtime)
    }
    return writes
  }

  /// Whether every loading write has ended, with an answer or without.
  public var hasLoaded: Bool {
    load.writesToLoad == 0 && fleet.machines.allSatisfy(\.isIdle)
  }

  /// - Returns: the number of writes that were answered.
  public mutating func endLoading() -> Int {
    load.endLoading()
    phase = .silent
    return answered
  }

  /// Begins to read every key that was touched, after the load was closed. The readers have new
  /// identities, so that late replies to the trial's clients do not reach them.
  /// - Returns: the number of reads.
  public mutating func beginReadBack(
    timeout: Interval, at now: Instant,
    in runtime: inout (some ClientRuntime<Application> & ~Copyable)
  ) -> Int {
    let reads = load.prepareReadBack()
    let clients = fleet.machines.count
    fleet = Fleet(
      count: min(reads, clients), replicas: fleet.replicas, timeout: timeout,
      firstID: fleet.firstID + UInt64(ClientNumbers.firstReader), resends: fleet.resends,
      patience: fleet.patience)
    arrival = .closed
    thinkTime = .zero
    phase = .readingBack
    answered = 0
    for client in fleet.machines.indices { begin(client, due: now, at: now, in: &runtime) }
    return reads
  }

  /// Whether every read has ended, with an answer or without.
  public var hasReadBack: Bool {
    load.readsToDo == 0 && fleet.machines.allSatisfy(\.isIdle)
  }
}
