import Replication

extension ViewstampedReplica {
  public struct Options: ProtocolOptions {
    /// How long a replica waits for its primary before it wants another view, and for a view change
    /// before it wants the next one; drawn anew each time.
    public var viewChangeTimeout: ClosedRange<Interval>
    public var heartbeat: Interval
    /// How long a message of a view change, a transfer or a recovery may stay unanswered.
    public var retransmission: Interval
    public var stickyPrimary: Bool
    public var electOnDisconnect: Bool
    public var recovery: Recovery
    /// Messages on their way to one backup.
    public var inFlightLimit: Int
    /// Bytes of operations on their way to one backup; a larger one travels alone.
    public var inFlightBytes: Int
    /// Bytes of operations in one message; a larger one travels alone.
    public var messageByteLimit: Int
    public var snapshots: SnapshotPolicy
    public var bug: Bug?

    /// From where a replica that starts again has what it knew.
    public enum Recovery: String, CaseIterable, Sendable {
      /// From its own disk.
      case disk
      /// From the other replicas (§4.3): nothing is synced but that the replica has run before.
      case replicas
    }

    public static var declared: [OptionDeclaration] {
      [
        OptionDeclaration(
          "viewChangeTimeout",
          .intervalRange(
            default: .milliseconds(150)...(.milliseconds(300)),
            range: .milliseconds(1)...(.seconds(600))),
          "How long a replica waits for its primary before it wants the next view",
          awaitsSignOfLife: true),
        OptionDeclaration(
          "heartbeat",
          .interval(default: .milliseconds(50), range: .microseconds(100)...(.seconds(60))),
          "How often an idle primary sends Commit",
          atMost: OptionDeclaration.Bound(of: "viewChangeTimeout", dividedBy: 1, byDefault: 3)),
        OptionDeclaration(
          "retransmission",
          .interval(
            default: ResendPace.usualLeast, range: .milliseconds(1)...(.seconds(60))),
          "Time after which an unanswered message of a view change, a state transfer or a recovery "
            + "is sent again"),
        OptionDeclaration(
          "stickyPrimary", .flag(default: true),
          "A replica leaves its view only with f others, and not while it hears from its primary; "
            + "without this, one StartViewChange draws all replicas along, as in the paper"),
        .electOnDisconnect,
        OptionDeclaration(
          "recovery", .choice(default: "disk", of: Recovery.allCases.map(\.rawValue)),
          "From where a replica that starts again has its state: disk, or replicas (section 4.3), "
            + "which syncs nothing, survives f crashes, and never answers again after more than f "
            + "at once, because nobody then remembers"),
        OptionDeclaration(
          "reads", .choice(default: "quorum", of: ["quorum"]),
          "How linearizable reads are served; there is one way: after a majority has confirmed the "
            + "primary's view"),
        OptionDeclaration(
          "inFlightLimit", .integer(default: 64, range: 1...4096),
          "Messages sent ahead of acknowledgements, per backup"),
        .inFlightBytes,
        OptionDeclaration(
          "messageByteLimit", .integer(default: 1 << 20, range: 1024...(16 << 20)),
          "Bytes of operations in one message; a larger one travels alone"),
      ] + SnapshotPolicy.declared + [Bug.option]
    }

    public init(_ values: OptionValues) {
      viewChangeTimeout = values.intervalRange("viewChangeTimeout")
      heartbeat = values.interval("heartbeat")
      retransmission = values.interval("retransmission")
      stickyPrimary = values.flag("stickyPrimary")
      electOnDisconnect = values.flag("electOnDisconnect")
      recovery = Recovery(rawValue: values.choice("recovery")) ?? .disk
      inFlightLimit = values.integer("inFlightLimit")
      inFlightBytes = values.integer("inFlightBytes")
      messageByteLimit = values.integer("messageByteLimit")
      snapshots = SnapshotPolicy(values)
      bug = Bug.chosen(in: values)
    }

    public var heedsDisconnects: Bool { electOnDisconnect }
  }

  /// Known mistakes. Each is asked for at one place, marked `Bug:` there.
  public enum Bug: String, SwitchableBug, CaseIterable {
    case prepareOKBeforeDurable = "prepare-ok-before-durable"
    case primaryCountsBeforeSync = "primary-counts-before-sync"
    case countAnyView = "count-any-view"
    case countMessages = "count-messages"
    case answerBeforeCommit = "answer-before-commit"
    case longestLogWins = "longest-log-wins"
    case startWithoutQuorum = "start-without-quorum"
    case volatileView = "volatile-view"
    case volatileLastNormal = "volatile-last-normal-view"
    case normalBeforeTransfer = "normal-before-transfer"
    case keepTail = "keep-tail"
    case primaryResumes = "primary-resumes-its-view"
    case readWithoutQuorum = "read-without-quorum"
    case readBeforeViewCommit = "read-before-view-commit"
    case recoverWithoutPrimary = "recover-without-primary"
    case recoverWithoutNonce = "recover-without-nonce"
    case answerWhileRecovering = "answer-while-recovering"
    case countLostLife = "count-lost-life"
    case forgetfulReplica = "forgetful-replica"

    public var meaning: String {
      switch self {
      case .prepareOKBeforeDurable: "Backups say PrepareOK before the operation is on disk"
      case .primaryCountsBeforeSync:
        "The primary counts its own operations before they are on disk"
      case .countAnyView: "The primary counts PrepareOK messages of an earlier view"
      case .countMessages: "A view starts with f + 1 DoViewChange messages, whoever sent them"
      case .answerBeforeCommit: "The primary executes an operation once its own disk has it"
      case .longestLogWins:
        "A new primary takes the longest log, not the one of the latest normal view"
      case .startWithoutQuorum:
        "A new primary starts its view with one DoViewChange fewer than f + 1"
      case .volatileView: "A replica enters a view without making its number durable"
      case .volatileLastNormal: "A replica does not make durable in which view it was last normal"
      case .normalBeforeTransfer:
        "A backup counts as normal in a view before it has the log with which the view started"
      case .keepTail: "A backup keeps operations that the log of the new view does not have"
      case .primaryResumes: "A primary that starts again goes on in the view that it led"
      case .readWithoutQuorum:
        "The primary serves reads without asking whether its view still holds"
      case .readBeforeViewCommit:
        "A new primary serves reads before all that it took over is committed"
      case .recoverWithoutPrimary:
        "A recovering replica does not wait for the primary of the latest view"
      case .recoverWithoutNonce: "A recovering replica takes answers to an earlier recovery"
      case .answerWhileRecovering: "A replica that is recovering itself answers others that are"
      case .countLostLife:
        "A new primary counts what a replica said before it lost its state and recovered"
      case .forgetfulReplica: "A replica that has lost its state takes part at once"
      }
    }
  }

  public static let description = ProtocolDescription(
    summary: "Each view has its primary by its number, which orders all updates; a majority keeps "
      + "them.",
    source: "Liskov & Cowling 2012 §4-5; Oki & Liskov 1988 (viewstamps)",
    replicasPerFailure: 2, assumption: ProtocolDescription.noClocks,
    bugs: Bug.list + SnapshotBug.list)
}
