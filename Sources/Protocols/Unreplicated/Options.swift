import Replication

extension UnreplicatedServer {
  public struct Options: ProtocolOptions {
    public let snapshots: SnapshotPolicy
    public let bug: Bug?

    public static let declared: [OptionDeclaration] = SnapshotPolicy.declared + [Bug.option]
    public init(_ values: OptionValues) {
      snapshots = SnapshotPolicy(values)
      bug = Bug.chosen(in: values)
    }
  }

  /// Known mistakes. Each is asked for at one place, marked `Bug:` there.
  public enum Bug: String, SwitchableBug, CaseIterable {
    case replyBeforeSync = "reply-before-sync"

    /// Nobody sends a snapshot to a server without replicas.
    public static var snapshotBugs: [SnapshotBug] { [.forgetEarly, .dropSessions] }

    public var meaning: String { "answers before the update is durable" }
  }

  public static let description = ProtocolDescription(
    summary: "One server without replicas: the baseline", source: "none",
    replicasPerFailure: 0, assumption: "none", bugs: Bug.listWithSnapshots)
}
