import Replication

/// Viewstamped Replication Revisited: the primary of view v is replica v mod n. It orders all
/// updates of its view, and f + 1 of 2f + 1 replicas keep them.
///
/// ```
///              f + 1 StartViewChange            StartView, and the log of the view
///   normal ───────────────────────► view-change ───────────────────────────────► normal
///                                       │  ▲ timeout: the next view
///   recovering ── f + 1 answers ──► normal └─┘
/// ```
///
/// Follows Liskov & Cowling 2012 ("the paper"): normal operation §4.1, view changes §4.2, recovery
/// §4.3, checkpoints and efficient view changes §5.1-5.3. Views of operations are those of the
/// original protocol (Oki & Liskov 1988).
///
/// - Deviation: an operation is a batch of client updates, not one. The host makes the batches, and
///   keeps the client table, so that every protocol of the bench does alike (`NormalTests.happy`).
/// - Deviation: replicas have disks, unless `recovery` is `replicas`. A replica says PrepareOK,
///   DoViewChange and StartView only when all that they promise is durable, and the primary counts
///   itself like any other. A primary that starts again does not go on in its view, because
///   backups may have operations that its disk does not (`SafetyTests.restartedPrimary`).
/// - Deviation: DoViewChange and StartView carry no log but its history, the last operation of each
///   view in it. What is missing is fetched by state transfer before the view starts, as §5.3 of
///   the paper suggests. History shows how far two logs agree, so less than the log behind the
///   commit-number has to be dropped and fetched (`ViewChangeTests.fetch`, `.commonPrefix`).
/// - Deviation, unless `stickyPrimary` is off: a replica wants a view, by StartViewChange, before
///   it enters it, and it enters it with f others that want it as well. Replicas that hear from
///   their primary want none. Without that, a replica that was cut off deposes a healthy primary
///   when it comes back. Raft's PreVote does the same (`StickinessTests`).
/// - Deviation: the new primary, too, waits for its own StartView, by which its view is durable
///   (`ViewChangeTests.ownStartView`).
/// - Deviation: Commit names the last operation that the backup was sent, so that a backup knows of
///   lost messages without waiting for the next one; and backups answer it, so that a primary
///   without a majority gives up, and for reads (`TransferTests.heartbeat`,
///   `ViewChangeTests.lonelyPrimary`).
/// - Deviation: a message of an earlier view is answered `newerView`; the paper drops it. A replica
///   that is stuck in a later view alone would not be heard otherwise (`StickinessTests.stuck`).
/// - Deviation: DoViewChange names the incarnation of its sender and those that the sender knows of
///   others. The paper's recovery forgets that the replica may have a DoViewChange on its way from
///   before; that one must not count (Michael et al. 2017, "Recovering Shared Objects Without
///   Stable Storage"; `RecoveryRuleTests.staleDoViewChange`).
/// - Deviation: clients are never answered by replicas other than the primary, and reads pass by
///   the log after a majority has confirmed the view, instead of under a lease as in §6.3 of the
///   paper (`ReadTests`).
public struct ViewstampedReplica: ReplicaCore {
  public typealias View = UInt64

  enum Status: String { case normal, viewChange = "view-change", recovering }

  public enum Timer: Int, CaseIterable, TimerName {
    /// Backup: the primary has been silent. Primary: time to look for a majority. In a view change:
    /// time for the next view.
    case viewChange
    /// Primary: time for a Commit.
    case commit
    /// Messages of a view change, a transfer or a recovery are sent again.
    case retransmission

    public var waitsForOthers: Bool { self == .viewChange }
  }

  /// Views above this are nonsense: no cluster lives long enough to count that far.
  static let largestView = View(1) << 62

  let id: ReplicaID
  let membership: Membership
  let options: Options
  /// The position of this replica in `membership.replicas`.
  let ownSlot: Int

  // Durable: a record is persisted whenever one of these changes. With `recovery: "replicas"` only
  // that the replica has started is.
  var viewNumber: View = 0
  /// The latest view in which this replica's status was normal.
  var lastNormalView: View = 0
  var log = Log()
  /// How often a replica without a durable log has started; otherwise whether it has.
  var starts: UInt64 = 0
  /// Of a replica whose disk took the place of a lost one, until it has recovered.
  var lostGeneration: UInt64 = 0
  /// Whether it has recovered on such a disk.
  var hasRecovered = false
  /// The latest incarnation of each replica that this one has heard of, in the order of the
  /// membership; of itself, the one it is in.
  var incarnations: [Incarnation]

  // Volatile on every replica.
  var state = Status.normal
  var commitNumber = LogIndex.zero
  /// When the primary was last heard, or the view entered.
  var lastContact = Instant.longAgo
  /// The newest read round of the primary that this replica has confirmed.
  var confirmedRound: UInt64 = 0
  var heldBack = HeldBack()
  /// What this replica is fetching.
  var transfer: Transfer?
  var answers: TransferAnswers
  var change = ViewChange()
  var recovery: Recovery?

  /// What this replica has as the primary of its view.
  var primacy: Primacy?

  /// The first safety property that this replica saw broken.
  var brokenInvariant: String?

  public init(id: ReplicaID, membership: Membership, options: Options) {
    guard let slot = membership.replicas.firstIndex(of: id) else {
      preconditionFailure("replica \(id) is not in the membership \(membership.replicas)")
    }
    self.id = id
    self.membership = membership
    self.options = options
    ownSlot = slot
    incarnations = Array(repeating: Incarnation(), count: membership.replicas.count)
    answers = TransferAnswers(slots: membership.replicas.count)
    change.wanted = Array(repeating: nil, count: membership.replicas.count)
  }

  @inline(__always)
  public mutating func handle(
    _ event: Event<Self>, at now: Instant, into effects: inout Effects<Self>
  ) {
    switch event {
    case .started: start(at: now, into: &effects)
    case .received(let message, let sender):
      receive(message, from: sender, at: now, into: &effects)
    case .timerFired(.viewChange): viewChangeTimerFired(at: now, into: &effects)
    case .timerFired(.commit): commitTimerFired(into: &effects)
    case .timerFired(.retransmission): retransmissionTimerFired(at: now, into: &effects)
    case .requested(let batch): request(batch, into: &effects)
    case .readRequested(let ticket, let updatesFollow):
      requestRead(ticket, updatesFollow: updatesFollow, into: &effects)
    case .disconnected(let replica): disconnected(replica, into: &effects)
    }
  }

  private mutating func receive(
    _ message: Message, from sender: ReplicaID, at now: Instant, into effects: inout Effects<Self>
  ) {
    guard let slot = slot(of: sender), isPossible(message.view ?? viewNumber) else { return }
    if state == .recovering {
      return receiveRecovering(message, from: slot, at: now, into: &effects)
    }
    switch message {
    case .prepare(let message): receive(message, from: slot, at: now, into: &effects)
    case .prepareOK(let message): receive(message, from: slot, into: &effects)
    case .commit(let message): receive(message, from: slot, at: now, into: &effects)
    case .commitOK(let message): receive(message, from: slot, into: &effects)
    case .startViewChange(let view):
      receiveStartViewChange(view, from: slot, at: now, into: &effects)
    case .doViewChange(let message): receive(message, from: slot, at: now, into: &effects)
    case .startView(let message): receive(message, from: slot, at: now, into: &effects)
    case .getState(let message): receive(message, from: slot, at: now, into: &effects)
    case .newState(let message): receive(message, from: slot, at: now, into: &effects)
    case .recovery(let nonce): receiveRecovery(nonce, from: slot, into: &effects)
    case .newerView(let view): if view > viewNumber { enter(view, at: now, into: &effects) }
    case .recoveryResponse, .snapshot: break
    }
  }

  /// The position of a replica in the membership; `nil` for strangers.
  func slot(of replica: ReplicaID) -> Int? {
    for slot in membership.replicas.indices where membership.replicas[slot] == replica {
      return slot
    }
    return nil
  }

  /// The position of the primary of a view (§4).
  func primary(of view: View) -> Int { Int(view % UInt64(membership.replicas.count)) }

  /// A view that a cluster can have reached.
  func isPossible(_ view: View) -> Bool {
    view <= ViewstampedReplica.largestView && view <= viewNumber + longestEpochJump
  }

  /// Answers a message of an earlier view. Early: a replica that restarts in an earlier view than
  /// it named has only moved its peer on, which any replica may do at any time.
  func tellView(to slot: Int, into effects: inout Effects<Self>) {
    effects.sendEarly(.newerView(viewNumber), to: membership.replicas[slot])
  }

  /// Makes a fact durable, unless this replica has its state from the others.
  func persist(_ record: Record, into effects: inout Effects<Self>) {
    if options.recovery == .disk { effects.persist(record) }
  }

  /// Moves the commit-number forward and announces what it passes.
  mutating func commit(through op: LogIndex, into effects: inout Effects<Self>) {
    assert(op <= log.lastOp, "what is not in the log is not committed")
    while commitNumber < op {
      commitNumber = commitNumber.next
      effects.commit(
        log[commitNumber], at: commitNumber,
        answering: primacy.map { commitNumber > $0.startOp } ?? false)
    }
  }

  /// Whether this rule is switched off, to show that the bench catches it.
  @inline(__always)
  func broken(_ bug: Bug) -> Bool { bug.isSwitchedOn(by: options.bug) }

  public var status: ReplicaStatus {
    let word =
      switch state {
      case .normal: primacy == nil ? "backup" : "primary"
      case .viewChange, .recovering: state.rawValue
      }
    return ReplicaStatus(
      role: word, isInCharge: primacy != nil, epoch: viewNumber, commitIndex: commitNumber,
      lastIndex: log.lastOp)
  }
}
