import Replication

extension RaftReplica {
  /// The knowledge about another replica that a replica keeps whether it leads or not.
  struct Acquaintance: Sendable {
    var roundTrip = RoundTripEstimate()
    /// Grows with each disk that takes the place of a lost one.
    var generation: UInt64 = 0
  }

  /// The leader's knowledge of one replica in its term.
  struct Progress: Sendable {
    enum Mode: Equatable {
      /// The last common entry is not known: one message at a time looks for it.
      case probe
      /// The logs are known to match at some index: messages are sent ahead of their replies.
      case replicate
    }

    var mode = Mode.probe
    /// The highest entry known to be durable there, and the same as the leader's. It decreases only
    /// if the replica has lost its disk.
    var matchIndex = LogIndex.zero
    /// The newest round when `matchIndex` was last raised.
    var matchRound: UInt64 = 0
    /// The next entry to send.
    var nextIndex = LogIndex(1)
    /// Probe: a message is on its way. The next heartbeat replaces it if it is lost.
    var isProbeSent = false
    /// Probe: the entries that the replica lacks have left the log, so that it needs a snapshot.
    var isBehindLog = false
    /// Replicate: messages that have been sent and not been answered.
    var window: InFlightWindow
    /// Replicate: the first entry of the gap that was filled last, when, and the last entry and the
    /// newest round that had been sent by then.
    var repaired = LogIndex.zero
    var repairedAt = Instant.longAgo
    private var repairedBehind = (index: LogIndex.zero, round: UInt64(0))
    /// Replicate: the first entry of the gap that was reported last, and how many messages that
    /// left after its entries have reported it.
    private var reported = (gap: LogIndex.zero, count: 0)
    /// How long answers take, which tells a message that is late from one that is lost.
    var pace: ResendPace
    /// The newest read round that the replica has answered.
    var answeredRound: UInt64 = 0
    /// The newest read round that it has been sent.
    var announcedRound: UInt64 = 0
    /// The replica has answered since the leader last looked for a majority.
    var isActive = false
    /// Whether the replica's disk took the place of a lost one, as far as it has said.
    var standing = DiskStanding()
    /// Of a learner: the entry that makes it a voter once it is committed and the learner has it.
    var promotionIndex: LogIndex?

    /// The last entry for which the replica counts in a majority.
    var countedIndex: LogIndex { standing.isLearner ? .zero : matchIndex }

    /// The state at the start of a term: sending starts at `nextIndex`.
    init(
      _ options: Options, of replica: Acquaintance, nextIndex: LogIndex, at now: Instant
    ) {
      self.nextIndex = nextIndex
      window = InFlightWindow(capacity: options.inFlightLimit, byteLimit: options.inFlightBytes)
      pace = ResendPace(least: options.heartbeat)
      pace.roundTrip = replica.roundTrip
      pace.restart(at: now)
      standing.generation = replica.generation
    }

    /// The part that outlasts the term.
    var acquaintance: Acquaintance {
      Acquaintance(roundTrip: pace.roundTrip, generation: standing.generation)
    }

    /// The replica has begun a new disk: forgets all that was known of it.
    mutating func noteNewDisk(at now: Instant) {
      noteLostLog()
      noteRejected(nextIndex: LogIndex(1), at: now)
      answeredRound = 0
    }

    /// Whether a round is worth a message of its own.
    var mayAnnounce: Bool { announcedRound < answeredRound + mostUnansweredRounds }

    /// How many bytes of entries may be sent now; `nil` if no message may. One entry may always be
    /// sent if no message is on its way.
    var room: Int? {
      switch mode {
      case .probe: isProbeSent || isBehindLog ? nil : window.byteLimit
      case .replicate: window.room
      }
    }

    var hasNothingInFlight: Bool { mode == .probe || window.count == 0 }

    /// Entries up to `lastIndex` have been sent.
    mutating func noteSent(through lastIndex: LogIndex, byteCount: Int, at now: Instant) {
      switch mode {
      case .probe: isProbeSent = true
      case .replicate:
        nextIndex = lastIndex.next
        pace.sent(UInt64(lastIndex.rawValue), first: window.count == 0, at: now)
        window.append(.init(lastIndex: lastIndex, byteCount: byteCount, sentAt: now))
      }
    }

    /// The replica holds everything up to `index`; `round` is the newest that has begun.
    mutating func noteAccepted(through index: LogIndex, round: UInt64, at now: Instant) {
      if index > matchIndex {
        matchIndex = index
        matchRound = round
        pace.answered(through: UInt64(index.rawValue), at: now)
      }
      switch mode {
      case .probe:
        mode = .replicate
        isBehindLog = false
        nextIndex = matchIndex.next
        window.removeAll()
        repaired = .zero
      case .replicate:
        nextIndex = max(nextIndex, matchIndex.next)
        window.release(through: matchIndex)
      }
    }

    /// The logs differ before `nextIndex`, or all messages sent from there on are lost.
    mutating func noteRejected(nextIndex: LogIndex, at now: Instant) {
      mode = .probe
      self.nextIndex = max(matchIndex.next, nextIndex)
      isProbeSent = false
      isBehindLog = false
      window.removeAll()
      pace.restart(at: now)
    }

    /// The entries that the replica needs next have left the log, which begins with `first` now.
    /// Heartbeats continue from there, and as long as they are rejected the replica has not caught
    /// up.
    mutating func noteBehindLog(first: LogIndex) {
      mode = .probe
      nextIndex = first
      isProbeSent = false
      isBehindLog = true
      window.removeAll()
      pace.measured = nil
    }

    /// The replica denies entries that it acknowledged, so its disk is another one.
    mutating func noteLostLog() {
      matchIndex = .zero
      matchRound = 0
    }

    /// How long a message may be on its way before it counts as lost, once a later one has arrived
    /// before it: a round trip, and four times its variation as in RFC 6298 §2.
    private var patience: Interval {
      pace.roundTrip.usual + pace.roundTrip.variation * 4
    }

    /// How many messages may overtake one before it counts as lost, as in RFC 5681 §3.2.
    private static var overtakingLimit: Int { 3 }

    /// Replicate: the replica's log ends before `reply.prevLogIndex`, although that message has
    /// arrived. Returns whether the message with the next entry must be lost, and is not merely
    /// late: several messages have overtaken it, or it has been on its way for too long.
    mutating func isLost(_ reply: AppendRejected, at now: Instant) -> Bool {
      let next = reply.lastLogIndex.next
      let isRepaired = next == repaired
      if next != reported.gap { reported = (next, 0) }
      if !isRepaired || reply.prevLogIndex > repairedBehind.index
        || reply.readRound > repairedBehind.round
      {
        reported.count += 1
        if reported.count >= Self.overtakingLimit { return true }
      }
      if isRepaired, now - repairedAt <= patience { return false }
      guard let sentAt = window.sentAt(covering: next) else { return true }
      return now - sentAt >= patience
    }

    /// Replicate: the entries after `index` have been sent once more. `round` is the newest that
    /// has begun.
    mutating func noteRepaired(behind index: LogIndex, round: UInt64, at now: Instant) {
      repaired = index.next
      repairedAt = now
      repairedBehind = (nextIndex.previous, round)
      reported = (repaired, 0)
      pace.sentAgain(at: now)
    }
  }

  /// The messages on their way to one follower, oldest first, in a ring. When it is full, no more
  /// is sent until the follower has answered.
  struct InFlightWindow: Sendable {
    struct Sent: Sendable {
      var lastIndex = LogIndex.zero
      var byteCount = 0
      var sentAt = Instant.longAgo
    }

    let byteLimit: Int
    private var messages: [Sent]
    private var head = 0
    private(set) var count = 0
    private(set) var byteCount = 0

    init(capacity: Int, byteLimit: Int) {
      self.byteLimit = byteLimit
      messages = Array(repeating: Sent(), count: max(capacity, 1))
    }

    /// The bytes of entries that still fit; `nil` if no message does.
    var room: Int? {
      count == messages.count || byteCount >= byteLimit ? nil : byteLimit - byteCount
    }

    mutating func append(_ sent: Sent) {
      var position = head + count
      if position >= messages.count { position -= messages.count }
      messages[position] = sent
      count += 1
      byteCount += sent.byteCount
    }

    /// Drops the messages whose entries have all arrived.
    mutating func release(through index: LogIndex) {
      while count > 0, messages[head].lastIndex <= index {
        byteCount -= messages[head].byteCount
        head = head + 1 == messages.count ? 0 : head + 1
        count -= 1
      }
    }

    /// When the message with the entry at `index` was sent; `nil` if no message on its way has it.
    /// The entry must be after all that have been released.
    func sentAt(covering index: LogIndex) -> Instant? {
      for offset in 0..<count {
        let position = head + offset
        let sent = messages[position >= messages.count ? position - messages.count : position]
        if sent.lastIndex >= index { return sent.sentAt }
      }
      return nil
    }

    mutating func removeAll() {
      head = 0
      count = 0
      byteCount = 0
    }
  }
}
