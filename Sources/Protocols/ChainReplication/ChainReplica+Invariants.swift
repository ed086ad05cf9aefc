import Replication
import ViewService

extension ChainReplica {
  /// Checks the part of §3's invariants that one replica can see. That one history is a prefix of
  /// another can be checked only from outside.
  public func invariantViolation() -> String? {
    if let brokenInvariant { return brokenInvariant }
    let last = log.lastIndex
    if commitIndex > last {
      return "\(id) has committed \(commitIndex), behind its last entry \(last)"
    }
    if durable > last { return "\(id) counts \(durable) as durable, behind its last entry \(last)" }
    if let acknowledged, acknowledged > durable {
      return "\(id) has on disk \(durable), and \(acknowledged) was acknowledged in this view"
    }
    if let acknowledged, acknowledged > commitIndex {
      return "\(id) passed on an acknowledgement of \(acknowledged) but committed \(commitIndex)"
    }
    if view.number > 0, log.lastView > view.number {
      return "\(id) in view \(view.number) holds an entry of view \(log.lastView)"
    }
    if last > log.firstIndex, let before = log.view(at: last.previous), before > log.lastView {
      return "\(id) holds an entry of view \(before) before one of view \(log.lastView)"
    }
    if successor != nil, link.isOpen {
      if link.nextIndex > last.next || link.matchIndex > last {
        return "\(id) counts on entries behind its log at \(link.to)"
      }
      if !isComplete { return "\(id) feeds \(link.to) and is not complete itself" }
    }
    if isHead != (view.members.first == id) { return "\(id) is not where the view puts it" }
    if isHead, predecessor != nil { return "\(id) is the head and has a predecessor" }
    if servesReads, !isTail { return "\(id) answers reads and is not the tail" }
    return nil
  }
}

extension ChainReplica {
  public var durableState: DurableState { log.durableState }
}
