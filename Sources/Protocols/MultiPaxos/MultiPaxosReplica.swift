import Replication

/// Multi-Paxos: a log in which the value of each slot is chosen by one instance of Paxos, with
/// phase 1 done once for all slots by a distinguished proposer.
///
/// ```
///   follower ──timeout, majority misses the leader──► candidate ──majority──► leader
///      ▲                                                  │                    │
///      └────────────── higher ballot, lost majority ──────┴────────────────────┘
/// ```
///
/// Follows Lamport 2001 "Paxos Made Simple" §2 (the algorithm) and §3 (the log); van Renesse &
/// Altinbuken 2015 "Paxos Made Moderately Complex" (PMMC) §2 (ballots, adoption) and §4 (windows,
/// catching up); Chandra et al. 2007 "Paxos Made Live" §4.2 and §5 (catch-up, the coordinator,
/// reads).
///
/// Every replica is proposer (`+Candidate` in phase 1, `+Leader` in phase 2), acceptor
/// (`+Acceptor`) and learner (`+Learner`). `+Repair` is what each acceptor has been sent and what
/// it lacks, `+Reads` are reads without a slot, `+Snapshots` slots that are forgotten.
///
/// - Deviation: a promise need not carry everything at once. The proposer asks for a few pages at a
///   time; between two pages the report cannot change but for values that became known as chosen,
///   because the acceptor has promised. Reason: logs are long, frames are not (`PhaseOneTests`).
/// - Deviation: a value that is known to be chosen is reported and stored with the ballot
///   `Ballot.chosen`. A replica that hears of it learns it and need not propose it again. Reason: a
///   proposer that lags behind would otherwise order the whole log anew (`PhaseOneTests`).
/// - Deviation: a replica that misses its leader asks a majority first whether it could win
///   (`prePrepare`), and acceptors that hear from a leader do not answer. Reason: without that any
///   replica that was cut off deposes a healthy leader when it comes back, and two that cannot hear
///   each other depose each other in turn. It is Raft's PreVote (Ongaro 2014 §9.6), needs no clock
///   beyond the timers', and safety does not rest on it (`StickinessTests`).
/// - Deviation: acceptors name the first gap in what they hold of the leader's ballot, and the
///   leader offers it again, chosen or not; so one rule repairs lost messages and brings back a
///   replica that was away. Reason: a timer that is longer than a round trip makes one lost message
///   cost more than it does in Raft, whose followers reject what follows on a gap (`RepairTests`).
/// - Deviation: an acceptor that refuses says so (`preempted`), as in PMMC and unlike Lamport 2001,
///   where that is an optimisation (§2.5).
public struct MultiPaxosReplica: ReplicaCore {
  public enum Timer: Int, TimerName, CaseIterable {
    /// Follower: the leader has been silent. Leader: time to see whether a quorum still answers.
    case election
    case heartbeat
    /// Candidate: reports that are due are asked for again.
    case resend
  }

  enum Role: String { case follower, candidate, leader }

  let id: ReplicaID
  let membership: Membership
  let options: Options
  /// The bit of every node, by number; zero for those that are no replicas.
  let bits: [UInt64]

  // Acceptor.
  /// No ballot below it is answered. Durable before anybody hears of it.
  var promised = Ballot.none {
    didSet { assert(promised >= oldValue, "a promise is never taken back") }
  }
  var log = SlotLog()

  // Learner.
  /// All slots below it are chosen and committed. It never falls.
  var firstUnchosen = LogIndex(1) {
    didSet { assert(firstUnchosen >= oldValue || options.snapshots.bug == .installOlder) }
  }
  /// The newest ballot whose leader was heard, and what that leader said is chosen.
  var leaderBallot = Ballot.none
  var leaderCommitIndex = LogIndex.zero
  var lastLeaderContact = Instant.longAgo
  /// What has come of that ballot.
  var reception = Reception()
  /// What the last `.chosen` record said.
  var recordedChosen = LogIndex.zero

  // Proposer.
  /// The ballot of a candidate or leader.
  var ballot = Ballot.none
  /// The newest ballot ever heard of.
  var highestSeen = Ballot.none
  /// Of a follower that asks whether it could win.
  var prospect: Prospect?
  /// Attempts that a rival ended, since a leader was last heard.
  var lostAttempts = 0
  /// The newest round that confirms leadership for reads. Rounds are numbered through the life of
  /// the process.
  var readRound: UInt64 = 0

  // Proposer, by role: at most one of the two is there, and a follower has neither.
  /// What only a candidate has.
  var candidacy: Phase1?
  /// What only a leader has.
  var leadership: Phase2?

  var role: Role { leadership != nil ? .leader : candidacy != nil ? .candidate : .follower }

  /// What a candidate has, in place. To ask another replica for it is a mistake.
  var phase1: Phase1 {
    @inline(__always) _read { yield candidacy! }
    @inline(__always) _modify { yield &candidacy! }
  }

  /// What a leader has, in place. To ask another replica for it is a mistake.
  var phase2: Phase2 {
    @inline(__always) _read { yield leadership! }
    @inline(__always) _modify { yield &leadership! }
  }

  /// The first safety property that this replica saw broken.
  var brokenInvariant: String?

  public init(id: ReplicaID, membership: Membership, options: Options) {
    precondition(membership.replicas.count <= 64, "votes are kept in 64 bits")
    self.id = id
    self.membership = membership
    self.options = options
    var bits = [UInt64](
      repeating: 0, count: (membership.replicas.map(\.index).max() ?? 0) + 1)
    for (position, replica) in membership.replicas.enumerated() {
      bits[replica.index] = 1 << UInt64(position)
    }
    self.bits = bits
  }

  public mutating func recover(_ record: Record) {
    switch record {
    case .promised(let ballot): promised = max(promised, ballot)
    case .accepted(let slot, let ballot, let value):
      guard slot >= log.firstIndex else { return }
      log.extend(through: slot)
      log[slot] = Slot(
        ballot: ballot, votes: 0, value: value,
        isChosen: log[slot].isChosen || ballot == .chosen)
      if ballot != .chosen { promised = max(promised, ballot) }
    case .chosen(let slot):
      while recordedChosen < slot, recordedChosen < log.lastIndex {
        recordedChosen = recordedChosen.next
        log[recordedChosen].isChosen = true
      }
    case .snapshot(let reference, let isForeign): begin(behind: reference, isForeign: isForeign)
    }
    highestSeen = promised
  }

  public mutating func handle(
    _ event: Event<Self>, at now: Instant, into effects: inout Effects<Self>
  ) {
    switch event {
    case .started:
      effects.setTimer(.election, after: options.electionTimeout)
      commitChosen(into: &effects)
    case .received(let message, let sender):
      guard bit(of: sender) != 0 else { return }
      receive(message, from: sender, at: now, into: &effects)
    case .timerFired(.election): electionTimerFired(at: now, into: &effects)
    case .timerFired(.heartbeat): heartbeatTimerFired(into: &effects)
    case .timerFired(.resend): resendTimerFired(at: now, into: &effects)
    case .requested(let batch): propose(batch, at: now, into: &effects)
    case .readRequested(let ticket, _): requestRead(ticket, into: &effects)
    case .disconnected(let replica): disconnected(replica, into: &effects)
    }
  }

  private mutating func receive(
    _ message: Message, from sender: ReplicaID, at now: Instant, into effects: inout Effects<Self>
  ) {
    switch message {
    case .prePrepare(let ballot): receivePrePrepare(ballot, from: sender, at: now, into: &effects)
    case .prePromise(let ballot):
      receivePrePromise(ballot, from: sender, at: now, into: &effects)
    case .prepare(let ballot, let from):
      receivePrepare(ballot, first: from, from: sender, at: now, into: &effects)
    case .promise(let ballot, let from, let accepted, let next, let isContinued):
      receivePromise(
        ballot, first: from, accepted: accepted, next: next, isContinued: isContinued,
        from: sender, at: now, into: &effects)
    case .accept(let ballot, let first, let values, let commitIndex, let round):
      receiveAccept(
        ballot, first: first, values: values, commitIndex: commitIndex, round: round,
        from: sender, at: now, into: &effects)
    case .accepted(let ballot, let first, let count, let gap):
      receiveAccepted(
        ballot, first: first, count: count, gap: gap, from: sender, at: now, into: &effects)
    case .preempted(let ballot): receivePreempted(by: ballot, into: &effects)
    case .snapshot: break
    case .heartbeat(let ballot, let commitIndex, let next, let round):
      receiveHeartbeat(
        ballot, commitIndex: commitIndex, next: next, round: round, from: sender, at: now,
        into: &effects)
    case .heartbeatAcknowledged(let ballot, let round, let gap):
      receiveHeartbeatAcknowledged(
        ballot, round: round, gap: gap, from: sender, at: now, into: &effects)
    }
  }

  /// Whether this rule is switched off, to show that the bench catches it.
  func broken(_ bug: Bug) -> Bool { options.bug == bug }

  @inline(__always)
  public var status: ReplicaStatus {
    ReplicaStatus(
      role: role.rawValue, isInCharge: role == .leader,
      epoch: max(promised, leaderBallot).rawValue, commitIndex: commitIndex,
      lastIndex: log.lastIndex)
  }

  /// The contiguous chosen prefix.
  var commitIndex: LogIndex { firstUnchosen.previous }

  /// Zero for a node that is no replica.
  func bit(of node: ReplicaID) -> UInt64 { node.index < bits.count ? bits[node.index] : 0 }

  func isMajority(_ acceptors: UInt64) -> Bool {
    acceptors.nonzeroBitCount >= membership.majority
  }

  /// A ballot that some replica can have made.
  func isPossible(_ ballot: Ballot) -> Bool {
    bit(of: ballot.node) != 0 && ballot.round <= Ballot.maximumRound
      && ballot.round <= max(highestSeen, promised).round + longestEpochJump
  }

  /// Who may be in charge, to the best of this replica's knowledge.
  var redirect: ReplicaID? {
    role == .leader ? id : role == .candidate || leaderBallot == .none ? nil : leaderBallot.node
  }
}
