import Replication

/// Unreplicated: one server writes each batch to its own disk, and answers once it is durable.
///
/// ```
///   client ──update──► server ──durable──► itself
///          ◄──reply───
/// ```
///
/// It follows no paper. It is the baseline that shows what the workbench itself costs, and the
/// smallest worked example of a protocol. Replica 0 is the server; any other replica only redirects
/// clients to it. While the server is down the service is down. After a restart the server has
/// everything that it ever acknowledged.
public struct UnreplicatedServer: ReplicaCore {
  public enum Timer: Int, TimerName, CaseIterable {
    /// Never set, because a server without peers never waits for a message.
    case unused
  }

  let id: ReplicaID
  let options: Options
  let server: ReplicaID

  // Durable: rebuilt by `recover`.
  /// The entries after `base`.
  var log: [Batch] = []
  /// The last entry that has left the log, because a snapshot covers it.
  var base = LogIndex.zero
  var lastIndex: LogIndex { base + log.count }
  /// The last entry that a restart found on disk. Its clients were answered or will ask again, so
  /// the server does not answer them when it commits the entry again.
  var recoveredThrough = LogIndex.zero
  /// During recovery, the entry of which the next record may be a copy.
  var nextCopy = LogIndex.zero

  // Volatile.
  /// The commit index never decreases.
  var commitIndex = LogIndex.zero {
    didSet { assert(commitIndex >= oldValue) }
  }
  /// Whether the recovered entries have been committed, so that reads may be answered.
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

  @inline(__always)
  public mutating func handle(
    _ event: Event<Self>, at now: Instant,
    into effects: inout Effects<Self>
  ) {
    switch event {
    case .started:
      // All recovered entries are durable, so they are committed. No client is answered, because
      // clients that still wait ask again.
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

  /// Moves the commit index forward and announces each entry that it passes.
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
  @inline(__always)
  func broken(_ bug: Bug) -> Bool { bug.isSwitchedOn(by: options.bug) }

  @inline(__always)
  public var status: ReplicaStatus {
    ReplicaStatus(
      role: id == server ? "server" : "bystander", isInCharge: id == server && hasStarted, epoch: 1,
      commitIndex: commitIndex, lastIndex: lastIndex)
  }
}
