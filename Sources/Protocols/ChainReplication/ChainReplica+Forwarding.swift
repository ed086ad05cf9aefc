import Replication
import ViewService

// At the end of a turn a replica sends its successor, which is the joiner if the replica is the
// tail, the entries that it has not sent it yet.

extension ChainReplica {
  /// What a replica knows of the receiver of its entries: of the member after it, or of the joiner
  /// if it is the tail.
  struct Link: Sendable {
    let to: ReplicaID
    /// Whether the receiver has said which entries it holds. Until then it is sent no entries,
    /// because `nextIndex` is not known.
    var isOpen = false
    /// The next entry to send.
    var nextIndex = LogIndex(1)
    /// The last entry that was sent in this view. The round trip of an entry that is sent again is
    /// not measured, because its answer may belong to the first time.
    var sentThrough = LogIndex.zero
    /// The receiver is known to hold everything up to here.
    var matchIndex = LogIndex.zero
    /// The last entry that had been sent when entries were sent again. A report of a gap before an
    /// earlier entry left before those could arrive.
    var sentAgainBehind = LogIndex.zero
    /// The last `stable` that was sent to the receiver, or waits for the disk of the head to be
    /// sent (see `ChainReplica.awaitDisk`); `nil` if none was in this view.
    var toldStable: LogIndex?
    /// The last answer to a position of the receiver.
    var answer: Answer?
    var pace: ResendPace
    /// The questions that were sent since the receiver's last message.
    var vainQuestions = 0
    /// Until when the receiver may be silent without being unreachable.
    var silentUntil = Instant.longAgo

    /// A neighbour counts as unreachable when more than this number of questions have had no
    /// answer. Each question waits twice as long as the one before. The fourth leaves after 15
    /// times the pace, which is 750 ms with the default options in a LAN, as in primary-backup. The
    /// authority finds a replica that hears no messages sooner than that. With a smaller number
    /// such a replica would cost one view for the accusation and another one for its removal.
    static var vainQuestionLimit: Int { 3 }

    var isUnreachable: Bool { vainQuestions > Link.vainQuestionLimit }

    /// Whether the joiner keeps up with the log.
    var rounds = CatchUpRounds()

    init(to: ReplicaID, options: ChainReplica.Options) {
      self.to = to
      pace = ResendPace(least: options.resend)
    }

    /// Notes that the receiver holds everything up to `index`, which this replica holds as well.
    /// Returns whether that is new.
    mutating func holds(_ index: LogIndex) -> Bool {
      guard index > matchIndex else { return false }
      matchIndex = index
      nextIndex = max(nextIndex, index.next)
      return true
    }

    /// Notes that the receiver holds everything up to `index`, which it said without being asked.
    mutating func reports(_ index: LogIndex, at now: Instant) {
      let mark = UInt64(max(index.rawValue, 0))
      if index > matchIndex || pace.measured.map({ $0 <= mark }) ?? false {
        pace.answered(through: mark, at: now)
      }
      _ = holds(index)
    }

    /// Whether there are entries or a `stable` to send to the receiver.
    func lacks(entriesThrough last: LogIndex, stable: LogIndex?) -> Bool {
      guard isOpen else { return false }
      guard nextIndex > last, let stable else { return nextIndex <= last }
      return toldStable.map { $0 < stable } ?? true
    }

    /// Whether a position of the receiver needs an answer. If the last answer was to the same
    /// position, the receiver needs it again only if it was lost: the position replies to a
    /// question that left after the answer. Any other position may have left before the answer
    /// arrived, which takes long if the link is slow.
    func needsAnswer(_ position: Position) -> Bool {
      guard let answer, answer.last == position.last, answer.lastView == position.lastView else {
        return true
      }
      guard answer.isDoubted, let sentThrough = position.sentThrough else { return false }
      return sentThrough >= answer.sentThrough
    }

    /// Notes that a question is sent.
    mutating func asked(at now: Instant) {
      answer?.isDoubted = true
      if now >= silentUntil { vainQuestions += 1 }
      pace.asked(at: now)
    }
  }

  /// An answer to a position, which brings its sender in line.
  struct Answer: Sendable {
    /// The position that was answered.
    let last: LogIndex
    let lastView: UInt64
    /// The last entry that was sent with the answer.
    let sentThrough: LogIndex
    /// Whether the receiver was asked again since.
    var isDoubted = false
  }

  /// Consecutive entries. Most turns add entries, and write and send the same ones.
  struct LogPage {
    var first: LogIndex
    var entries: [ViewEntry] = []

    func covers(from first: LogIndex, through last: LogIndex) -> Bool {
      first == self.first && last - first.previous == entries.count
    }
  }

  /// Sends entries as far as the window allows, and with them up to where the chain is durable as
  /// far as this replica. A separate message says the latter if there are no entries to carry it.
  ///
  /// Early, because none of these messages promises that the entries are durable here, and `stable`
  /// counts only entries that are durable already. See the argument in ChainReplica+View.swift.
  /// - Parameter written: the entries that the turn has added to the log, if there are any.
  mutating func sendEntries(_ written: LogPage?, into effects: inout Effects<Self>) {
    let last = log.lastIndex
    let stable = self.stable
    let isJoiner = isTail
    if isJoiner, link.nextIndex <= last, link.matchIndex >= link.rounds.end {
      link.rounds.begin(through: last, pace: link.pace, at: now)
    }
    while link.nextIndex <= last {
      guard link.nextIndex > log.base else { return effects.sendSnapshot(to: link.to) }
      let previous = link.nextIndex.previous
      let inFlight = log.byteCount(after: link.matchIndex, through: previous)
      let room = options.inFlightBytes - inFlight
      let end = log.pageEnd(
        from: link.nextIndex, through: min(last, previous + options.page),
        byteLimit: min(room, ViewLog.pageByteLimit))
      let size = log.byteCount(after: previous, through: end)
      // An entry that is larger than the window travels alone.
      guard size <= room || inFlight == 0 else { break }
      let isLarge = end < last || inFlight + size > options.inFlightBytes / 2
      let forward = Forward(
        previous: previous, previousView: log.view(at: previous) ?? 0,
        entries: sentAgain(
          entries(from: link.nextIndex, through: end, written: written),
          from: link.nextIndex),
        stable: stable ?? .zero, wantsReceipt: isJoiner || isLarge)
      effects.sendEarly(.forward(view: view.number, forward), to: link.to)
      if end > link.sentThrough {
        link.pace.sent(UInt64(end.rawValue), first: link.matchIndex == previous, at: now)
        link.sentThrough = end
      }
      link.nextIndex = end.next
      if let stable { link.toldStable = max(stable, link.toldStable ?? stable) }
      handedOn = max(handedOn, end)
    }
    guard let stable, link.toldStable.map({ $0 < stable }) ?? true else { return }
    link.toldStable = stable
    effects.sendEarly(.stable(view: view.number, stable), to: link.to)
  }

  /// The entries from `first` to `last`, as the array that was written if it holds the same.
  private func entries(
    from first: LogIndex, through last: LogIndex, written: LogPage?
  ) -> [ViewEntry] {
    guard let written, written.covers(from: first, through: last) else {
      return log.entries(from: first, through: last)
    }
    return written.entries
  }

  /// Entries that are sent again come from the log. With one of the two bugs the replica has
  /// forgotten them and sends no-ops in their place, to keep the numbering whole.
  mutating func sentAgain(_ entries: [ViewEntry], from first: LogIndex) -> [ViewEntry] {
    var forgotten = LogIndex.zero
    // Bug: skip-suffix-on-middle-failure.
    if broken(.skipSuffixOnMiddleFailure) { forgotten = servesFrom }
    // Bug: remove-sent-on-receipt.
    if broken(.removeSentOnReceipt) { forgotten = handedOn }
    guard forgotten > commitIndex else { return entries }
    return entries.indices.map { offset in
      let index = first + offset
      guard index > commitIndex, index <= forgotten else { return entries[offset] }
      return ViewEntry(view: entries[offset].view, batch: .noop)
    }
  }

  public mutating func expectSilence(of id: ReplicaID, for pause: Interval, at now: Instant) {
    guard successor == id else { return }
    link.silentUntil = max(link.silentUntil, now + pause)
  }

  /// Notes that the receiver holds everything up to `index`.
  mutating func receiveReceipt(_ index: LogIndex) {
    guard successor != nil, link.isOpen, index > link.matchIndex, index <= log.lastIndex
    else { return }
    link.reports(index, at: now)
    countRound()
  }

  /// Ends the joiner's round if it holds all that the tail held when the round began.
  mutating func countRound() {
    link.rounds.count(through: link.matchIndex, of: log.lastIndex, pace: link.pace, at: now)
  }

  /// The tail's judgement that the joiner may become a member.
  var joinerHasCaughtUp: Bool {
    guard isTail, successor != nil, link.isOpen, servesReads else { return false }
    return link.rounds.hasCaughtUp(through: link.matchIndex, at: now)
  }
}
