import Replication
import WireFormat

/// How an operation ended.
public enum ClientOutcome<Response: WireCodable & Equatable & Sendable>: Equatable, Sendable {
  case answered(Response)
  /// It certainly had no effect and never will: each attempt was refused as `busy`, or the only one
  /// was refused (`ClientMachine.resends`), or it was never sent.
  case failed
  /// It was given up after the timeout: it may have taken effect, or may still do so. Once the
  /// session's next request is applied, replicas refuse this one, so that its outcome no longer
  /// changes.
  case unknown
}

/// One client as a pure machine: one outstanding request, retries, redirects, and the search for
/// the replica in charge. The runtime tells it the time and carries its messages.
///
/// - A request that is not answered in time is sent again, to the next replica; the time follows
///   from the round trips measured so far (`RoundTrips`).
/// - An answer says which replica has sent it. That shows to which attempt it belongs, so that
///   retried operations are measured too (Karn's problem). A replica that was asked and answers
///   late is asked first next time.
/// - A redirect that names a replica is followed at once. A redirect that does not, or a chain of
///   redirects, makes the client pause first, so that clients do not flood a cluster without a
///   leader.
/// - A replica that did not answer in time is suspected: if others still redirect to it, it gets
///   only a short time to answer before the client asks the next one. The client asks all replicas
///   in turn.
/// - The targets of updates and of reads are remembered separately, because in a chain they are
///   different replicas.
public struct ClientMachine<Application: StateMachine>: Sendable {
  public typealias Request = ClientRequest<Application.Command>
  public typealias Reply = ClientReply<Application.Response>

  /// An instruction to the runtime.
  public enum Action: Equatable, Sendable {
    case nothing
    /// Send `request`. It is not part of the action but stays in the machine, so that its bytes are
    /// copied only once, into a frame.
    case send(to: ReplicaID)
    /// The operation has ended; the client is idle again.
    case finish(ClientOutcome<Application.Response>, attempts: Int)
  }

  /// The progress of the outstanding request.
  public struct Progress: Sendable {
    public var isRead = false
    public var started = Instant.zero
    public var deadline = Instant.zero
    public var attempts = 0
    /// When the last attempt was sent.
    public var sent = Instant.zero
    /// The first attempt that timed out: its replica and the time at which it was sent.
    public var firstSilent: (replica: ReplicaID, sent: Instant)?
    /// The number of attempts that timed out.
    public var silences = 0
    /// The number of pauses and of attempts at a suspect so far; each makes the next one longer.
    public var pauses = 0
    /// The current position in `replicas` of the search for a replica that answers.
    public var searched: Int?
    /// Redirects followed since the last pause.
    public var redirects = 0
    public var isPausing = false
    /// Attempts that were refused as `busy`.
    public var refusals = 0
    /// Whether the next attempt is a repetition: the last one was refused or lost.
    public var isRepeating = false
    /// What the size of the request adds to the timer.
    public var extraTime = Interval.zero
    /// The number of repetitions sent. An attempt that follows a redirect is none.
    public var repetitions = 0
    /// The replica that did not answer the last attempt that timed out.
    public var suspect: ReplicaID?
    /// When to act without an answer: the time of a retry, or the end of a pause.
    public var actAt = Instant.zero

    public init() {}
  }

  public let id: ClientID
  public let replicas: [ReplicaID]
  public let timeout: Interval
  /// Whether a request without an answer is sent again. This is safe only if servers recognise
  /// repeated requests. With other servers an operation without an answer stays unknown, and a
  /// refused operation has failed.
  public let resends: Bool
  public var sequence: UInt64 = 0
  /// When the client wants to be woken if no reply arrives before; nil while it is idle.
  public var wakeAt: Instant?
  /// Whether an update was answered, so that replicas have a session for this client.
  public var hasSession = false
  /// The outstanding request.
  public var request: Request?
  /// Valid only while a request is outstanding.
  public var progress = Progress()
  public var updateTarget: ReplicaID
  public var readTarget: ReplicaID
  /// The replica that is asked first with each operation; `nil` for the one that answered last.
  public var firstAsked: ReplicaID?
  public let patience: Patience
  public let retries: RetryPolicy
  public var roundTrips = RoundTrips()

  /// - Parameters:
  ///   - replicas: the replicas that the client may ask, at least one.
  ///   - timeout: an operation is given up after this time.
  ///   - resends: whether requests are sent again; false for servers without sessions.
  public init(
    id: ClientID, replicas: [ReplicaID], timeout: Interval, resends: Bool = true,
    patience: Patience = .adaptive, retries: RetryPolicy = RetryPolicy()
  ) {
    self.patience = patience
    self.retries = retries
    self.id = id
    self.replicas = replicas
    self.timeout = timeout
    self.resends = resends
    updateTarget = replicas[Int(id.rawValue % UInt64(replicas.count))]
    readTarget = updateTarget
  }

  public var isIdle: Bool { wakeAt == nil }
  public var nextSequence: UInt64 { sequence + 1 }

  /// The request of the operation that the client begins next.
  /// - Parameter due: when the operation was due; the timeout counts from then.
  @inline(__always)
  public func nextRequest(
    for command: consuming Application.Command, due: Instant, at now: Instant
  ) -> Request {
    let isRead = Application.isReadOnly(command)
    return Request(
      id: RequestID(client: id, sequence: nextSequence), command: command,
      timeLeft: retries.tellsTimeLeft ? due + timeout - now : .zero,
      continues: hasSession && !isRead)
  }

  /// Starts an operation. The client must be idle.
  public mutating func begin(
    _ command: consuming Application.Command, due: Instant, at now: Instant
  ) -> Action {
    begin(nextRequest(for: command, due: due, at: now), due: due, at: now)
  }

  /// The same for a caller that has `nextRequest` already.
  @inline(__always)
  public mutating func begin(_ first: Request, due: Instant, at now: Instant) -> Action {
    precondition(isIdle, "a client has one operation outstanding")
    sequence += 1
    progress = Progress()
    progress.isRead = Application.isReadOnly(first.command)
    progress.extraTime = Self.extraTime(of: first.command)
    request = first
    progress.started = now
    progress.deadline = due + timeout
    if let firstAsked { aim(at: firstAsked) }
    return attempt(at: now)
  }

  /// - Parameter replica: the sender of the reply.
  @inline(__always)
  public mutating func receive(
    _ reply: consuming Reply, from replica: ReplicaID, at now: Instant
  ) -> Action {
    guard !isIdle, reply.id.client == id, reply.id.sequence == sequence else { return .nothing }
    switch reply.result {
    case .answer(let response):
      learn(from: replica, at: now)
      // A replica that answers late is still the right one to ask. A replica that answers without
      // having been asked, such as a chain's tail, is not.
      if replica == progress.firstSilent?.replica { aim(at: replica) }
      if !progress.isRead { hasSession = true }
      return finish(.answered(response))
    case .redirect(let target): return follow(target, at: now)
    case .busy: return takeRefusal(from: replica, at: now)
    case .expired: return beginSession(at: now)
    }
  }

  /// Handles the end of the session: the operation begins a new one if it is certain that no copy
  /// of it has taken effect; otherwise its outcome is unknown.
  public mutating func beginSession(at now: Instant) -> Action {
    guard request?.continues == true else { return .nothing }
    hasSession = false
    guard resends, retries.refusalsAreDefinite, progress.attempts == 1 else {
      return finish(.unknown)
    }
    request?.continues = false
    return attempt(at: now)
  }

  /// Handles a refusal: the same replica is asked again after a pause.
  public mutating func takeRefusal(from replica: ReplicaID, at now: Instant) -> Action {
    guard resends else { return finish(.failed) }
    // A refusal of an earlier attempt, at another replica, does not concern the present one.
    guard !progress.isPausing, replica == target else { return .nothing }
    progress.refusals += 1
    progress.isRepeating = true
    rest(at: now, atLeast: (now - progress.sent - roundTrips.estimate.usual) * 2)
    return .nothing
  }

  /// Handles a redirect, which may name the replica to ask.
  public mutating func follow(_ target: ReplicaID?, at now: Instant) -> Action {
    guard !isIdle else { return .nothing }
    guard resends else { return finish(.failed) }
    guard !progress.isPausing else { return .nothing }
    if let target, replicas.contains(target) {
      aim(at: target)
      progress.redirects += 1
      if progress.redirects <= replicas.count { return attempt(at: now) }
    } else {
      aimAtNext()
    }
    // A refusal that took long came from a replica with long queues. Clients that asked again at
    // once would make them longer.
    rest(at: now, atLeast: (now - progress.sent - roundTrips.estimate.usual) * 2)
    return .nothing
  }

  /// Acts at the time of `wakeAt`.
  /// - Parameter mayRepeat: whether there is a token left for a repetition. Without one the client
  ///   waits on for an answer to what it has sent, and gives up if that was refused.
  public mutating func wake(at now: Instant, mayRepeat: Bool = true) -> Action {
    guard !isIdle else { return .nothing }
    if now >= progress.deadline {
      if !isRefused { aimAtNext() }
      return finish(isRefused ? .failed : .unknown)
    }
    guard now >= progress.actAt else { return .nothing }
    if progress.isPausing {
      progress.isPausing = false
      progress.redirects = 0
    } else {
      let silent = target
      if silent != progress.suspect || replicas.count == 1 { roundTrips.runOut() }
      if progress.firstSilent == nil { progress.firstSilent = (silent, progress.sent) }
      progress.silences += 1
      progress.suspect = silent
      progress.isRepeating = true
      aimAtNext()
      if retries.backoff != nil, mayRepeat {
        rest(at: now)
        return .nothing
      }
    }
    guard mayRepeat || !progress.isRepeating else {
      if isRefused { return finish(.failed) }
      act(at: progress.deadline)
      return .nothing
    }
    return attempt(at: now)
  }

  /// Whether it is certain that the operation has had no effect, because each attempt was refused.
  public var isRefused: Bool {
    retries.refusalsAreDefinite && progress.refusals == progress.attempts
  }

  /// Handles the loss of the connection to a replica, over which no answer can come any more.
  public mutating func lostConnection(to replica: ReplicaID, at now: Instant) -> Action {
    guard !isIdle, !progress.isPausing, target == replica else { return .nothing }
    guard resends else { return finish(.unknown) }
    aimAtNext()
    progress.suspect = replica
    progress.isRepeating = true
    rest(at: now)
    return .nothing
  }

  public mutating func attempt(at now: Instant) -> Action {
    progress.attempts += 1
    progress.sent = now
    if progress.isRepeating {
      progress.isRepeating = false
      progress.repetitions += 1
    }
    if retries.tellsTimeLeft { request?.timeLeft = progress.deadline - now }
    if !resends {
      act(at: progress.deadline)
    } else if target == progress.suspect, replicas.count > 1, progress.extraTime == .zero {
      progress.pauses += 1
      act(at: now + max(pause, roundTrips.estimate.usual * 2))
    } else {
      act(at: now + timer)
    }
    return .send(to: target)
  }

  /// Ends the operation.
  public mutating func finish(_ outcome: ClientOutcome<Application.Response>) -> Action {
    request = nil
    wakeAt = nil
    return .finish(outcome, attempts: progress.attempts)
  }
}
