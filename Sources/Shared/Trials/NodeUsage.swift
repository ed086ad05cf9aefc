/// What one process used in the measured interval.
public struct NodeUsage: Sendable, Equatable {
  public enum Role: String, Sendable, CaseIterable {
    /// Holds a copy of the data.
    case replica
    /// Only decides who is in charge (a view service).
    case authority
  }

  public var node: Int
  public var role: Role
  /// Messages between processes, clients' requests and replies included.
  public var messagesSent: Int
  public var messagesReceived: Int
  /// Bytes of those messages, frames included.
  public var bytesSent: Int
  public var bytesReceived: Int
  public var syncs: Int
  /// Bytes handed to the disk.
  public var bytesWritten: Int
  /// Nanoseconds in which the processor was busy.
  public var busy: Int64
  /// Records in the log at the end.
  public var logRecords: Int
  /// Snapshots taken or installed.
  public var snapshots: Int

  public init(
    node: Int, role: Role = .replica, messagesSent: Int = 0, messagesReceived: Int = 0,
    bytesSent: Int = 0, bytesReceived: Int = 0, syncs: Int = 0, bytesWritten: Int = 0,
    busy: Int64 = 0, logRecords: Int = 0, snapshots: Int = 0
  ) {
    self.node = node
    self.role = role
    self.messagesSent = messagesSent
    self.messagesReceived = messagesReceived
    self.bytesSent = bytesSent
    self.bytesReceived = bytesReceived
    self.syncs = syncs
    self.bytesWritten = bytesWritten
    self.busy = busy
    self.logRecords = logRecords
    self.snapshots = snapshots
  }
}
