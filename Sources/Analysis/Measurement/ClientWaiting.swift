import Histories
import Replication
import Trials

extension TrialRecord {
  /// For a closed loop: the share of the clients' time in the measured interval in which they had
  /// been waiting for longer than the SLO's latency. nil without clients or operations.
  ///
  /// A client waits from the moment at which it was ready to ask until it is answered. An operation
  /// that is given up or refused does not end the wait, because the client has still not been
  /// served, however often it tries again and however short its timeout is. Think time after an
  /// answer does not count as waiting.
  func overdueShare(sloLatency: Interval) -> Double? {
    guard clients > 0, measuredEndNs > warmUpEndNs, !operations.isEmpty else { return nil }
    /// When each client began to wait; `.max` if it is not waiting.
    var waitingSince = [Int64](repeating: .max, count: clients)
    var overdue = 0.0
    func end(_ client: Int, at time: Int64) {
      let start = max(waitingSince[client] + sloLatency.nanoseconds, warmUpEndNs)
      overdue += Double(max(0, min(time, measuredEndNs) - start))
    }
    for operation in operations where operation.intended < measuredEndNs {
      let client = Int(operation.client)
      guard client < clients else { continue }
      if waitingSince[client] == .max { waitingSince[client] = operation.intended }
      guard operation.outcome == .ok else { continue }
      end(client, at: operation.returned)
      waitingSince[client] = .max
    }
    for client in waitingSince.indices where waitingSince[client] < .max {
      end(client, at: measuredEndNs)
    }
    return overdue / (Double(measuredEndNs - warmUpEndNs) * Double(clients))
  }
}
