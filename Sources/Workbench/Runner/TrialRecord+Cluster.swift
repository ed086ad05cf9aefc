import Trials
import ClusterControl
import ClusterMessages
import Experiments
import Faults
import Histories
import Measurement
import Replication
import Workloads

extension TrialRecord {
  /// What was seen of a real cluster, in the terms of measurement.
  init(
    stock: ClusterStock, operations: [Operation], experiment: Experiment, membership: Membership
  ) {
    let measuredEnd = experiment.duration.nanoseconds
    let lost = ReadBack.lostWrites(
      operations, readFrom: measuredEnd, isComplete: stock.hasReadBack)
    let violations = stock.violations + ReadBack.violations(lost: lost)
    self.init(
      operations: operations, warmUpEnd: experiment.warmUp.nanoseconds, measuredEnd: measuredEnd,
      clients: experiment.workload.clients,
      faults: stock.faults,
      nodes: stock.counters.enumerated().map { number, node in
        NodeUsage(
          node: number,
          role: membership.authority.contains(ReplicaID(number)) ? .authority : .replica,
          messagesSent: node.messagesSent, messagesReceived: node.messagesReceived,
          bytesSent: node.bytesSent, bytesReceived: node.bytesReceived, syncs: node.syncs,
          bytesWritten: node.bytesWritten, busy: Int64(node.busy),
          logRecords: node.logRecords)
      },
      leadership: stock.leadership,
      safetyViolations: violations, lostWrites: lost, eventsProcessed: operations.count)
  }
}
