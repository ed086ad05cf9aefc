import Replication

extension MultiPaxosReplica {
  public struct Options: ProtocolOptions {
    /// Silence of the distinguished proposer after which another replica takes over.
    public var electionTimeout: ClosedRange<Interval>
    public var heartbeat: Interval
    /// How long a message may stay unanswered before it is sent again.
    public var retransmission: Interval
    public var inFlightBytes: Int
    /// Slots that may be proposed and not yet chosen.
    public var window: Int
    /// Batches that may wait for a place in the window; more are refused.
    public var queue: Int
    public var prePrepare: Bool
    public var electOnDisconnect: Bool
    public var snapshots: SnapshotPolicy
    public var bug: Bug?

    public static var declared: [OptionDeclaration] {
      [
        OptionDeclaration(
          "electionTimeout",
          .intervalRange(
            default: .milliseconds(150)...Interval.milliseconds(300),
            range: .milliseconds(1)...Interval.seconds(60)),
          "Silence of the leader after which a replica starts phase 1; drawn anew each time",
          awaitsSignOfLife: true),
        OptionDeclaration(
          "heartbeat",
          .interval(default: .milliseconds(50), range: .milliseconds(1)...Interval.seconds(60)),
          "Time between the leader's heartbeats", atMost: .heartbeat),
        OptionDeclaration(
          "retransmission",
          .interval(
            default: ResendPace.usualLeast, range: .milliseconds(1)...Interval.seconds(60)),
          "Time after which an unanswered Prepare or Accept is sent again"),
        .inFlightBytes,
        OptionDeclaration(
          "window", .integer(default: 1024, range: 1...65536),
          "Slots that may be proposed and not yet chosen"),
        OptionDeclaration(
          "queue", .integer(default: 4096, range: 0...1_048_576),
          "Batches that may wait for a place in the window; more are refused"),
        OptionDeclaration(
          "prePrepare", .flag(default: true),
          "A replica asks whether it could win before it raises its ballot, as with Raft's preVote"),
        .electOnDisconnect,
        OptionDeclaration(
          "reads", .choice(default: "quorum", of: ["quorum"]),
          "How linearizable reads are served; there is one way: after a majority has confirmed the "
            + "leader's ballot"),
      ] + SnapshotPolicy.declared + [Bug.option]
    }

    public init(_ values: OptionValues) {
      electionTimeout = values.intervalRange("electionTimeout")
      heartbeat = values.interval("heartbeat")
      retransmission = values.interval("retransmission")
      inFlightBytes = values.integer("inFlightBytes")
      window = values.integer("window")
      queue = values.integer("queue")
      prePrepare = values.flag("prePrepare")
      electOnDisconnect = values.flag("electOnDisconnect")
      snapshots = SnapshotPolicy(values)
      bug = Bug.chosen(in: values)
    }

    public var heedsDisconnects: Bool { electOnDisconnect }
  }

  /// Known mistakes that can be switched on. Each is tested for at the place marked `Bug:`.
  public enum Bug: String, SwitchableBug, CaseIterable {
    case reuseBallot = "reuse-ballot"
    case volatilePromise = "volatile-promise"
    case acceptedBeforeDurable = "accepted-before-durable"
    case acceptBelowPromise = "accept-below-promise"
    case omitExecutedInPromise = "omit-executed-in-promise"
    case adoptLastReceived = "adopt-last-received"
    case countAcrossBallots = "count-across-ballots"
    case countDuplicateAcknowledgements = "count-duplicate-acks"
    case skipHoles = "skip-holes"
    case commitIndexMarksAll = "commit-index-marks-all"
    case readAfterPhase1 = "read-after-phase-1"
    case readWithoutQuorum = "read-without-quorum"
    case forgetfulAcceptor = "forgetful-acceptor"

    public var meaning: String {
      switch self {
      case .reuseBallot: "A proposer forgets its ballot in a restart and uses it a second time"
      case .volatilePromise: "An acceptor answers Prepare without making its promise durable"
      case .acceptedBeforeDurable: "An acceptor says Accepted before the value is durable"
      case .acceptBelowPromise: "An acceptor accepts in a ballot below the one it promised"
      case .omitExecutedInPromise: "An acceptor reports only slots that it has not executed"
      case .adoptLastReceived:
        "A proposer adopts the value reported last, not that of the top ballot"
      case .countAcrossBallots: "Acceptances of an older ballot count in the current one"
      case .countDuplicateAcknowledgements: "Acknowledgements are counted, not the acceptors"
      case .skipHoles: "A leader passes over a slot that is not chosen yet, as if it were a no-op"
      case .commitIndexMarksAll: "A follower takes all it holds up to the commit index for chosen"
      case .readAfterPhase1: "A new leader serves reads before the values it recovered are chosen"
      case .readWithoutQuorum:
        "The leader serves reads without asking whether its ballot still holds"
      case .forgetfulAcceptor: "A replica that has lost its disk promises and counts at once"
      }
    }
  }

  public static let description = ProtocolDescription(
    summary: "Consensus on every slot of a log, with one proposer distinguished by its ballot.",
    source: "Lamport 2001 §3; Chandra et al. 2007 §4-5; van Renesse & Altinbuken 2015 §2-4",
    replicasPerFailure: 2, assumption: ProtocolDescription.noClocks,
    bugs: Bug.listWithSnapshots)
}
