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

  /// The entries of one replica after a base: the start of the log, or an entry that a snapshot
  /// covers. Terms never decrease along the log, so the bounds of a term are found by binary
  /// search.
  struct Log: Sendable {
    private var entries: [Entry] = []
    /// The last entry that has left the log, and its term.
    private(set) var base = LogIndex.zero
    private var baseTerm: Term = 0

    var firstIndex: LogIndex { base.next }
    var lastIndex: LogIndex { base + entries.count }
    var lastTerm: Term { entries.last?.term ?? baseTerm }

    subscript(index: LogIndex) -> Entry { entries[position(of: index)] }

    private func position(of index: LogIndex) -> Int { index - base - 1 }

    /// The term of an entry, 0 before the first entry of the log's history; `nil` where it is not
    /// known.
    func term(at index: LogIndex) -> Term? {
      if index == base { return baseTerm }
      guard index > base, index <= lastIndex else { return nil }
      return entries[position(of: index)].term
    }

    /// How many of the first entries of a list that follows `prevLogIndex` are in the log already.
    func knownCount(of list: [Entry], after prevLogIndex: LogIndex) -> Int {
      var count = 0
      while count < list.count, term(at: prevLogIndex + count + 1) == list[count].term {
        count += 1
      }
      return count
    }

    mutating func append(_ entry: Entry) { entries.append(entry) }
    /// One by one, because most messages hold one or two entries, for which the array's own method
    /// takes four times as long.
    mutating func append(contentsOf more: some Collection<Entry>) {
      for entry in more { entries.append(entry) }
    }

    /// Removes the entry at `index` and all after it.
    mutating func truncate(from index: LogIndex) {
      entries.removeSubrange(position(of: index)...)
    }

    /// Removes the entries up to `index`.
    mutating func forget(through index: LogIndex) {
      guard index > base, let term = term(at: index) else { return }
      entries.removeFirst(index - base)
      base = index
      baseTerm = term
    }

    /// Makes the log begin after an entry that a snapshot covers. The entries after that entry stay
    /// if the log holds it; otherwise the log is replaced as a whole, because its history is
    /// another one.
    mutating func begin(behind reference: SnapshotReference) {
      guard term(at: reference.index) != reference.epoch else { return }
      reset(to: reference)
    }

    mutating func reset(to reference: SnapshotReference) {
      entries = []
      base = reference.index
      baseTerm = reference.epoch
    }

    /// The entries from `first` through `last`, as many as fit into the limit, but at least one,
    /// and their bytes.
    func slice(
      from first: LogIndex, through last: LogIndex, byteLimit: Int
    ) -> (entries: [Entry], byteCount: Int) {
      let start = position(of: first)
      let last = position(of: last) + 1
      var end = start
      var byteCount = 0
      while end < last {
        let next = byteCount + entries[end].encodedByteCount
        if next > byteLimit, end > start { break }
        byteCount = next
        end += 1
      }
      return (Array(entries[start..<end]), byteCount)
    }

    /// The first entry of a term not below `term`; the index after the last entry if all terms are
    /// lower.
    func firstIndex(notBelow term: Term) -> LogIndex {
      var low = 0
      var high = entries.count
      while low < high {
        let middle = (low + high) / 2
        if entries[middle].term < term { low = middle + 1 } else { high = middle }
      }
      return base + low + 1
    }

    /// The last entry of exactly this term, if there is one.
    func lastIndex(of term: Term) -> LogIndex? {
      guard term <= RaftReplica.largestTerm else { return nil }
      let index = firstIndex(notBelow: term + 1).previous
      return index > .zero && self.term(at: index) == term ? index : nil
    }

    /// Whether a log that ends with (`term`, `index`) is at least as up to date as this one
    /// (§5.4.1).
    func isCovered(byLogEndingAt index: LogIndex, _ term: Term) -> Bool {
      (term, index) >= (lastTerm, lastIndex)
    }
  }
}
