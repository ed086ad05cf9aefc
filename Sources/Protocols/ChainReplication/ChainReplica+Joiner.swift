import Replication
import ViewService

// A change of the joiner alone. It concerns the tail and the replicas that are or were the joiner.
// All other members keep their places and their links.
extension ChainReplica {
  public static let memberLinks = MemberLinks.alongChain

  public mutating func changeJoiner(
    to view: View, at now: Instant, into effects: inout Effects<Self>
  ) {
    guard view.number == self.view.number, self.view.precedes(view) else { return }
    self.now = now
    self.view = view
    if view.members.contains(id) {
      guard isTail else { return }
      connect(to: view.joiner)
      if isComplete { hail(into: &effects) }
      return
    }
    place = view.joiner == id ? .joiner : .outside
    predecessor = isJoiner ? view.members.last : nil
    isSynchronised = false
    servesFrom = log.lastIndex
    upstreamStable = nil
    reportedGap = nil
    owesReceipt = false
    asking.restart(at: now)
    if isJoiner { sayWhereItStands(into: &effects) }
  }
}
