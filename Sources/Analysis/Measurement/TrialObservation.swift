import Histories

/// Everything a runtime saw in one finished trial: plain values, from which every metric, table and
/// verdict is computed. Times are nanoseconds of true time since the trial began.
public struct TrialObservation: Sendable, Equatable {
  /// In order of invocation. Operations of the warm-up belong here too: the checker needs them.
  public var operations: [Operation]
  /// When the measured interval begins.
  public var warmUpEnd: Int64
  /// When the measured interval ends. Operations may still return after it.
  public var measuredEnd: Int64
  public var clients: Int
  /// In order of their start.
  public var faults: [FaultOccurrence]
  /// One row per process that took part, counted over the measured interval.
  public var nodes: [NodeUsage]
  /// Who was in charge, one per window, in order of time; empty if the runtime cannot tell.
  public var leadership: [LeadershipSample]
  /// Broken promises that the runtime saw for itself: disagreement between logs, a core's invariant.
  public var safetyViolations: [String]
  /// Acknowledged writes absent from every later read and from the final state; `nil` where that state is
  /// not known, because the cluster did not come to rest or not everything could be read back.
  public var lostWrites: Int?
  /// Events the runtime handled in the whole trial; a measure of its own work, not of the protocol's.
  public var eventsProcessed: Int

  public init(
    operations: [Operation], warmUpEnd: Int64, measuredEnd: Int64, clients: Int,
    faults: [FaultOccurrence] = [], nodes: [NodeUsage] = [], leadership: [LeadershipSample] = [],
    safetyViolations: [String] = [], lostWrites: Int? = 0, eventsProcessed: Int = 0
  ) {
    self.operations = operations
    self.warmUpEnd = warmUpEnd
    self.measuredEnd = measuredEnd
    self.clients = clients
    self.faults = faults
    self.nodes = nodes
    self.leadership = leadership
    self.safetyViolations = safetyViolations
    self.lostWrites = lostWrites
    self.eventsProcessed = eventsProcessed
  }
}

/// One fault that was injected.
public struct FaultOccurrence: Sendable, Equatable {
  /// The fault's name in the experiment format, such as `crash`.
  public var kind: String
  /// The target as the experiment wrote it, such as `leader`.
  public var target: String
  /// The node or nodes it was resolved to: `2`, or `0+2`.
  public var node: String
  /// When it was to start: the same in all trials of an experiment, unless chance drew it.
  public var plannedNs: Int64
  public var startNs: Int64
  /// When it was healed; nil if it lasts to the end of the trial.
  public var endNs: Int64?

  /// - Parameter plannedNs: nil: it started as planned.
  public init(
    kind: String, target: String, node: String, plannedNs: Int64? = nil, startNs: Int64,
    endNs: Int64? = nil
  ) {
    self.kind = kind
    self.target = target
    self.node = node
    self.plannedNs = plannedNs ?? startNs
    self.startNs = startNs
    self.endNs = endNs
  }
}

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
  public var fsyncs: Int
  /// Bytes handed to the disk.
  public var bytesWritten: Int
  public var cpuBusyNs: Int64
  /// Entries in the log at the end of the measured interval.
  public var logEntries: Int
  /// Snapshots taken or installed.
  public var snapshots: Int

  public init(
    node: Int, role: Role = .replica, messagesSent: Int = 0, messagesReceived: Int = 0,
    bytesSent: Int = 0, bytesReceived: Int = 0, fsyncs: Int = 0, bytesWritten: Int = 0,
    cpuBusyNs: Int64 = 0, logEntries: Int = 0, snapshots: Int = 0
  ) {
    self.node = node
    self.role = role
    self.messagesSent = messagesSent
    self.messagesReceived = messagesReceived
    self.bytesSent = bytesSent
    self.bytesReceived = bytesReceived
    self.fsyncs = fsyncs
    self.bytesWritten = bytesWritten
    self.cpuBusyNs = cpuBusyNs
    self.logEntries = logEntries
    self.snapshots = snapshots
  }
}

/// Who was in charge at the start of a window.
public struct LeadershipSample: Sendable, Equatable {
  /// Nanoseconds since the trial began.
  public var windowStart: Int64
  /// nil if nobody was, or nobody that the runtime knew of.
  public var leader: Int?
  /// The term, ballot or view that the leader leads.
  public var epoch: UInt64

  public init(windowStart: Int64, leader: Int?, epoch: UInt64) {
    self.windowStart = windowStart
    self.leader = leader
    self.epoch = epoch
  }
}
