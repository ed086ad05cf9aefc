import Replication
import ViewService

extension PrimaryBackupReplica {
  public struct Options: ProtocolOptions {
    /// Bytes of entries on their way to one backup.
    public var inFlightBytes: Int
    /// The least time for which the primary waits for an answer before it asks a backup whether it
    /// lacks entries, and the period in which an idle primary tells the backups the commit index.
    public var resend: Interval
    public var snapshots: SnapshotPolicy
    public var bug: Bug?

    public static var declared: [OptionDeclaration] {
      [
        .inFlightBytes,
        OptionDeclaration(
          "resend",
          .interval(
            default: ResendPace.usualLeast, range: .milliseconds(1)...(.seconds(10))),
          "How long the primary waits for an answer, and at least two round trips, before it asks a "
            + "backup what it lacks"),
      ] + SnapshotPolicy.declared + [Bug.option]
    }

    public init(_ values: OptionValues) {
      inFlightBytes = values.integer("inFlightBytes")
      resend = values.interval("resend")
      snapshots = SnapshotPolicy(values)
      bug = Bug.chosen(in: values)
    }
  }

  /// Known mistakes that can be switched on. Each is tested for at the place marked `Bug:`.
  public enum Bug: String, SwitchableBug {
    case replyBeforeBackups = "reply-before-backups"
    case acceptAnyView = "accept-any-view"
    case continueWithoutBackup = "continue-without-backup"
    case skipSync = "skip-sync"
    case readUnestablished = "read-unestablished"
    case ignoreGaps = "ignore-gaps"

    public var meaning: String {
      switch self {
      case .replyBeforeBackups: "The primary commits what only its own disk holds"
      case .acceptAnyView:
        "A replica takes entries of a view that was replaced, and acknowledges them"
      case .continueWithoutBackup:
        "The primary gives a silent backup up without asking the authority"
      case .skipSync: "A new primary takes it for granted that the backups hold what it holds"
      case .readUnestablished: "A new primary answers reads before it knows what was acknowledged"
      case .ignoreGaps: "A backup appends what it gets, whether or not it fits behind what it has"
      }
    }
  }

  public static let description = ProtocolDescription(
    summary: "A primary forwards updates to all backups before it answers; an authority picks it",
    source: "Alsberg & Day 1976; Lin et al. 2008 (PacificA) §2.1 to §2.3",
    replicasPerFailure: 1, needsAuthority: true, assumption: ProtocolDescription.leases,
    bugs: Bug.listWithSnapshots + ViewServiceBug.list)
}
