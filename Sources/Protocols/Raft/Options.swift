import Replication

extension RaftReplica {
  public struct Options: ProtocolOptions {
    /// How long a follower waits for a leader before it stands for election; drawn at random each
    /// time.
    public var electionTimeout: ClosedRange<Interval>
    public var heartbeat: Interval
    public var preVote: Bool
    public var checkQuorum: Bool
    public var electOnDisconnect: Bool
    /// Messages on their way to one follower.
    public var inFlightLimit: Int
    /// Bytes of entries on their way to one follower; a larger entry travels alone.
    public var inFlightBytes: Int
    /// Bytes of entries in one message; a larger entry travels alone.
    public var messageByteLimit: Int
    public var snapshots: SnapshotPolicy
    public var bug: Bug?

    public static var declared: [OptionDeclaration] {
      [
        OptionDeclaration(
          "electionTimeout",
          .intervalRange(
            default: .milliseconds(150)...(.milliseconds(300)),
            range: .milliseconds(1)...(.seconds(600))),
          "How long a follower waits for a leader before it stands for election",
          awaitsSignOfLife: true),
        OptionDeclaration(
          "heartbeat",
          .interval(
            default: ResendPace.usualLeast, range: .microseconds(100)...(.seconds(60))),
          "How often an idle leader tells its followers that it is there",
          atMost: .heartbeat),
        OptionDeclaration(
          "preVote", .flag(default: true),
          "A replica asks whether it could win before it stands for election (thesis 9.6)"),
        OptionDeclaration(
          "checkQuorum", .flag(default: true),
          "A leader that hears from no majority for an election timeout steps down, and replicas "
            + "that hear from a leader ignore candidates (thesis 6.2, 4.2.3)"),
        .electOnDisconnect,
        OptionDeclaration(
          "reads", .choice(default: "read-index", of: ["read-index"]),
          "How linearizable reads are served; there is one way (thesis 6.4)"),
        OptionDeclaration(
          "inFlightLimit", .integer(default: 64, range: 1...4096),
          "Messages sent ahead of acknowledgements, per follower"),
        .inFlightBytes,
        OptionDeclaration(
          "messageByteLimit", .integer(default: 1 << 20, range: 1024...(16 << 20)),
          "Bytes of entries in one message; a larger entry travels alone"),
      ] + SnapshotPolicy.declared + [Bug.option]
    }

    public init(_ values: OptionValues) {
      electionTimeout = values.intervalRange("electionTimeout")
      heartbeat = values.interval("heartbeat")
      preVote = values.flag("preVote")
      checkQuorum = values.flag("checkQuorum")
      electOnDisconnect = values.flag("electOnDisconnect")
      inFlightLimit = values.integer("inFlightLimit")
      inFlightBytes = values.integer("inFlightBytes")
      messageByteLimit = values.integer("messageByteLimit")
      snapshots = SnapshotPolicy(values)
      bug = Bug.chosen(in: values)
    }

    public var heedsDisconnects: Bool { electOnDisconnect }
  }

  /// Known mistakes that can be switched on. Each is tested for at the place marked `Bug:`.
  public enum Bug: String, SwitchableBug, CaseIterable {
    case commitAnyTerm = "commit-any-term"
    case skipLogCheck = "skip-log-check"
    case alwaysTruncate = "always-truncate"
    case voteBeforeDurable = "vote-before-durable"
    case leaderCountsBeforeSync = "leader-counts-before-sync"
    case ackEarly = "ack-early"
    case longestLogWins = "longest-log-wins"
    case ignoreReplyTerm = "ignore-reply-term"
    case matchFromNextIndex = "match-from-next-index"
    case commitPastMatch = "commit-past-match"
    case countDuplicateVotes = "count-duplicate-votes"
    case readBeforeOwnCommit = "read-before-own-commit"
    case readWithoutQuorum = "read-without-quorum"
    case resetTimerOnAnyRequest = "reset-timer-on-any-request"
    case omitNoop = "omit-noop"
    case preVoteRaisesTerm = "pre-vote-raises-term"
    case dropLowerTerm = "drop-lower-term"
    case forgetfulVoter = "forgetful-voter"

    public var meaning: String {
      switch self {
      case .commitAnyTerm:
        "The leader commits entries of earlier terms by counting replicas (figure 8)"
      case .skipLogCheck: "Followers do not compare the entry before the new ones"
      case .alwaysTruncate: "Followers drop everything behind the entry before the new ones"
      case .voteBeforeDurable: "Votes leave before they are on disk"
      case .leaderCountsBeforeSync: "The leader counts its own entries before they are on disk"
      case .ackEarly: "Followers acknowledge entries before they are on disk"
      case .longestLogWins: "Voters compare the length of logs only, not the last term"
      case .ignoreReplyTerm: "The leader believes acknowledgements of an earlier term"
      case .matchFromNextIndex:
        "The leader takes an acknowledgement for all it has sent, not for what it answers"
      case .commitPastMatch: "Followers commit entries that the leader has not compared"
      case .countDuplicateVotes: "Candidates count vote messages instead of voters"
      case .readBeforeOwnCommit: "A new leader serves reads before it has committed in its term"
      case .readWithoutQuorum: "The leader serves reads without asking whether it still leads"
      case .resetTimerOnAnyRequest:
        "Voters put their own candidacy off for any request, not only for one that they grant"
      case .omitNoop: "A new leader does not begin its term with an entry of its own"
      case .preVoteRaisesTerm: "A voter enters the term that a pre-vote asks about"
      case .dropLowerTerm:
        "Messages of an older term are dropped, so that their senders never learn"
      case .forgetfulVoter: "A replica that has lost its disk votes and counts at once"
      }
    }
  }

  public static let description = ProtocolDescription(
    summary: "A leader elected by a majority orders all updates; a majority keeps them.",
    source: "Ongaro & Ousterhout 2014 §5; Ongaro 2014 §6.2, §6.4, §9.6, §10.2",
    replicasPerFailure: 2, assumption: ProtocolDescription.noClocks,
    bugs: Bug.listWithSnapshots)
}
