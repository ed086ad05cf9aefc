import Replication
import WireFormat

/// One entry of a log under an authority: a batch and the view it was proposed in.
public struct ViewEntry: Equatable, Sendable {
  public var view: UInt64
  public var batch: Batch

  public init(view: UInt64, batch: Batch) {
    self.view = view
    self.batch = batch
  }
}

/// A stretch of a log that was proposed in one view, named by its last index. All of them in order
/// sum up a log in as many words as it saw views.
public struct ViewRun: Equatable, Sendable {
  public var view: UInt64
  public var last: LogIndex

  public init(view: UInt64, last: LogIndex) {
    self.view = view
    self.last = last
  }
}

/// The log of a replica that follows the views of an authority.
///
/// A view has one proposer, and a replica appends an entry only behind the entry that the proposer
/// had before it. So two logs that have an entry of the same view at the same index are equal up to
/// there, and the views of a log never descend. `commonPrefix` rests on both.
public struct ViewLog: Sendable {
  private var entries: [ViewEntry] = []
  /// For each entry the bytes of all entries up to it, and of those that have left the log.
  private var byteEnds: [Int] = []
  private var baseByteCount = 0
  /// The last entry that has left the log, because a snapshot covers it, and its view.
  public private(set) var base = LogIndex.zero
  private var baseView: UInt64 = 0
  /// Ascending in view and in index; the last one ends at `lastIndex`.
  public private(set) var runs: [ViewRun] = []

  public init() {}

  /// One message or record carries at most this many bytes of entries, unless one entry is larger.
  public static var pageByteLimit: Int { 1 << 20 }

  public var firstIndex: LogIndex { base.next }
  public var lastIndex: LogIndex { base + entries.count }
  /// The view of the last entry; 0 if the log is empty.
  public var lastView: UInt64 { runs.last?.view ?? 0 }

  public subscript(index: LogIndex) -> ViewEntry { entries[index - base - 1] }

  public func contains(_ index: LogIndex) -> Bool { index > base && index <= lastIndex }

  /// The view of the entry at `index`: 0 before the first entry, `nil` where it is not known.
  public func view(at index: LogIndex) -> UInt64? {
    if index == base { return baseView }
    return contains(index) ? entries[index - base - 1].view : nil
  }

  public mutating func append(_ entry: ViewEntry) {
    entries.append(entry)
    byteEnds.append((byteEnds.last ?? baseByteCount) + entry.encodedByteCount)
    if let last = runs.indices.last, runs[last].view == entry.view {
      runs[last].last = lastIndex
    } else {
      runs.append(ViewRun(view: entry.view, last: lastIndex))
    }
  }

  /// Drops the entry at `index` and all behind it.
  public mutating func truncate(from index: LogIndex) {
    guard contains(index) else { return }
    entries.removeSubrange((index - base - 1)...)
    byteEnds.removeSubrange((index - base - 1)...)
    while let run = runs.last, run.last >= index {
      runs.removeLast()
      let earlier = runs.last?.last ?? .zero
      if earlier < index.previous { runs.append(ViewRun(view: run.view, last: index.previous)) }
    }
  }

  /// Puts an entry at an index at or below the end: what stood there and behind it is gone. This is
  /// how one record both appends and truncates. An index beyond the end is ignored.
  public mutating func put(_ entry: ViewEntry, at index: LogIndex) {
    guard index > base, index <= lastIndex.next else { return }
    truncate(from: index)
    append(entry)
  }

  /// Drops the entries up to `index`. Of the runs one is kept that says their last view.
  public mutating func forget(through index: LogIndex) {
    guard contains(index), let view = view(at: index) else { return }
    let count = index - base
    baseByteCount = byteEnds[count - 1]
    entries.removeFirst(count)
    byteEnds.removeFirst(count)
    base = index
    baseView = view
    runs.removeAll { $0.last < index }
  }

  /// Begins behind an entry that a snapshot covers. What follows that entry stays if the log has
  /// it; otherwise the log is another one and goes.
  public mutating func begin(behind reference: SnapshotReference) {
    guard view(at: reference.index) != reference.epoch else { return }
    reset(to: reference)
  }

  public mutating func reset(to reference: SnapshotReference) {
    entries = []
    byteEnds = []
    baseByteCount = 0
    base = reference.index
    baseView = reference.epoch
    runs = reference.index > .zero ? [ViewRun(view: baseView, last: base)] : []
  }

  /// The last index up to which this log is known to equal the one that `other` sums up. If that
  /// lies before the base, the other log lacks entries that have left this one.
  public func commonPrefix(with other: [ViewRun]) -> LogIndex {
    var mine = runs.count - 1
    var theirs = other.count - 1
    while mine >= 0, theirs >= 0 {
      if runs[mine].view == other[theirs].view {
        return min(runs[mine].last, other[theirs].last)
      }
      if runs[mine].view > other[theirs].view { mine -= 1 } else { theirs -= 1 }
    }
    return .zero
  }

  /// The bytes of the entries behind `start` up to `end`, as they travel.
  public func byteCount(after start: LogIndex, through end: LogIndex) -> Int {
    bytes(through: end) - bytes(through: min(start, end))
  }

  private func bytes(through index: LogIndex) -> Int {
    let count = min(index - base, entries.count)
    return count > 0 ? byteEnds[count - 1] : baseByteCount
  }

  /// The last entry up to `last` that fits into `byteLimit` together with those from `first` on, or
  /// `first` itself if it is too large. An index before `first` if the log ends there.
  public func pageEnd(from first: LogIndex, through last: LogIndex, byteLimit: Int) -> LogIndex {
    let end = min(last, lastIndex)
    guard first < end, byteCount(after: first.previous, through: end) > byteLimit else {
      return max(end, first.previous)
    }
    var stop = first
    while byteCount(after: first.previous, through: stop.next) <= byteLimit { stop = stop.next }
    return stop
  }

  /// The entries from `first` to `last`, both included.
  public func entries(from first: LogIndex, through last: LogIndex) -> [ViewEntry] {
    let start = max(first, firstIndex)
    let end = min(last, lastIndex)
    guard start <= end else { return [] }
    return Array(entries[(start - base - 1)..<(end - base)])
  }

  /// The entries from `first` to `last`, fewer if they exceed `byteLimit`, but at least one if
  /// there is one.
  public func page(
    from first: LogIndex, through last: LogIndex, byteLimit: Int = ViewLog.pageByteLimit
  ) -> [ViewEntry] {
    let start = max(first, firstIndex)
    return entries(from: start, through: pageEnd(from: start, through: last, byteLimit: byteLimit))
  }
}

extension ViewEntry: WireCodable {
  public var encodedByteCount: Int { 8 + batch.encodedByteCount }

  public func encode(into writer: inout WireWriter) {
    writer.write(view)
    batch.encode(into: &writer)
  }

  public init(from reader: inout WireReader) throws(WireError) {
    view = try reader.read(UInt64.self)
    batch = try Batch(from: &reader)
  }
}

extension ViewRun: WireCodable {
  public var encodedByteCount: Int { 16 }

  public func encode(into writer: inout WireWriter) {
    writer.write(view)
    last.encode(into: &writer)
  }

  public init(from reader: inout WireReader) throws(WireError) {
    view = try reader.read(UInt64.self)
    last = try LogIndex(from: &reader)
  }
}

extension ViewLog {
  public var durableState: DurableState {
    DurableState(
      numbers: ["base": UInt64(base.rawValue), "base view": baseView],
      log: entries.map { DurableState.Entry(epoch: $0.view, batch: $0.batch) })
  }
}
