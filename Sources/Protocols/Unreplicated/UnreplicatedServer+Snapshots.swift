import Replication

// Snapshots. The server never sends one, because it has no peers.
extension UnreplicatedServer {
  public static var takesSnapshots: Bool { true }

  public static func snapshot(in record: Record) -> SnapshotReference? {
    if case .snapshot(let reference) = record { reference } else { nil }
  }

  public mutating func checkpoint(
    at index: LogIndex, into effects: inout Effects<Self>
  ) -> SnapshotReference {
    let reference = SnapshotReference(index: index, epoch: 1)
    effects.beginCheckpoint()
    effects.persist(.snapshot(reference))
    for batch in log[(index - base)...] { effects.persist(.entry(batch)) }
    return reference
  }

  /// Recovers a checkpoint's first record. The records after it are copies of the entries after
  /// `index`. The entries themselves stay in the log, because a crash may have lost some of the
  /// copies, but not the entries, which were durable before.
  mutating func begin(behind index: LogIndex) {
    if index > lastIndex {
      log = []
      base = index
    }
    nextCopy = index.next
    commitIndex = max(commitIndex, base)
  }

  /// Recovers an entry or a checkpoint's copy of one. A new entry differs from every copy, because
  /// each request is ordered only once.
  mutating func recover(_ batch: Batch) {
    if nextCopy > base, nextCopy <= lastIndex, log[nextCopy - base - 1] == batch {
      nextCopy = nextCopy.next
    } else {
      log.append(batch)
      nextCopy = lastIndex.next
    }
  }

  public mutating func snapshotTaken(forgettingThrough index: LogIndex) {
    assert(index <= commitIndex, "only what is committed leaves the log")
    guard index > base else { return }
    log.removeFirst(index - base)
    base = index
  }

  public mutating func recovered(_ reference: SnapshotReference) {
    commitIndex = max(commitIndex, reference.index)
  }
}
