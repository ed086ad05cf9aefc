import Replication
import WireFormat

/// The last operation of one view in a log: that view, and the operation's number.
///
/// Within a view one primary numbers all operations. So two logs that both have an operation of the
/// same view under the same number are the same up to there.
public struct Viewstamp: Equatable, Sendable {
  public var view: ViewstampedReplica.View
  public var op: LogIndex
}

extension ViewstampedReplica {
  /// The operations of one replica behind a base: the start of the log, or an operation that a
  /// snapshot covers. Views never decrease along the log, so they are kept as the runs that they
  /// form.
  struct Log: Sendable {
    private struct Run: Sendable {
      var view: View
      var first: LogIndex
    }

    /// Messages tell no more of a log than its newest views. Where two logs part before those, they
    /// are compared from what is committed on.
    static let historyLimit = 256

    private var batches: [Batch] = []
    private var runs: [Run] = []
    /// The last operation that has left the log, and its view.
    private(set) var base = LogIndex.zero
    private var baseView: View = 0

    var firstOp: LogIndex { base.next }
    var lastOp: LogIndex { base + batches.count }
    var lastView: View { runs.last?.view ?? baseView }

    subscript(op: LogIndex) -> Batch { batches[op - base - 1] }

    /// The view in which an operation was numbered; `nil` where the log does not know it.
    func view(at op: LogIndex) -> View? {
      guard op >= base, op <= lastOp else { return nil }
      return runs.last { $0.first <= op }?.view ?? baseView
    }

    mutating func append(_ batch: Batch, in view: View) {
      begin(view)
      batches.append(batch)
    }

    mutating func append(contentsOf more: some Collection<Batch>, in view: View) {
      guard !more.isEmpty else { return }
      begin(view)
      // One by one, because most messages hold one or two batches, for which the array's own method
      // takes four times as long.
      for batch in more { batches.append(batch) }
    }

    private mutating func begin(_ view: View) {
      if runs.last?.view != view { runs.append(Run(view: view, first: lastOp.next)) }
    }

    /// Removes everything behind `op`.
    mutating func truncate(after op: LogIndex) {
      guard op < lastOp else { return }
      batches.removeSubrange((op - base)...)
      while let last = runs.last, last.first > op { runs.removeLast() }
    }

    /// Removes the operations up to `op`.
    mutating func forget(through op: LogIndex) {
      guard op > base, let view = view(at: op) else { return }
      batches.removeFirst(op - base)
      base = op
      baseView = view
      while runs.count > 1, runs[1].first <= op.next { runs.removeFirst() }
      if let first = runs.first, first.first <= op { runs[0].first = op.next }
      if batches.isEmpty { runs = [] }
    }

    /// Begins behind an operation that a snapshot covers. What follows it stays if the log has it;
    /// otherwise the whole log is another one and goes.
    mutating func begin(behind reference: SnapshotReference) {
      guard view(at: reference.index) != reference.epoch else { return }
      reset(to: reference)
    }

    mutating func reset(to reference: SnapshotReference) {
      batches = []
      runs = []
      base = reference.index
      baseView = reference.epoch
    }

    /// The operations behind `op` up to `last`, all of one view: as many as fit into the limit, but
    /// at least one.
    func page(
      after op: LogIndex, through last: LogIndex, byteLimit: Int
    ) -> (view: View, batches: [Batch], byteCount: Int) {
      let view = view(at: op.next) ?? 0
      let runEnd = runs.first { $0.first > op.next }?.first.previous ?? lastOp
      let start = op - base
      let limit = min(last, runEnd) - base
      var end = start
      var byteCount = 0
      while end < limit {
        let next = byteCount + batches[end].encodedByteCount
        if next > byteLimit, end > start { break }
        byteCount = next
        end += 1
      }
      return (view, Array(batches[start..<end]), byteCount)
    }

    /// The last operation of each view, in ascending order, the newest views only.
    var history: [Viewstamp] {
      var stamps: [Viewstamp] = []
      if base > .zero, runs.first?.view != baseView {
        stamps.append(Viewstamp(view: baseView, op: base))
      }
      for position in runs.indices {
        let end = position + 1 < runs.count ? runs[position + 1].first.previous : lastOp
        stamps.append(Viewstamp(view: runs[position].view, op: end))
      }
      return stamps.suffix(Log.historyLimit)
    }

    /// How far this log is the same as another one of which the history is known. Both have what is
    /// committed here.
    func commonPrefix(with history: [Viewstamp], committed: LogIndex) -> LogIndex {
      var common = committed
      for own in self.history {
        guard let other = history.last(where: { $0.view == own.view }) else { continue }
        common = max(common, min(own.op, other.op))
      }
      return common
    }
  }
}
