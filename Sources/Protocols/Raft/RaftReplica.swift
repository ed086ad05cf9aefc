import Replication

/// Raft: one leader per term orders all updates, and a majority of replicas keeps them.
///
/// ```
///   follower ──timeout──► pre-candidate ──majority──► candidate ──majority──► leader
///      ▲                        │                         │                     │
///      └────── higher term, AppendEntries of the own term, lost majority ───────┘
/// ```
///
/// Follows Ongaro & Ousterhout 2014 ("the paper") for election (§5.2), replication (§5.3) and
/// safety (§5.4), and Ongaro 2014 ("the thesis") for PreVote (§9.6), stepping down without a
/// majority (§6.2), reads without log entries (§6.4), pipelining (§10.2) and writing to disk in
/// parallel (§10.2.1).
///
/// - Deviation: an entry is a batch of client updates, not one update. The host makes the batches,
///   so that every protocol of the bench batches alike (`LogReplicationTests.happyPath`).
/// - Deviation: the rejection of an AppendEntries says where the logs differ, as the end of §5.3 of
///   the paper suggests, and the leader sends ahead of acknowledgements only to followers whose log
///   it knows to match (`LogReplicationTests.fastBackup`, `.window`).
/// - Deviation: a follower answers heartbeats and new read rounds at once, in a separate message
///   that does not wait for its disk as a reply about its log must (tests: "A read waits for no
///   disk", "A leader whose followers' disks stall").
/// - Deviation: a follower holds entries back that arrive before the entries they follow, up to the
///   limits of a leader's window, and takes them when the gap is filled. To the protocol this looks
///   like a slow link (`RepairTests`).
/// - Deviation, if `electOnDisconnect` is set: a follower that sees its leader's process end stands
///   for election without waiting for the timeout, and no longer counts as one that hears from a
///   leader. Timing is all that this changes (tests: `ElectionTests.disconnected`).
/// - Deviation: snapshots (§7) are taken, sent and kept by the host, the same way for all
///   protocols, and a follower that needs one shows that by rejecting heartbeats (`SnapshotTests`).
/// - Deviation: AppendEntries carries the number of the newest read round, and the reply repeats
///   it: an answer confirms leadership for the reads of that round and of all before it, and
///   messages with entries take the place of heartbeats (`ReadTests.sharedRound`,
///   `.entriesCarryTheRound`).
public struct RaftReplica: ReplicaCore {
  public typealias Term = UInt64

  enum Role: Equatable { case follower, preCandidate, candidate, leader }

  public enum Timer: Int, CaseIterable, TimerName {
    /// Follower and candidate: time for an election. Leader: time to look for a majority.
    case election
    case heartbeat

    public var waitsForOthers: Bool { self == .election }
  }

  /// Terms above this are invalid, because no cluster runs long enough to reach them.
  static let largestTerm = Term(1) << 62

  let id: ReplicaID
  let membership: Membership
  let options: Options
  /// The position of this replica in `membership.replicas`.
  let ownSlot: Int

  // Durable, as in figure 2 of the paper: a record is persisted whenever one of these changes.
  var currentTerm: Term = 0
  var votedFor: ReplicaID?
  var log = Log()
  /// The generation of this replica's disk, and whether the replica is still a learner because an
  /// earlier disk was lost.
  var standing = DiskStanding()

  // Volatile on every replica.
  /// It never falls.
  var commitIndex = LogIndex.zero {
    didSet { assert(commitIndex >= oldValue || options.snapshots.bug == .installOlder) }
  }
  /// The leader of `currentTerm`, once known.
  var leader: ReplicaID?
  /// When an AppendEntries of that leader last arrived.
  var lastLeaderContact = Instant.zero
  /// The newest read round of that leader that this replica has confirmed.
  var confirmedRound: UInt64 = 0
  /// Entries of that leader that arrived before the entries they follow.
  var heldBack: HeldBack
  /// Knowledge of each replica from earlier terms of leadership, in the order of the membership.
  var acquaintances: [Acquaintance]

  // Volatile, by role: at most one of the two is set, and a follower has neither.
  /// The state of a candidate or pre-candidate.
  var candidacy: Candidacy?
  /// The state of a leader.
  var leadership: Leadership?

  var role: Role {
    if leadership != nil { return .leader }
    guard let candidacy else { return .follower }
    return candidacy.isPreVote ? .preCandidate : .candidate
  }

  /// The first safety property that this replica saw broken.
  var brokenInvariant: String?

  public init(id: ReplicaID, membership: Membership, options: Options) {
    guard let slot = membership.replicas.firstIndex(of: id) else {
      preconditionFailure("replica \(id) is not in the membership \(membership.replicas)")
    }
    self.id = id
    self.membership = membership
    self.options = options
    ownSlot = slot
    acquaintances = membership.replicas.map { _ in Acquaintance() }
    heldBack = HeldBack(countLimit: options.inFlightLimit, byteLimit: options.inFlightBytes)
  }

  /// Rebuilds term, vote and log. The replica learns the commit index again from the leader.
  public mutating func recover(_ record: Record) {
    switch record {
    case .vote(let term, let votedFor):
      currentTerm = term
      self.votedFor = votedFor
    case .append(let index, let entries):
      precondition(index > .zero && index <= log.lastIndex.next, "the disk has lost a record")
      // A checkpoint repeats entries, and a crash may have lost the end of the checkpoint. So what
      // follows a repeated entry stays.
      let knownCount = log.knownCount(of: entries, after: index.previous)
      guard knownCount < entries.count else { return }
      log.truncate(from: index + knownCount)
      log.append(contentsOf: entries[knownCount...])
    case .snapshot(let reference):
      log.begin(behind: reference)
      commitIndex = max(commitIndex, log.base)
    case .promoted: standing.isLearner = false
    }
  }

  @inline(__always)
  public mutating func handle(
    _ event: Event<Self>, at now: Instant, into effects: inout Effects<Self>
  ) {
    switch event {
    case .started: effects.setTimer(.election, after: options.electionTimeout)
    case .received(let message, let sender):
      receive(message, from: sender, at: now, into: &effects)
    case .timerFired(.election): electionTimerFired(into: &effects)
    case .timerFired(.heartbeat): heartbeatTimerFired(into: &effects)
    case .requested(let batch): propose(batch, at: now, into: &effects)
    case .readRequested(let ticket, let updatesFollow):
      requestRead(ticket, updatesFollow: updatesFollow, into: &effects)
    case .disconnected(let replica): disconnected(replica, into: &effects)
    }
  }

  private mutating func receive(
    _ message: Message, from sender: ReplicaID, at now: Instant,
    into effects: inout Effects<Self>
  ) {
    guard let slot = slot(of: sender), message.term <= RaftReplica.largestTerm,
      message.term <= currentTerm + longestEpochJump
    else { return }
    switch message {
    case .appendEntries(let request):
      if slot != ownSlot { receiveAppendEntries(request, from: sender, at: now, into: &effects) }
    case .appendAccepted(let reply):
      receiveAppendAccepted(reply, from: slot, at: now, into: &effects)
    case .appendRejected(let reply):
      receiveAppendRejected(reply, from: slot, at: now, into: &effects)
    case .requestVote(let request):
      if slot != ownSlot { receiveRequestVote(request, from: sender, at: now, into: &effects) }
    case .voteReply(let reply): receiveVoteReply(reply, from: sender, at: now, into: &effects)
    case .roundConfirmed(let reply):
      receiveRoundConfirmed(reply, from: slot, at: now, into: &effects)
    case .snapshot: break
    case .promoted(let word):
      if slot != ownSlot { receivePromoted(word, from: sender, into: &effects) }
    case .newerTerm(let term): receiveNewerTerm(term, into: &effects)
    }
  }

  /// Handles the answer that a message of this replica was of an older term (§5.1).
  private mutating func receiveNewerTerm(_ term: Term, into effects: inout Effects<Self>) {
    if term > currentTerm { becomeFollower(in: term, into: &effects) }
  }

  /// Answers a message of an older term, so that its sender enters the current one (§5.1).
  func tellTerm(to sender: ReplicaID, into effects: inout Effects<Self>) {
    // Bug: drop-lower-term.
    guard !broken(.dropLowerTerm) else { return }
    effects.send(.newerTerm(currentTerm), to: sender)
  }

  /// The position of a replica in the membership; `nil` for a non-member.
  func slot(of replica: ReplicaID) -> Int? {
    for slot in membership.replicas.indices where membership.replicas[slot] == replica {
      return slot
    }
    return nil
  }

  /// Becomes a follower, in `term` if that is newer than the current one (§5.1). The election timer
  /// keeps running, unless this was the leader, which has none of its own (rule of figure 2).
  mutating func becomeFollower(in term: Term, into effects: inout Effects<Self>) {
    let ended = leadership
    leadership = nil
    candidacy = nil
    if term > currentTerm { enter(term, votingFor: nil, into: &effects) }
    guard let ended else { return }
    leader = nil
    acquaintances = ended.progress.map(\.acquaintance)
    effects.cancelTimer(.heartbeat)
    effects.setTimer(.election, after: options.electionTimeout)
    refuseReads(of: ended, into: &effects)
  }

  /// Enters a term. Only this function changes the term and the state that belongs to it.
  mutating func enter(
    _ term: Term, votingFor candidate: ReplicaID?, into effects: inout Effects<Self>
  ) {
    assert(term > currentTerm, "a term is entered once, and the term never falls")
    currentTerm = term
    votedFor = candidate
    leader = nil
    confirmedRound = 0
    heldBack.removeAll()
    effects.persist(.vote(term: term, votedFor: candidate))
  }

  /// Moves the commit index forward and announces the entries it passes.
  mutating func commit(through index: LogIndex, into effects: inout Effects<Self>) {
    assert(index <= log.lastIndex, "what is not in the log is not committed")
    while commitIndex < index {
      commitIndex = commitIndex.next
      let entry = log[commitIndex]
      effects.commit(
        entry.batch, at: commitIndex, answering: role == .leader && entry.term == currentTerm)
    }
  }

  /// Whether this rule is switched off, to show that the bench catches it.
  @inline(__always)
  func broken(_ bug: Bug) -> Bool { bug.isSwitchedOn(by: options.bug) }

  @inline(__always)
  public var status: ReplicaStatus {
    let word =
      switch role {
      case .follower: standing.isLearner ? "learner" : "follower"
      case .preCandidate: "pre-candidate"
      case .candidate: "candidate"
      case .leader: "leader"
      }
    return ReplicaStatus(
      role: word, isInCharge: role == .leader, epoch: currentTerm, commitIndex: commitIndex,
      lastIndex: log.lastIndex)
  }
}
