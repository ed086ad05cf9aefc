import Replication

// A replica that has lost its disk. It has forgotten its votes and acknowledgements, but other
// replicas remember them. So it must not vote or count in a majority until no replica can win or
// commit by its earlier messages.
//
// It comes back as a learner: it takes entries and answers, but its answers say that they do not
// count, and it neither votes nor stands for election. The leader appends an entry once it hears of
// the learner. When a majority of the others has that entry on disk, every candidate that could be
// elected by an old vote of the learner needs the vote of at least one of them, which refuses a log
// without the entry (§5.4.1 of the paper); a candidate that has the entry began after the disk was
// lost, and never had an old vote. So when the learner has the entry as well, the leader's message
// makes it a voter again. It counts as having voted for that leader in its term.
//
// Deviation: the thesis brings servers up to date as non-voting members of a configuration (§4.2.1)
// and lets a server without its disk come back only as a new one. Here the membership stays, and
// the generation of its disk tells the replica's old messages from its new ones.

extension RaftReplica {
  public static var replacesLostReplicas: Bool { true }

  public mutating func takePlace(generation: UInt64) {
    // Bug: forgetful-voter.
    guard !broken(.forgetfulVoter) else { return }
    standing = DiskStanding(generation: generation, isLearner: true)
  }

  /// Notes the state of the disk that a reply comes from.
  /// - Returns: false if the reply is of a disk that has been lost since, or that cannot exist.
  mutating func heed(
    _ reply: DiskStanding, of slot: Int, at now: Instant, into effects: inout Effects<Self>
  ) -> Bool {
    guard slot != ownSlot else { return true }
    let known = progress[slot].standing
    guard reply.generation >= known.generation,
      isPossibleGeneration(reply.generation, after: known.generation)
    else { return false }
    guard reply != known else { return true }
    if reply.generation > known.generation { progress[slot].noteNewDisk(at: now) }
    progress[slot].standing = reply
    progress[slot].promotionIndex = nil
    if reply.isLearner {
      progress[slot].isActive = false
      progress[slot].answeredRound = 0
      // The others commit this one without the learner.
      appendOwn(.noop, at: now, into: &effects)
      progress[slot].promotionIndex = log.lastIndex
    }
    return true
  }

  /// Tells a learner that has received all entries that it is a voter again. If the message is
  /// lost, it is repeated with the next answer, and heartbeats ensure that there is one.
  mutating func promote(_ slot: Int, into effects: inout Effects<Self>) {
    guard progress[slot].standing.isLearner, let index = progress[slot].promotionIndex,
      commitIndex >= index, progress[slot].matchIndex >= index
    else { return }
    effects.send(
      .promoted(
        Promoted(term: currentTerm, index: index, generation: progress[slot].standing.generation)),
      to: membership.replicas[slot])
  }

  mutating func receivePromoted(
    _ word: Promoted, from sender: ReplicaID, into effects: inout Effects<Self>
  ) {
    guard standing.isLearner, word.generation == standing.generation, word.term == currentTerm,
      sender == leader, log.term(at: word.index) == word.term
    else { return }
    assert(role == .follower, "a learner stands for nothing")
    standing.isLearner = false
    if votedFor == nil {
      votedFor = sender
      effects.persist(.vote(term: currentTerm, votedFor: sender))
    }
    effects.persist(.promoted)
    effects.send(
      .appendAccepted(
        AppendAccepted(
          term: currentTerm, matchIndex: word.index, readRound: 0, standing: standing)),
      to: sender)
  }
}

extension RaftReplica {
  public static func batches(in message: Message) -> [Batch] {
    guard case .appendEntries(let request) = message else { return [] }
    return request.entries.map(\.batch)
  }

  public static func largestGeneration(in message: Message) -> UInt64 {
    switch message {
    case .appendAccepted(let reply): reply.standing.generation
    case .appendRejected(let reply): reply.standing.generation
    case .promoted(let word): word.generation
    case .requestVote, .voteReply, .appendEntries, .roundConfirmed, .newerTerm, .snapshot: 0
    }
  }
}
