import Replication

// An acceptor that has lost its disk. Call it x; its earlier self was x0, and x1 begins with an
// empty disk of a larger generation. x1 is a learner: it accepts and answers, but its answers say
// that they count for nothing, it promises nothing, and it proposes nothing.
//
//   leader of ballot b                 acceptors              x1, a learner
//      │ Heartbeat(b) ────────────────────────────────────────────►│
//      │◄──────────────────────────── Accepted(b, generation of x1)│
//      │ Replaced(b, generations) ────►│ promised := b,            │
//      │                               │ generations, durable      │
//      │◄────── Noted(b, generations)──│ by a majority Q           │
//      │ Accept(b, ...) for all slots below s ────────────────────►│ accepted, durable
//      │◄──────────────────────────────────────── Accepted(b, gap)─│
//      │ Promoted(b, generations) ────────────────────────────────►│ an acceptor, durable
//
// s is the first slot that the leader had not used when it heard of x1, and above all that its
// phase 1 recovered. Promises carry the generations that the acceptor knows, and a proposer counts
// no promise and no acceptance of a disk older than the newest that it knows.
//
// Why that is safe. Paxos needs this: if (t, c) is chosen, with value v, every proposer of a later
// ballot counts a promise of somebody who tells it of v or of a later proposal in slot t. It can
// fail only where the one acceptor in common is x, because x0 knew and x1 does not, or because x0
// promised and x1 does not remember.
// - Members of Q are not x, took note after x0 was gone, and had promised nothing above b by then.
//   So every ballot above b whose phase 1 is complete counts a member of Q that promised after it
//   took note (ballots have majorities, too). Its proposer knows of x1, and counts nothing of x0:
//   neither the promise that x1 does not remember, nor what x0 accepted.
// - x1 is an acceptor from b on, so it takes no part in ballots below b.
// - What x0 helped to choose in b itself lies below s, because the leader counts nothing of x0 once
//   it has heard of x1. What was chosen below b, x0's word included, was reported to b's proposer
//   by Paxos' own argument, and lies below s, because s is above all that phase 1 recovered. x1
//   holds all slots below s: as accepted in b, or as chosen. So it reports v, or b's own proposal,
//   which is v, to every later proposer.
// - x1 may use a ballot above b again that x0 has used. No phase 1 of such a ballot was complete
//   in x0's life, by the first point, so x0 has proposed nothing in it.
// - Members of Q may lose their disks, too. Who comes back holds the generations of the leader that
//   promoted it. That leader's ballot is not below b, because a member of Q refuses it by then; so
//   it has heard of x1, from b or by the first point.
//
// What a learner has accepted, perhaps below a ballot that x0 promised, is harmless in a report: it
// was proposed in its ballot, and a proposer adopts the highest one.
//
// If a majority is without its disks at once, nobody is promoted and nothing is chosen any more.

extension MultiPaxosReplica {
  public static var replacesLostReplicas: Bool { true }

  public mutating func takePlace(generation: UInt64) {
    generations[ownPosition] = generation
    // Bug: forgetful-acceptor.
    isLearner = !broken(.forgetfulAcceptor)
  }

  private var ownPosition: Int { bit(of: id).trailingZeroBitCount }

  /// Whose word this replica's answers are.
  var standing: DiskStanding {
    DiskStanding(generation: generations[ownPosition], isLearner: isLearner)
  }

  /// As messages carry them: most clusters never lose a disk.
  var heardGenerations: [UInt64] { generations.allSatisfy { $0 == 0 } ? [] : generations }

  /// Takes over what others have heard of. What came from older disks does not count any more.
  /// - Returns: false if the list has another length than the membership, or a generation that
  ///   cannot exist.
  private mutating func learnGenerations(
    _ heard: [UInt64], at now: Instant, into effects: inout Effects<Self>
  ) -> Bool {
    guard heard.isEmpty || heard.count == generations.count,
      zip(heard, generations).allSatisfy({ isPossibleGeneration($0, after: $1) })
    else { return false }
    var isNews = false
    for position in heard.indices
    where heard[position] > generations[position] && position != ownPosition {
      isNews = true
      generations[position] = heard[position]
      if role == .candidate {
        phase1.reported &= ~(1 << UInt64(position))
        phase1.due[position] = firstUnchosen
        phase1.paces[position].restart(at: now)
      }
    }
    guard isNews else { return true }
    effects.persist(.generations(generations))
    if role == .leader {
      phase2.notedBy = 0
      tellGenerations(into: &effects)
    }
    return true
  }

  /// Whether a promise is that of the newest disk of its sender.
  mutating func heedPromise(
    of ballot: Ballot, _ heard: [UInt64], from sender: ReplicaID, at now: Instant,
    into effects: inout Effects<Self>
  ) -> Bool {
    guard role == .candidate, ballot == self.ballot,
      learnGenerations(heard, at: now, into: &effects)
    else { return false }
    let position = bit(of: sender).trailingZeroBitCount
    return (heard.isEmpty ? 0 : heard[position]) >= generations[position]
  }

  /// A leader takes note of whose word an answer is.
  /// - Returns: false if it is that of a disk that is gone by now.
  mutating func heed(
    _ word: DiskStanding, of position: Int, gap: Gap, at now: Instant,
    into effects: inout Effects<Self>
  ) -> Bool {
    guard word.generation >= generations[position] else { return false }
    let known = phase2.progress[position].standing
    guard word != known else { return true }
    if word.generation > generations[position] {
      var heard = generations
      heard[position] = word.generation
      guard learnGenerations(heard, at: now, into: &effects) else { return false }
    }
    if word.generation > known.generation {
      phase2.progress[position] = Progress(
        next: max(gap.first, LogIndex(1)), resendAfter: options.retransmission,
        generation: word.generation)
    }
    phase2.progress[position].standing = word
    if word.isLearner {
      phase2.progress[position].promotionSlot = max(phase2.nextSlot, phase2.recoveredThrough.next)
      tellGenerations(into: &effects)
    } else {
      // What it holds counts from now on.
      noteVotes(
        1 << UInt64(position), from: firstUnchosen, to: phase2.progress[position].acknowledged)
    }
    return true
  }

  /// Early: the leader's own note counts by a message to itself, as its acceptances do.
  func tellGenerations(into effects: inout Effects<Self>) {
    for (position, replica) in membership.replicas.enumerated()
    where phase2.notedBy & (1 << UInt64(position)) == 0 {
      if replica == id {
        effects.send(.noted(ballot: ballot, generations: generations), to: id)
      } else {
        effects.sendEarly(.replaced(ballot: ballot, generations: generations), to: replica)
      }
    }
  }

  mutating func receiveReplaced(
    _ ballot: Ballot, _ heard: [UInt64], from sender: ReplicaID, at now: Instant,
    into effects: inout Effects<Self>
  ) {
    guard ballot.node == sender, isPossible(ballot), sender != id else { return }
    guard ballot >= promised else { return effects.send(.preempted(by: promised), to: sender) }
    guard learnGenerations(heard, at: now, into: &effects) else { return }
    notice(ballot, into: &effects)
    if ballot > promised {
      promised = ballot
      effects.persist(.promised(ballot))
    }
    // A learner's note would be forgotten with the disk that it has lost.
    guard !isLearner else { return }
    effects.send(.noted(ballot: ballot, generations: generations), to: sender)
  }

  mutating func receiveNoted(
    _ ballot: Ballot, _ heard: [UInt64], from sender: ReplicaID, at now: Instant,
    into effects: inout Effects<Self>
  ) {
    guard role == .leader, ballot == self.ballot, heard.count == generations.count,
      learnGenerations(heard, at: now, into: &effects)
    else { return }
    let bit = bit(of: sender)
    let isOfNewestDisk = heard[bit.trailingZeroBitCount] == generations[bit.trailingZeroBitCount]
    guard isOfNewestDisk, zip(heard, generations).allSatisfy({ $0 >= $1 }) else { return }
    phase2.notedBy |= bit
    for position in phase2.progress.indices { promote(position, into: &effects) }
  }

  /// Tells a learner that has everything that it is an acceptor again. A word that is lost is said
  /// again with the next answer, of which heartbeats make sure.
  mutating func promote(_ position: Int, into effects: inout Effects<Self>) {
    let progress = phase2.progress[position]
    guard progress.standing.isLearner, isMajority(phase2.notedBy),
      progress.acknowledged >= progress.promotionSlot
    else { return }
    effects.send(
      .promoted(ballot: ballot, generations: generations), to: membership.replicas[position])
  }

  mutating func receivePromoted(
    _ ballot: Ballot, _ heard: [UInt64], from sender: ReplicaID, at now: Instant,
    into effects: inout Effects<Self>
  ) {
    guard isLearner, ballot.node == sender, ballot == leaderBallot, ballot >= promised,
      heard.count == generations.count, heard[ownPosition] == generations[ownPosition],
      learnGenerations(heard, at: now, into: &effects)
    else { return }
    isLearner = false
    promised = ballot
    effects.persist(.promised(ballot))
    effects.persist(.promoted)
    effects.send(
      .accepted(
        ballot: ballot, first: .zero, count: 0, gap: firstGap(of: ballot, before: .zero),
        standing: standing),
      to: sender)
  }

  /// What a checkpoint says of disks.
  func persistGenerations(into effects: inout Effects<Self>) {
    guard !heardGenerations.isEmpty else { return }
    effects.persist(.generations(generations))
    if generations[ownPosition] > 0, !isLearner { effects.persist(.promoted) }
  }

  /// The host says which disk this replica has itself.
  mutating func recoverGenerations(_ known: [UInt64]) {
    guard known.count == generations.count else { return }
    for position in known.indices where position != ownPosition {
      generations[position] = max(generations[position], known[position])
    }
  }
}

extension MultiPaxosReplica {
  public static func largestGeneration(in message: Message) -> UInt64 {
    switch message {
    case .promise(_, _, _, _, _, let generations), .replaced(_, let generations),
      .noted(_, let generations), .promoted(_, let generations):
      generations.max() ?? 0
    case .accepted(_, _, _, _, let standing): standing.generation
    case .prePrepare, .prePromise, .prepare, .accept, .preempted, .heartbeat,
      .heartbeatAcknowledged, .snapshot:
      0
    }
  }
}
