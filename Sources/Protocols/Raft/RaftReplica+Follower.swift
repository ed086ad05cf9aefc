import Replication

// The follower's half of log replication: "AppendEntries RPC, receiver" of figure 2 of the paper.

extension RaftReplica {
  mutating func receiveAppendEntries(
    _ request: AppendEntries, from sender: ReplicaID, at now: Instant,
    into effects: inout Effects<Self>
  ) {
    guard request.term >= currentTerm else { return tellTerm(to: sender, into: &effects) }
    guard request.holdsNoLaterTerm else { return }
    if request.term > currentTerm {
      becomeFollower(in: request.term, into: &effects)
    } else if role != .follower {
      // A candidate has lost to the leader of its own term. A term never has two leaders (§5.2).
      guard role != .leader else { return }
      becomeFollower(in: currentTerm, into: &effects)
    }
    leader = sender
    lastLeaderContact = now
    effects.setTimer(.election, after: options.electionTimeout)
    // Two calls, because a request that is either of two would have to be copied.
    if request.prevLogIndex < log.base {
      follow(log.withoutForgotten(request), from: sender, into: &effects)
    } else {
      follow(request, from: sender, into: &effects)
    }
  }

  /// Takes the entries of the leader of the current term, which begin behind the log's base, and
  /// answers.
  private mutating func follow(
    _ request: AppendEntries, from sender: ReplicaID, into effects: inout Effects<Self>
  ) {
    let isNewRound = request.readRound > confirmedRound
    if isNewRound { confirmedRound = request.readRound }
    guard holdsEntry(before: request) else {
      if log.lastIndex < request.prevLogIndex { heldBack.hold(request) }
      // Early, because the leader learns only which entries to send.
      return effects.sendEarly(.appendRejected(rejection(of: request)), to: sender)
    }
    // A learner confirms no round, because it counts for no majority.
    if isNewRound || request.entries.isEmpty, !standing.isLearner {
      // Early, because it makes no promise about the future or about the log. A leader elected in a
      // newer term had a vote of this majority after this moment, hence after the read arrived, and
      // a vote waits for its disk. A slow disk therefore does not make the leader believe that it
      // is alone.
      effects.sendEarly(
        .roundConfirmed(RoundConfirmed(term: currentTerm, readRound: request.readRound)),
        to: sender)
    }
    var matchIndex = take(request, into: &effects)
    // A heartbeat for a read needs no more than that answer; ordinary ones ask which entries the
    // log holds.
    if isNewRound, request.entries.isEmpty, !standing.isLearner { return }
    while let next = heldBack.next(after: log.lastIndex) {
      if holdsEntry(before: next) { matchIndex = max(matchIndex, take(next, into: &effects)) }
    }
    let reply = Message.appendAccepted(
      AppendAccepted(
        term: currentTerm, matchIndex: matchIndex, readRound: request.readRound,
        standing: standing))
    // Bug: ack-early.
    if broken(.ackEarly) {
      effects.sendEarly(reply, to: sender)
    } else {
      effects.send(reply, to: sender)
    }
  }

  /// Adds the entries of a request whose previous entry is known and commits as far as it allows.
  /// Returns the last entry up to which it proves the logs to be the same.
  private mutating func take(
    _ request: AppendEntries, into effects: inout Effects<Self>
  ) -> LogIndex {
    let matchIndex = request.prevLogIndex + request.entries.count
    // Bug: always-truncate.
    if !request.entries.isEmpty || broken(.alwaysTruncate) {
      store(request.entries, after: request.prevLogIndex, into: &effects)
    }
    // Bug: commit-past-match. Entries after the compared part may be of another leader.
    let commitLimit = broken(.commitPastMatch) ? log.lastIndex : matchIndex
    commit(through: min(request.leaderCommit, commitLimit), into: &effects)
    return matchIndex
  }

  @inline(__always)
  private func holdsEntry(before request: AppendEntries) -> Bool {
    guard let term = log.term(at: request.prevLogIndex) else { return false }
    // Bug: skip-log-check.
    return term == request.prevLogTerm || broken(.skipLogCheck)
  }

  private func rejection(of request: AppendEntries) -> AppendRejected {
    var reply = AppendRejected(
      term: currentTerm, prevLogIndex: request.prevLogIndex, conflictTerm: 0,
      conflictIndex: .zero, lastLogIndex: log.lastIndex, gapEnd: heldBack.gapEnd,
      readRound: request.readRound, standing: standing)
    if let term = log.term(at: request.prevLogIndex) {
      reply.conflictTerm = term
      reply.conflictIndex = log.firstIndex(notBelow: term)
    }
    return reply
  }

  /// Adds the entries that are new. Entries of the log are dropped only from the first one that
  /// differs, because a message that was overtaken by a longer one must not remove entries that
  /// have been acknowledged since.
  private mutating func store(
    _ entries: [Entry], after prevLogIndex: LogIndex, into effects: inout Effects<Self>
  ) {
    var knownCount = 0
    // Bug: always-truncate.
    if !broken(.alwaysTruncate) {
      knownCount = log.knownCount(of: entries, after: prevLogIndex)
      if knownCount == entries.count { return }
    }
    assert(role != .leader, "a leader only appends to its log (§5.3)")
    let start = prevLogIndex + knownCount + 1
    if start <= log.lastIndex {
      if start <= commitIndex, brokenInvariant == nil {
        brokenInvariant = "entry \(start) is committed here and overwritten in term \(currentTerm)"
      }
      log.truncate(from: start)
    }
    let new = knownCount == 0 ? entries : Array(entries[knownCount...])
    log.append(contentsOf: new)
    effects.persist(.append(at: start, new))
  }
}

extension RaftReplica.AppendEntries {
  /// Whether every entry is of the leader's term or of an earlier one. An entry of a later term
  /// would keep its holder from following any leader of a term that exists.
  fileprivate var holdsNoLaterTerm: Bool {
    for position in entries.indices where entries[position].term > term { return false }
    return true
  }
}
