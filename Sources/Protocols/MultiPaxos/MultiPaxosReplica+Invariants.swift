import Replication

extension MultiPaxosReplica {
  /// Checks the invariants that an event can have broken, in constant time.
  public func invariantViolation() -> String? {
    if let brokenInvariant { return brokenInvariant }
    if isLearner, role != .follower { return "a learner proposes" }
    if role != .follower, ballot != promised {
      return "a \(role.rawValue) of ballot \(ballot) has promised \(promised)"
    }
    if role != .follower, ballot.node != id {
      return "replica \(id) proposes in ballot \(ballot), which is another's"
    }
    if role == .leader, phase2.nextSlot < firstUnchosen, phase2.nextSlot >= log.firstIndex,
      !log.isChosen(phase2.nextSlot)
    {
      return "slot \(phase2.nextSlot) counts as chosen and was never proposed"
    }
    if commitIndex >= log.firstIndex, !log.isChosen(commitIndex) {
      return "slot \(commitIndex) is committed and not chosen"
    }
    if highestSeen < promised {
      return "ballot \(promised) is promised, but \(highestSeen) is the highest seen"
    }
    return nil
  }
}

extension MultiPaxosReplica {
  /// Empty slots have the epoch 0. Which slots are chosen is left out, because that is recorded
  /// only at intervals.
  public var durableState: DurableState {
    var numbers = ["promised": promised.rawValue, "first": UInt64(log.firstIndex.rawValue)]
    for (position, replica) in membership.replicas.enumerated()
    where replica != id && generations[position] > 0 {
      numbers["generation of \(replica)"] = generations[position]
    }
    return DurableState(
      numbers: numbers,
      log: (log.firstIndex.rawValue..<log.lastIndex.next.rawValue).map {
        let slot = log[LogIndex($0)]
        return DurableState.Entry(epoch: slot.ballot.rawValue, batch: slot.value)
      })
  }
}
