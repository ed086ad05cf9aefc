import Replication

// The leader's half of log replication: §5.3 and §5.4.2 of the paper, §10.2 of the thesis.

extension RaftReplica {
  mutating func propose(_ batch: Batch, into effects: inout Effects<RaftReplica>) {
    guard role == .leader else { return effects.refuse(batch, redirect: leader) }
    appendOwn(batch, into: &effects)
  }

  /// Appends an entry of the current term and offers it to everyone.
  mutating func appendOwn(_ batch: Batch, into effects: inout Effects<RaftReplica>) {
    let entry = Entry(term: currentTerm, batch: batch)
    let entries = [entry]
    let prevLogIndex = log.lastIndex
    let prevLogTerm = log.lastTerm
    log.append(entry)
    effects.persist(.append(at: log.lastIndex, entries))
    countOwn(through: log.lastIndex, into: &effects)
    for slot in progress.indices where slot != ownSlot && progress[slot].maySend {
      if progress[slot].nextIndex == log.lastIndex {
        progress[slot].noteSent(through: log.lastIndex)
        sendAppend(
          entries, after: prevLogIndex, prevLogTerm, to: membership.replicas[slot], into: &effects)
      } else {
        sendEntries(to: slot, into: &effects)
      }
    }
  }

  /// The leader's own acknowledgement, which comes back to it once its disk has the entry.
  private func countOwn(through index: LogIndex, into effects: inout Effects<RaftReplica>) {
    let reply = Message.appendAccepted(
      AppendAccepted(term: currentTerm, matchIndex: index, readRound: 0))
    // Bug: leader-counts-before-sync.
    if options.bug == .leaderCountsBeforeSync {
      effects.sendEarly(reply, to: id)
    } else {
      effects.send(reply, to: id)
    }
  }

  /// Sends what a follower lacks, as far as its window and the size of a message allow.
  private mutating func sendEntries(to slot: Int, into effects: inout Effects<RaftReplica>) {
    while progress[slot].maySend, progress[slot].nextIndex <= log.lastIndex {
      let start = progress[slot].nextIndex
      let entries = log.slice(from: start, byteLimit: options.messageByteLimit)
      progress[slot].noteSent(through: start.previous + entries.count)
      sendAppend(
        entries, after: start.previous, log.term(at: start.previous) ?? 0,
        to: membership.replicas[slot], into: &effects)
    }
  }

  /// Early: a leader may replicate entries while its own disk writes them (thesis §10.2.1). The message
  /// promises nothing about this disk, for the leader counts itself only when told by it. Its term is
  /// durable: the requests for the votes that made it leader waited for that.
  private func sendAppend(
    _ entries: [Entry], after prevLogIndex: LogIndex, _ prevLogTerm: Term, to replica: ReplicaID,
    into effects: inout Effects<RaftReplica>
  ) {
    effects.sendEarly(
      .appendEntries(
        AppendEntries(
          term: currentTerm, prevLogIndex: prevLogIndex, prevLogTerm: prevLogTerm,
          leaderCommit: commitIndex, readRound: readRound, entries: entries)),
      to: replica)
  }

  mutating func heartbeatTimerFired(into effects: inout Effects<RaftReplica>) {
    guard role == .leader else { return }
    effects.setTimer(.heartbeat, after: options.heartbeat)
    sendHeartbeats(into: &effects)
  }

  /// An empty AppendEntries behind all that was sent: a follower that lost any of it rejects, one whose
  /// acknowledgements were lost repeats them, and both learn the commit index.
  func sendHeartbeats(into effects: inout Effects<RaftReplica>) {
    for slot in progress.indices where slot != ownSlot {
      let prevLogIndex = progress[slot].nextIndex.previous
      sendAppend(
        [], after: prevLogIndex, log.term(at: prevLogIndex) ?? 0, to: membership.replicas[slot],
        into: &effects)
    }
  }

  mutating func receive(
    _ reply: AppendAccepted, from slot: Int, into effects: inout Effects<RaftReplica>
  ) {
    guard isForThisLeader(replyIn: reply.term, into: &effects) else { return }
    var matchIndex = reply.matchIndex
    // Bug: match-from-next-index.
    if options.bug == .matchFromNextIndex, slot != ownSlot {
      matchIndex = progress[slot].nextIndex.previous
    }
    guard matchIndex <= log.lastIndex else { return }
    progress[slot].isActive = true
    if slot == ownSlot {
      progress[slot].matchIndex = max(progress[slot].matchIndex, matchIndex)
    } else if matchIndex >= progress[slot].matchIndex {
      progress[slot].noteAccepted(through: matchIndex)
      sendEntries(to: slot, into: &effects)
    }
    if matchIndex > commitIndex { advanceCommitIndex(into: &effects) }
    noteReadRound(reply.readRound, answeredBy: slot, into: &effects)
  }

  mutating func receive(
    _ reply: AppendRejected, from slot: Int, into effects: inout Effects<RaftReplica>
  ) {
    guard slot != ownSlot, isForThisLeader(replyIn: reply.term, into: &effects) else { return }
    progress[slot].isActive = true
    if progress[slot].isFresh(rejectionAt: reply.prevLogIndex) {
      progress[slot].noteRejected(nextIndex: nextIndex(after: reply))
      sendEntries(to: slot, into: &effects)
    }
    // Whoever rejects entries of this term still follows its leader.
    noteReadRound(reply.readRound, answeredBy: slot, into: &effects)
  }

  /// Where to try next (end of §5.3): behind the follower's log if it is too short; behind the own last
  /// entry of the conflicting term if there is one; else at the follower's first entry of that term.
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

  /// Replies count only in the term of their request: within a term a follower never drops what it has
  /// acknowledged, across terms it may (§5.3).
  mutating func isForThisLeader(
    replyIn term: Term, into effects: inout Effects<RaftReplica>
  ) -> Bool {
    if term > currentTerm { becomeFollower(in: term, into: &effects) }
    // Bug: ignore-reply-term.
    return role == .leader && (term == currentTerm || options.bug == .ignoreReplyTerm)
  }

  /// Commits what a majority holds, if it ends with an entry of the current term: those of earlier terms
  /// are committed only by what follows them (§5.4.2, figure 8).
  private mutating func advanceCommitIndex(into effects: inout Effects<RaftReplica>) {
    var index = commitIndex
    for candidate in progress where candidate.matchIndex > index {
      var holderCount = 0
      for holder in progress where holder.matchIndex >= candidate.matchIndex { holderCount += 1 }
      if holderCount >= membership.majority { index = candidate.matchIndex }
    }
    guard index > commitIndex else { return }
    // Bug: commit-any-term.
    guard log[index].term == currentTerm || options.bug == .commitAnyTerm else { return }
    commit(through: index, into: &effects)
    startReadRound(into: &effects)
  }
}
