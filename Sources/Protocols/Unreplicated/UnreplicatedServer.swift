import Replication

/// Unreplicated: one server writes each batch to its own disk and answers when that is durable.
///
/// ```
///   client ──update──► server ──durable──► itself
///          ◄──reply───
/// ```
///
/// Follows no paper: it is the baseline that shows what the harness itself costs, and the smallest
/// worked example of a protocol. Replica 0 is the server. Other replicas, if an experiment asks for
/// some, only say where the server is. When the server is down the service is down; after a restart
/// it has everything it ever acknowledged.
public struct UnreplicatedServer: ReplicaCore {
  public enum Timer: Int, TimerName, CaseIterable {
    /// Never set: a server without peers has nothing to wait for.
    case unused
  }

  let id: ReplicaID
  let options: Options
  let server: ReplicaID

  // Durable: rebuilt by `recover`.
  /// The entries behind `base`.
  var log: [Batch] = []
  /// The last entry that has left the log, because a snapshot covers it.
  var base = LogIndex.zero
  var lastIndex: LogIndex { base + log.count }
  /// The last entry that a restart found on disk: clients were answered for it, or will ask again.
  var recoveredThrough = LogIndex.zero
  /// While records are recovered: the entry of which a copy may follow.
  var nextCopy = LogIndex.zero

  // Volatile.
  /// It never falls.
  var commitIndex = LogIndex.zero {
    didSet { assert(commitIndex >= oldValue) }
  }
  /// What was recovered has been applied, so that reads may be answered.
  var hasStarted = false

  public init(id: ReplicaID, membership: Membership, options: Options) {
    self.id = id
    server = membership.replicas.first ?? id
    self.options = options
  }

  public mutating func recover(_ record: Record) {
    switch record {
    case .entry(let batch): recover(batch)
    case .snapshot(let reference): begin(behind: reference.index)
    }
    recoveredThrough = lastIndex
  }

  public mutating func handle(
    _ event: Event<Self>, at now: Instant,
    into effects: inout Effects<Self>
  ) {
    switch event {
    case .started:
      // What was recovered is durable, and clients that waited for an answer have asked again.
      hasStarted = true
      commit(through: lastIndex, into: &effects)
    case .received(let message, let sender): receive(message, from: sender, into: &effects)
    case .requested(let batch): propose(batch, into: &effects)
    case .readRequested(let ticket, _): requestRead(ticket, into: &effects)
    case .timerFired, .disconnected: break
    }
  }

  private mutating func receive(
    _ message: Message, from sender: ReplicaID, into effects: inout Effects<Self>
  ) {
    switch message {
    case .durable(let index):
      if sender == id { receiveDurable(index, into: &effects) }
    }
  }

  private mutating func propose(_ batch: Batch, into effects: inout Effects<Self>) {
    guard id == server else { return effects.refuse(batch, redirect: server) }
    log.append(batch)
    effects.persist(.entry(batch))
    // Bug: reply-before-sync.
    if broken(.replyBeforeSync) { return commit(through: lastIndex, into: &effects) }
    effects.send(.durable(lastIndex), to: id)
  }

  private mutating func receiveDurable(_ index: LogIndex, into effects: inout Effects<Self>) {
    guard index <= lastIndex else { return }
    commit(through: index, into: &effects)
  }

  private func requestRead(_ ticket: ReadTicket, into effects: inout Effects<Self>) {
    guard id == server else { return effects.refuseRead(ticket, redirect: server) }
    effects.read(ticket)
  }

  /// Moves the commit index forward and announces what it passes.
  private mutating func commit(through end: LogIndex, into effects: inout Effects<Self>) {
    assert(end <= lastIndex, "what is not in the log is not committed")
    while commitIndex < end {
      commitIndex = commitIndex.next
      effects.commit(
        log[commitIndex - base - 1], at: commitIndex,
        answering: commitIndex > recoveredThrough)
    }
  }

  /// Whether this rule is switched off, to show that the bench catches it.
  func broken(_ bug: Bug) -> Bool { options.bug == bug }

  public var status: ReplicaStatus {
    ReplicaStatus(
      role: id == server ? "server" : "bystander", isInCharge: id == server && hasStarted, epoch: 1,
      commitIndex: commitIndex, lastIndex: lastIndex)
  }
}
