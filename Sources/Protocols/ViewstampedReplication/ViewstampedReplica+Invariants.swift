import Replication

extension ViewstampedReplica {
  public func invariantViolation() -> String? {
    if let brokenInvariant { return brokenInvariant }
    if commitNumber > log.lastOp {
      return "commit-number \(commitNumber) is beyond the log, which ends at \(log.lastOp)"
    }
    if lastNormalView > viewNumber {
      return "the last normal view \(lastNormalView) is later than the view \(viewNumber)"
    }
    if log.lastView > viewNumber {
      return "the last operation is of view \(log.lastView), later than the view \(viewNumber)"
    }
    if state == .normal, lastNormalView != viewNumber {
      return "the status is normal in view \(viewNumber), but was last in \(lastNormalView)"
    }
    if (state == .recovering) != (recovery != nil) {
      return "what a recovery gathers is there without one, or the other way round"
    }
    guard let primacy else { return nil }
    if state != .normal || primary(of: viewNumber) != ownSlot {
      return "a replica leads view \(viewNumber), which is not its own"
    }
    if primacy.startOp > log.lastOp { return "a primary has lost what its view started with" }
    for slot in primacy.progress.indices {
      let known = primacy.progress[slot]
      let replica = membership.replicas[slot]
      if known.prepared > log.lastOp {
        return "replica \(replica) is believed to have \(known.prepared), beyond the log"
      }
      if slot != ownSlot, known.next <= known.prepared || known.next > log.lastOp.next {
        return "next operation \(known.next) of replica \(replica) is beside "
          + "\(known.prepared)...\(log.lastOp)"
      }
    }
    return nil
  }

  public var durableState: DurableState {
    var entries: [DurableState.Entry] = []
    var op = log.base
    while op < log.lastOp {
      op = op.next
      entries.append(DurableState.Entry(epoch: log.view(at: op) ?? 0, batch: log[op]))
    }
    return DurableState(
      numbers: [
        "view": viewNumber, "last normal view": lastNormalView,
        "base": UInt64(log.base.rawValue), "base view": log.view(at: log.base) ?? 0,
      ],
      log: entries)
  }
}
