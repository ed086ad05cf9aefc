import Experiments
import Histories
import Measurement
import Replication
import Simulation
import Workloads

extension TrialObservation {
  /// What the simulator saw, in the terms of measurement.
  init(stock: TrialStock, operations: [Operation], experiment: Experiment) {
    let window = experiment.window.nanoseconds
    var violations = stock.violations
    if !stock.finalStatesAgree {
      violations.append("replicas that applied the same entries ended in different states")
    }
    let lost = TrialObservation.lostWrites(operations, surviving: stock)
    violations += ReadBack.violations(lost: lost)
    self.init(
      operations: operations, warmUpEnd: experiment.warmUp.nanoseconds,
      measuredEnd: experiment.duration.nanoseconds, clients: experiment.workload.clients,
      faults: stock.faults.map { fault in
        FaultOccurrence(
          kind: fault.kind, target: fault.target,
          node: fault.nodes.map(String.init).joined(separator: "+"),
          startNs: fault.start.nanoseconds, endNs: fault.end?.nanoseconds)
      },
      nodes: stock.nodes.enumerated().map { number, node in
        NodeUsage(
          node: number, role: node.isAuthority ? .authority : .replica,
          messagesSent: node.messagesSent, messagesReceived: node.messagesReceived,
          bytesSent: node.bytesSent, bytesReceived: node.bytesReceived, fsyncs: node.syncs,
          bytesWritten: node.bytesWritten, cpuBusyNs: node.busy.nanoseconds,
          logEntries: node.logRecords)
      },
      leadership: stock.leadership.enumerated().map { index, sample in
        LeadershipSample(
          windowStart: Int64(index) * window, leader: sample.leader, epoch: sample.epoch)
      },
      safetyViolations: violations,
      lostWrites: lost,
      eventsProcessed: stock.eventCount)
  }

  /// Acknowledged updates that are not part of the state in which the cluster came to rest. A
  /// compare-and-swap that did not swap changed nothing and cannot be lost. A cluster that did not come
  /// to rest has no final state yet, and nothing can be said to be missing from it.
  private static func lostWrites(_ operations: [Operation], surviving stock: TrialStock) -> Int? {
    guard stock.hasSettled else { return nil }
    return operations.count { operation in
      guard operation.outcome == .ok, operation.kind != .get else { return false }
      if operation.kind == .compareAndSwap, !operation.swapped { return false }
      let id = RequestID(
        client: ClientID(UInt64(operation.client)), sequence: operation.sequence)
      return !stock.surviving.contains(id)
    }
  }
}
