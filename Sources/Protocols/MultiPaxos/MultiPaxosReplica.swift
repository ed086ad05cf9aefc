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
/// (`+Acceptor`, with its reports in `+Reports`) and learner (`+Learner`). `+Repair` tracks the
/// slots that each acceptor has been sent and lacks, `+Reads` serves reads without a slot,
/// `+Snapshots` forgets slots, `+Replacement` brings an acceptor back that has lost its disk.
///
/// - Deviation: a promise need not carry the whole report. The proposer asks for a few pages at a
///   time; between two pages the report cannot change except for values that became known as
///   chosen, because the acceptor has promised. Reason: logs are long, frames are not
///   (`PhaseOneTests`).
/// - Deviation: a proposer says in which ballots it has accepted the values it holds, and a promise
///   carries no value that the proposer holds of the same ballot. Reason: replicas hold nearly the
///   same values, and a transfer of large ones takes longer than the other replicas wait, so that
///   candidates preempt each other (`ReportTests`). Votes of Raft and DoViewChange of Viewstamped
///   Replication carry no values either.
/// - Deviation: a value that is known to be chosen is reported and stored with the ballot
///   `Ballot.chosen`. A replica that receives it learns it and need not propose it again. Reason: a
///   proposer that lags would otherwise order the whole log again (`PhaseOneTests`).
/// - Deviation: a replica that misses its leader asks a majority first whether it could win
///   (`prePrepare`), and acceptors that hear from a leader do not answer. Reason: without that any
///   replica that was cut off deposes a healthy leader when it comes back, and two that cannot hear
///   each other depose each other in turn. It is Raft's PreVote (Ongaro 2014 §9.6), needs no clock
///   beyond the timers', and safety does not depend on it (`StickinessTests`).
/// - Deviation: acceptors name the first gap in the slots they hold of the leader's ballot, and the
///   leader offers it again, chosen or not; so one rule repairs lost messages and brings back a
///   replica that was away. Reason: with a timer longer than a round trip one lost message costs
///   more than it does in Raft, whose followers reject entries after a gap (`RepairTests`).
/// - Deviation: an acceptor that refuses says so (`preempted`), as in PMMC and unlike Lamport 2001,
///   where that is an optimisation (§2.5).
public struct MultiPaxosReplica: ReplicaCore {
  public enum Timer: Int, TimerName, CaseIterable {
    /// Follower: the leader has been silent. Leader: time to check whether a quorum still answers.
    case election
    case heartbeat
    /// Candidate: sends Prepare again to acceptors whose promises, with the reports of what they
    /// have accepted, have not arrived in time.
    case resend

    public var waitsForOthers: Bool { self == .election }
  }

  enum Role: String { case follower, candidate, leader }

  let id: ReplicaID
  let membership: Membership
  let options: Options
  /// The bit of every node, by number; zero for nodes that are not replicas.
  let bits: [UInt64]

  // Acceptor.
  /// Ballots below it are refused. It is durable before any replica is told of it.
  var promised = Ballot.none {
    didSet { assert(promised >= oldValue, "a promise is never taken back") }
  }
  var log = SlotLog()
  /// The newest disk of each replica that was heard of, in membership order; 0 for the first one.
  var generations: [UInt64]
  /// The last Prepare that was answered with a report.
  var reported: (ballot: Ballot, first: LogIndex)?
  /// This replica's disk took the place of a lost one, and it is no acceptor yet.
  var isLearner = false

  // Learner.
  /// All slots below it are chosen and committed. It never falls.
  var firstUnchosen = LogIndex(1) {
    didSet { assert(firstUnchosen >= oldValue || options.snapshots.bug == .installOlder) }
  }
  /// The newest ballot whose leader was heard, and the commit index of that leader.
  var leaderBallot = Ballot.none
  var leaderCommitIndex = LogIndex.zero
  var lastLeaderContact = Instant.longAgo
  /// The slots received in that ballot.
  var reception = Reception()
  /// The slot in the last `.chosen` record.
  var recordedChosen = LogIndex.zero

  // Proposer.
  /// The ballot of a candidate or leader.
  var ballot = Ballot.none
  /// The newest ballot ever heard of.
  var highestSeen = Ballot.none
  /// The pre-phase of a follower that asks whether it could win.
  var prospect: Prospect?
  /// Attempts that a rival has ended since a leader was last heard.
  var lostAttempts = 0
  /// The newest round that confirms leadership for reads. The numbers of rounds grow as long as the
  /// process runs.
  var readRound: UInt64 = 0

  // Proposer, by role: at most one of the two is set, and a follower has neither.
  /// The state of a candidate.
  var candidacy: Phase1?
  /// The state of a leader.
  var leadership: Phase2?

  var role: Role { leadership != nil ? .leader : candidacy != nil ? .candidate : .follower }

  /// The state of a candidate, in place. Precondition: this replica is a candidate.
  var phase1: Phase1 {
    @inline(__always) _read { yield candidacy! }
    @inline(__always) _modify { yield &candidacy! }
  }

  /// The state of a leader, in place. Precondition: this replica leads.
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
    generations = Array(repeating: 0, count: membership.replicas.count)
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
    case .generations(let known): recoverGenerations(known)
    case .promoted: isLearner = false
    }
    highestSeen = promised
  }

  @inline(__always)
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
    case .timerFired(.heartbeat): heartbeatTimerFired(at: now, into: &effects)
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
    case .prepare(let ballot, let from, let held):
      receivePrepare(ballot, first: from, held: held, from: sender, at: now, into: &effects)
    case .promise(
      let ballot, let from, let accepted, let next, let isContinued, let generations):
      guard heedPromise(of: ballot, generations, from: sender, at: now, into: &effects)
      else { return }
      receivePromise(
        ballot, first: from, accepted: accepted, next: next, isContinued: isContinued,
        from: sender, at: now, into: &effects)
    case .accept(let ballot, let first, let values, let commitIndex, let round):
      receiveAccept(
        ballot, first: first, values: values, commitIndex: commitIndex, round: round,
        from: sender, at: now, into: &effects)
    case .accepted(let ballot, let first, let count, let gap, let standing):
      receiveAccepted(
        ballot, first: first, count: count, gap: gap, standing: standing, from: sender, at: now,
        into: &effects)
    case .preempted(let ballot): receivePreempted(by: ballot, into: &effects)
    case .replaced(let ballot, let generations):
      receiveReplaced(ballot, generations, from: sender, at: now, into: &effects)
    case .noted(let ballot, let generations):
      receiveNoted(ballot, generations, from: sender, at: now, into: &effects)
    case .promoted(let ballot, let generations):
      receivePromoted(ballot, generations, from: sender, at: now, into: &effects)
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
  @inline(__always)
  func broken(_ bug: Bug) -> Bool { bug.isSwitchedOn(by: options.bug) }

  @inline(__always)
  public var status: ReplicaStatus {
    ReplicaStatus(
      role: isLearner ? "learner" : role.rawValue, isInCharge: role == .leader,
      epoch: max(promised, leaderBallot).rawValue, commitIndex: commitIndex,
      lastIndex: log.lastIndex)
  }

  /// The contiguous chosen prefix.
  var commitIndex: LogIndex { firstUnchosen.previous }

  /// The bit of a node; zero if it is not a replica.
  func bit(of node: ReplicaID) -> UInt64 { node.index < bits.count ? bits[node.index] : 0 }

  func isMajority(_ acceptors: UInt64) -> Bool {
    acceptors.nonzeroBitCount >= membership.majority
  }

  /// Whether a replica can have made this ballot.
  func isPossible(_ ballot: Ballot) -> Bool {
    bit(of: ballot.node) != 0 && ballot.round <= Ballot.maximumRound
      && ballot.round <= max(highestSeen, promised).round + longestEpochJump
  }

  /// The replica that leads, as far as this replica knows.
  var redirect: ReplicaID? {
    role == .leader ? id : role == .candidate || leaderBallot == .none ? nil : leaderBallot.node
  }
}
