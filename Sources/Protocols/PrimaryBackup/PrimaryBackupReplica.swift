import Replication
import ViewService

/// Primary-backup: a primary orders all updates and forwards them to all backups before it answers.
///
/// ```
///   client ──update──► primary ──append──► each backup
///          ◄──reply───         ◄─appended─
/// ```
///
/// Follows Alsberg & Day 1976 (one primary, updates forwarded to backups before the answer) with
/// the views and the prepared/committed lists of PacificA (Lin et al. 2008 §2.1 to §2.3). An
/// outside authority decides which replica is primary:
///
/// - The first member of a view is its primary. It numbers updates, appends them to its log and
///   forwards them to all other members. An update is committed when every member has it on its
///   disk.
/// - Backups take entries only from the primary of the view they work in, and only in order.
/// - A new primary first brings all members to the state of its own log. Its log is a superset of
///   the acknowledged entries, because only members that held all of them may become primary.
///   Further entries of other members were never acknowledged and are overwritten.
/// - A joiner gets the log like a backup, but no commit waits for it.
///
/// The primary never removes a member: a silent backup stops all updates until the authority
/// decides. Only the primary answers reads, from committed state; `WithAuthority` holds the lease.
///
/// - Deviation: state transfer is the log itself, in pages, as far as it reaches back; entries that
///   have left the log come as a snapshot, which the hosts exchange for all protocols alike (tests:
///   "A joiner is fed the log and becomes a member", and those of snapshots).
/// - Deviation: a backup's divergent entries are dropped when other entries replace them, not at
///   the start of a view. They are never counted or committed before (test: "Entries that the
///   primary lacks are replaced").
public struct PrimaryBackupReplica: ViewFollower {
  public enum Timer: Int, TimerName, CaseIterable { case resend }

  enum Role: Sendable {
    case primary, backup, joiner
    /// The replica knows no view, or is neither member nor joiner.
    case idle
    /// The replica was primary, and has learnt that a newer view exists.
    case deposed
  }

  /// Updates that wait for their commit; beyond this the primary refuses.
  static let pendingLimit = 65_536
  /// Reads that wait for the view to be established; beyond this the primary refuses.
  static let waitingReadLimit = 1024

  let id: ReplicaID
  let options: Options

  // Durable: rebuilt by `recover`.
  var log = ViewLog()

  // Volatile.
  /// The view this replica works in; `View.none` after a restart.
  var view = View.none
  /// It never falls.
  var commitIndex = LogIndex.zero {
    didSet { assert(commitIndex >= oldValue || options.snapshots.bug == .installOlder) }
  }
  /// The log equals that of the primary of this view up to here.
  var verified = LogIndex.zero
  /// Round trips of replicas that are no longer followers, and may become followers again.
  var roundTrips: [(id: ReplicaID, estimate: RoundTripEstimate)] = []

  /// The state of a primary; `nil` for a replica in another role. The other roles follow from the
  /// view.
  var leadership: Leadership?

  var role: Role {
    if leadership != nil { return .primary }
    if view.members.first == id { return .deposed }
    if view.members.contains(id) { return .backup }
    return view.joiner == id ? .joiner : .idle
  }

  /// The time of the turn that ended last.
  var now = Instant.longAgo

  /// The first safety property that this replica saw broken.
  var brokenInvariant: String?

  public init(id: ReplicaID, membership: Membership, options: Options) {
    self.id = id
    self.options = options
  }

  public mutating func recover(_ record: Record) { log.recover(record.entry, at: record.index) }

  @inline(__always)
  public mutating func handle(
    _ event: Event<Self>, at now: Instant, into effects: inout Effects<Self>
  ) {
    switch event {
    case .started, .disconnected: break
    case .received(let message, let sender):
      receive(message, from: sender, at: now, into: &effects)
    case .timerFired(.resend): resendTimerFired(at: now, into: &effects)
    case .requested(let batch): propose(batch, at: now, into: &effects)
    case .readRequested(let ticket, _): requestRead(ticket, into: &effects)
    }
  }

  /// Notes the time, because the next report tells whether the joiner keeps up.
  public mutating func endTurn(at now: Instant, into effects: inout Effects<Self>) {
    self.now = now
  }

  private mutating func receive(
    _ message: Message, from sender: ReplicaID, at now: Instant, into effects: inout Effects<Self>
  ) {
    switch message {
    case .append(let append): receiveAppend(append, from: sender, into: &effects)
    case .appended(let view, let index):
      receiveAppended(index, in: view, from: sender, at: now, into: &effects)
    case .summary(let view, let round, let runs):
      receiveSummary(runs, round: round, in: view, from: sender, at: now, into: &effects)
    case .present(let view): receivePresent(in: view, from: sender, at: now)
    case .outdated(let view): receiveOutdated(by: view, into: &effects)
    case .authority: break
    }
  }

  /// Announces everything up to `index` as committed.
  mutating func commit(through index: LogIndex, into effects: inout Effects<Self>) {
    assert(index <= log.lastIndex, "what is not in the log is not committed")
    // Updates of an earlier primary are answered by that primary, or their clients ask again.
    let answersFrom = leadership?.firstOwn
    while commitIndex < index {
      commitIndex = commitIndex.next
      let answering = answersFrom.map { commitIndex >= $0 } ?? false
      effects.commit(log[commitIndex].batch, at: commitIndex, answering: answering)
    }
  }

  /// Ends this replica's time as primary.
  mutating func endLeadership(into effects: inout Effects<Self>) {
    guard let ended = leadership else { return }
    remember(ended.followers)
    leadership = nil
    for ticket in ended.waitingReads { effects.refuseRead(ticket, redirect: redirect) }
  }

  /// The replica to name to a client that asked the wrong one.
  var redirect: ReplicaID? {
    role == .deposed ? nil : view.members.first
  }

  /// Whether this rule is switched off, to show that the bench catches it.
  @inline(__always)
  func broken(_ bug: Bug) -> Bool { bug.isSwitchedOn(by: options.bug) }

  @inline(__always)
  public var status: ReplicaStatus {
    let word =
      switch role {
      case .primary: "primary"
      case .backup: "backup"
      case .joiner: "joiner"
      case .idle: "idle"
      case .deposed: "deposed"
      }
    return ReplicaStatus(
      role: word, isInCharge: role == .primary, epoch: view.number, commitIndex: commitIndex,
      lastIndex: log.lastIndex)
  }
}
