import ClusterControl
import ClusterMessages
import Experiments
import Faults
import Histories
import Measurement
import Replication
import Workloads

extension TrialObservation {
  /// What was seen of a real cluster, in the terms of measurement.
  init(
    stock: ClusterStock, operations: [Operation], experiment: Experiment, membership: Membership
  ) {
    let window = experiment.window.nanoseconds
    let measuredEnd = experiment.duration.nanoseconds
    let lost = ReadBack.lostWrites(
      operations, readFrom: measuredEnd, isComplete: stock.hasReadBack)
    let violations = stock.violations + ReadBack.violations(lost: lost)
    self.init(
      operations: operations, warmUpEnd: experiment.warmUp.nanoseconds, measuredEnd: measuredEnd,
      clients: experiment.workload.clients,
      faults: stock.faults.map { fault in
        FaultOccurrence(
          kind: fault.kind, target: fault.target,
          node: fault.nodes.map(String.init).joined(separator: "+"), plannedNs: fault.planned,
          startNs: fault.start, endNs: fault.end)
      },
      nodes: stock.counters.enumerated().map { number, node in
        NodeUsage(
          node: number,
          role: membership.authority.contains(ReplicaID(number)) ? .authority : .replica,
          messagesSent: node.messagesSent, messagesReceived: node.messagesReceived,
          bytesSent: node.bytesSent, bytesReceived: node.bytesReceived, fsyncs: node.syncs,
          bytesWritten: node.bytesWritten, cpuBusyNs: Int64(node.busy),
          logEntries: node.logRecords)
      },
      leadership: stock.leadership.enumerated().map { index, sample in
        LeadershipSample(
          windowStart: Int64(index) * window, leader: sample.leader, epoch: sample.epoch)
      },
      safetyViolations: violations, lostWrites: lost, eventsProcessed: operations.count)
  }
}

/// What the reads after a trial say of the writes in it.
enum ReadBack {
  /// How lost writes are told.
  static func violations(lost: Int?) -> [String] {
    guard let lost, lost > 0 else { return [] }
    return ["\(lost) acknowledged writes are missing from the final state"]
  }

  /// The same where perhaps not every key was read: then none is not zero, but unknown.
  static func lostWrites(
    _ operations: [Operation], readFrom end: Int64, isComplete: Bool
  ) -> Int? {
    let lost = lostWrites(operations, readFrom: end)
    return isComplete || lost > 0 ? lost : nil
  }

  /// Acknowledged puts that were certainly not overwritten and are not there: those that began after the
  /// write that is there had been acknowledged, or all of a key that is empty and was never deleted. Keys
  /// that were appended to are left to the checker, which sees all of this too but does not count it.
  static func lostWrites(_ operations: [Operation], readFrom end: Int64) -> Int {
    var found: [UInt32: ValueDigest] = [:]
    for operation in operations
    where operation.intended >= end && operation.kind == .get && operation.outcome == .ok {
      found[operation.key] = operation.observed
    }
    /// When the write that is there was acknowledged; later than everything if that is not known.
    var since: [UInt32: Int64] = [:]
    var uncountable: Set<UInt32> = []
    for operation in operations where operation.intended < end && operation.outcome != .failed {
      switch operation.kind {
      case .get: break
      case .append: uncountable.insert(operation.key)
      case .delete:
        if found[operation.key] == .absent { uncountable.insert(operation.key) }
      case .put, .compareAndSwap:
        if operation.argument == found[operation.key] {
          since[operation.key] = operation.outcome == .ok ? operation.returned : .max
        }
      }
    }
    return operations.count { operation in
      guard operation.intended < end, operation.outcome == .ok, operation.kind == .put,
        let value = found[operation.key], !uncountable.contains(operation.key)
      else { return false }
      if value == .absent { return true }
      return since[operation.key].map { operation.invoked > $0 } ?? false
    }
  }
}
