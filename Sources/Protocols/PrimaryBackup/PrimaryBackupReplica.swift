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
/// Deviation: state transfer is the log itself, in pages, as far as it reaches back; what has left
/// it comes as a snapshot, which the hosts exchange for all protocols alike. The tests are "A joiner
/// is fed the log and becomes a member" and those of snapshots.
/// Deviation: a backup's divergent entries go when others take their place, not at the start of a
/// view. They are never counted or committed before. The test is "Entries that the primary lacks
/// are replaced".
public struct PrimaryBackupReplica: SupervisedCore {
  public static let memberLinks = MemberLinks.withFirst

  public enum Timer: Int, TimerName, CaseIterable { case resend }

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
    bugs: Bug.list + ViewServiceBug.list + SnapshotBug.list)

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
  /// The joiner, if there is one, is the last.
  var followers: [Follower] = []
  /// What is known of replicas that are no followers any more, and may become such again.
  var roundTrips: [(id: ReplicaID, estimate: RoundTripEstimate)] = []
  /// What this replica itself has on its disk.
  var ownMatched = LogIndex.zero
  /// The end of the log when the view began.
  var inheritedLast = LogIndex.zero
  /// The first entry that this replica proposed since it last became primary: it answers from
  /// there.
  var firstOwn = LogIndex(1)
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
      acknowledge(index, from: sender, at: now, into: &effects)
    case .received(.summary(let view, let round, let runs), let sender):
      guard view == self.view.number, role == .primary else { return }
      synchronise(sender, round: round, runs: runs, at: now, into: &effects)
    case .received(.present(let view), let sender):
      guard view == self.view.number, role == .primary else { return }
      if let position = position(of: sender) { heardFrom(position) }
    case .received(.outdated(let view), _):
      guard view > self.view.number, role == .primary else { return }
      stop(into: &effects)
    case .timerFired(.resend): resend(at: now, into: &effects)
    case .requested(let batch): propose(batch, at: now, into: &effects)
    case .readRequested(let ticket, _): read(ticket, into: &effects)
    case .started, .disconnected: break
    }
  }

  public mutating func adopt(
    _ view: View, at now: Instant, into effects: inout Effects<Self>
  ) {
    guard view.number > self.view.number else { return }
    self.view = view
    verified = .zero
    removeFollowers { _ in true }
    isEstablished = false
    if view.members.first == id {
      // A primary that stays primary goes on answering what it proposed in the view before.
      if role != .primary { firstOwn = log.lastIndex.next }
      role = .primary
      lead(at: now, into: &effects)
      return
    }
    effects.cancelTimer(.resend)
    refuseWaitingReads(into: &effects)
    takeRole(into: &effects)
  }

  public mutating func changeJoiner(
    to view: View, at now: Instant, into effects: inout Effects<Self>
  ) {
    guard view.number == self.view.number, self.view.precedes(view) else { return }
    self.view.joiner = view.joiner
    self.view.joining = view.joining
    switch role {
    case .primary:
      removeFollowers { !view.members.contains($0.id) }
      if let joiner = view.joiner { addFollower(joiner, isMember: false, at: now, into: &effects) }
    case .joiner, .idle: takeRole(into: &effects)
    case .backup, .deposed: break
    }
  }

  /// Becomes what the view says, other than its primary.
  private mutating func takeRole(into effects: inout Effects<Self>) {
    role = view.members.contains(id) ? .backup : view.joiner == id ? .joiner : .idle
    if role != .idle, let primary = view.members.first {
      // The primary asks, too, but perhaps did so before this replica knew the view.
      effects.send(
        .summary(view: view.number, round: Message.unasked, runs: log.runs), to: primary)
    }
  }

  public var report: Report {
    var report = Report(view: view.number, isEstablished: isEstablished, joining: view.joining)
    guard role == .primary else { return report }
    for position in followers.indices {
      if followers[position].isUnreachable { report.unreachable.append(followers[position].id) }
      if !followers[position].isMember {
        report.joinerHasCaughtUp = followers[position].hasCaughtUp
        report.joinerProgress = UInt64((followers[position].matched ?? .zero).rawValue)
      }
    }
    return report
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

  public var durableState: DurableState { log.durableState }

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
      // What an earlier primary proposed, that one answered, or its clients ask again.
      let answering = role == .primary && commitIndex >= firstOwn
      effects.commit(log[commitIndex].batch, at: commitIndex, answering: answering)
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
