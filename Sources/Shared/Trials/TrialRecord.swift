import Faults
import Histories
import Replication
import Workloads

/// Everything that was seen of one finished trial: plain values, from which every metric, table and
/// verdict is computed. Runtimes leave the operations to those who know the load. Times are
/// nanoseconds of true time since the trial began.
public struct TrialRecord: Sendable, Equatable {
  /// In order of invocation. Operations of the warm-up belong here too: the checker needs them.
  public var operations: [Operation]
  /// Small reads and writes asked beside the load, on keys of their own, in order of invocation.
  /// They tell when the service answered, and count in no throughput and no latency.
  public var probes: [Operation] = []
  /// When the measured interval begins.
  public var warmUpEnd: Int64
  /// When the measured interval ends. Operations may still return after it.
  public var measuredEnd: Int64
  public var clients: Int
  /// In order of their start.
  public var faults: [InjectedFault]
  /// One row per process that took part, counted over the measured interval.
  public var nodes: [NodeUsage]
  /// Who was in charge, and each change of that, in order of time; empty if the runtime cannot
  /// tell.
  public var leadership: [LeadershipSample]
  /// Broken promises that the runtime saw for itself: disagreement between logs, a core's
  /// invariant.
  public var safetyViolations: [String]
  /// Acknowledged writes absent from every later read and from the final state; `nil` where that
  /// state is not known, because the cluster did not come to rest or not everything could be read
  /// back.
  public var lostWrites: Int?
  /// Events the runtime handled in the whole trial; a measure of its own work, not of the
  /// protocol's.
  public var eventsProcessed: Int
  /// After all faults had ended, a replica took charge and all caught up.
  public var hasSettled = true
  /// Every request that is part of the state in which the cluster came to rest, where the runtime
  /// can look into replicas.
  public var surviving: SurvivingRequests?
  /// Where it cannot: reads of the final state were answered for all keys.
  public var hasReadBack = false
  /// In virtual time, a digest of everything that happened, in order: equal for equal trials.
  public var traceHash: UInt64?
  /// What the user should know besides, a sentence each.
  public var notes: [String] = []

  /// A record of a trial in which nothing has happened yet.
  public init(of plan: TrialPlan) {
    self.init(
      operations: [], warmUpEnd: plan.warmUp.nanoseconds, measuredEnd: plan.duration.nanoseconds,
      clients: plan.workload.clients, lostWrites: nil)
  }

  public init(
    operations: [Operation], warmUpEnd: Int64, measuredEnd: Int64, clients: Int,
    faults: [InjectedFault] = [], nodes: [NodeUsage] = [], leadership: [LeadershipSample] = [],
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

  /// - Parameter count: operations of an open loop that no client could begin in time.
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
