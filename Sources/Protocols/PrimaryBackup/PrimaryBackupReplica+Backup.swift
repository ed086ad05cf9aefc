import Replication
import ViewService

// A backup or a joiner: takes entries from the primary of its view, in order.
extension PrimaryBackupReplica {
  mutating func receiveAppend(
    _ append: Append, from sender: ReplicaID, into effects: inout Effects<Self>
  ) {
    let isCurrent =
      append.view == view.number && view.members.first == sender
      && (role == .backup || role == .joiner)
    // Bug: accept-any-view.
    if !isCurrent, !broken(.acceptAnyView) {
      if append.view < view.number {
        // The sender was replaced, perhaps without knowing it, and must stop.
        effects.send(.outdated(view: view.number), to: sender)
      }
      return
    }
    guard isSensible(append) else { return }
    if append.entries.isEmpty {
      // Early, because it makes no statement about this replica's log.
      effects.sendEarly(.present(view: append.view), to: sender)
    }
    // Bug: ignore-gaps.
    if broken(.ignoreGaps) {
      for entry in append.entries { store(entry, at: log.lastIndex.next, into: &effects) }
      verified = max(verified, append.previous + append.entries.count)
    } else {
      guard log.view(at: append.previous) == append.previousView else {
        effects.send(
          .summary(view: append.view, round: append.round, runs: log.runs), to: sender)
        return
      }
      var index = append.previous
      for entry in append.entries {
        index = index.next
        // The same view at the same index means the same entry, so a repeated entry changes
        // nothing.
        if log.view(at: index) != entry.view { store(entry, at: index, into: &effects) }
      }
      verified = max(verified, index)
    }
    let known = min(append.commitIndex, min(verified, log.lastIndex))
    if known > commitIndex { commit(through: known, into: &effects) }
    effects.send(.appended(view: append.view, index: verified), to: sender)
  }

  private mutating func store(
    _ entry: ViewEntry, at index: LogIndex, into effects: inout Effects<Self>
  ) {
    if index <= commitIndex {
      brokenInvariant =
        brokenInvariant ?? "the committed entry at \(index) was replaced in view \(view.number)"
    }
    log.put(entry, at: index)
    effects.persist(Record(index: index, entry: entry))
  }

  /// Whether the log of this view's primary could hold entries of these views in this order.
  private func isSensible(_ append: Append) -> Bool {
    var latest = append.previousView
    for entry in append.entries {
      guard entry.view >= latest, entry.view <= append.view else { return false }
      latest = entry.view
    }
    return true
  }
}
