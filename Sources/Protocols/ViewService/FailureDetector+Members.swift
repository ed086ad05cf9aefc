import Replication

// The choice of the members of the next view, and of their order.
extension FailureDetector {
  /// The view that should follow, with other members or another order, or `nil`.
  ///
  /// A member is removed when it has been silent, or when another member cannot reach it. Before
  /// that its last lease must have run out, because until then the member may answer reads. The
  /// lease of a silent member has, because it counts from a ping that was sent before the silence.
  mutating func nextView(after state: ViewServiceStateMachine) -> View? {
    let view = state.view
    decideRemovals(view, after: state)
    let staying = view.members.filter { !mayBeRemoved($0, after: state) }
    let alive = staying.filter { isAlive($0, after: state) }
    // Nothing changes unless a member that holds the data is alive, because the service should
    // rather be unavailable than come back without its data.
    let eligible = state.eligible.filter { !hasForgotten($0, in: view) }
    guard alive.contains(where: eligible.contains) else { return nil }
    // A member that has lost its disk stays until its last lease is over. Later it comes back as a
    // joiner.
    guard !staying.contains(where: { hasForgotten($0, in: view) }) else { return nil }
    var members = staying.filter { !hasRestarted($0, in: view) }
    members += staying.filter { hasRestarted($0, in: view) }
    if let first = members.firstIndex(where: eligible.contains), first > 0 {
      members.insert(members.remove(at: first), at: 0)
    }
    var joiner = view.joiner
    if let candidate = joiner, mayBecomeMember(candidate, after: state) {
      members.append(candidate)
      joiner = nil
    }
    if memberLinks == .alongChain, let order = order(members, eligible: eligible) {
      members = order
    }
    let isRestart = members.contains { hasRestarted($0, in: view) }
    guard members != view.members || isRestart else { return nil }
    return View(
      number: view.number + 1, members: members, joiner: joiner,
      incarnations: incarnations(members, joiner: joiner, after: view))
  }

  private func mayBeRemoved(_ id: ReplicaID, after state: ViewServiceStateMachine) -> Bool {
    let isUnwanted =
      !isAlive(id, after: state) || replica(id)?.mustLeave == true
      || hasForgotten(id, in: state.view)
    return isUnwanted && isLeaseOver(id, after: state)
  }

  /// Decides which members have to go because another member cannot reach them. They are granted no
  /// further lease.
  private mutating func decideRemovals(_ view: View, after state: ViewServiceStateMachine) {
    noteCuts(view, after: state)
    var leaving: [ReplicaID] = []
    switch memberLinks {
    case .withFirst: leaving = removalsByFirst(view, after: state)
    case .alongChain: leaving = chainRemovals(view, after: state)
    }
    for position in ids.indices {
      replicas[position].mustLeave = leaving.contains(ids[position])
    }
  }

  /// The members that the member in charge cannot reach (PacificA §2.3). If it reaches none of
  /// several others, it is more likely cut off itself, and has to go instead of them.
  private func removalsByFirst(_ view: View, after state: ViewServiceStateMachine) -> [ReplicaID] {
    guard let first = view.members.first else { return [] }
    let cutOff = unreachable(from: first, in: view).filter { isAlive($0, after: state) }
    let others = view.members.dropFirst().filter { isAlive($0, after: state) }
    if cutOff.count > 1, cutOff.count == others.count,
      cutOff.contains(where: state.eligible.contains)
    {
      return [first]
    }
    return cutOff
  }

  private func unreachable(from id: ReplicaID, in view: View) -> [ReplicaID] {
    guard let report = replica(id)?.report, report.view == view.number else { return [] }
    return report.unreachable.filter { view.members.contains($0) && $0 != id }
  }

  /// Remembers which members could not reach each other, for 32 silence limits. Two members that
  /// are no longer neighbours do not report on each other, so they become neighbours again only
  /// after that time.
  private mutating func noteCuts(_ view: View, after state: ViewServiceStateMachine) {
    guard memberLinks == .alongChain else { return }
    let memory = 32 * silenceLimit(state)
    cuts.removeAll { ticks - $0.tick > memory }
    for id in view.members {
      for other in unreachable(from: id, in: view) {
        cuts.removeAll { $0.pair == (id, other) }
        cuts.append(Cut(pair: (id, other), tick: ticks))
      }
    }
  }

  private func areCut(_ a: ReplicaID, _ b: ReplicaID) -> Bool {
    cuts.contains { $0.pair == (a, b) || $0.pair == (b, a) }
  }

  /// The member that has to go because the chain cannot be ordered around its broken links. Often
  /// another order is enough, which loses no replica. If there is none, the last member has to go
  /// without which an order exists.
  private func chainRemovals(_ view: View, after state: ViewServiceStateMachine) -> [ReplicaID] {
    let alive = view.members.filter { isAlive($0, after: state) }
    guard order(alive, eligible: state.eligible) == nil else { return [] }
    for id in alive.reversed() {
      let rest = alive.filter { $0 != id }
      if rest.contains(where: state.eligible.contains),
        order(rest, eligible: state.eligible) != nil
      {
        return [id]
      }
    }
    return []
  }

  /// The first order, as near as possible to the given one, in which an eligible member leads and
  /// no neighbours are unable to reach each other.
  private func order(_ members: [ReplicaID], eligible: [ReplicaID]) -> [ReplicaID]? {
    var order: [ReplicaID] = []
    var rest = members
    return extend(&order, by: &rest, eligible: eligible) ? order : nil
  }

  private func extend(
    _ order: inout [ReplicaID], by rest: inout [ReplicaID], eligible: [ReplicaID]
  ) -> Bool {
    if rest.isEmpty { return true }
    for position in rest.indices {
      let next = rest[position]
      let fits = order.last.map { !areCut($0, next) } ?? eligible.contains(next)
      guard fits else { continue }
      order.append(rest.remove(at: position))
      if extend(&order, by: &rest, eligible: eligible) { return true }
      rest.insert(order.removeLast(), at: position)
    }
    return false
  }
}
