import Primitives
import Replication
import WireFormat

/// Joins a protocol core to an application: one replica without its runtime. Pure.
///
/// A runtime feeds a turn of events (`start`, `receive`, `fire`, `submit`), ends it with `endTurn`,
/// and carries out the turn's `effects`, `timers` and `replies` (`TurnRuntime.carryOutTurn`).
///
/// Everything that protocols have in common is here, so that no protocol is favoured: batching (all
/// updates of a turn are ordered together), applying in order, exactly-once sessions, gathering
/// reads.
public struct ReplicaHost<Core: ReplicaCore, Application: StateMachine>: Sendable {
  public typealias Request = ClientRequest<Application.Command>
  public typealias Reply = ClientReply<Application.Response>

  public struct TimerSetting: Equatable, Sendable {
    public var timer: Core.Timer
    /// The delay by the node's own clock, or `nil` to cancel.
    public var delay: Interval?
  }

  /// A batch is closed at this many requests or bytes, whichever comes first; a turn may order
  /// several.
  public static var maximumBatchCount: Int { 256 }
  public static var maximumBatchByteCount: Int { 256 << 10 }
  /// The most writes that wait for a disk on which each needs a sync of its own, before further
  /// updates are held back. They gather in larger batches meanwhile. Without this limit every batch
  /// stays as small as the turn in which it arrived, and the disk of the replica in charge falls
  /// behind without end, except where a protocol bounds what it orders.
  public static var mostUnsyncedWrites: Int { 64 }

  public let id: ReplicaID
  public var core: Core
  public var application = Application()
  public var sessions = Sessions<Application.Response>()
  public var hashSecret = FlatHashSecret.known

  /// The effects that the core asked for in this turn.
  public var effects = Effects<Core>()
  public var timers: [TimerSetting] = []
  public var replies: [Reply] = []
  /// The number of commands applied or read in this turn, for runtimes that charge for them.
  public var executedCount = 0
  /// The index of the last applied entry.
  public var appliedIndex = LogIndex.zero
  /// The digest of all requests applied so far.
  public var commitDigest = CommitDigest()

  /// Whether updates wait for a later turn, because `mostUnsyncedWrites` wait for a disk that syncs
  /// one write at a time. The runtime sets it before it ends a turn.
  public var holdsUpdates = false

  public var upcoming: [Int] = []
  public var builder = BatchBuilder()
  public var pending = PendingRequests()
  /// Full batches of this turn.
  public var closedBatches: [Batch] = []
  public var gatheredReads: [Request] = []
  public var waitingReads = WaitingReads<Request>()
  public var admission: RequestAdmission
  public var stamping: SessionStamping
  public var random: RandomStream

  public var snapshots: SnapshotKeeping
  /// The snapshots that are being sent, one per receiver.
  public var sendings: [SnapshotSending] = []
  public var receiving: SnapshotReceiving?
  /// The number of records recovered so far, and the checkpoints among them.
  public var recoveredCount = 0
  public var recoveredCheckpoints: [SnapshotKeeping.Checkpoint] = []

  /// - Parameters:
  ///   - seed: for the jitter of timers.
  ///   - limits: which requests it refuses or drops.
  public init(
    id: ReplicaID, membership: Membership, options: Core.Options, seed: UInt64,
    limits: RequestLimits = RequestLimits()
  ) {
    self.id = id
    admission = RequestAdmission(limits)
    stamping = SessionStamping(expiry: limits.sessionExpiry)
    core = Core(id: id, membership: membership, options: options)
    snapshots = SnapshotKeeping(policy: Core.takesSnapshots ? options.snapshots : .never)
    random = RandomStream(seed: seed, label: UInt64(id.rawValue) + 1)
  }

  /// Uses a secret for the hashes of the application's and the sessions' keys, so that clients
  /// cannot choose keys that collide.
  public mutating func useHashSecret(_ secret: FlatHashSecret) {
    hashSecret = secret
    application.useHashSecret(secret)
    sessions.sessions.rekey(secret)
  }

  /// Recovers a durable record; called for the oldest first, before `start`.
  public mutating func recover(_ record: Core.Record) {
    if let reference = Core.snapshot(in: record) {
      recoveredCheckpoints.append(
        SnapshotKeeping.Checkpoint(
          reference: reference, firstRecord: recoveredCount, end: recoveredCount + 1))
    }
    recoveredCount += 1
    core.recover(record)
  }

  public mutating func start(at now: Instant) {
    stamping.begin(at: now)
    core.handle(.started, at: now, into: &effects)
  }

  public mutating func receive(
    _ message: consuming Core.Message, from sender: ReplicaID, at now: Instant
  ) {
    if let snapshot = Core.snapshotMessage(in: message) {
      return receive(snapshot, from: sender, at: now)
    }
    core.handle(.received(message, from: sender), at: now, into: &effects)
  }

  public mutating func fire(_ timer: Core.Timer, at now: Instant) {
    core.handle(.timerFired(timer), at: now, into: &effects)
  }

  /// Tells the core that the process of another node seems to have ended.
  public mutating func disconnect(_ replica: ReplicaID, at now: Instant) {
    core.handle(.disconnected(replica), at: now, into: &effects)
  }

  /// Accepts a client's request. The core receives it at the end of the turn, together with the
  /// others.
  /// - Parameters:
  ///   - waited: how long ago the request arrived at this node.
  public mutating func submit(
    _ request: Request, waited: Interval = .zero, at now: Instant = .zero
  ) {
    guard !admission.isLate(timeLeft: request.timeLeft, waited: waited) else { return }
    if Application.isReadOnly(request.command) {
      gather(request, arrived: now - waited)
      return
    }
    guard isFresh(request.id, arrived: now - waited) else { return }
    if stamping.isDue(at: now) { appendStamp(at: now) }
    builder.append(request.id, request.command, continues: request.continues)
    closeFullBatch()
  }

  /// Begins a batch with the logged time, unless a batch is begun already.
  private mutating func appendStamp(at now: Instant) {
    guard builder.isEmpty else { return }
    builder.append(stamping.next(after: sessions.periods.time, at: now))
  }

  /// Accepts a client's request as bytes, which must be the rest of the reader. Equivalent to
  /// decoding it, but the bytes of an update are only checked and copied into the batch.
  /// - Throws: if the bytes are not a request; no request has been accepted then.
  public mutating func submit(
    reading reader: inout WireReader, at now: Instant = .zero
  ) throws(WireError) -> RequestID {
    let head = try RequestHead(from: &reader)
    let id = head.id
    let start = reader.offset
    guard try !Application.isReadOnly(reading: &reader) else {
      reader.offset = start
      gather(
        Request(id: id, command: try reader.readLast(Application.Command.self)), arrived: now)
      return id
    }
    if isFresh(id, arrived: now) {
      if stamping.isDue(at: now) { appendStamp(at: now) }
      builder.append(
        id, encoded: reader.storage, in: start..<reader.end, continues: head.continues)
      closeFullBatch()
    }
    return id
  }

  public mutating func gather(_ read: Request, arrived: Instant) {
    guard hasRoom(for: read.id) else { return }
    admission.take(read.id, isRead: true, arrived: arrived)
    gatheredReads.append(read)
  }

  /// Whether there is room for one more request; if not, the request is refused.
  public mutating func hasRoom(for id: RequestID) -> Bool {
    let reads = gatheredReads.count + waitingReads.requestCount
    guard !admission.hasRoom(behind: admission.updateCount + reads) else { return true }
    replies.append(Reply(id: id, result: .busy))
    return false
  }

  /// Whether the request must go to the core. If it has taken effect, it is answered again from its
  /// session; if the core is at work on it, it is answered when it takes effect.
  public mutating func isFresh(_ id: RequestID, arrived: Instant) -> Bool {
    switch sessions.standing(of: id) {
    case .answered(let response):
      replies.append(Reply(id: id, result: .answer(response)))
      return false
    case .superseded: return false
    // Whether a session has expired is known only where the request is ordered.
    case .fresh, .expired: return noteAsPending(id, arrived: arrived)
    }
  }

  /// - Returns: false if the request was already pending, or is refused.
  public mutating func noteAsPending(_ id: RequestID, arrived: Instant) -> Bool {
    if !hasUpdates, pending.begin(core.status) { admission.forgetUpdates() }
    if pending.contains(id) { return false }
    guard hasRoom(for: id) else { return false }
    admission.take(id, isRead: false, arrived: arrived)
    if pending.isLarge {
      pending.removeAll { client, sequence in
        sessions.standing(of: RequestID(client: client, sequence: sequence)) != .fresh
      }
    }
    pending.insert(id)
    return true
  }

  public mutating func closeFullBatch() {
    guard
      builder.count >= Self.maximumBatchCount || builder.byteCount >= Self.maximumBatchByteCount
    else { return }
    closedBatches.append(builder.build())
  }

  /// Whether this turn has set or cancelled the timer. If the timer fired earlier, that event is
  /// void.
  public func hasChangedTimer(_ timer: Int) -> Bool {
    effects.timerChanges.contains { change in
      switch change {
      case .set(let other, _), .cancel(let other): other.index == timer
      }
    }
  }

  /// Hands the gathered requests to the core, applies the committed ones and answers clients.
  ///
  /// Reads come before updates, because the messages that replicate the updates can then also carry
  /// the question that the reads need answered.
  public mutating func endTurn(at now: Instant) {
    let ordersUpdates = ordersUpdates
    if !gatheredReads.isEmpty {
      let ticket = waitingReads.append(gatheredReads)
      gatheredReads.removeAll(keepingCapacity: true)
      let updatesFollow = ordersUpdates && hasUpdates
      core.handle(
        .readRequested(ticket, updatesFollow: updatesFollow), at: now, into: &effects)
    }
    if ordersUpdates, !closedBatches.isEmpty {
      for batch in closedBatches { core.handle(.requested(batch), at: now, into: &effects) }
      closedBatches.removeAll(keepingCapacity: true)
    }
    if ordersUpdates, !builder.isEmpty {
      core.handle(.requested(builder.build()), at: now, into: &effects)
    }
    core.endTurn(at: now, into: &effects)
    let filled = effects.filled
    if filled.contains(.commits) {
      for commit in effects.commits { apply(commit, at: now) }
      takeSnapshotIfDue(at: now)
    }
    if filled.contains(.snapshotRequests) { sendSnapshots(at: now) }
    if filled.contains(.reads) { for ticket in effects.reads { answer(ticket, at: now) } }
    if filled.contains(.refusedReads) {
      for refusal in effects.refusedReads { refuse(refusal.refused, redirect: refusal.redirect) }
    }
    if filled.contains(.refusedBatches) {
      for refusal in effects.refusedBatches { refuse(refusal) }
    }
    if filled.contains(.timerChanges) { drawTimers() }
  }

  /// Whether updates wait to be handed to the core.
  public var hasUpdates: Bool { !closedBatches.isEmpty || !builder.isEmpty }

  /// Whether this turn hands its updates to the core. Those that came in an earlier epoch are never
  /// held, so that the core can refuse them.
  public var ordersUpdates: Bool { !holdsUpdates || !pending.isOf(core.status) }

  public mutating func drawTimers() {
    for change in effects.timerChanges {
      switch change {
      case .set(let timer, let range):
        timers.append(TimerSetting(timer: timer, delay: random.interval(in: range)))
      case .cancel(let timer): timers.append(TimerSetting(timer: timer, delay: nil))
      }
    }
  }

  public mutating func refuse(_ refusal: Refusal<Batch>) {
    for id in refusal.refused.requestIDs {
      pending.remove(id)
      admission.forget(id, isRead: false)
      replies.append(Reply(id: id, result: .redirect(refusal.redirect)))
    }
  }

  /// Clears the effects of the turn after the runtime has carried them out.
  public mutating func clearTurn() {
    effects.removeAll()
    timers.empty()
    replies.empty()
    executedCount = 0
    snapshots.handledByteCount = 0
    snapshots.installedIndex = nil
  }

  public mutating func apply(_ commit: Effects<Core>.Commit, at now: Instant) {
    // A snapshot installed in this turn may already include the commit.
    if commit.index <= appliedIndex { return }
    precondition(
      commit.index == appliedIndex.next, "\(commit.index) committed after \(appliedIndex)")
    appliedIndex = commit.index
    snapshots.logByteCount += commit.batch.encodedByteCount + SnapshotPolicy.entryOverhead
    commitDigest.note(batchOf: commit.batch.count, at: commit.index)
    var reader = commit.batch.makeReader()
    if let stamp = reader.stamp {
      sessions.advance(to: stamp)
      stamping.begin(at: now)
    }
    var lookAhead = 0
    while true {
      if lookAhead == 0, reader.remaining > 1 {
        lookAhead = Application.lookAheadCount
        reader.upcoming(lookAhead, into: &upcoming)
        application.expect(upcoming, in: reader.reader.storage)
      }
      lookAhead -= 1
      guard let id = reader.next() else { break }
      let response: Application.Response
      commitDigest.note(id)
      admission.finish(id, isRead: false, at: now)
      let place = sessions.place(of: id.client)
      switch sessions.standing(of: id, at: place, continues: reader.continues) {
      case .superseded: continue
      case .expired:
        // The client may send it again, to begin a session.
        pending.remove(id)
        if commit.answering { replies.append(Reply(id: id, result: .expired)) }
        continue
      case .answered(let earlier): response = earlier
      case .fresh:
        // A host never batches malformed bytes; skipping them is the same on every replica.
        guard let answer = reader.apply(to: &application) else { continue }
        executedCount += 1
        response = answer
        sessions.record(id, response: Application.kept(response), at: place)
      }
      if commit.answering { replies.append(Reply(id: id, result: .answer(response))) }
    }
  }

  public mutating func answer(_ ticket: ReadTicket, at now: Instant) {
    for request in waitingReads.take(ticket) {
      executedCount += 1
      admission.finish(request.id, isRead: true, at: now)
      let response = application.query(request.command)
      replies.append(Reply(id: request.id, result: .answer(response)))
    }
  }

  public mutating func refuse(_ ticket: ReadTicket, redirect: ReplicaID?) {
    for request in waitingReads.take(ticket) {
      admission.forget(request.id, isRead: true)
      replies.append(Reply(id: request.id, result: .redirect(redirect)))
    }
  }
}

extension ReplicaHost {
  /// Application and sessions as bytes: equal on all replicas that applied the same entries.
  public func snapshot() -> [UInt8] {
    let state = application.snapshot()
    var writer = WireWriter()
    appliedIndex.encode(into: &writer)
    writer.write(UInt64(state.count))
    writer.write(state)
    sessions.encode(into: &writer)
    return writer.bytes()
  }

  /// The number of read tickets that the core has not answered yet.
  public var waitingReadCount: Int { waitingReads.count }
}
