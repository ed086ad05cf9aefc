import Replication
import WireFormat

// Reports of phase 1: an acceptor sends the values that the proposer lacks, page by page, and the
// proposer adds those that it holds.

extension MultiPaxosReplica {
  /// A value that an acceptor has reported.
  struct RecoveredValue: Equatable, Sendable {
    var slot: LogIndex
    /// The ballot in which it was accepted; `Ballot.chosen` if it is known to be chosen.
    var ballot: Ballot
    var value: Batch
  }

  /// Sends as many pages of the report as `inFlightBytes` allows at once, but only one if the
  /// Prepare is a repetition. Its sender cannot tell whether the first pages are lost or on a slow
  /// way, and on a slow way several copies of all pages would delay everything that follows.
  mutating func sendReport(
    from first: LogIndex, held: [HeldSlots], to sender: ReplicaID,
    into effects: inout Effects<Self>
  ) {
    var from = first
    let isRepeated = reported.map { $0 == (promised, first) } ?? false
    reported = (promised, first)
    var room = isRepeated ? 0 : options.inFlightBytes
    while true {
      let (accepted, next, byteCount) = report(from: from, held: held)
      room -= byteCount
      let isContinued = next != nil && room >= Self.pageByteCount
      effects.send(
        .promise(
          ballot: promised, from: from, accepted: accepted, next: next, isContinued: isContinued,
          generations: heardGenerations),
        to: sender)
      guard isContinued, let next else { return }
      from = next
    }
  }

  /// One page of the values that this acceptor holds, chosen and executed slots included: a
  /// proposer that missed them would otherwise take the slots for free and propose other values
  /// there. Without the values that the proposer holds.
  private func report(
    from first: LogIndex, held: [HeldSlots]
  ) -> (accepted: [AcceptedValue], next: LogIndex?, byteCount: Int) {
    var accepted: [AcceptedValue] = []
    var byteCount = 0
    var slot = first
    var run = 0
    while slot <= log.lastIndex {
      let entry = log[slot]
      while run < held.count, held[run].last < slot { run += 1 }
      let isHeld = run < held.count && held[run].ballot == entry.ballot
      // Bug: omit-executed-in-promise.
      let isOmitted = broken(.omitExecutedInPromise) && slot < firstUnchosen
      if entry.ballot != .none, !isOmitted {
        if accepted.count == Self.pageSlotCount || byteCount >= Self.pageByteCount {
          return (accepted, slot, byteCount)
        }
        if !isHeld { byteCount += entry.value.encodedByteCount }
        accepted.append(
          AcceptedValue(
            slot: slot, ballot: entry.isChosen ? .chosen : entry.ballot,
            value: isHeld ? nil : entry.value))
      }
      slot = slot.next
    }
    return (accepted, nil, byteCount)
  }

  /// The slots from `first` on whose values this replica holds, so that no acceptor sends those.
  func heldSlots(from first: LogIndex) -> [HeldSlots] {
    var held: [HeldSlots] = []
    var slot = max(first, log.firstIndex)
    while slot <= log.lastIndex {
      let ballot = log[slot].ballot
      if let run = held.indices.last, held[run].ballot == ballot {
        held[run].last = slot
      } else {
        held.append(HeldSlots(ballot: ballot, last: slot))
      }
      slot = slot.next
    }
    return held
  }

  /// Adds the values that the acceptor has left out because this replica holds them. Meanwhile this
  /// replica may have learnt that another value is chosen in such a slot. Then it takes that one,
  /// because no ballot may propose another.
  /// - Returns: `nil` if a value is missing here as well.
  func complete(_ page: [AcceptedValue]) -> [RecoveredValue]? {
    var values: [RecoveredValue] = []
    values.reserveCapacity(page.count)
    for reported in page {
      // What a snapshot covers here is chosen and needs no value any more.
      if reported.value == nil, reported.slot < log.firstIndex { continue }
      let isHeld = log.contains(reported.slot) && log[reported.slot].ballot != .none
      guard let value = reported.value ?? (isHeld ? log[reported.slot].value : nil) else {
        return nil
      }
      values.append(
        RecoveredValue(slot: reported.slot, ballot: reported.ballot, value: value))
    }
    return values
  }
}
