import Replication
import ViewService

/// What a replica knows of the one it feeds: its successor, or the joiner behind the tail.
struct ChainLink: Sendable {
  let to: ReplicaID
  /// The position has come: sending may begin at `next`.
  var isOpen = false
  /// The next entry to send. New entries are sent as they come while this is the one behind the
  /// log's end; otherwise what is missing is sent page by page.
  var next = LogIndex(1)
  /// The receiver is known to hold everything up to here durably.
  var match = LogIndex.zero

  init(to: ReplicaID) { self.to = to }
}

/// What the timer compares to tell a slow neighbour from a silent one.
struct ChainProgress: Equatable, Sendable {
  var acknowledged: LogIndex?
  var match = LogIndex.zero
  var last = LogIndex.zero
}

extension ChainReplica {
  /// The joiner has caught up when it lacks at most this many entries.
  static let joinerSlack = 64
  /// The most entries on their way to a joiner. Members are bounded by the head's window.
  static let joinerWindow = 1024

  /// Sends new entries to the successor, and to the joiner if there is one.
  mutating func handOn(_ forward: Forward, into effects: inout Effects<ChainReplica>) {
    if let link = successor, link.isOpen, link.next == forward.previous.next {
      successor?.next = forward.last.next
      handedOn = forward.last
      effects.send(.forward(view: view.number, forward), to: link.to)
    }
    if let link = joiner, link.isOpen, link.next == forward.previous.next,
      link.next - link.match <= ChainReplica.joinerWindow
    {
      joiner?.next = forward.last.next
      var copy = forward
      copy.wantsReceipt = true
      effects.send(.forward(view: view.number, copy), to: link.to)
    }
  }

  /// The next page of what the receiver lacks: what it was sent once comes before anything new
  /// (§3.3).
  private func makePage(from first: LogIndex) -> Forward? {
    guard let previousView = log.view(at: first.previous) else { return nil }
    let entries = log.page(
      from: first, through: first + (options.page - 1))
    return Forward(
      previous: first.previous, previousView: previousView,
      entries: sentAgain(entries, from: first), committed: committed, wantsReceipt: true)
  }

  /// Entries that are sent again are those of the log. The bugs do not have them any more, and keep
  /// the numbering whole with no-ops.
  private func sentAgain(_ entries: [ViewEntry], from first: LogIndex) -> [ViewEntry] {
    let forgotten: LogIndex
    // Bug: skip-suffix-on-middle-failure, remove-sent-on-receipt.
    switch options.bug {
    case .skipSuffixOnMiddleFailure: forgotten = servesFrom
    case .removeSentOnReceipt: forgotten = handedOn
    default: return entries
    }
    return entries.indices.map { offset in
      let index = first + offset
      guard index > committed, index <= forgotten else { return entries[offset] }
      return ViewEntry(view: entries[offset].view, batch: .noop)
    }
  }

  private mutating func sendPage(
    on link: WritableKeyPath<ChainReplica, ChainLink?>, into effects: inout Effects<ChainReplica>
  ) {
    guard let target = self[keyPath: link], target.isOpen, target.next <= log.lastIndex,
      let page = makePage(from: target.next)
    else { return }
    self[keyPath: link]?.next = page.last.next
    effects.send(.forward(view: view.number, page), to: target.to)
  }

  /// The successor or the joiner says where it stands: sending starts behind the common prefix.
  mutating func receive(
    _ position: Position, of link: WritableKeyPath<ChainReplica, ChainLink?>,
    into effects: inout Effects<ChainReplica>
  ) {
    guard isComplete, let target = self[keyPath: link] else { return }
    if link == \.successor, let acknowledged = position.acknowledged {
      receiveAcknowledgement(of: acknowledged, into: &effects)
    }
    let match = min(max(log.commonPrefix(with: position.runs), position.committed), log.lastIndex)
    self[keyPath: link]?.isOpen = true
    self[keyPath: link]?.next = match.next
    // A position is sent behind the barrier, so the receiver holds the common prefix durably.
    self[keyPath: link]?.match = match
    if position.isSynchronised { return sendPage(on: link, into: &effects) }
    guard let page = makePage(from: match.next) else { return }
    self[keyPath: link]?.next = page.last.next
    let synchronisation = Synchronisation(
      positionLast: position.last, positionView: position.lastView, through: log.lastIndex,
      forward: page)
    effects.send(.synchronise(view: view.number, synchronisation), to: target.to)
  }

  /// A page has arrived and is durable: the next one may follow.
  mutating func receiveReceipt(
    of index: LogIndex, on link: WritableKeyPath<ChainReplica, ChainLink?>,
    into effects: inout Effects<ChainReplica>
  ) {
    guard let target = self[keyPath: link], target.isOpen, index <= log.lastIndex else { return }
    if index > target.match { self[keyPath: link]?.match = index }
    if index.next >= target.next { sendPage(on: link, into: &effects) }
  }

  /// Said by the tail: the joiner holds almost all, and what it lacks is little enough to be sent
  /// when it becomes the tail.
  var joinerHasCaughtUp: Bool {
    guard let joiner, joiner.isOpen, servesReads else { return false }
    return log.lastIndex - joiner.match <= ChainReplica.joinerSlack
  }
}
