import Replication

/// What the authority's leader knows of the replicas beyond what was agreed on: whom it heard when,
/// and what they said. It starts empty with every leadership, and decides which view comes next.
///
/// Time is counted in ticks of the leader's own timer, never read from a clock: clocks jump, timers
/// of different nodes only drift, and by a bounded factor.
struct Supervision: Sendable {
  struct Replica: Sendable {
    /// Ticks since the last ping, or since leadership began.
    var silentTicks = 0
    var hasPinged = false
    var incarnation: UInt64 = 0
    var sequence: UInt64 = 0
    var report = Report(view: 0)
  }

  private(set) var replicas: [Replica]
  private var ticks = 0
  private let ids: [ReplicaID]
  /// How many ticks make sure that `failureTimeout` has passed. The first one may come at once.
  private let silenceLimit: Int

  init(replicas ids: [ReplicaID], silenceLimit: Int) {
    self.ids = ids
    self.silenceLimit = silenceLimit
    replicas = Array(repeating: Replica(), count: ids.count)
  }

  mutating func tick() {
    ticks += 1
    for position in replicas.indices { replicas[position].silentTicks += 1 }
  }

  /// Takes note of a ping; stale and repeated ones say nothing.
  mutating func heard(_ ping: Ping, from id: ReplicaID) {
    guard let position = ids.firstIndex(of: id) else { return }
    let known = replicas[position]
    guard (ping.incarnation, ping.sequence) > (known.incarnation, known.sequence) else { return }
    if replicas.allSatisfy({ $0.silentTicks >= silenceLimit }) {
      // The first sign of life after a total outage: the others get as long to come back.
      for position in replicas.indices { replicas[position].silentTicks = 0 }
    }
    replicas[position] = Replica(
      silentTicks: 0, hasPinged: true, incarnation: ping.incarnation, sequence: ping.sequence,
      report: ping.report)
  }

  /// What should be agreed on next, if anything.
  func nextCommand(after state: ViewServiceStateMachine) -> ViewServiceStateMachine.Command? {
    if state.view.number == 0 { return firstView().map { .propose($0) } }
    if let first = state.view.members.first, let said = replica(first)?.report,
      said.view == state.view.number, said.isEstablished, !state.isEstablished
    {
      return .markEstablished(state.view.number)
    }
    return nextView(after: state).map { .propose($0) }
  }

  /// All replicas, or after a while those that answer. Nobody holds data yet, so all are equal.
  private func firstView() -> View? {
    let present = ids.filter { replica($0)?.hasPinged == true && isAlive($0) }
    let isComplete = present.count == ids.count
    guard isComplete || ticks >= silenceLimit, !present.isEmpty else { return nil }
    return View(
      number: 1, members: present, incarnations: incarnations(present, joiner: nil, after: .none))
  }

  private func nextView(after state: ViewServiceStateMachine) -> View? {
    let view = state.view
    let alive = view.members.filter(isAlive)
    // Rather unavailable than empty: without anybody who holds the data nothing changes.
    guard alive.contains(where: state.eligible.contains) else { return nil }
    var members = alive.filter { !hasRestarted($0, in: view) }
    members += alive.filter { hasRestarted($0, in: view) }
    if let first = members.firstIndex(where: state.eligible.contains), first > 0 {
      members.insert(members.remove(at: first), at: 0)
    }
    var joiner = view.joiner.flatMap { isAlive($0) ? $0 : nil }
    if state.isEstablished, let candidate = joiner, alive.contains(where: { hasFed($0, in: view) })
    {
      members.append(candidate)
      joiner = nil
    } else if state.isEstablished, joiner == nil {
      joiner = ids.first { isPresent($0) && !view.members.contains($0) }
    }
    let restarts =
      members.contains { hasRestarted($0, in: view) }
      || joiner.map { $0 == view.joiner && hasRestarted($0, in: view) } == true
    guard members != view.members || joiner != view.joiner || restarts else { return nil }
    return View(
      number: view.number + 1, members: members, joiner: joiner,
      incarnations: incarnations(members, joiner: joiner, after: view))
  }

  private func replica(_ id: ReplicaID) -> Replica? {
    ids.firstIndex(of: id).map { replicas[$0] }
  }

  /// The newest incarnations known: a leader that has not heard a member yet knows that of the
  /// view.
  private func incarnations(
    _ members: [ReplicaID], joiner: ReplicaID?, after view: View
  ) -> [UInt64] {
    (members + (joiner.map { [$0] } ?? [])).map { id in
      max(replica(id)?.incarnation ?? 0, view.incarnation(of: id) ?? 0)
    }
  }

  private func isAlive(_ id: ReplicaID) -> Bool {
    replica(id).map { $0.silentTicks < silenceLimit } ?? false
  }

  private func isPresent(_ id: ReplicaID) -> Bool {
    isAlive(id) && replica(id)?.hasPinged == true
  }

  /// The view names an earlier incarnation of the replica. The replica may have forgotten what it
  /// said, so that it can only go on in a later view.
  private func hasRestarted(_ id: ReplicaID, in view: View) -> Bool {
    guard let replica = replica(id), let named = view.incarnation(of: id) else { return false }
    return replica.incarnation > named
  }

  private func hasFed(_ id: ReplicaID, in view: View) -> Bool {
    guard let replica = replica(id) else { return false }
    return replica.report.view == view.number && replica.report.joinerHasCaughtUp
  }
}
