import Replication

extension RaftReplica {
  public func invariantViolation() -> String? {
    if standing.isLearner, role != .follower { return "a learner stands for election" }
    if let brokenInvariant { return brokenInvariant }
    if commitIndex > log.lastIndex {
      return "commit index \(commitIndex) is beyond the log, which ends at \(log.lastIndex)"
    }
    if log.lastTerm > currentTerm {
      return "the last entry is of term \(log.lastTerm), later than the term \(currentTerm)"
    }
    if let term = log.term(at: log.lastIndex.previous), term > log.lastTerm {
      return "the term falls from entry \(log.lastIndex.previous) to entry \(log.lastIndex)"
    }
    switch role {
    case .follower, .preCandidate: return nil
    case .candidate: return votedFor == id ? nil : "a candidate has not voted for itself"
    case .leader: return leaderViolation()
    }
  }

  private func leaderViolation() -> String? {
    if votedFor != id { return "a leader has not voted for itself" }
    if log.lastIndex < leading.termStartIndex { return "a leader has no entry of its term" }
    for slot in progress.indices {
      let known = progress[slot]
      let replica = membership.replicas[slot]
      if known.matchIndex > log.lastIndex {
        return "replica \(replica) is believed to hold \(known.matchIndex), beyond the log"
      }
      guard slot != ownSlot else { continue }
      if known.nextIndex <= known.matchIndex || known.nextIndex > log.lastIndex.next {
        return "next index \(known.nextIndex) of replica \(replica) is beside "
          + "\(known.matchIndex)...\(log.lastIndex)"
      }
    }
    return nil
  }
}

extension RaftReplica {
  public var durableState: DurableState {
    DurableState(
      numbers: [
        "term": currentTerm, "vote": votedFor.map { UInt64($0.rawValue) + 1 } ?? 0,
        "base": UInt64(log.base.rawValue), "base term": log.term(at: log.base) ?? 0,
      ],
      log: log.slice(from: log.firstIndex, through: log.lastIndex, byteLimit: .max).entries.map {
        DurableState.Entry(epoch: $0.term, batch: $0.batch)
      })
  }
}
