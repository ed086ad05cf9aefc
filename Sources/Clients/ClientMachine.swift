import Replication
import ReplicaHosting

/// How an operation ended.
public enum ClientOutcome<Response: WireCodable & Equatable & Sendable>: Equatable, Sendable {
  case answered(Response)
  /// It certainly had no effect and never will: the server has said so, or was never asked. Only where
  /// requests are sent once (`ClientMachine.resends`); otherwise the client looks for another replica.
  case failed
  /// Given up after the timeout: it may have taken effect, or may still. The session's next request
  /// settles it: from then on replicas refuse this one.
  case unknown
}

/// One client as a pure machine: one outstanding request, retries, redirects, and the search for the
/// replica in charge. The runtime tells it the time and carries its messages.
///
/// - A request that is not answered in time is sent again, to the next replica; how long that takes
///   follows the latencies seen so far and doubles with each retry of the same operation.
/// - A redirect that names a replica is followed at once; one that does not, or a chain of them, makes
///   the client pause first, so that clients do not storm a cluster without a leader.
/// - A replica that did not answer in time is suspected: if others still redirect to it, it gets only a
///   short time to answer before the client asks the next one again.
/// - Where updates and reads go is remembered apart: in a chain they are different replicas.
public struct ClientMachine<Application: StateMachine>: Sendable {
  public typealias Request = ClientRequest<Application.Command>
  public typealias Reply = ClientReply<Application.Response>

  /// What the runtime has to do now.
  public enum Action: Equatable, Sendable {
    case nothing
    case send(Request, to: ReplicaID)
    /// The operation is over; the client is idle again.
    case finish(ClientOutcome<Application.Response>, attempts: Int)
  }

  public struct Outstanding: Sendable {
    public var request: Request
    public var isRead: Bool
    public var started: Instant
    public var deadline: Instant
    public var attempts: Int
    /// Attempts that ran out of time, those at the suspect aside.
    public var timeouts: Int
    /// Redirects followed since the last pause.
    public var redirects: Int
    public var isPausing: Bool
    /// Who did not answer the last attempt that ran out of time.
    public var suspect: ReplicaID?
    /// When to act without an answer: retry, or end of a pause.
    public var actAt: Instant
  }

  public let id: ClientID
  public let replicas: [ReplicaID]
  public let timeout: Interval
  /// Whether a request without an answer is sent again. Only servers that recognise a request they have
  /// seen make that safe; with others an operation without an answer stays unknown, and one that was
  /// refused has failed.
  public let resends: Bool
  public var sequence: UInt64 = 0
  public var outstanding: Outstanding?
  public var updateTarget: ReplicaID
  public var readTarget: ReplicaID
  /// Smoothed latency of answered first attempts; `nil` before the first.
  public var smoothedLatency: Interval?

  /// - Parameters:
  ///   - replicas: those the client may ask, at least one.
  ///   - timeout: after this time an operation is given up.
  ///   - resends: false for servers without sessions: an operation is then sent once.
  public init(
    id: ClientID, replicas: [ReplicaID], timeout: Interval, resends: Bool = true
  ) {
    self.id = id
    self.replicas = replicas
    self.timeout = timeout
    self.resends = resends
    updateTarget = replicas[Int(id.rawValue % UInt64(replicas.count))]
    readTarget = updateTarget
  }

  public var isIdle: Bool { outstanding == nil }
  public var nextSequence: UInt64 { sequence + 1 }

  /// When the client wants to be woken, if nothing arrives before.
  public var wakeAt: Instant? {
    guard let outstanding else { return nil }
    return min(outstanding.actAt, outstanding.deadline)
  }

  /// Starts an operation. The client must be idle.
  /// - Parameter due: when the operation was due; the timeout counts from there.
  public mutating func begin(
    _ command: Application.Command, due: Instant, at now: Instant
  ) -> Action {
    precondition(isIdle, "a client has one operation outstanding")
    sequence += 1
    outstanding = Outstanding(
      request: Request(id: RequestID(client: id, sequence: sequence), command: command),
      isRead: Application.isReadOnly(command), started: now, deadline: due + timeout, attempts: 0,
      timeouts: 0, redirects: 0, isPausing: false, suspect: nil, actAt: now)
    return attempt(at: now)
  }

  public mutating func receive(_ reply: Reply, at now: Instant) -> Action {
    guard reply.id == outstanding?.request.id else { return .nothing }
    switch reply.result {
    case .answer(let response):
      let attempts = outstanding!.attempts
      if attempts == 1 { learn(latency: now - outstanding!.started) }
      outstanding = nil
      return .finish(.answered(response), attempts: attempts)
    case .redirect(let target): return follow(target, at: now)
    }
  }

  /// A replica has said that it cannot help, and perhaps who can.
  public mutating func follow(_ target: ReplicaID?, at now: Instant) -> Action {
    guard let current = outstanding else { return .nothing }
    guard resends else {
      outstanding = nil
      return .finish(.failed, attempts: current.attempts)
    }
    guard !current.isPausing else { return .nothing }
    if let target, replicas.contains(target) {
      aim(at: target, forReads: current.isRead)
      outstanding!.redirects += 1
      if current.redirects < replicas.count { return attempt(at: now) }
    } else {
      aimAtNext(forReads: current.isRead)
    }
    outstanding!.isPausing = true
    outstanding!.actAt = now + pause
    return .nothing
  }

  /// The time of `wakeAt` has come.
  public mutating func wake(at now: Instant) -> Action {
    guard let current = outstanding else { return .nothing }
    if now >= current.deadline {
      aimAtNext(forReads: current.isRead)
      outstanding = nil
      return .finish(.unknown, attempts: current.attempts)
    }
    guard now >= current.actAt else { return .nothing }
    if current.isPausing {
      outstanding!.isPausing = false
      outstanding!.redirects = 0
    } else {
      let silent = current.isRead ? readTarget : updateTarget
      if silent != current.suspect || replicas.count == 1 { outstanding!.timeouts += 1 }
      outstanding!.suspect = silent
      aimAtNext(forReads: current.isRead)
    }
    return attempt(at: now)
  }

  /// The connection to a replica is gone: if an answer was to come from there, it will not.
  public mutating func lostConnection(to replica: ReplicaID, at now: Instant) -> Action {
    guard let current = outstanding, !current.isPausing,
      (current.isRead ? readTarget : updateTarget) == replica
    else { return .nothing }
    guard resends else {
      outstanding = nil
      return .finish(.unknown, attempts: current.attempts)
    }
    aimAtNext(forReads: current.isRead)
    outstanding!.suspect = replica
    outstanding!.isPausing = true
    outstanding!.actAt = now + pause
    return .nothing
  }

  public mutating func attempt(at now: Instant) -> Action {
    outstanding!.attempts += 1
    let target = outstanding!.isRead ? readTarget : updateTarget
    if !resends {
      outstanding!.actAt = outstanding!.deadline
    } else if target == outstanding!.suspect, replicas.count > 1 {
      outstanding!.actAt = now + max(pause, (smoothedLatency ?? .zero) * 2)
    } else {
      outstanding!.actAt = now + patience * (1 << min(outstanding!.timeouts, 4))
    }
    return .send(outstanding!.request, to: target)
  }

  /// How long the first attempt may take: four times what is usual, and no less than a tenth of the
  /// timeout.
  public var patience: Interval {
    max(timeout / 10, min((smoothedLatency ?? .zero) * 4, timeout / 2))
  }

  public var pause: Interval { timeout / 50 }

  public mutating func learn(latency: Interval) {
    guard let smoothed = smoothedLatency else {
      smoothedLatency = latency
      return
    }
    smoothedLatency = smoothed + (latency - smoothed) / 8
  }

  public mutating func aim(at target: ReplicaID, forReads: Bool) {
    if forReads { readTarget = target } else { updateTarget = target }
  }

  public mutating func aimAtNext(forReads: Bool) {
    let current = forReads ? readTarget : updateTarget
    let position = replicas.firstIndex(of: current) ?? 0
    aim(at: replicas[(position + 1) % replicas.count], forReads: forReads)
  }
}
