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

/// Consecutive entries of a log that were proposed in one view, named by their last index. The runs
/// of a log in order summarise it: there is one run per view in which it grew.
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
/// A view has one proposer, and a replica appends an entry only after the entry that precedes it at
/// the proposer. So two logs that have an entry of the same view at the same index are equal up to
/// that index, and the views in a log never descend. `commonPrefix` relies on both.
public struct ViewLog: Sendable {
  private var entries: [ViewEntry] = []
  /// For each entry, the bytes of all entries up to it, including the entries that have left the
  /// log.
  private var byteEnds: [Int] = []
  private var baseByteCount = 0
  /// The last entry that has left the log, because a snapshot covers it, and its view.
  public private(set) var base = LogIndex.zero
  private var baseView: UInt64 = 0
  /// The runs, ascending in view and in index. The last one ends at `lastIndex`.
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

  /// The view of the entry at `index`. It is 0 before the first entry, and `nil` if the entry has
  /// left the log or does not exist.
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

  /// Drops the entry at `index` and all after it.
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

  /// Puts an entry at an index and drops all entries that stood there and after it. So one record
  /// both truncates and appends. An index that would leave a gap at the end is ignored.
  public mutating func put(_ entry: ViewEntry, at index: LogIndex) {
    guard index > base, index <= lastIndex.next else { return }
    truncate(from: index)
    append(entry)
  }

  /// Recovers an entry from a record. A checkpoint repeats entries, and a crash may have lost the
  /// end of the checkpoint. So what follows a repeated entry stays.
  public mutating func recover(_ entry: ViewEntry, at index: LogIndex) {
    if view(at: index) != entry.view { put(entry, at: index) }
  }

  /// Drops the entries up to `index`. The run that contains `index` is kept, because it tells the
  /// view of that entry.
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

  /// Makes the log begin after an entry that a snapshot covers. If the log contains that entry, it
  /// stays as it is. Otherwise the log has another history and is dropped.
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

  /// The last index up to which this log is known to equal the log with the runs `other`. If it
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

  /// The encoded bytes of the entries after `start` up to `end`.
  public func byteCount(after start: LogIndex, through end: LogIndex) -> Int {
    bytes(through: end) - bytes(through: min(start, end))
  }

  private func bytes(through index: LogIndex) -> Int {
    let count = min(index - base, entries.count)
    return count > 0 ? byteEnds[count - 1] : baseByteCount
  }

  /// The last index, at most `last`, for which the entries from `first` fit into `byteLimit`, or
  /// `first` if that entry alone is larger. If the log ends before `first`, it is the index before.
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
    // Most messages hold one entry, and copying a slice takes three times as long.
    if start == end { return [self[start]] }
    return Array(entries[(start - base - 1)..<(end - base)])
  }

  /// The entries from `first` to `last`, or as many of them as fit into `byteLimit`, but at least
  /// one if there is one.
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
