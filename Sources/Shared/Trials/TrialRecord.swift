import Faults
import Histories
import Replication
import Workloads

/// The results of one finished trial: plain values, from which every metric, table and verdict is
/// computed. Runtimes do not set the operations; the owner of the load does. Times are nanoseconds
/// of true time since the trial began.
public struct TrialRecord: Sendable, Equatable {
  /// In order of invocation. Operations of the warm-up are included, because the checker needs
  /// them.
  public var operations: [Operation]
  /// The values that the scans among them returned.
  public var scans = ScannedValues()
  /// Small reads and writes in addition to the load, on separate keys, in order of invocation. They
  /// show when the service answered, and do not count for throughput or latency.
  public var probes: [Operation] = []
  /// When the measured interval begins.
  public var warmUpEndNs: Int64
  /// When the measured interval ends. Operations may still return after it.
  public var measuredEndNs: Int64
  public var clients: Int
  /// The time in the measured interval that the clients spent on operations of the load, summed
  /// over the clients and counted by their driver; nil in a record without that count.
  public var busyTime: Interval?
  /// In order of their start.
  public var faults: [InjectedFault]
  /// One row per process that took part, counted over the measured interval.
  public var nodes: [NodeUsage]
  /// The replica in charge and each change of it, in order of time; empty if the runtime cannot
  /// observe it.
  public var leadership: [LeadershipSample]
  /// Violations that the runtime itself detected, such as a disagreement between logs or a broken
  /// invariant of a core.
  public var safetyViolations: [String]
  /// The number of acknowledged writes absent from every later read and from the final state; `nil`
  /// if that state is not known, because the cluster did not come to rest or not every key could be
  /// read back.
  public var lostWrites: Int?
  /// Events that the runtime handled in the whole trial. They measure the runtime's work, not the
  /// protocol's.
  public var eventsProcessed: Int
  /// Whether, after all faults had ended, a replica took charge and all replicas caught up.
  public var hasSettled = true
  /// Every request that is part of the state in which the cluster came to rest; nil if the runtime
  /// cannot inspect replicas.
  public var surviving: SurvivingRequests?
  /// For runtimes that cannot inspect replicas: whether reads of the final state were answered for
  /// all keys.
  public var hasReadBack = false
  /// In virtual time, a digest of all events in their order, which is equal for equal trials.
  public var traceHash: UInt64?
  /// Where the time of traced operations went; `nil` if none were to be traced.
  public var timeTrace: TimeTrace?
  /// Further remarks for the user, one sentence each.
  public var notes: [String] = []

  /// The record of a trial that has not begun.
  public init(of plan: TrialPlan) {
    self.init(
      operations: [], warmUpEndNs: plan.warmUp.nanoseconds,
      measuredEndNs: plan.duration.nanoseconds,
      clients: plan.workload.clients, lostWrites: nil)
  }

  public init(
    operations: [Operation], warmUpEndNs: Int64, measuredEndNs: Int64, clients: Int,
    faults: [InjectedFault] = [], nodes: [NodeUsage] = [], leadership: [LeadershipSample] = [],
    safetyViolations: [String] = [], lostWrites: Int? = 0, eventsProcessed: Int = 0
  ) {
    self.operations = operations
    self.warmUpEndNs = warmUpEndNs
    self.measuredEndNs = measuredEndNs
    self.clients = clients
    self.faults = faults
    self.nodes = nodes
    self.leadership = leadership
    self.safetyViolations = safetyViolations
    self.lostWrites = lostWrites
    self.eventsProcessed = eventsProcessed
  }

  /// - Parameter count: the number of operations of an open loop that no client could begin in
  ///   time.
  public mutating func noteDropped(_ count: Int) {
    guard count > 0 else { return }
    notes.append(
      "\(count) operations were never sent, because all \(clients) clients waited for answers")
  }

  /// Operations and probes together, in order of invocation.
  public var history: [Operation] {
    guard !probes.isEmpty else { return operations }
    var history: [Operation] = []
    history.reserveCapacity(operations.count + probes.count)
    var next = 0
    for operation in operations {
      while next < probes.count, probes[next].invoked < operation.invoked {
        history.append(probes[next])
        next += 1
      }
      history.append(operation)
    }
    return history + probes[next...]
  }
}
