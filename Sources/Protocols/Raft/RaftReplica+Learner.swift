import Replication

// A replica that has lost its disk. What it voted for and acknowledged is forgotten here and
// remembered elsewhere, so it must not vote or count in a majority before nobody can win or commit
// by what it said before.
//
// It comes back as a learner: it takes entries and answers, but its answers say that they count for
// nothing, and it neither votes nor stands for election. The leader appends an entry once it hears
// of the learner. When a majority of the others has that entry on disk, every candidate that could
// be elected by an old vote of the learner needs the vote of at least one of them, which refuses a
// log without the entry (§5.4.1 of the paper); a candidate that has the entry began after the disk
// was lost, and never had an old vote. So when the learner has the entry as well, the leader's word
// makes it a voter again. It counts as having voted for that leader in its term.
//
// Deviation: the thesis brings servers up to date as non-voting members of a configuration (§4.2.1)
// and lets a server without its disk come back only as a new one. Here the membership stays, and
// the generation of its disk tells the replica's old word from the new.

extension RaftReplica {
  public static var replacesLostReplicas: Bool { true }

  public mutating func takePlace(generation: UInt64) {
    // Bug: forgetful-voter.
    guard !broken(.forgetfulVoter) else { return }
    standing = DiskStanding(generation: generation, isLearner: true)
  }

  /// Takes note of whose word a reply is.
  /// - Returns: false if it is that of a disk that is gone by now.
  mutating func heed(
    _ reply: DiskStanding, of slot: Int, at now: Instant, into effects: inout Effects<Self>
  ) -> Bool {
    guard slot != ownSlot else { return true }
    let known = progress[slot].standing
    guard reply.generation >= known.generation else { return false }
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

  /// Tells a learner that has everything that it is a voter again. A word that is lost is said
  /// again with the next answer, of which heartbeats make sure.
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
