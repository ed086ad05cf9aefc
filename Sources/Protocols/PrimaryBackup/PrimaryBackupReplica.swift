import Replication
import ViewService

/// Primary-backup replication under an outside authority.
///
/// Follows Alsberg & Day 1976 (one primary, updates forwarded to backups before the answer) with
/// the views and the prepared/committed lists of PacificA (Lin et al. 2008 §2.1 to §2.3):
///
/// - The first member of a view is its primary. It numbers updates, appends them to its log and
///   forwards them to all other members. An update is committed when every member has it on its
///   disk.
/// - Backups take entries only from the primary of the view they work in, and only in order.
/// - A new primary first brings all members to the state of its own log. Its log is a superset of
///   what was acknowledged, because only members that held everything may be put in charge; what
///   others have beyond it was never acknowledged and is overwritten.
/// - A joiner gets the log like a backup, but nothing waits for it.
///
/// The primary never removes a member: a silent backup stops all updates until the authority
/// decides. Reads are answered by the primary alone, from committed state; `Supervised` holds the
/// lease.
///
/// Deviation: state transfer is the log itself, in pages, because nothing compacts it yet. The test
/// is "A joiner is fed the log and becomes a member".
/// Deviation: a backup's divergent entries go when others take their place, not at the start of a
/// view. They are never counted or committed before. The test is "Entries that the primary lacks
/// are replaced".
public struct PrimaryBackupReplica: SupervisedCore {
  public enum Timer: Int, TimerName, CaseIterable { case resend }

  /// What the primary knows of a backup or of the joiner.
  struct Follower: Sendable {
    let id: ReplicaID
    /// Commits wait for it. The joiner is none.
    var isMember: Bool
    /// Durable there and equal to the primary's log up to here; `nil` until it has answered in this
    /// view.
    var matched: LogIndex?
    /// The next entry to send.
    var next: LogIndex
    var round: UInt32 = 0
    /// What `matched` was when the timer last fired.
    var matchedAtTimer: LogIndex?
    var idleTimers = 0
  }

  enum Role: Sendable {
    case primary, backup, joiner
    /// Knows no view, or is neither member nor joiner.
    case idle
    /// Was primary, and has learnt that a newer view exists.
    case deposed
  }

  public static let description = ProtocolDescription(
    summary: "A primary forwards updates to all backups before it answers; an authority picks it",
    source: "Alsberg & Day 1976; Lin et al. 2008 (PacificA) §2.1 to §2.3",
    replicasPerFailure: 1, needsAuthority: true, assumption: ProtocolDescription.leases,
    bugs: Bug.list + ViewServiceBug.list)

  /// Updates that wait for their commit; beyond this the primary refuses.
  static let pendingLimit = 65_536
  /// Reads that wait for the view to be established; beyond this the primary refuses.
  static let waitingReadLimit = 1024

  let id: ReplicaID
  let options: Options
  var log = ViewLog()
  var view = View.none
  var role = Role.idle
  var commitIndex = LogIndex.zero

  // As primary.
  var followers: [Follower] = []
  /// What this replica itself has on its disk.
  var ownMatched = LogIndex.zero
  /// The end of the log when the view began.
  var inheritedLast = LogIndex.zero
  var isEstablished = false
  var waitingReads: [ReadTicket] = []

  // As backup or joiner.
  /// The log equals that of the primary of this view up to here.
  var verified = LogIndex.zero

  /// The first thing that went wrong that never may.
  var violation: String?

  public init(id: ReplicaID, membership: Membership, options: Options) {
    self.id = id
    self.options = options
  }

  public mutating func recover(_ record: Record) { log.put(record.entry, at: record.index) }

  public mutating func handle(
    _ event: Event<Self>, at now: Instant, into effects: inout Effects<Self>
  ) {
    switch event {
    case .received(.append(let append), let sender): accept(append, from: sender, into: &effects)
    case .received(.appended(let view, let index), let sender):
      guard view == self.view.number, role == .primary else { return }
      acknowledge(index, from: sender, into: &effects)
    case .received(.summary(let view, let round, let runs), let sender):
      guard view == self.view.number, role == .primary else { return }
      synchronise(sender, round: round, runs: runs, into: &effects)
    case .received(.outdated(let view), _):
      guard view > self.view.number, role == .primary else { return }
      stop(into: &effects)
    case .timerFired(.resend): resend(into: &effects)
    case .requested(let batch): propose(batch, into: &effects)
    case .readRequested(let ticket): read(ticket, into: &effects)
    case .started, .disconnected: break
    }
  }

  public mutating func adopt(
    _ view: View, at now: Instant, into effects: inout Effects<Self>
  ) {
    guard view.number > self.view.number else { return }
    self.view = view
    verified = .zero
    followers = []
    isEstablished = false
    if view.members.first == id {
      role = .primary
      lead(into: &effects)
      return
    }
    role = view.members.contains(id) ? .backup : view.joiner == id ? .joiner : .idle
    effects.cancelTimer(.resend)
    refuseWaitingReads(into: &effects)
    if role != .idle, let primary = view.members.first {
      // The primary asks, too, but perhaps did so before this replica knew the view.
      effects.send(
        .summary(view: view.number, round: Message.unasked, runs: log.runs), to: primary)
    }
  }

  public var report: Report {
    Report(
      view: view.number, isEstablished: isEstablished, joinerHasCaughtUp: joinerHasCaughtUp)
  }

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

  public func invariantViolation() -> String? {
    if let violation { return violation }
    if commitIndex > log.lastIndex {
      return "committed up to \(commitIndex), but the log ends at \(log.lastIndex)"
    }
    return nil
  }

  /// Announces everything up to `index` as committed.
  mutating func commit(through index: LogIndex, into effects: inout Effects<Self>) {
    while commitIndex < index {
      commitIndex = commitIndex.next
      let entry = log[commitIndex]
      // What an earlier primary proposed, that one answered, or its clients ask again.
      let answering = role == .primary && entry.view == view.number
      effects.commit(entry.batch, at: commitIndex, answering: answering)
    }
  }

  mutating func refuseWaitingReads(into effects: inout Effects<Self>) {
    guard !waitingReads.isEmpty else { return }
    for ticket in waitingReads { effects.refuseRead(ticket, redirect: redirect) }
    waitingReads.removeAll()
  }

  /// Whom to name to a client that came to the wrong replica.
  var redirect: ReplicaID? {
    role == .deposed ? nil : view.members.first
  }
}
