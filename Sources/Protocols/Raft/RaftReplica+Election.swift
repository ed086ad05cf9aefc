import Replication

// Elections: §5.2 and §5.4.1 of the paper; PreVote and disruption, §9.6 and §4.2.3 of the thesis.

extension RaftReplica {
  struct Candidacy: Sendable {
    /// Whether these are the votes of a pre-candidate.
    let isPreVote: Bool
    /// The replicas that granted their vote or pre-vote.
    var votesGranted: [ReplicaID] = []
  }

  mutating func electionTimerFired(into effects: inout Effects<Self>) {
    guard role != .leader else { return checkQuorum(into: &effects) }
    guard !standing.isLearner else {
      return effects.setTimer(.election, after: options.electionTimeout)
    }
    if options.preVote {
      becomePreCandidate(into: &effects)
    } else {
      becomeCandidate(into: &effects)
    }
  }

  mutating func disconnected(_ replica: ReplicaID, into effects: inout Effects<Self>) {
    guard options.electOnDisconnect, role == .follower, replica == leader, !standing.isLearner
    else { return }
    leader = nil
    effects.setTimer(
      .election, after: id.turn(after: replica, of: membership, heartbeat: options.heartbeat))
  }

  /// Asks whether an election could be won. Neither term nor vote changes, so that a replica that
  /// was cut off does not come back with a high term and depose a leader that all others follow.
  /// Clients are still sent to the leader that this replica has lost, because it may only be this
  /// replica that is cut off.
  private mutating func becomePreCandidate(into effects: inout Effects<Self>) {
    assert(role != .leader && !standing.isLearner)
    candidacy = Candidacy(isPreVote: true)
    effects.setTimer(.election, after: options.electionTimeout)
    requestVotes(in: currentTerm + 1, isPreVote: true, into: &effects)
  }

  private mutating func becomeCandidate(into effects: inout Effects<Self>) {
    assert(role != .leader && !standing.isLearner)
    candidacy = Candidacy(isPreVote: false)
    enter(currentTerm + 1, votingFor: id, into: &effects)
    effects.setTimer(.election, after: options.electionTimeout)
    requestVotes(in: currentTerm, isPreVote: false, into: &effects)
  }

  /// The request waits for the disk, because it names a last entry that may not be durable yet. A
  /// crash could lose that entry, and the candidate, restarted in the same term, would count votes
  /// that were granted to a longer log. The replica's own vote is sent like any other, and so waits
  /// as well.
  private func requestVotes(
    in term: Term, isPreVote: Bool, into effects: inout Effects<Self>
  ) {
    let request = RequestVote(
      term: term, lastLogIndex: log.lastIndex, lastLogTerm: log.lastTerm, isPreVote: isPreVote)
    for replica in membership.replicas where replica != id {
      effects.send(.requestVote(request), to: replica)
    }
    let ownVote = VoteReply(term: term, isGranted: true, isPreVote: isPreVote)
    effects.send(.voteReply(ownVote), to: id)
  }

  mutating func receiveRequestVote(
    _ request: RequestVote, from candidate: ReplicaID, at now: Instant,
    into effects: inout Effects<Self>
  ) {
    guard request.term >= currentTerm else { return tellTerm(to: candidate, into: &effects) }
    guard !standing.isLearner else { return }
    if request.isPreVote { return answerPreVote(request, from: candidate, at: now, into: &effects) }
    if request.term > currentTerm {
      // A candidate must not depose a live leader that does not know of it. If the candidate is
      // stuck in its higher term, it learns of the leader by AppendEntries, and the leader learns
      // of the higher term by the candidate's reply.
      if options.checkQuorum, hearsFromLeader(at: now) { return }
      becomeFollower(in: request.term, into: &effects)
    }
    // Candidates and leaders have voted for themselves.
    let isGranted = (votedFor == nil || votedFor == candidate) && isUpToDate(request)
    // Bug: reset-timer-on-any-request.
    if broken(.resetTimerOnAnyRequest) {
      effects.setTimer(.election, after: options.electionTimeout)
    }
    if isGranted {
      becomeFollower(in: currentTerm, into: &effects)
      // Only a granted vote delays this replica's own candidacy. Otherwise one replica that cannot
      // win, and asks again and again, would keep all others from trying.
      effects.setTimer(.election, after: options.electionTimeout)
      if votedFor == nil {
        votedFor = candidate
        effects.persist(.vote(term: currentTerm, votedFor: candidate))
      }
    }
    assert(!isGranted || votedFor == candidate, "a replica votes once in a term (§5.2)")
    let reply = Message.voteReply(
      VoteReply(term: currentTerm, isGranted: isGranted, isPreVote: false))
    // Not early: a vote leaves after its record is durable.
    // Bug: vote-before-durable.
    if broken(.voteBeforeDurable) {
      effects.sendEarly(reply, to: candidate)
    } else {
      effects.send(reply, to: candidate)
    }
  }

  private mutating func answerPreVote(
    _ request: RequestVote, from candidate: ReplicaID, at now: Instant,
    into effects: inout Effects<Self>
  ) {
    let isGranted =
      request.term > currentTerm && !hearsFromLeader(at: now) && isUpToDate(request)
    // Bug: pre-vote-raises-term.
    if broken(.preVoteRaisesTerm) { becomeFollower(in: request.term, into: &effects) }
    effects.send(
      .voteReply(
        VoteReply(
          term: isGranted ? request.term : currentTerm, isGranted: isGranted, isPreVote: true)),
      to: candidate)
  }

  /// Whether this replica leads, or has heard from a leader within the shortest election timeout.
  private func hearsFromLeader(at now: Instant) -> Bool {
    if role == .leader { return true }
    return leader != nil && now - lastLeaderContact < options.electionTimeout.lowerBound
  }

  private func isUpToDate(_ request: RequestVote) -> Bool {
    // Bug: longest-log-wins.
    if broken(.longestLogWins) { return request.lastLogIndex >= log.lastIndex }
    return log.isCovered(byLogEndingAt: request.lastLogIndex, request.lastLogTerm)
  }

  mutating func receiveVoteReply(
    _ reply: VoteReply, from voter: ReplicaID, at now: Instant,
    into effects: inout Effects<Self>
  ) {
    guard reply.isGranted else {
      if reply.term > currentTerm { becomeFollower(in: reply.term, into: &effects) }
      return
    }
    guard var candidacy, reply.isPreVote == candidacy.isPreVote,
      reply.term == (reply.isPreVote ? currentTerm + 1 : currentTerm)
    else { return }
    // Bug: count-duplicate-votes.
    guard !candidacy.votesGranted.contains(voter) || broken(.countDuplicateVotes) else { return }
    candidacy.votesGranted.append(voter)
    self.candidacy = candidacy
    guard candidacy.votesGranted.count >= membership.majority else { return }
    if reply.isPreVote {
      becomeCandidate(into: &effects)
    } else {
      becomeLeader(at: now, into: &effects)
    }
  }

  /// Begins a term of leadership with a no-op, because only when an entry of its own term is
  /// committed does the leader know which earlier ones are (§5.4.2, §8).
  private mutating func becomeLeader(
    at now: Instant, into effects: inout Effects<Self>
  ) {
    assert(role == .candidate && votedFor == id, "a leader was a candidate that voted for itself")
    assert(leader == nil, "a term has one leader (§5.2)")
    leader = id
    candidacy = nil
    leadership = Leadership(
      progress: acquaintances.map {
        Progress(options, of: $0, nextIndex: log.lastIndex.next, at: now)
      }, termStartIndex: log.lastIndex.next)
    effects.setTimer(.heartbeat, after: options.heartbeat)
    if options.checkQuorum {
      effects.setTimer(.election, after: options.electionTimeout)
    } else {
      effects.cancelTimer(.election)
    }
    // Bug: omit-noop.
    if !broken(.omitNoop) { appendOwn(.noop, at: now, into: &effects) }
  }

  /// A leader that no majority has answered for an election timeout may have been replaced. It
  /// steps down, so that its clients look for another leader (thesis §6.2).
  private mutating func checkQuorum(into effects: inout Effects<Self>) {
    guard options.checkQuorum else { return }
    var activeCount = 1
    for slot in progress.indices where slot != ownSlot && progress[slot].isActive {
      activeCount += 1
      progress[slot].isActive = false
    }
    if activeCount >= membership.majority {
      effects.setTimer(.election, after: options.electionTimeout)
    } else {
      becomeFollower(in: currentTerm, into: &effects)
    }
  }
}
