import Replication
import WireFormat

// The leader's half of log replication: §5.3 and §5.4.2 of the paper, §10.2 of the thesis.

extension RaftReplica {
  struct Leadership: Sendable {
    /// The leader's knowledge of each replica, itself included, in the order of the membership.
    var progress: [Progress]
    /// The no-op with which the leader began its term.
    let termStartIndex: LogIndex
    /// The newest round that confirms leadership for reads.
    var readRound: UInt64 = 0
    /// The updates that follow in this turn will carry the newest round.
    var isRoundUnsent = false
    /// Reads that a round will answer.
    var readsInRound = ReadQueue()
    /// Reads that arrived before this term's first commit.
    var waitingReads: [ReadTicket] = []

    /// The highest value that a majority of replicas has reached, but at least `least`.
    @inline(__always)
    func reachedByMajority<Value: Comparable>(
      of membership: Membership, above least: Value, _ value: (borrowing Progress) -> Value
    ) -> Value {
      var highest = least
      for candidate in progress.indices where value(progress[candidate]) > highest {
        let candidateValue = value(progress[candidate])
        var count = 0
        for slot in progress.indices where value(progress[slot]) >= candidateValue { count += 1 }
        if count >= membership.majority { highest = candidateValue }
      }
      return highest
    }
  }

  /// The state of a leader, in place. Precondition: this replica leads.
  var leading: Leadership {
    @inline(__always) _read { yield leadership! }
    @inline(__always) _modify { yield &leadership! }
  }

  var progress: [Progress] {
    @inline(__always) _read { yield leadership!.progress }
    @inline(__always) _modify { yield &leadership!.progress }
  }

  mutating func propose(
    _ batch: Batch, at now: Instant, into effects: inout Effects<Self>
  ) {
    guard role == .leader else { return effects.refuse(batch, redirect: leader) }
    appendOwn(batch, at: now, into: &effects)
  }

  /// Appends an entry of the current term and offers it to all replicas.
  mutating func appendOwn(
    _ batch: Batch, at now: Instant, into effects: inout Effects<Self>
  ) {
    assert(log.lastTerm <= currentTerm, "terms never fall along a log")
    let entry = Entry(term: currentTerm, batch: batch)
    let entries = [entry]
    let byteCount = entry.encodedByteCount
    let prevLogIndex = log.lastIndex
    let prevLogTerm = log.lastTerm
    log.append(entry)
    effects.persist(.append(at: log.lastIndex, entries))
    countOwn(through: log.lastIndex, into: &effects)
    for slot in progress.indices where slot != ownSlot {
      var isSent = false
      if progress[slot].nextIndex != log.lastIndex {
        isSent = sendEntries(to: slot, at: now, into: &effects)
      } else if let room = progress[slot].room,
        byteCount <= room || progress[slot].hasNothingInFlight
      {
        progress[slot].noteSent(through: log.lastIndex, byteCount: byteCount, at: now)
        sendAppend(entries, after: prevLogIndex, prevLogTerm, to: slot, into: &effects)
        isSent = true
      }
      if leading.isRoundUnsent, !isSent { announceRound(to: slot, into: &effects) }
    }
    leading.isRoundUnsent = false
  }

  /// Sends the leader's own acknowledgement, which arrives once its disk has the entry.
  @inline(__always)
  private func countOwn(through index: LogIndex, into effects: inout Effects<Self>) {
    let reply = Message.appendAccepted(
      AppendAccepted(term: currentTerm, matchIndex: index, readRound: 0))
    // Bug: leader-counts-before-sync.
    if broken(.leaderCountsBeforeSync) {
      effects.sendEarly(reply, to: id)
    } else {
      effects.send(reply, to: id)
    }
  }

  /// Sends a page of the entries that a follower lacks, if its window has room for one. Returns
  /// whether it did.
  ///
  /// Only one page, even if the window has room for more, because each may have to be read back
  /// from the disk, and the other followers would be sent no message meanwhile. The next answer
  /// brings the next page.
  @discardableResult
  mutating func sendEntries(
    to slot: Int, at now: Instant, into effects: inout Effects<Self>
  ) -> Bool {
    let start = progress[slot].nextIndex
    // A late acknowledgement of entries that have left the log leads back there.
    guard start > log.base else {
      progress[slot].noteBehindLog(first: log.firstIndex)
      effects.sendSnapshot(to: membership.replicas[slot])
      return false
    }
    guard start <= log.lastIndex, let room = progress[slot].room else { return false }
    let page = log.slice(
      from: start, through: log.lastIndex, byteLimit: min(room, options.messageByteLimit))
    guard page.byteCount <= room || progress[slot].hasNothingInFlight else { return false }
    progress[slot].noteSent(
      through: start.previous + page.entries.count, byteCount: page.byteCount, at: now)
    sendAppend(
      page.entries, after: start.previous, log.term(at: start.previous) ?? 0, to: slot,
      into: &effects)
    return true
  }

  /// Early, because a leader may replicate entries while its own disk writes them (thesis §10.2.1).
  /// The message makes no promise about this disk: the leader counts itself only after its disk has
  /// reported. Its term is durable, because the vote requests that made it leader waited for that.
  mutating func sendAppend(
    _ entries: [Entry], after prevLogIndex: LogIndex, _ prevLogTerm: Term, to slot: Int,
    into effects: inout Effects<Self>
  ) {
    progress[slot].announcedRound = leading.readRound
    effects.sendEarly(
      .appendEntries(
        AppendEntries(
          term: currentTerm, prevLogIndex: prevLogIndex, prevLogTerm: prevLogTerm,
          leaderCommit: commitIndex, readRound: leading.readRound, entries: entries)),
      to: membership.replicas[slot])
  }

  mutating func heartbeatTimerFired(into effects: inout Effects<Self>) {
    guard role == .leader else { return }
    effects.setTimer(.heartbeat, after: options.heartbeat)
    sendHeartbeats(into: &effects)
  }

  mutating func sendHeartbeats(into effects: inout Effects<Self>) {
    for slot in progress.indices where slot != ownSlot { sendHeartbeat(to: slot, into: &effects) }
  }

  /// Sends an empty AppendEntries after all sent entries. A follower that lost any of them rejects
  /// it, a follower whose acknowledgements were lost repeats them, and both learn the commit index.
  mutating func sendHeartbeat(to slot: Int, into effects: inout Effects<Self>) {
    let prevLogIndex = progress[slot].nextIndex.previous
    sendAppend(
      [], after: prevLogIndex, log.term(at: prevLogIndex) ?? 0, to: slot, into: &effects)
  }

  mutating func receiveAppendAccepted(
    _ reply: AppendAccepted, from slot: Int, at now: Instant,
    into effects: inout Effects<Self>
  ) {
    guard isForThisLeader(replyIn: reply.term, into: &effects),
      heed(reply.standing, of: slot, at: now, into: &effects)
    else { return }
    var matchIndex = reply.matchIndex
    // Bug: match-from-next-index.
    if broken(.matchFromNextIndex), slot != ownSlot {
      matchIndex = progress[slot].nextIndex.previous
    }
    guard matchIndex <= log.lastIndex else { return }
    progress[slot].isActive = !reply.standing.isLearner
    if slot == ownSlot {
      progress[slot].matchIndex = max(progress[slot].matchIndex, matchIndex)
    } else if matchIndex >= progress[slot].matchIndex {
      progress[slot].noteAccepted(through: matchIndex, round: leading.readRound, at: now)
      sendEntries(to: slot, at: now, into: &effects)
    }
    if matchIndex > commitIndex { advanceCommitIndex(into: &effects) }
    guard !reply.standing.isLearner else { return promote(slot, into: &effects) }
    noteReadRound(reply.readRound, answeredBy: slot, into: &effects)
  }

  /// Replies count only in the term of their request: within a term a follower never drops entries
  /// that it has acknowledged, across terms it may (§5.3).
  mutating func isForThisLeader(
    replyIn term: Term, into effects: inout Effects<Self>
  ) -> Bool {
    if term > currentTerm { becomeFollower(in: term, into: &effects) }
    // Bug: ignore-reply-term.
    return role == .leader && (term == currentTerm || broken(.ignoreReplyTerm))
  }

  /// Commits the entries that a majority holds, if the last is of the current term. Entries of
  /// earlier terms are committed only by entries that follow them (§5.4.2, figure 8).
  private mutating func advanceCommitIndex(into effects: inout Effects<Self>) {
    let index = leading.reachedByMajority(of: membership, above: commitIndex) { $0.countedIndex }
    guard index > commitIndex else { return }
    // Bug: commit-any-term.
    guard log[index].term == currentTerm || broken(.commitAnyTerm) else { return }
    commit(through: index, into: &effects)
    if !leading.waitingReads.isEmpty { askForWaitingReads(into: &effects) }
  }
}
