import Replication

/// One update as the head numbered it, with the view in which the head did so.
///
/// Two logs that hold an entry of the same view at the same index are equal up to there: a view has one
/// head, the head gives an index out once, and an entry is appended only behind the entry it was
/// numbered behind (the argument of log matching, Ongaro & Ousterhout 2014 §5.3).
public struct ChainEntry: Equatable, Sendable {
  public var view: UInt64
  public var batch: Batch

  public init(view: UInt64, batch: Batch) {
    self.view = view
    self.batch = batch
  }
}

/// Where the entries of one view end in a log.
public struct ViewRun: Equatable, Sendable {
  public var view: UInt64
  public var last: LogIndex

  public init(view: UInt64, last: LogIndex) {
    self.view = view
    self.last = last
  }
}

/// A replica's history: everything it holds, committed or not, from index 1.
struct ChainLog: Sendable {
  private var entries: [ChainEntry] = []
  /// Ascending in view and index; the last one ends at `lastIndex`.
  private var runs: [ViewRun] = []

  var firstIndex: LogIndex { LogIndex(1) }
  var lastIndex: LogIndex { LogIndex(entries.count) }
  /// The view of the last entry; 0 for an empty log.
  var lastView: UInt64 { runs.last?.view ?? 0 }

  /// The view of an entry; 0 at index 0, `nil` outside the log.
  func view(at index: LogIndex) -> UInt64? {
    if index == .zero { return 0 }
    guard index >= firstIndex, index <= lastIndex else { return nil }
    return entries[index.rawValue - 1].view
  }

  func batch(at index: LogIndex) -> Batch { entries[index.rawValue - 1].batch }

  mutating func append(_ entry: ChainEntry) {
    entries.append(entry)
    noteRun(of: entry.view)
  }

  mutating func append(_ new: [ChainEntry]) {
    for entry in new { append(entry) }
  }

  private mutating func noteRun(of view: UInt64) {
    if let end = runs.indices.last, runs[end].view == view {
      runs[end].last = lastIndex
    } else {
      runs.append(ViewRun(view: view, last: lastIndex))
    }
  }

  /// Forgets everything behind `index`.
  mutating func truncate(to index: LogIndex) {
    guard index < lastIndex else { return }
    entries.removeLast(lastIndex - index)
    while let run = runs.last, run.last > index {
      runs.removeLast()
      if (runs.last?.last ?? .zero) < index {
        runs.append(ViewRun(view: run.view, last: index))
        break
      }
    }
  }

  /// Entries from `first` on: at most `count`, and no more once they exceed `byteCount`, but at least
  /// one if there is one.
  func page(from first: LogIndex, count: Int, byteCount: Int) -> [ChainEntry] {
    guard first >= firstIndex, first <= lastIndex else { return [] }
    let start = first.rawValue - 1
    var end = start
    var bytes = 0
    while end < entries.count, end - start < count, bytes <= byteCount {
      bytes += entries[end].encodedByteCount
      end += 1
    }
    return Array(entries[start..<end])
  }

  /// The newest runs that reach beyond `index`, at most `limit` of them.
  func runs(beyond index: LogIndex, limit: Int) -> [ViewRun] {
    var start = runs.count
    while start > 0, runs[start - 1].last > index, runs.count - start < limit { start -= 1 }
    return Array(runs[start...])
  }

  /// The last index up to which this log and another one are known to be equal, given the newest runs
  /// of the other one. They are equal up to `floor` at least.
  func commonPrefix(with others: [ViewRun], floor: LogIndex) -> LogIndex {
    var own = runs.count - 1
    for other in others.reversed() {
      while own >= 0, runs[own].view > other.view { own -= 1 }
      guard own >= 0 else { break }
      guard runs[own].view == other.view else { continue }
      let shared = min(runs[own].last, other.last)
      let start = own > 0 ? runs[own - 1].last : .zero
      if shared > start { return max(shared, min(floor, lastIndex)) }
    }
    return min(floor, lastIndex)
  }
}
