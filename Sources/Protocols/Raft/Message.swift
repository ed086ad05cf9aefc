import Replication

extension RaftReplica {
  /// ```
  ///  candidate                voter            leader                       follower
  ///      │── requestVote ──────►│                 │── appendEntries ──────────►│
  ///      │◄─────── voteReply ───│                 │◄── appendAccepted ─────────│
  ///                                               │◄── or appendRejected, early│
  ///                                               │◄── roundConfirmed, early ──│
  /// ```
  /// A sender with a lower term than the receiver's is answered `newerTerm` instead (§5.1).
  public enum Message: Equatable, Sendable {
    case requestVote(RequestVote)
    case voteReply(VoteReply)
    case appendEntries(AppendEntries)
    case appendAccepted(AppendAccepted)
    case appendRejected(AppendRejected)
    case roundConfirmed(RoundConfirmed)
    case newerTerm(Term)
    /// InstallSnapshot (§7), which hosts exchange for all protocols alike.
    case snapshot(SnapshotMessage)
    case promoted(Promoted)
  }

  public struct RequestVote: Equatable, Sendable {
    /// The term the candidate wants to lead: for a pre-vote one above the term it is in.
    public var term: Term
    public var lastLogIndex: LogIndex
    public var lastLogTerm: Term
    /// Asks whether the vote would be granted, and changes nothing (thesis §9.6).
    public var isPreVote: Bool
  }

  public struct VoteReply: Equatable, Sendable {
    /// Of a granted pre-vote: the term of the request. Otherwise the voter's own term.
    public var term: Term
    public var isGranted: Bool
    public var isPreVote: Bool
  }

  /// Entries for a follower, after `prevLogIndex`; without entries it is a heartbeat.
  public struct AppendEntries: Equatable, Sendable {
    public var term: Term
    public var prevLogIndex: LogIndex
    public var prevLogTerm: Term
    public var leaderCommit: LogIndex
    /// The newest round that confirms leadership for reads.
    public var readRound: UInt64
    public var entries: [Entry]
  }

  public struct AppendAccepted: Equatable, Sendable {
    public var term: Term
    /// The last entry that the request proves to be the same in both logs: `prevLogIndex` and the
    /// number of entries, never the end of the follower's log.
    public var matchIndex: LogIndex
    public var readRound: UInt64
    public var standing = DiskStanding()
  }

  /// From the leader to a learner: the entry at `index`, of the leader's own term, was appended
  /// after the learner had come back, and was committed without it.
  public struct Promoted: Equatable, Sendable {
    public var term: Term
    public var index: LogIndex
    public var generation: UInt64
  }

  /// Says only that at this moment the follower knows no newer leader. It answers every heartbeat
  /// and every new round, and is sent without waiting for the disk.
  public struct RoundConfirmed: Equatable, Sendable {
    public var term: Term
    public var readRound: UInt64
  }

  public struct AppendRejected: Equatable, Sendable {
    public var term: Term
    /// The request's `prevLogIndex`, to tell old rejections from new ones.
    public var prevLogIndex: LogIndex
    /// The term of the follower's entry at `prevLogIndex`; 0 if its log ends before.
    public var conflictTerm: Term
    /// The follower's first entry of `conflictTerm`.
    public var conflictIndex: LogIndex
    /// The end of the follower's log.
    public var lastLogIndex: LogIndex
    /// The last entry that is missing before the requests that the follower holds back; 0 if it
    /// holds none.
    public var gapEnd: LogIndex
    public var readRound: UInt64
    public var standing = DiskStanding()
  }
}

extension RaftReplica.Message {
  var term: RaftReplica.Term {
    switch self {
    case .requestVote(let request): request.term
    case .voteReply(let reply): reply.term
    case .appendEntries(let request): request.term
    case .appendAccepted(let reply): reply.term
    case .appendRejected(let reply): reply.term
    case .roundConfirmed(let reply): reply.term
    case .newerTerm(let term): term
    case .snapshot: 0
    case .promoted(let word): word.term
    }
  }
}
