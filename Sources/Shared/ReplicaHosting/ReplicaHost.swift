import Primitives
import Replication
import WireFormat

/// Joins a protocol core to an application: one replica without its runtime. Pure.
///
/// A runtime feeds a turn of events (`start`, `receive`, `fire`, `submit`), ends it with `endTurn`,
/// and carries out the turn's `effects` and `replies` (`TurnRuntime.carryOutTurn`).
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

  /// Uses a secret for the hashes of the application's keys and of clients' numbers, so that
  /// clients cannot choose any that collide.
  public mutating func useHashSecret(_ secret: FlatHashSecret) {
    hashSecret = secret
    application.useHashSecret(secret)
    sessions.sessions.rekey(secret)
    pending.useHashSecret(secret)
    admission.useHashSecret(secret)
  }

  /// Recovers a durable record; called for the oldest first, before `start`.
  public mutating func recover(_ record: Core.Record) {
    if let reference = Core.snapshot(in: record) {
      recoveredCheckpoints.append(
        SnapshotKeeping.Checkpoint(
          reference: reference, firstRecord: recoveredCount, end: nil))
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
    let ordersUpdates = mayOrderUpdates()
    if !gatheredReads.isEmpty {
      let ticket = waitingReads.append(&gatheredReads)
      let updatesFollow = ordersUpdates && hasUpdates
      core.handle(
        .readRequested(ticket, updatesFollow: updatesFollow), at: now, into: &effects)
    }
    if rarely(ordersUpdates && !closedBatches.isEmpty) {
      for batch in closedBatches { core.handle(.requested(batch), at: now, into: &effects) }
      closedBatches.removeAll(keepingCapacity: true)
    }
    if ordersUpdates, !builder.isEmpty {
      core.handle(.requested(builder.build()), at: now, into: &effects)
    }
    core.endTurn(at: now, into: &effects)
    let filled = effects.filled
    if filled.contains(.commits) {
      for position in effects.commits.indices { apply(effects.commits[position], at: now) }
      takeSnapshotIfDue(at: now)
    }
    if rarely(filled.contains(.snapshotRequests)) { sendSnapshots(at: now) }
    if filled.contains(.reads) { for ticket in effects.reads { answer(ticket, at: now) } }
    if rarely(filled.contains(.refusedReads)) {
      for refusal in effects.refusedReads { refuse(refusal.refused, redirect: refusal.redirect) }
    }
    if rarely(filled.contains(.refusedBatches)) {
      for refusal in effects.refusedBatches { refuse(refusal) }
    }
  }

  /// Whether updates wait to be handed to the core.
  public var hasUpdates: Bool { !closedBatches.isEmpty || !builder.isEmpty }

  /// Whether this turn hands its updates to the core. Those that came in an earlier epoch are never
  /// held, so that the core can refuse them.
  @inline(__always)
  private mutating func mayOrderUpdates() -> Bool { !holdsUpdates || !holdsUpdatesOfThisEpoch() }

  /// Mutating only because calling a nonmutating method here would copy the whole core.
  private mutating func holdsUpdatesOfThisEpoch() -> Bool { pending.isOf(core.status) }

  /// What one of the turn's timer changes means, with a delay drawn from its range. The runtime
  /// asks for each once, in order.
  @inline(__always)
  public mutating func drawTimer(at position: Int) -> TimerSetting {
    switch effects.timerChanges[position] {
    case .set(let timer, let range):
      TimerSetting(timer: timer, delay: random.interval(in: range))
    case .cancel(let timer): TimerSetting(timer: timer, delay: nil)
    }
  }

  /// Clears the effects of the turn after the runtime has carried them out.
  @inline(__always)
  public mutating func clearTurn() {
    effects.removeAll()
    if rarely(!replies.isEmpty) { replies.empty() }
    executedCount = 0
    snapshots.handledByteCount = 0
    snapshots.installedIndex = nil
  }
}
