import Replication

extension MultiPaxosReplica {
  /// The content of one slot of one replica, as acceptor, proposer and learner at once.
  struct Slot: Sendable {
    /// The ballot in which `value` was accepted; `.none` for an empty slot, `.chosen` for a learnt
    /// one.
    var ballot: Ballot
    /// The acceptors that accepted in the ballot of the local leader, one bit each.
    var votes: UInt64
    var value: Batch
    var isChosen: Bool

    static let empty = Slot(ballot: .none, votes: 0, value: .noop, isChosen: false)
  }

  /// The slots of a replica, one array element each, from `firstIndex` on.
  struct SlotLog: Sendable {
    /// No replica keeps a slot further than this ahead of its first unchosen slot. A correct
    /// replica has no need to, because it first learns the chosen values, and so a wrong slot
    /// number costs no memory.
    static let reach = 1 << 20

    /// Earlier slots have been forgotten: they are chosen, and a snapshot covers them.
    private(set) var firstIndex = LogIndex(1)
    private var slots: [Slot] = []

    /// The last slot of the log; one before `firstIndex` if the log is empty.
    var lastIndex: LogIndex { LogIndex(firstIndex.rawValue + slots.count - 1) }

    /// A slot of the log: `firstIndex ... lastIndex`.
    subscript(slot: LogIndex) -> Slot {
      get { slots[slot.rawValue - firstIndex.rawValue] }
      _modify { yield &slots[slot.rawValue - firstIndex.rawValue] }
    }

    func contains(_ slot: LogIndex) -> Bool { slot >= firstIndex && slot <= lastIndex }

    func isChosen(_ slot: LogIndex) -> Bool { contains(slot) && self[slot].isChosen }

    /// Extends the log to `slot` with empty slots.
    mutating func extend(through slot: LogIndex) {
      while lastIndex < slot { slots.append(.empty) }
    }

    mutating func append(_ slot: Slot) { slots.append(slot) }

    /// Removes the slots up to `slot`, so that the log begins after it.
    mutating func forget(through slot: LogIndex) {
      guard slot >= firstIndex else { return }
      slots.removeFirst(min(slot.next - firstIndex, slots.count))
      firstIndex = slot.next
    }

    /// Empties the log and makes it begin after `slot`.
    mutating func reset(behind slot: LogIndex) {
      slots = []
      firstIndex = slot.next
    }
  }
}
