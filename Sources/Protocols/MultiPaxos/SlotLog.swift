import Replication

extension MultiPaxosReplica {
  /// What one replica holds in one slot, as acceptor, proposer and learner at once.
  struct Slot: Sendable {
    /// In which ballot `value` was accepted; `.none` for an empty slot, `.chosen` for a learnt one.
    var ballot: Ballot
    /// The acceptors that accepted in the ballot of the local leader, a bit each.
    var votes: UInt64
    var value: Batch
    var isChosen: Bool

    static let empty = Slot(ballot: .none, votes: 0, value: .noop, isChosen: false)
  }

  /// The slots of a replica, one array element each, from `firstIndex` on.
  struct SlotLog: Sendable {
    /// No replica keeps anything further than this ahead of its first unchosen slot: an honest one
    /// has no need to, because it first learns what is chosen, and a wrong slot number costs no
    /// memory.
    static let reach = 1 << 20

    /// What lies before it has been forgotten: it is chosen, and a snapshot covers it.
    private(set) var firstIndex = LogIndex(1)
    private var slots: [Slot] = []

    /// The last slot that was ever touched; before the first one for an empty log.
    var lastIndex: LogIndex { LogIndex(firstIndex.rawValue + slots.count - 1) }

    /// A slot of the log: `firstIndex ... lastIndex`.
    subscript(slot: LogIndex) -> Slot {
      get { slots[slot.rawValue - firstIndex.rawValue] }
      _modify { yield &slots[slot.rawValue - firstIndex.rawValue] }
    }

    func contains(_ slot: LogIndex) -> Bool { slot >= firstIndex && slot <= lastIndex }

    func isChosen(_ slot: LogIndex) -> Bool { contains(slot) && self[slot].isChosen }

    /// Makes the log reach to `slot`, with empty slots.
    mutating func extend(through slot: LogIndex) {
      while lastIndex < slot { slots.append(.empty) }
    }

    mutating func append(_ slot: Slot) { slots.append(slot) }

    /// Removes the slots up to `slot`, and begins behind it.
    mutating func forget(through slot: LogIndex) {
      guard slot >= firstIndex else { return }
      slots.removeFirst(min(slot.next - firstIndex, slots.count))
      firstIndex = slot.next
    }

    /// As if nothing had ever been held behind `slot`.
    mutating func reset(behind slot: LogIndex) {
      slots = []
      firstIndex = slot.next
    }
  }
}
