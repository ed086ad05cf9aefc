import Replication

// How a leader treats a follower that rejects AppendEntries. Entries are sent again only after a
// rejection, and heartbeats cause one if no other message does: no timer repeats an entry.

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
    // A replica that rejects entries of this term still follows its leader.
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
      // Replies to messages sent before this probe bring no new information.
      guard reply.prevLogIndex == progress[slot].nextIndex.previous else { return }
    case .replicate:
      guard reply.prevLogIndex < progress[slot].nextIndex else { return }
      if reply.conflictTerm == 0 {
        guard progress[slot].isLost(reply, at: now) else { return }
        if reply.gapEnd > reply.lastLogIndex, reply.gapEnd < progress[slot].nextIndex,
          reply.lastLogIndex >= log.base
        {
          return fillGap(of: slot, reply, at: now, into: &effects)
        }
      }
    }
    goBack(to: nextIndex(after: reply), for: slot, at: now, into: &effects)
  }

  /// Continues with a follower from `nextIndex`, or with a snapshot if the log begins after that
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

  /// A follower lacks entries and holds later ones back: only the missing entries are sent again.
  private mutating func fillGap(
    of slot: Int, _ reply: AppendRejected, at now: Instant,
    into effects: inout Effects<Self>
  ) {
    let start = reply.lastLogIndex.next
    let page = log.slice(from: start, through: reply.gapEnd, byteLimit: options.messageByteLimit)
    progress[slot].noteRepaired(behind: reply.lastLogIndex, round: leading.readRound, at: now)
    sendAppend(
      page.entries, after: start.previous, log.term(at: start.previous) ?? 0, to: slot,
      into: &effects)
  }

  /// A follower denies entries that it has acknowledged. Either the answer is an old one that was
  /// overtaken, or the follower has lost its disk, for example because an operator replaced it. A
  /// round that began after the acknowledgement arrived decides that: a follower that answers it
  /// would still have the entries.
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

  /// The entry to try next (end of §5.3): after the follower's log if that is too short; after the
  /// leader's own last entry of the conflicting term if there is one; else the follower's first
  /// entry of that term.
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
