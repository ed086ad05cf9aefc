import Replication
import ViewService

/// A replica of chain replication (van Renesse & Schneider, OSDI 2004).
///
/// The replicas form a chain. Updates enter at the head, which numbers them, and travel down, so
/// that what a replica holds is a prefix of what its predecessor holds (the Update Propagation
/// Invariant, §3). What is durable at all replicas is committed, and the tail answers the client
/// (§2). Reads go to the tail alone. An acknowledgement passes back up, and what it has not covered
/// yet is `pending`, the paper's Sent (the Inprocess Requests Invariant, §3).
///
/// Deviation: the paper's servers hold an update when they have received it. Here it has to be on
/// their disks. A replica hands an update on while it writes it, and behind the update travels how
/// far all disks before have got (`stable`), so that an update waits for one write and not for one
/// after the other (test: `One write waits for one disk, whatever the length of the chain`).
///
/// Failures are the affair of an outside authority, the paper's master: it issues views, and
/// `adopt` takes them over (§3.1 to §3.3, §4). The first member is the head and goes on numbering
/// behind what it holds; a predecessor brings a new successor in line before it sends it anything
/// new; what is pending at a new tail is committed. A joiner copies the tail's log while the tail
/// goes on serving, and is the tail of a later view.
///
/// Deviation: an update is applied when its acknowledgement passes, not when it is received,
/// because an application that is never ahead of what is committed needs no undoing (test: `Sent
/// removed by the tail's acknowledgement`). Clients see nothing but the tail's state, and that is
/// the same.
///
/// Deviation: the paper assumes reliable FIFO links and servers that stop for good. Here messages
/// may be lost, repeated and reordered, and servers come back with what was durable. So entries
/// carry their index and the view they were numbered in, and neighbours compare positions (test:
/// `Lost, repeated and reordered messages`).
///
/// Deviation: the master of §3.3 asks S+ what it has and then tells S-, four messages in a row.
/// Here the authority tells every member the view, and S+ tells S- itself (test: `A middle fails`).
public struct ChainReplica: SupervisedCore {
  public typealias Message = ChainMessage
  public typealias Record = ChainRecord

  public enum Timer: Int, CaseIterable, TimerName {
    /// Something is unfinished: ask the neighbour again unless there was progress.
    case resend
  }

  public static let description = ProtocolDescription(
    summary: "Updates enter at the head and are answered by the tail, which also answers reads",
    source: "van Renesse & Schneider 2004",
    replicasPerFailure: 1, needsAuthority: true, assumption: ProtocolDescription.leases,
    bugs: ChainBug.list + ViewServiceBug.list + SnapshotBug.list)

  let id: ReplicaID
  let options: Options

  // Durable: rebuilt by `recover`.
  var log = ViewLog()
  /// The last entry that a restart found on disk: clients were answered for it, or will ask again.
  var recoveredThrough = LogIndex.zero

  /// The view this replica works in; `View.none` after a restart.
  var view = View.none
  var isHead = false
  var isTail = false
  var isJoiner = false
  /// Who sends entries to this replica: the one before it, or the tail if this replica is the
  /// joiner.
  var predecessor: ReplicaID?
  var successor: ChainLink?
  /// The tail's link to the joiner.
  var joiner: ChainLink?

  /// In line: the log is a prefix of the predecessor's.
  var isSynchronised = false
  /// Nothing behind this entry was acknowledged in earlier views. A tail answers reads once it has
  /// committed it.
  var servesFrom = LogIndex.zero
  /// Everything up to here has been committed. What lies behind is `pending`.
  var committed = LogIndex.zero
  /// What the tail has acknowledged in this view; `nil` for nothing yet.
  var acknowledged: LogIndex?
  /// The head's last entry when it took the view over.
  var establishedFrom = LogIndex.zero
  var isEstablished = false

  /// The disk holds the log up to here.
  var durable = LogIndex.zero
  /// This replica will hear when the disk holds the log up to here.
  var awaitedThrough = LogIndex.zero
  /// Records up to here have been handed over to be written.
  var savedThrough = LogIndex.zero
  /// The log was cut, and no record says so yet.
  var owesCut = false
  /// Everything up to here is durable at all before this replica; `nil` for nothing yet in this
  /// view.
  var upstreamStable: LogIndex?
  /// The acknowledgement that was passed on last in this view.
  var toldAcknowledged: LogIndex?
  /// The predecessor wants to hear when what came in this turn is durable.
  var owesReceipt = false

  /// A gap was reported, and nothing has filled it since.
  var hasReportedGap = false
  var timerIsSet = false
  /// How often a replica that is not in line says so.
  var asking: ResendPace
  /// The time of the event that is handled.
  var now = Instant.longAgo
  /// The last entry handed to a successor in any view. Only `removeSentOnReceipt` looks at it.
  var handedOn = LogIndex.zero
  /// A rule of the protocol that the last events broke, for `invariantViolation`.
  var brokenRule: String?

  public init(id: ReplicaID, membership: Membership, options: Options) {
    self.id = id
    self.options = options
    asking = ResendPace(least: options.resend)
  }

  public mutating func recover(_ record: ChainRecord) {
    switch record {
    case .entries(let first, let entries):
      guard first >= log.firstIndex, first <= log.lastIndex.next else { return }
      log.truncate(from: first)
      for entry in entries { log.append(entry) }
      recoveredThrough = log.lastIndex
      durable = log.lastIndex
      savedThrough = log.lastIndex
    }
  }

  public mutating func handle(
    _ event: Event<ChainReplica>, at now: Instant, into effects: inout Effects<ChainReplica>
  ) {
    self.now = now
    switch event {
    case .started, .disconnected: break
    case .received(let message, let sender): receive(message, from: sender, into: &effects)
    case .timerFired(.resend): resendTimerFired(into: &effects)
    case .requested(let batch): propose(batch, into: &effects)
    case .readRequested(let ticket, _): answer(ticket, into: &effects)
    }
  }

  private mutating func receive(
    _ message: ChainMessage, from sender: ReplicaID, into effects: inout Effects<ChainReplica>
  ) {
    if message.view == view.number {
      if successor?.to == sender { successor?.questions = 0 }
      if joiner?.to == sender { joiner?.questions = 0 }
    }
    switch message {
    case .forward(let view, let forward):
      guard counts(view, from: sender, if: predecessor) else { return }
      receive(forward, into: &effects)
    case .stable(let view, let index):
      guard counts(view, from: sender, if: predecessor) else { return }
      hear(stable: index)
    case .acknowledge(let view, let index):
      guard counts(view, from: sender, if: successor?.to) else { return }
      receiveAcknowledgement(of: index, into: &effects)
    case .durable(let view, let index):
      guard counts(view, from: sender, if: id) else { return }
      durable = max(durable, min(index, log.lastIndex))
    case .hail(let view, let sentThrough, let stable):
      guard counts(view, from: sender, if: predecessor) else { return }
      receiveHail(sentThrough: sentThrough, stable: stable, into: &effects)
    case .position(let view, let position):
      if counts(view, from: sender, if: successor?.to) {
        receive(position, of: \.successor, into: &effects)
      } else if counts(view, from: sender, if: joiner?.to) {
        receive(position, of: \.joiner, into: &effects)
      }
    case .standing(let view, let standing):
      if counts(view, from: sender, if: successor?.to) {
        receive(standing, of: \.successor, into: &effects)
      } else if counts(view, from: sender, if: joiner?.to) {
        receive(standing, of: \.joiner, into: &effects)
      }
    case .synchronise(let view, let synchronisation):
      guard counts(view, from: sender, if: predecessor) else { return }
      receive(synchronisation, into: &effects)
    case .receipt(let view, let index):
      if counts(view, from: sender, if: successor?.to) {
        receiveReceipt(of: index, on: \.successor)
      } else if counts(view, from: sender, if: joiner?.to) {
        receiveReceipt(of: index, on: \.joiner)
      }
    }
  }

  /// Whether a message counts: it must be of this replica's own view and come from the neighbour
  /// whose message it is. A deposed neighbour's messages are of an earlier view and change nothing.
  private func counts(_ view: UInt64, from sender: ReplicaID, if neighbour: ReplicaID?) -> Bool {
    // Bug: accept-any-view.
    if options.bug == .acceptAnyView { return self.view.number > 0 }
    return view == self.view.number && sender == neighbour
  }
}

extension ChainReplica {
  public var status: ReplicaStatus {
    let role =
      if isHead { "head" } else if isTail { "tail" } else if isJoiner {
        "joiner"
      } else if view
        .members.contains(id)
      { "middle" } else { "outside" }
    return ReplicaStatus(
      role: role, isInCharge: isHead, isTail: isTail, isCoordinator: false, epoch: view.number,
      commitIndex: committed, lastIndex: log.lastIndex)
  }

  public var report: Report {
    Report(
      view: view.number, isEstablished: isHead && isEstablished, joining: view.joining,
      joinerHasCaughtUp: joinerHasCaughtUp,
      joinerProgress: UInt64((joiner?.match ?? .zero).rawValue),
      unreachable: [successor, joiner].compactMap { $0?.isUnreachable == true ? $0?.to : nil })
  }
}
