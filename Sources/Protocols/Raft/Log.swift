import Replication
import WireFormat

extension RaftReplica {
  /// One position of the log: a batch, and the term of the leader that put it there.
  public struct Entry: Equatable, Sendable {
    public var term: Term
    public var batch: Batch

    public init(term: Term, batch: Batch) {
      self.term = term
      self.batch = batch
    }
  }

  /// The entries of one replica, counted from 1. Terms never decrease along the log, so that the
  /// bounds of a term are found by halving.
  struct Log: Sendable {
    private var entries: [Entry] = []

    var lastIndex: LogIndex { LogIndex(entries.count) }
    var lastTerm: Term { entries.last?.term ?? 0 }

    subscript(index: LogIndex) -> Entry { entries[index.rawValue - 1] }

    /// The term of an entry, 0 before the first one; `nil` where there is none.
    func term(at index: LogIndex) -> Term? {
      if index == .zero { return 0 }
      guard index.rawValue > 0, index <= lastIndex else { return nil }
      return entries[index.rawValue - 1].term
    }

    mutating func append(_ entry: Entry) { entries.append(entry) }
    mutating func append(contentsOf more: [Entry]) { entries.append(contentsOf: more) }

    /// Removes the entry at `index` and all behind it.
    mutating func truncate(from index: LogIndex) {
      entries.removeSubrange((index.rawValue - 1)...)
    }

    /// The entries from `first` through `last`, as many as fit into the limit, but at least one,
    /// and their bytes.
    func slice(
      from first: LogIndex, through last: LogIndex, byteLimit: Int
    ) -> (entries: [Entry], byteCount: Int) {
      let start = first.rawValue - 1
      var end = start
      var byteCount = 0
      while end < last.rawValue {
        let next = byteCount + entries[end].encodedByteCount
        if next > byteLimit, end > start { break }
        byteCount = next
        end += 1
      }
      return (Array(entries[start..<end]), byteCount)
    }

    /// The first entry of a term not below `term`; one behind the log if all terms are lower.
    func firstIndex(notBelow term: Term) -> LogIndex {
      var low = 0
      var high = entries.count
      while low < high {
        let middle = (low + high) / 2
        if entries[middle].term < term { low = middle + 1 } else { high = middle }
      }
      return LogIndex(low + 1)
    }

    /// The last entry of exactly this term, if there is one.
    func lastIndex(of term: Term) -> LogIndex? {
      guard term <= RaftReplica.largestTerm else { return nil }
      let index = firstIndex(notBelow: term + 1).previous
      return index > .zero && self[index].term == term ? index : nil
    }

    /// Whether a log that ends with (`term`, `index`) is at least as up to date as this one
    /// (§5.4.1).
    func isCovered(byLogEndingAt index: LogIndex, _ term: Term) -> Bool {
      (term, index) >= (lastTerm, lastIndex)
    }
  }
}
