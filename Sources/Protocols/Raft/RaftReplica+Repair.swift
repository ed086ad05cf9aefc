import Replication

// What a leader does about a follower that rejects AppendEntries. Entries are sent again only on
// such evidence, and heartbeats bring it if nothing else does: no timer repeats an entry.

extension RaftReplica {
  mutating func receiveAppendRejected(
    _ reply: AppendRejected, from slot: Int, at now: Instant,
    into effects: inout Effects<Self>
  ) {
    guard slot != ownSlot, isForThisLeader(replyIn: reply.term, into: &effects) else { return }
    guard heed(reply.standing, of: slot, at: now, into: &effects) else { return }
    progress[slot].isActive = !reply.standing.isLearner
    repair(slot, after: reply, at: now, into: &effects)
    guard !reply.standing.isLearner else { return }
    // Whoever rejects entries of this term still follows its leader.
    noteReadRound(reply.readRound, answeredBy: slot, into: &effects)
  }

  private mutating func repair(
    _ slot: Int, after reply: AppendRejected, at now: Instant,
    into effects: inout Effects<Self>
  ) {
    let matchIndex = progress[slot].matchIndex
    if reply.prevLogIndex <= matchIndex || reply.lastLogIndex < matchIndex {
      return denial(of: slot, reply, at: now, into: &effects)
    }
    switch progress[slot].mode {
    case .probe:
      // Replies to what was sent before this probe say nothing new.
      guard reply.prevLogIndex == progress[slot].nextIndex.previous else { return }
    case .replicate:
      guard reply.prevLogIndex < progress[slot].nextIndex else { return }
      if reply.conflictTerm == 0 {
        guard progress[slot].isLost(behind: reply.lastLogIndex, at: now) else { return }
        if reply.gapEnd > reply.lastLogIndex, reply.gapEnd < progress[slot].nextIndex,
          reply.lastLogIndex >= log.base
        {
          return fillGap(of: slot, reply, at: now, into: &effects)
        }
      }
    }
    goBack(to: nextIndex(after: reply), for: slot, at: now, into: &effects)
  }

  /// Goes on with a follower from `nextIndex`, or with a snapshot if the log begins behind that
  /// (§7).
  private mutating func goBack(
    to nextIndex: LogIndex, for slot: Int, at now: Instant, into effects: inout Effects<Self>
  ) {
    if nextIndex <= log.base, progress[slot].matchIndex < log.base {
      progress[slot].noteBehindLog(first: log.firstIndex)
      effects.sendSnapshot(to: membership.replicas[slot])
    } else {
      progress[slot].noteRejected(nextIndex: nextIndex, at: now)
      sendEntries(to: slot, at: now, into: &effects)
    }
  }

  /// A follower lacks entries and holds later ones back: what lies between is sent again, alone.
  private mutating func fillGap(
    of slot: Int, _ reply: AppendRejected, at now: Instant,
    into effects: inout Effects<Self>
  ) {
    let start = reply.lastLogIndex.next
    let page = log.slice(from: start, through: reply.gapEnd, byteLimit: options.messageByteLimit)
    progress[slot].noteRepaired(behind: reply.lastLogIndex, at: now)
    sendAppend(
      page.entries, after: start.previous, log.term(at: start.previous) ?? 0, to: slot,
      into: &effects)
  }

  /// A follower denies what it has acknowledged. Either the answer is an old one that was
  /// overtaken, or the follower has lost its disk, as an operator may have replaced it. A round
  /// that began after the acknowledgement arrived decides that: whoever answers it would still have
  /// the entries.
  private mutating func denial(
    of slot: Int, _ reply: AppendRejected, at now: Instant,
    into effects: inout Effects<Self>
  ) {
    if reply.readRound > progress[slot].matchRound, reply.readRound <= leading.readRound {
      progress[slot].noteLostLog()
      goBack(to: nextIndex(after: reply), for: slot, at: now, into: &effects)
    } else if leading.readRound == progress[slot].matchRound {
      beginRound()
      sendHeartbeat(to: slot, into: &effects)
    }
  }

  /// Where to try next (end of §5.3): behind the follower's log if it is too short; behind the own
  /// last entry of the conflicting term if there is one; else at the follower's first entry of that
  /// term.
  private func nextIndex(after reply: AppendRejected) -> LogIndex {
    let guess: LogIndex
    if reply.conflictTerm == 0 {
      guess = reply.lastLogIndex.next
    } else if let last = log.lastIndex(of: reply.conflictTerm) {
      guess = last.next
    } else {
      guess = reply.conflictIndex
    }
    return max(LogIndex(1), min(guess, reply.prevLogIndex))
  }
}
