import Replication

// Which members the next view has.
extension FailureDetector {
  /// The view that should follow, with other members or another order, or `nil`.
  ///
  /// A member is removed when it has been silent, or when another one cannot reach it. Before that
  /// happens its last lease must have run out, because it may answer reads until then. A silent
  /// member's has: it is counted from before the silence.
  mutating func nextView(after state: ViewServiceStateMachine) -> View? {
    let view = state.view
    judge(view, after: state)
    let staying = view.members.filter { !mayBeRemoved($0, after: state) }
    let alive = staying.filter { isAlive($0, after: state) }
    // Rather unavailable than empty: without anybody who holds the data nothing changes.
    let eligible = state.eligible.filter { !hasForgotten($0, in: view) }
    guard alive.contains(where: eligible.contains) else { return nil }
    // One that has lost its disk stays until its last lease is over, and then comes back as a
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
      !isAlive(id, after: state) || replica(id)?.isCondemned == true
      || hasForgotten(id, in: state.view)
    return isUnwanted && isLeaseOver(id, after: state)
  }

  /// Decides which members are to go because another one cannot reach them, and grants those no
  /// further lease.
  private mutating func judge(_ view: View, after state: ViewServiceStateMachine) {
    noteCuts(view, after: state)
    var condemned: [ReplicaID] = []
    switch memberLinks {
    case .withFirst: condemned = accusedByFirst(view, after: state)
    case .alongChain: condemned = inTheWay(view, after: state)
    }
    for position in ids.indices {
      replicas[position].isCondemned = condemned.contains(ids[position])
    }
  }

  /// The word of the one in charge counts (PacificA §2.3). If it reaches none of several others, it
  /// is more likely cut off itself.
  private func accusedByFirst(_ view: View, after state: ViewServiceStateMachine) -> [ReplicaID] {
    guard let first = view.members.first else { return [] }
    let accused = accusations(of: first, in: view).filter { isAlive($0, after: state) }
    let others = view.members.dropFirst().filter { isAlive($0, after: state) }
    if accused.count > 1, accused.count == others.count,
      accused.contains(where: state.eligible.contains)
    {
      return [first]
    }
    return accused
  }

  private func accusations(of id: ReplicaID, in view: View) -> [ReplicaID] {
    guard let report = replica(id)?.report, report.view == view.number else { return [] }
    return report.unreachable.filter { view.members.contains($0) && $0 != id }
  }

  /// Remembers who could not reach whom. A pair that is no longer next to each other says nothing
  /// more, so it is tried again only after a while.
  private mutating func noteCuts(_ view: View, after state: ViewServiceStateMachine) {
    guard memberLinks == .alongChain else { return }
    let memory = 32 * silenceLimit(state)
    cuts.removeAll { ticks - $0.tick > memory }
    for id in view.members {
      for other in accusations(of: id, in: view) {
        cuts.removeAll { $0.pair == (id, other) }
        cuts.append(Cut(pair: (id, other), tick: ticks))
      }
    }
  }

  private func areCut(_ a: ReplicaID, _ b: ReplicaID) -> Bool {
    cuts.contains { $0.pair == (a, b) || $0.pair == (b, a) }
  }

  /// In a chain another order may be enough, and loses no replica. If there is none, the last
  /// member without whom there is one has to go.
  private func inTheWay(_ view: View, after state: ViewServiceStateMachine) -> [ReplicaID] {
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
  /// no two that cannot reach each other are neighbours.
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
