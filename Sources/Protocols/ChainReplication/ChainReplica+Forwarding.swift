import Replication
import ViewService

// At the end of a turn the successor and the joiner get what they have not been sent yet.

extension ChainReplica {
  /// What a replica knows of the one it feeds: its successor, or the joiner behind the tail.
  struct Link: Sendable {
    let to: ReplicaID
    /// It is known where the receiver stands: sending may begin at `nextIndex`.
    var isOpen = false
    /// The next entry to send.
    var nextIndex = LogIndex(1)
    /// The last entry that was ever sent in this view. What is sent again is not measured.
    var sentThrough = LogIndex.zero
    /// The receiver is known to hold everything up to here.
    var matchIndex = LogIndex.zero
    /// The last `stable` that the receiver was told; `nil` for none in this view.
    var toldStable: LogIndex?
    /// The position that was answered last, for as long as the receiver need not have the answer.
    var answered: ViewRun?
    var pace: ResendPace
    /// Questions since the receiver was last heard.
    var vainQuestions = 0

    /// A neighbour counts as unreachable after this number of questions without an answer. Each
    /// question waits twice as long as the one before, up to eight times the pace. Five take 31
    /// times the pace, which is 620 ms with the default options in a LAN. The authority finds a
    /// replica that hears no messages sooner than that. With a smaller number such a replica would
    /// cost one view for the accusation and another one for its removal.
    static var vainQuestionLimit: Int { 5 }

    var isUnreachable: Bool { vainQuestions > Link.vainQuestionLimit }

    /// The joiner has the log as it was when this round began; see
    /// `ChainReplica.joinerHasCaughtUp`.
    var roundEnd = LogIndex.zero
    var roundSince = Instant.longAgo
    var hasCaughtUp = false

    init(to: ReplicaID, options: ChainReplica.Options) {
      self.to = to
      pace = ResendPace(least: options.resend)
    }

    /// The receiver holds everything up to `index`, which this replica holds, too; says whether
    /// that is news.
    @discardableResult
    mutating func holds(_ index: LogIndex, at now: Instant) -> Bool {
      guard index > matchIndex else { return false }
      matchIndex = index
      nextIndex = max(nextIndex, index.next)
      pace.answered(through: UInt64(index.rawValue), at: now)
      return true
    }

    /// Whether there is anything to tell the receiver.
    func lacks(entriesThrough last: LogIndex, stable: LogIndex?) -> Bool {
      guard isOpen else { return false }
      guard nextIndex > last, let stable else { return nextIndex <= last }
      return toldStable.map { $0 < stable } ?? true
    }

    /// A question leaves. A position that comes in reply shows that the last answer to it was lost.
    mutating func asked(at now: Instant) {
      answered = nil
      vainQuestions += 1
      pace.asked(at: now)
    }
  }

  /// Entries that follow each other: most turns add some, and write and send the same ones.
  struct LogPage {
    var first: LogIndex
    var entries: [ViewEntry] = []

    func covers(from first: LogIndex, through last: LogIndex) -> Bool {
      first == self.first && last - first.previous == entries.count
    }
  }

  /// - Parameter written: the entries that the turn has added to the log, if there are any.
  mutating func sendEntries(_ written: LogPage, into effects: inout Effects<Self>) {
    let last = log.lastIndex
    let stable = self.stable
    if successor?.lacks(entriesThrough: last, stable: stable) ?? false, var link = successor {
      sendEntries(written, over: &link, isJoiner: false, into: &effects)
      successor = link
    }
    if joiner?.lacks(entriesThrough: last, stable: stable) ?? false, var link = joiner {
      sendEntries(written, over: &link, isJoiner: true, into: &effects)
      joiner = link
    }
  }

  /// Sends entries as far as the window lets them out, and with them how far the chain up to here
  /// is durable. A message of its own says that if there are no entries to carry it.
  ///
  /// Early: no message of these promises that the entries are durable here, and `stable` counts
  /// only what has become durable before. See the argument in ChainReplica+View.swift.
  private mutating func sendEntries(
    _ written: LogPage, over link: inout Link, isJoiner: Bool, into effects: inout Effects<Self>
  ) {
    guard link.isOpen else { return }
    let last = log.lastIndex
    let stable = self.stable
    if isJoiner, link.nextIndex <= last, link.matchIndex >= link.roundEnd {
      link.roundEnd = last
      link.roundSince = now
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
          written.covers(from: link.nextIndex, through: end)
            ? written.entries : log.entries(from: link.nextIndex, through: end),
          from: link.nextIndex),
        stable: stable ?? .zero, wantsReceipt: isJoiner || isLarge)
      effects.sendEarly(.forward(view: view.number, forward), to: link.to)
      if end > link.sentThrough {
        link.pace.sent(UInt64(end.rawValue), first: link.matchIndex == previous, at: now)
        link.sentThrough = end
      }
      link.nextIndex = end.next
      link.toldStable = stable ?? link.toldStable
      handedOn = max(handedOn, end)
    }
    guard let stable, link.toldStable.map({ $0 < stable }) ?? true else { return }
    link.toldStable = stable
    effects.sendEarly(.stable(view: view.number, stable), to: link.to)
  }

  /// Entries that are sent again are those of the log. The bugs do not have them any more, and keep
  /// the numbering whole with no-ops.
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

  /// The receiver holds everything up to the index.
  mutating func receiveReceipt(
    _ index: LogIndex, of link: WritableKeyPath<ChainReplica, Link?>
  ) {
    guard var target = self[keyPath: link], target.isOpen, index <= log.lastIndex,
      target.holds(index, at: now)
    else { return }
    self[keyPath: link] = target
    if link == \.joiner { countRound() }
  }

  /// A round ends when the joiner holds what the tail held when it began. A joiner that keeps up
  /// needs no longer for a round than for an answer; hysteresis keeps the report from changing with
  /// every batch.
  mutating func countRound() {
    guard let link = joiner, link.matchIndex >= link.roundEnd else { return }
    let duration = now - link.roundSince
    if duration <= link.pace.pace || link.matchIndex >= log.lastIndex {
      joiner?.hasCaughtUp = true
    } else if duration > link.pace.pace * 2 {
      joiner?.hasCaughtUp = false
    }
    joiner?.roundEnd = log.lastIndex
    joiner?.roundSince = now
  }

  /// Said by the tail: the joiner follows the log as fast as it grows, and what it lacks is on its
  /// way. The measure is time, after the rounds of Ongaro 2014 §4.2.1: what the tail held when a
  /// round began has reached the joiner's disk within the time in which it is expected to answer.
  /// A limit in entries would keep a chain under a large load, or with a long way to the joiner,
  /// from growing for ever.
  var joinerHasCaughtUp: Bool {
    guard let joiner, joiner.isOpen, joiner.hasCaughtUp, servesReads else { return false }
    return joiner.matchIndex >= joiner.roundEnd || now - joiner.roundSince <= joiner.pace.pace * 2
  }
}
