import Replication
import WireFormat

extension RaftReplica {
  /// AppendEntries of the current term that arrived at a follower before the entries they follow,
  /// in the order of the log. Forgetting any of them is allowed at any time.
  struct HeldBack: Sendable {
    private let countLimit: Int
    private let byteLimit: Int
    private var requests: [AppendEntries] = []
    private var byteCount = 0

    init(countLimit: Int, byteLimit: Int) {
      self.countLimit = countLimit
      self.byteLimit = byteLimit
    }

    /// The last entry before the requests that are held; 0 if none are.
    var gapEnd: LogIndex { requests.first?.prevLogIndex ?? .zero }

    /// Keeps a request, unless it has no entries, is held already or exceeds the limits.
    mutating func hold(_ request: AppendEntries) {
      guard !request.entries.isEmpty, requests.count < countLimit else { return }
      var place = requests.count
      while place > 0, requests[place - 1].prevLogIndex >= request.prevLogIndex { place -= 1 }
      if place < requests.count, requests[place].prevLogIndex == request.prevLogIndex { return }
      let bytes = request.entries.encodedByteCount
      guard byteCount + bytes <= byteLimit || requests.isEmpty else { return }
      byteCount += bytes
      requests.insert(request, at: place)
    }

    /// Removes and returns the first request if a log that ends at `lastIndex` reaches up to it.
    mutating func next(after lastIndex: LogIndex) -> AppendEntries? {
      guard let first = requests.first, first.prevLogIndex <= lastIndex else { return nil }
      requests.removeFirst()
      byteCount -= first.entries.encodedByteCount
      return first
    }

    mutating func removeAll() {
      guard !requests.isEmpty else { return }
      requests.removeAll()
      byteCount = 0
    }
  }
}
