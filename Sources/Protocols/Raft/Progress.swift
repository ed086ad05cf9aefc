import Replication

extension RaftReplica {
  /// What the leader knows of one replica in its term.
  struct Progress: Sendable {
    enum Mode: Equatable {
      /// Where the logs part is not known: one message at a time looks for it.
      case probe
      /// The logs are known to match at some index: messages are sent ahead of their replies.
      case replicate
    }

    var mode = Mode.probe
    /// The highest entry known to be durable there, and the same as the leader's. Never decreases.
    var matchIndex = LogIndex.zero
    /// The next entry to send.
    var nextIndex = LogIndex(1)
    /// Probe: a message is on its way. The next heartbeat stands in for one that was lost.
    var isProbeSent = false
    /// Replicate: messages that have been sent and not been answered.
    var window: InFlightWindow
    /// The newest read round that the replica has answered.
    var answeredRound: UInt64 = 0
    /// The replica has answered since the leader last looked for a majority.
    var isActive = false

    init(windowCapacity: Int) { window = InFlightWindow(capacity: windowCapacity) }

    /// Forgets everything, for a new term of leadership.
    mutating func reset(nextIndex: LogIndex) {
      mode = .probe
      matchIndex = .zero
      self.nextIndex = nextIndex
      isProbeSent = false
      window.removeAll()
      answeredRound = 0
      isActive = false
    }

    var maySend: Bool {
      switch mode {
      case .probe: !isProbeSent
      case .replicate: !window.isFull
      }
    }

    /// Entries up to `lastIndex` have been sent.
    mutating func noteSent(through lastIndex: LogIndex) {
      switch mode {
      case .probe: isProbeSent = true
      case .replicate:
        nextIndex = lastIndex.next
        window.append(lastIndex)
      }
    }

    /// The replica holds everything up to `index`.
    mutating func noteAccepted(through index: LogIndex) {
      matchIndex = max(matchIndex, index)
      switch mode {
      case .probe:
        mode = .replicate
        nextIndex = matchIndex.next
        window.removeAll()
      case .replicate:
        nextIndex = max(nextIndex, matchIndex.next)
        window.release(through: matchIndex)
      }
    }

    /// The logs part before `nextIndex`, or messages were lost.
    mutating func noteRejected(nextIndex: LogIndex) {
      mode = .probe
      self.nextIndex = max(matchIndex.next, nextIndex)
      isProbeSent = false
      window.removeAll()
    }

    /// Whether the rejection of a message at `prevIndex` says something new. Replies of messages that
    /// were sent before the mode last changed do not.
    func isFresh(rejectionAt prevIndex: LogIndex) -> Bool {
      switch mode {
      case .probe: prevIndex == nextIndex.previous
      case .replicate: prevIndex > matchIndex && prevIndex < nextIndex
      }
    }
  }

  /// The last indices of the messages on their way to one follower, oldest first: a ring that is full
  /// when the follower should answer before it is sent more.
  struct InFlightWindow: Sendable {
    private var lastIndices: [LogIndex]
    private var head = 0
    private(set) var count = 0

    init(capacity: Int) { lastIndices = Array(repeating: .zero, count: max(capacity, 1)) }

    var isFull: Bool { count == lastIndices.count }

    mutating func append(_ lastIndex: LogIndex) {
      var position = head + count
      if position >= lastIndices.count { position -= lastIndices.count }
      lastIndices[position] = lastIndex
      count += 1
    }

    /// Drops the messages whose entries have all arrived.
    mutating func release(through index: LogIndex) {
      while count > 0, lastIndices[head] <= index {
        head = head + 1 == lastIndices.count ? 0 : head + 1
        count -= 1
      }
    }

    mutating func removeAll() {
      head = 0
      count = 0
    }
  }
}
