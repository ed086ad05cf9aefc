import Replication

/// The resources that one process used in the measured interval.
public struct NodeUsage: Sendable, Equatable {
  public enum Role: String, Sendable, CaseIterable {
    /// Holds a copy of the data.
    case replica
    /// Only decides which replica is in charge (a view service).
    case authority
  }

  public var node: Int
  public var role: Role
  /// Messages between processes, including clients' requests and replies.
  public var messagesSent: Int
  public var messagesReceived: Int
  /// Bytes of these messages, including frames, counted when the process hands them to its
  /// connections. They may leave the interface later (`egress`), or never if a link is cut.
  public var bytesSent: Int
  public var bytesReceived: Int
  public var syncs: Int
  /// Bytes handed to the disk.
  public var bytesWritten: Int
  /// The time in which the processor was busy.
  public var busyNs: Int
  /// Records in the log at the end.
  public var logRecords: Int
  public var snapshots: SnapshotCounts
  /// What the node's interface sent and received; nil if it has no rate, and outside the simulator.
  public var egress: InterfaceUse?
  public var ingress: InterfaceUse?
  /// Requests that were refused because the replica had too much to do.
  public var refused = 0
  /// Requests that were dropped because their clients had stopped waiting.
  public var droppedLate = 0
  /// Connections that were closed because their bytes were not frames of this cluster.
  public var garbage = 0
  /// Messages that were dropped because a peer did not receive them, or not fast enough.
  public var overflowed = 0

  public init(
    node: Int, role: Role = .replica, messagesSent: Int = 0, messagesReceived: Int = 0,
    bytesSent: Int = 0, bytesReceived: Int = 0, syncs: Int = 0, bytesWritten: Int = 0,
    busyNs: Int = 0, logRecords: Int = 0, snapshots: SnapshotCounts = SnapshotCounts()
  ) {
    self.node = node
    self.role = role
    self.messagesSent = messagesSent
    self.messagesReceived = messagesReceived
    self.bytesSent = bytesSent
    self.bytesReceived = bytesReceived
    self.syncs = syncs
    self.bytesWritten = bytesWritten
    self.busyNs = busyNs
    self.logRecords = logRecords
    self.snapshots = snapshots
  }
}

extension NodeUsage {
  /// All counts that begin at 0 when a process starts.
  public static let counts: [any WritableKeyPath<NodeUsage, Int> & Sendable] = [
    \.messagesSent, \.messagesReceived, \.bytesSent, \.bytesReceived, \.syncs, \.bytesWritten,
    \.busyNs, \.logRecords, \.garbage, \.overflowed, \.snapshots.taken, \.snapshots.sent,
    \.snapshots.installed, \.refused, \.droppedLate,
  ]

  /// The difference of each count. Overflow wraps around, because a node's report may contain any
  /// number, and none may stop the runner that adds them up.
  public static func - (a: NodeUsage, b: NodeUsage) -> NodeUsage { a.combined(b, &-) }
  public static func + (a: NodeUsage, b: NodeUsage) -> NodeUsage { a.combined(b, &+) }

  private func combined(_ other: NodeUsage, _ operation: (Int, Int) -> Int) -> NodeUsage {
    var result = self
    for count in NodeUsage.counts {
      result[keyPath: count] = operation(self[keyPath: count], other[keyPath: count])
    }
    return result
  }
}
