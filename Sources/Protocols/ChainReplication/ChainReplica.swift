import Replication
import ViewService

/// Chain replication: updates enter at the head of a chain of replicas and are answered by its
/// tail.
///
/// ```
///   client ──update──► head ──forward──► middle ──forward──► tail ──reply──► client
///                           ◄─acknowledge─      ◄─acknowledge─
/// ```
///
/// Follows van Renesse & Schneider 2004 (OSDI) for failure-free operation (§2, §3) and for failures
/// of head, middle and tail and for a new tail (§3.1 to §3.3, §4). Updates travel down, so that the
/// log of a replica is a prefix of its predecessor's (the Update Propagation Invariant).
/// Acknowledgements travel up; the entries that they have not covered yet are `pending`, the
/// paper's Sent (as in the Inprocess Requests Invariant). An outside authority, the paper's master,
/// decides the order of the chain: it issues views, and `adopt` takes them over. The first member
/// is the head and continues the numbering after its last entry; a predecessor brings a new
/// successor in line before it sends it anything new; the pending entries of a new tail are
/// committed. A joiner copies the tail's log while the tail serves, and is the tail of a later
/// view.
///
/// - Deviation: the paper's servers hold an update when they have received it. Here it has to be on
///   their disks. A replica forwards an update while it writes it, and after the update it sends
///   how far all disks before have got (`stable`), so that an update waits for one write and not
///   for one after the other (test: `One write waits for one disk, whatever the length of the
///   chain`).
/// - Deviation: an update is applied when its acknowledgement passes, not when it is received,
///   because an application that is never ahead of the commit index needs no undoing (test: `Sent
///   removed by the tail's acknowledgement`). Clients see only the tail's state, which is the same.
/// - Deviation: the paper assumes reliable FIFO links and servers that stop for good. Here messages
///   may be lost, repeated and reordered, and servers come back with their durable state. So
///   entries carry their index and the view they were numbered in, and neighbours compare positions
///   (test: `Lost, repeated and reordered messages`).
/// - Deviation: the master of §3.3 asks S+ what it has and then tells S-, four messages in a row.
///   Here the authority tells every member the view, and S+ tells S- itself (test: `A middle
///   fails`).
public struct ChainReplica: ViewFollower {
  public enum Timer: Int, CaseIterable, TimerName {
    /// Asks a neighbour again if an answer is due and there was no progress.
    case resend
  }

  enum Place: Sendable {
    /// Knows no view, or is neither member nor joiner.
    case outside
    case joiner
    case head, middle, tail
    /// The only member: head and tail at once.
    case alone
  }

  let id: ReplicaID
  let options: Options

  // Durable: rebuilt by `recover`.
  var log = ViewLog()
  /// The last entry that a restart found on disk: clients were answered for it, or will ask again.
  var recoveredThrough = LogIndex.zero

  /// The view this replica works in; `View.none` after a restart.
  var view = View.none
  var place = Place.outside
  /// The sender of this replica's entries: the member before it, or the tail if this replica is the
  /// joiner.
  var predecessor: ReplicaID?
  /// The receiver of this replica's entries: the member after it, or the joiner if this replica is
  /// the tail.
  var successor: ReplicaID?
  /// What this replica knows of its successor. Without one it says nothing. It is not an optional,
  /// because every message reads and changes it.
  var link: Link

  /// In line: the log is a prefix of the predecessor's.
  var isSynchronised = false
  /// No entry after this one was acknowledged in earlier views. A tail answers reads once it has
  /// committed it.
  var servesFrom = LogIndex.zero
  /// Everything up to here has been committed. Later entries are `pending`. It never falls.
  var commitIndex = LogIndex.zero {
    didSet { assert(commitIndex >= oldValue || options.snapshots.bug == .installOlder) }
  }
  /// The last entry that the tail has acknowledged in this view; `nil` if none yet.
  var acknowledged: LogIndex?
  /// The head's last entry when it took the view over.
  var establishedFrom = LogIndex.zero
  var isEstablished = false

  /// The disk holds the log up to here.
  var durable = LogIndex.zero
  /// This replica will be told when the disk holds the log up to here.
  var awaitedThrough = LogIndex.zero
  /// Records up to here have been given to the host to be written.
  var savedThrough = LogIndex.zero
  /// The entries of the message that added to the log last, until the end of the turn. If they are
  /// all that the turn has added, its record takes this array, which saves a copy.
  var arrived = LogPage(first: .zero)
  /// The log was cut, and no record says so yet.
  var owesCut = false
  /// Everything up to here is durable at all members before this replica; `nil` before the first
  /// report in this view.
  var upstreamStable: LogIndex?
  /// The acknowledgement that was passed on last in this view.
  var toldAcknowledged: LogIndex?
  /// The predecessor wants to be told when the entries of this turn are durable.
  var owesReceipt = false

  /// The entry behind the gap with which the gap was reported last; `nil` if entries have filled
  /// it since.
  var reportedGap: LogIndex?
  var timerIsSet = false
  /// How often a replica that is not in line says so.
  var asking: ResendPace
  /// The time of the event that is handled.
  var now = Instant.longAgo
  /// The last entry sent to a successor in any view. Only `removeSentOnReceipt` uses it.
  var handedOn = LogIndex.zero
  /// The first safety property that this replica saw broken.
  var brokenInvariant: String?

  public init(id: ReplicaID, membership: Membership, options: Options) {
    self.id = id
    self.options = options
    link = Link(to: id, options: options)
    asking = ResendPace(least: options.resend)
  }

  public mutating func recover(_ record: Record) {
    switch record {
    case .entries(let first, let entries):
      guard first >= log.firstIndex, first <= log.lastIndex.next else { return }
      // A record without entries is a cut.
      if entries.isEmpty { log.truncate(from: first) }
      for (offset, entry) in entries.enumerated() { log.recover(entry, at: first + offset) }
      recoveredThrough = log.lastIndex
      durable = log.lastIndex
      savedThrough = log.lastIndex
    }
  }

  @inline(__always)
  public mutating func handle(
    _ event: Event<Self>, at now: Instant, into effects: inout Effects<Self>
  ) {
    self.now = now
    switch event {
    case .started, .disconnected: break
    case .received(let message, let sender): receive(message, from: sender, into: &effects)
    case .timerFired(.resend): resendTimerFired(into: &effects)
    case .requested(let batch): propose(batch, into: &effects)
    case .readRequested(let ticket, _): requestRead(ticket, into: &effects)
    }
  }

  private mutating func receive(
    _ message: Message, from sender: ReplicaID, into effects: inout Effects<Self>
  ) {
    if link.vainQuestions > 0, message.view == view.number, successor == sender {
      link.vainQuestions = 0
    }
    switch message {
    case .forward(let view, let forward):
      guard counts(view, from: sender, if: predecessor) else { return }
      receiveForward(forward, into: &effects)
    case .stable(let view, let index):
      guard counts(view, from: sender, if: predecessor) else { return }
      receiveStable(index)
    case .acknowledge(let view, let index):
      guard counts(view, from: sender, if: isTail ? nil : successor) else { return }
      receiveAcknowledge(index, into: &effects)
    case .durable(let view, let index):
      guard counts(view, from: sender, if: id) else { return }
      receiveDurable(index)
    case .hail(let view, let sentThrough, let stable):
      guard counts(view, from: sender, if: predecessor) else { return }
      receiveHail(sentThrough: sentThrough, stable: stable, into: &effects)
    case .position(let view, let position):
      guard counts(view, from: sender, if: successor) else { return }
      receivePosition(position, into: &effects)
    case .standing(let view, let standing):
      guard counts(view, from: sender, if: successor) else { return }
      receiveStanding(standing, into: &effects)
    case .synchronise(let view, let synchronisation):
      guard counts(view, from: sender, if: predecessor) else { return }
      receiveSynchronise(synchronisation, into: &effects)
    case .receipt(let view, let index):
      guard counts(view, from: sender, if: successor) else { return }
      receiveReceipt(index)
    case .authority: break
    }
  }

  /// Whether a message counts: it must be of this replica's own view and come from the neighbour
  /// that sends such messages. A deposed neighbour's messages are of an earlier view and change
  /// nothing.
  private func counts(_ view: UInt64, from sender: ReplicaID, if neighbour: ReplicaID?) -> Bool {
    // Bug: accept-any-view.
    if broken(.acceptAnyView) { return self.view.number > 0 }
    return view == self.view.number && sender == neighbour
  }

  var isHead: Bool { place == .head || place == .alone }
  var isTail: Bool { place == .tail || place == .alone }
  var isJoiner: Bool { place == .joiner }

  /// Whether this rule is switched off, to show that the bench catches it.
  @inline(__always)
  func broken(_ bug: Bug) -> Bool { bug.isSwitchedOn(by: options.bug) }

  @inline(__always)
  public var status: ReplicaStatus {
    let role =
      switch place {
      case .head, .alone: "head"
      case .tail: "tail"
      case .joiner: "joiner"
      case .middle: "middle"
      case .outside: "outside"
      }
    return ReplicaStatus(
      role: role, isInCharge: isHead, isTail: isTail, isCoordinator: false, epoch: view.number,
      commitIndex: commitIndex, lastIndex: log.lastIndex)
  }
}
