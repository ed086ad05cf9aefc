import ClusterMessages
import LoadDriving
import Replication
import Trials

/// Takes the latency of an operation on real processes apart, from the times that the client and
/// the nodes have noted. All are of one clock, because all processes run on one machine.
///
/// The times are put into the order in which they follow each other, and each part is the time from
/// one to the next, so that the parts add up to the latency:
///
///     due, first sent, sent, read by a node, handled, synced, turn of the answer, answer, answered
struct StampedOperation {
  /// - Parameters:
  ///   - origin: the monotonic time of the trial's beginning.
  ///   - stamps: what nodes have noted of the operation, each with the node's number.
  /// - Returns: nil if a stamp is missing, because a node was killed or had too many of them.
  static func breakdown(
    of operation: TracedOperations.Operation, origin: Instant,
    stamps: [(node: Int, stamp: RequestStamp)]
  ) -> OperationBreakdown? {
    let end = origin + (operation.answered - .zero)
    let answers = stamps.filter { $0.stamp.step != .taken && $0.stamp.end <= end }
    guard let answer = answers.max(by: { $0.stamp.end < $1.stamp.end }) else { return nil }
    // Of several attempts the last one counts that was read before the answer was written, at the
    // node that answered if it has read one.
    let taken = stamps.filter { $0.stamp.step == .taken && $0.stamp.begin <= answer.stamp.end }
    let own = taken.filter { $0.node == answer.node }
    guard
      let start = (own.isEmpty ? taken : own).max(by: { $0.stamp.begin < $1.stamp.begin })
    else { return nil }
    let sent = operation.attempts.last { $0 <= start.stamp.begin } ?? operation.attempts.first
    guard let sent, let first = operation.attempts.first else { return nil }

    var parts = [Int64](repeating: 0, count: LatencyPart.allCases.count)
    var reached = origin + (operation.due - .zero)
    func add(_ part: LatencyPart, until time: Instant) {
      let next = min(max(time, reached), end)
      parts[part.index] += (next - reached).nanoseconds
      reached = next
    }
    add(.sending, until: first)
    add(.retry, until: sent)
    add(.clientWire, until: start.stamp.begin)
    add(.processor, until: start.stamp.middle)
    add(.disk, until: start.stamp.end)
    let waitsForItself =
      answer.stamp.step == .answeredAfterSync && answer.node == start.node
    add(waitsForItself ? .disk : .nodeWire, until: answer.stamp.begin)
    add(.processor, until: answer.stamp.end)
    add(.clientWire, until: end)
    var members = [Int64](repeating: 0, count: parts.count)
    members[LatencyPart.nodeWire.index] = parts[LatencyPart.nodeWire.index]
    return OperationBreakdown(
      isRead: operation.isRead, dueNs: operation.due.nanoseconds, partsNs: parts,
      membersNs: members)
  }
}
