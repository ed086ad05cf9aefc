import Replication
import WireFormat

// The leader sends an acceptor that answers the slots it lacks, be it after one lost message or
// after a long absence. To an acceptor that does not answer it sends no more than `inFlightBytes`,
// because the other acceptors can form the majority for further slots.

extension MultiPaxosReplica {
  /// The leader's knowledge of one acceptor.
  struct Progress: Sendable {
    /// All slots below it are acknowledged.
    var acknowledged = LogIndex.zero
    /// The slots `sentFrom ..< next` have been offered, one after the other.
    var sentFrom: LogIndex
    var next: LogIndex
    /// Bytes of the offered slots that are not acknowledged.
    var inFlightBytes = 0
    /// Messages with those slots that have not been answered, as far as is known.
    var inFlightCount = 0
    /// Gaps below it have been offered again.
    var repairedBelow = LogIndex.zero
    /// Slots from this one on were offered for the first time after such a gap was offered again.
    var repairedBefore = LogIndex.zero
    /// When the first question left after a gap was offered again; `nil` if none has left.
    var askedSince: Instant?
    /// The newest round in which it has confirmed the ballot.
    var confirmedRound: UInt64 = 0
    /// The newest round it has been told of, except by the heartbeats of the timer.
    var announcedRound: UInt64 = 0
    var pace: ResendPace
    /// Whether its disk took the place of a lost one, as far as it has said.
    var standing: DiskStanding
    /// Of a learner: it is an acceptor again once it holds everything below this slot.
    var promotionSlot = LogIndex.zero

    init(next: LogIndex, resendAfter: Interval, generation: UInt64) {
      standing = DiskStanding(generation: generation)
      sentFrom = next
      self.next = next
      pace = ResendPace(least: resendAfter)
    }

    /// Whether a round is worth a message of its own.
    var mayAnnounce: Bool { announcedRound < confirmedRound + mostUnansweredRounds }

    /// The most messages on their way to one replica, as many as Raft allows by default. When the
    /// limit is reached, new values wait and later leave together in fewer and larger messages.
    static let mostInFlight = 64

    /// A value larger than the limit travels alone.
    func hasRoom(for byteCount: Int, limit: Int) -> Bool {
      inFlightCount < Progress.mostInFlight
        && (inFlightBytes == 0 || inFlightBytes + byteCount <= limit)
    }

    mutating func noteSent(through end: LogIndex, _ byteCount: Int, at now: Instant) {
      pace.sent(UInt64(end.rawValue), first: inFlightBytes == 0, at: now)
      next = end
      inFlightBytes += byteCount
      inFlightCount += 1
    }

    /// Notes a repeated page. Small messages may overtake it, and their answers then show a gap
    /// that does not exist. So the page is offered again only if it stays unanswered for long.
    mutating func notePage(through end: LogIndex) {
      repairedBelow = max(repairedBelow, end)
      repairedBefore = Reception.nowhere
    }

    /// Notes an Accept without values, which asks for what the acceptor holds.
    mutating func noteQuestion(at now: Instant) {
      if askedSince == nil { askedSince = now }
    }

    /// Whether an answer that comes now to such a question belongs to one that left after the
    /// newest copy. Otherwise it says nothing about the copy, which may have been on its way.
    func answersLaterQuestion(at now: Instant) -> Bool {
      askedSince.map { now - $0 >= pace.roundTrip.usual } ?? false
    }

    /// Notes an answer to an Accept that carried `count` values.
    mutating func noteAnswer(count: Int) {
      if count > 0, inFlightCount > 0 { inFlightCount -= 1 }
    }

    /// Goes back, so that all slots from `slot` on are offered again.
    mutating func rewind(to slot: LogIndex) {
      acknowledged = min(acknowledged, slot)
      repairedBelow = max(repairedBelow, next)
      sentFrom = slot
      next = slot
      inFlightBytes = 0
      inFlightCount = 0
    }
  }

  /// Offers an acceptor the slots it has not been offered yet, page by page, as far as there is
  /// room.
  mutating func offer(to position: Int, at now: Instant, into effects: inout Effects<Self>) {
    while phase2.progress[position].next < phase2.nextSlot {
      let first = phase2.progress[position].next
      guard first >= log.firstIndex else {
        return effects.sendSnapshot(to: membership.replicas[position])
      }
      let room = options.inFlightBytes - phase2.progress[position].inFlightBytes
      guard phase2.progress[position].hasRoom(for: 0, limit: options.inFlightBytes) else { return }
      let (values, byteCount) = page(from: first, to: phase2.nextSlot, byteLimit: room)
      guard phase2.progress[position].hasRoom(for: byteCount, limit: options.inFlightBytes)
      else { return }
      phase2.progress[position].noteSent(through: first + values.count, byteCount, at: now)
      if values.count > 1 { phase2.progress[position].notePage(through: first + values.count) }
      sendPage(values, from: first, to: position, into: &effects)
    }
  }

  /// As many values as fit in one message and below the limit, and at least one.
  private func page(
    from first: LogIndex, to end: LogIndex, byteLimit: Int
  ) -> (values: [Batch], byteCount: Int) {
    var values: [Batch] = []
    var byteCount = 0
    var slot = first
    let limit = min(byteLimit, Self.pageByteCount)
    while slot < end, values.count < Self.pageSlotCount {
      let size = log[slot].value.encodedByteCount
      guard values.isEmpty || byteCount + size <= limit else { break }
      values.append(log[slot].value)
      byteCount += size
      slot = slot.next
    }
    return (values, byteCount)
  }

  private func sendPage(
    _ values: [Batch], from first: LogIndex, to position: Int, into effects: inout Effects<Self>
  ) {
    sendAccept(
      .accept(
        ballot: ballot, first: first, values: values, commitIndex: commitIndex,
        round: readRound), to: membership.replicas[position], into: &effects)
  }

  /// Notes that an acceptor holds all slots below the gap durably.
  mutating func acknowledge(
    _ gap: Gap, answering slot: LogIndex?, from position: Int, at now: Instant,
    into effects: inout Effects<Self>
  ) {
    guard gap.first > .zero, gap.first <= phase2.nextSlot else { return }
    let earlier = phase2.progress[position].acknowledged
    if gap.first > earlier {
      if !phase2.progress[position].standing.isLearner {
        noteVotes(1 << UInt64(position), from: earlier, to: gap.first)
      }
      release(from: earlier, to: gap.first, at: position)
      phase2.progress[position].pace.answered(through: UInt64(gap.first.rawValue), at: now)
    }
    repair(gap, answering: slot, at: position, now: now, into: &effects)
    offer(to: position, at: now, into: &effects)
  }

  /// Releases slots that have arrived from the count of those in flight.
  private mutating func release(from earlier: LogIndex, to end: LogIndex, at position: Int) {
    phase2.progress[position].acknowledged = end
    guard end < phase2.progress[position].next else {
      phase2.progress[position].next = end
      phase2.progress[position].inFlightBytes = 0
      phase2.progress[position].inFlightCount = 0
      return
    }
    // Lost answers must not fill the count: each message carries at least one slot.
    let slotCount = phase2.progress[position].next - end
    phase2.progress[position].inFlightCount = min(
      phase2.progress[position].inFlightCount, slotCount)
    var slot = max(earlier, phase2.progress[position].sentFrom)
    guard slot >= log.firstIndex else {
      // The sizes of slots that were forgotten meanwhile are no longer known.
      slot = max(end, log.firstIndex)
      var byteCount = 0
      while slot < phase2.progress[position].next {
        byteCount += log[slot].value.encodedByteCount
        slot = slot.next
      }
      return phase2.progress[position].inFlightBytes = byteCount
    }
    while slot < end {
      phase2.progress[position].inFlightBytes -= log[slot].value.encodedByteCount
      slot = slot.next
    }
  }

  /// Offers again the slots that an acceptor lacks although it has received later messages.
  ///
  /// Each gap is offered once, even if several answers report it. It is offered again only if a
  /// message sent after the copy has arrived without the copy, or if the copy stays unanswered for
  /// long.
  /// - Parameter slot: the first slot of the message that is answered; `nil` for a heartbeat, and
  ///   for a question that may have left before the copy.
  mutating func repair(
    _ gap: Gap, answering slot: LogIndex?, at position: Int, now: Instant,
    into effects: inout Effects<Self>
  ) {
    guard gap.count > 0, gap.first > .zero, gap.first < phase2.nextSlot else { return }
    guard gap.first >= log.firstIndex else {
      return effects.sendSnapshot(to: membership.replicas[position])
    }
    let progress = phase2.progress[position]
    let isNew = gap.first >= max(progress.repairedBelow, progress.acknowledged)
    let isCopyLost =
      gap.first >= progress.acknowledged && slot.map { $0 >= progress.repairedBefore } ?? false
    guard isNew || isCopyLost || progress.pace.isDue(at: now) else { return }

    let end = min(gap.first + gap.count, progress.next)
    phase2.progress[position].repairedBelow = max(end, gap.first.next)
    phase2.progress[position].repairedBefore = max(phase2.nextSlot, progress.next)
    phase2.progress[position].askedSince = nil
    phase2.progress[position].pace.sentAgain(at: now)
    let (values, _) = page(from: gap.first, to: end, byteLimit: options.inFlightBytes)
    if gap.first + values.count == end, end > gap.first {
      sendPage(values, from: gap.first, to: position, into: &effects)
    } else {
      phase2.progress[position].rewind(to: gap.first)
      offer(to: position, at: now, into: &effects)
    }
  }
}
