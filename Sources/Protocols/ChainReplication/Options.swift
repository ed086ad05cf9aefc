import Replication
import ViewService

extension ChainReplica {
  public struct Options: ProtocolOptions {
    /// The least time for which a replica waits for progress before it asks its neighbour where it
    /// stands.
    public var resend: Interval
    /// The most entries that may be pending at the head; further updates are refused.
    public var window: Int
    /// Bytes of entries on their way to one replica and not acknowledged.
    public var inFlightBytes: Int
    /// The most entries in one message.
    public var page: Int
    public var snapshots: SnapshotPolicy
    public var bug: Bug?

    public static let declared: [OptionDeclaration] =
      [
        OptionDeclaration(
          "reads", .choice(default: "tail", of: ["tail"]),
          "Which replicas answer reads: the tail alone (van Renesse & Schneider 2004 §2)"),
        OptionDeclaration(
          "resend",
          .interval(
            default: ResendPace.usualLeast, range: .milliseconds(1) ... .seconds(10)),
          "How long a replica waits at least for progress before it asks its neighbour where it "
            + "stands; longer if the round trip is"),
        OptionDeclaration(
          "window", .integer(default: 4096, range: 1...65_536),
          "The most batches the head lets travel down the chain at a time"),
        OptionDeclaration(
          "page", .integer(default: 512, range: 1...65_536),
          "The most batches in one message"),
        .inFlightBytes,
      ] + SnapshotPolicy.declared + [Bug.option]

    public init(_ values: OptionValues) {
      resend = values.interval("resend")
      window = values.integer("window")
      inFlightBytes = values.integer("inFlightBytes")
      page = values.integer("page")
      snapshots = SnapshotPolicy(values)
      bug = Bug.chosen(in: values)
    }
  }

  /// Known mistakes that can be switched on. Each is tested for at the place marked `Bug:`.
  public enum Bug: String, SwitchableBug {
    case ackAtHead = "ack-at-head"
    case dropSentOnTailFailure = "drop-sent-on-tail-failure"
    case skipSuffixOnMiddleFailure = "skip-suffix-on-middle-failure"
    case removeSentOnReceipt = "remove-sent-on-receipt"
    case acceptAnyView = "accept-any-view"
    case joinerServesDuringCopy = "joiner-serves-during-copy"
    case serveStaleRole = "serve-stale-role"
    case countUndurable = "count-undurable"
    case keepPlaceBehindRestart = "keep-place-behind-restart"

    public var meaning: String {
      switch self {
      case .ackAtHead: "The head answers an update when only its own disk holds it"
      case .dropSentOnTailFailure: "A new tail forgets what it had sent to the failed one"
      case .skipSuffixOnMiddleFailure:
        "A new successor gets no-ops for what its predecessor had sent"
      case .removeSentOnReceipt:
        "An update leaves Sent when it is handed on, not when the tail has it"
      case .acceptAnyView: "Messages count whatever their view and whoever their sender"
      case .joinerServesDuringCopy: "A joiner answers reads before it holds what the tail holds"
      case .serveStaleRole: "A replica that is not the tail answers reads from what it knows"
      case .countUndurable: "An entry counts as durable as soon as a replica has received it"
      case .keepPlaceBehindRestart:
        "A replica takes itself for in line behind a member that has restarted and forgot entries"
      }
    }
  }

  public static let description = ProtocolDescription(
    summary: "Updates enter at the head and are answered by the tail, which also answers reads",
    source: "van Renesse & Schneider 2004",
    replicasPerFailure: 1, needsAuthority: true, assumption: ProtocolDescription.leases,
    bugs: Bug.listWithSnapshots + ViewServiceBug.list)
}
