import Replication
import WireFormat

/// How an operation ended.
public enum ClientOutcome<Response: WireCodable & Equatable & Sendable>: Equatable, Sendable {
  case answered(Response)
  /// It certainly had no effect and never will: the server has said so, or was never asked. Only
  /// where requests are sent once (`ClientMachine.resends`); otherwise the client looks for another
  /// replica.
  case failed
  /// Given up after the timeout: it may have taken effect, or may still. The session's next request
  /// settles it: from then on replicas refuse this one.
  case unknown
}

/// One client as a pure machine: one outstanding request, retries, redirects, and the search for
/// the replica in charge. The runtime tells it the time and carries its messages.
///
/// - A request that is not answered in time is sent again, to the next replica; how long that takes
///   follows the round trips seen so far (`RoundTrips`).
/// - An answer says which replica has sent it. That tells which attempt it belongs to, so that
///   retried operations are measured, too (Karn's problem). If it was asked and answers late, it is
///   asked next time as well.
/// - A redirect that names a replica is followed at once; one that does not, or a chain of them,
///   makes the client pause first, so that clients do not storm a cluster without a leader.
/// - A replica that did not answer in time is suspected: if others still redirect to it, it gets
///   only a short time to answer before the client asks the next one. All replicas have their turn.
/// - Where updates and reads go is remembered apart: in a chain they are different replicas.
public struct ClientMachine<Application: StateMachine>: Sendable {
  public typealias Request = ClientRequest<Application.Command>
  public typealias Reply = ClientReply<Application.Response>

  /// What the runtime has to do now.
  public enum Action: Equatable, Sendable {
    case nothing
    /// `request` is to be sent. It stays with the client: its bytes are copied once, into a frame.
    case send(to: ReplicaID)
    /// The operation is over; the client is idle again.
    case finish(ClientOutcome<Application.Response>, attempts: Int)
  }

  /// How far the outstanding request has come.
  public struct Progress: Sendable {
    public var isRead = false
    public var started = Instant.zero
    public var deadline = Instant.zero
    public var attempts = 0
    /// When the last attempt was sent.
    public var sent = Instant.zero
    /// When the first attempt was sent that ran out of time, and to whom.
    public var firstSilent: (replica: ReplicaID, sent: Instant)?
    /// Attempts that ran out of time.
    public var silences = 0
    /// Pauses so far, and attempts at a suspect: the next one lasts longer.
    public var pauses = 0
    /// Where the search for a replica that answers has come to: a position in `replicas`.
    public var searched: Int?
    /// Redirects followed since the last pause.
    public var redirects = 0
    public var isPausing = false
    /// Who did not answer the last attempt that ran out of time.
    public var suspect: ReplicaID?
    /// When to act without an answer: retry, or end of a pause.
    public var actAt = Instant.zero

    public init() {}
  }

  public let id: ClientID
  public let replicas: [ReplicaID]
  public let timeout: Interval
  /// Whether a request without an answer is sent again. Only servers that recognise a request they
  /// have seen make that safe; with others an operation without an answer stays unknown, and one
  /// that was refused has failed.
  public let resends: Bool
  public var sequence: UInt64 = 0
  /// When the client wants to be woken, if nothing arrives before; nil while it is idle.
  public var wakeAt: Instant?
  /// The outstanding request.
  public var request: Request?
  /// Says something only while a request is outstanding.
  public var progress = Progress()
  public var updateTarget: ReplicaID
  public var readTarget: ReplicaID
  public let patience: Patience
  public var roundTrips = RoundTrips()

  /// - Parameters:
  ///   - replicas: those the client may ask, at least one.
  ///   - timeout: after this time an operation is given up.
  ///   - resends: false for servers without sessions: an operation is then sent once.
  public init(
    id: ClientID, replicas: [ReplicaID], timeout: Interval, resends: Bool = true,
    patience: Patience = .adaptive
  ) {
    self.patience = patience
    self.id = id
    self.replicas = replicas
    self.timeout = timeout
    self.resends = resends
    updateTarget = replicas[Int(id.rawValue % UInt64(replicas.count))]
    readTarget = updateTarget
  }

  public var isIdle: Bool { wakeAt == nil }
  public var nextSequence: UInt64 { sequence + 1 }

  /// Starts an operation. The client must be idle.
  /// - Parameter due: when the operation was due; the timeout counts from there.
  public mutating func begin(
    _ command: consuming Application.Command, due: Instant, at now: Instant
  ) -> Action {
    precondition(isIdle, "a client has one operation outstanding")
    sequence += 1
    progress = Progress()
    progress.isRead = Application.isReadOnly(command)
    request = Request(id: RequestID(client: id, sequence: sequence), command: command)
    progress.started = now
    progress.deadline = due + timeout
    return attempt(at: now)
  }

  /// - Parameter replica: who has sent it.
  public mutating func receive(
    _ reply: Reply, from replica: ReplicaID, at now: Instant
  ) -> Action {
    guard !isIdle, reply.id.client == id, reply.id.sequence == sequence else { return .nothing }
    switch reply.result {
    case .answer(let response):
      learn(from: replica, at: now)
      // Who answers late is still the one to ask. Who was never asked, as a chain's tail, is not.
      if replica == progress.firstSilent?.replica { aim(at: replica) }
      return finish(.answered(response))
    case .redirect(let target): return follow(target, at: now)
    }
  }

  /// A replica has said that it cannot help, and perhaps who can.
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
    // A refusal that took long came from a replica with long queues, which clients that ask at once
    // again would make longer.
    rest(at: now, atLeast: (now - progress.sent - roundTrips.estimate.usual) * 2)
    return .nothing
  }

  /// The time of `wakeAt` has come.
  public mutating func wake(at now: Instant) -> Action {
    guard !isIdle else { return .nothing }
    if now >= progress.deadline {
      aimAtNext()
      return finish(.unknown)
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
      aimAtNext()
    }
    return attempt(at: now)
  }

  /// The connection to a replica is gone: if an answer was to come from there, it will not.
  public mutating func lostConnection(to replica: ReplicaID, at now: Instant) -> Action {
    guard !isIdle, !progress.isPausing, target == replica else { return .nothing }
    guard resends else { return finish(.unknown) }
    aimAtNext()
    progress.suspect = replica
    rest(at: now)
    return .nothing
  }

  public mutating func attempt(at now: Instant) -> Action {
    progress.attempts += 1
    progress.sent = now
    if !resends {
      act(at: progress.deadline)
    } else if target == progress.suspect, replicas.count > 1 {
      progress.pauses += 1
      act(at: now + max(pause, roundTrips.estimate.usual * 2))
    } else {
      act(at: now + timer)
    }
    return .send(to: target)
  }

  /// The operation is over.
  public mutating func finish(_ outcome: ClientOutcome<Application.Response>) -> Action {
    request = nil
    wakeAt = nil
    return .finish(outcome, attempts: progress.attempts)
  }

  public mutating func act(at time: Instant) {
    progress.actAt = time
    wakeAt = min(time, progress.deadline)
  }

  /// Who is asked what is outstanding.
  public var target: ReplicaID { progress.isRead ? readTarget : updateTarget }

  /// How long an attempt may take.
  public var timer: Interval {
    if case .fixed(let interval) = patience { interval } else { roundTrips.backedOff + extraTime }
  }

  /// What a large request takes to be sent, copied to the replicas and written there: a microsecond
  /// for each 10 bytes beyond 256 KiB. Round trips of small ones do not tell, and asking again
  /// would make it longer.
  private var extraTime: Interval {
    let byteCount = (request?.command.encodedByteCount ?? 0) - (256 << 10)
    return byteCount > 0 ? .nanoseconds(Int64(byteCount) * 100) : .zero
  }

  /// 5, 10 and then always 20 ms: short enough to find a new leader soon, long enough not to storm
  /// a cluster that elects one.
  public var pause: Interval { .milliseconds(5) * (1 << min(max(progress.pauses - 1, 0), 2)) }
  public static var longestPause: Interval { .milliseconds(20) }

  public mutating func rest(at now: Instant, atLeast least: Interval = .zero) {
    progress.pauses += 1
    progress.isPausing = true
    act(at: now + max(pause, least))
  }

  /// Takes a sample if it is sure which attempt was answered. One of an attempt that had run out of
  /// time counts up to four times the timer, so that a stall is not taken for the usual.
  public mutating func learn(from replica: ReplicaID, at now: Instant) {
    guard let first = progress.firstSilent else {
      roundTrips.learn(now - progress.sent)
      return
    }
    if progress.silences == 1, replica == first.replica, replica != target {
      roundTrips.learn(min(now - first.sent, roundTrips.timer * 4))
    } else if replica == target, replica != first.replica, progress.silences < replicas.count {
      roundTrips.learn(now - progress.sent)
    }
  }

  public mutating func aim(at target: ReplicaID) {
    if progress.isRead { readTarget = target } else { updateTarget = target }
  }

  /// Turns to the next replica of the search, which the silent one is not.
  public mutating func aimAtNext() {
    let position = progress.searched ?? replicas.firstIndex(of: target) ?? 0
    var next = (position + 1) % replicas.count
    if replicas[next] == target { next = (next + 1) % replicas.count }
    progress.searched = next
    aim(at: replicas[next])
  }
}
