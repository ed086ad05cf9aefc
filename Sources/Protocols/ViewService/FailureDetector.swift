import Replication

/// What the authority's leader knows of the replicas beyond what was agreed on: whom it heard when,
/// what they said, and what it granted them. It starts empty with every leadership, and decides
/// which view comes next.
///
/// Time is counted in ticks of the leader's own timer, never read from a clock, because timers of
/// different nodes drift only by a bounded factor.
///
/// A replica is alive if it is heard and hears. The second is known from its pings, which name the
/// newest ping whose answer it heard. One that sends but does not hear would otherwise be removed
/// and taken back again and again.
struct FailureDetector: Sendable {
  struct Replica: Sendable {
    /// When it was last heard, or leadership began.
    var heardTick = 0
    var hasPinged = false
    /// It has heard an answer of this leader.
    var hasEchoed = false
    /// Answers that it is not known to have heard, oldest first.
    var answers: [(sequence: UInt64, tick: Int)] = []
    /// When the last ping was heard whose answer granted a lease. What an earlier leader granted
    /// was for pings that were sent before this one began to lead.
    var grantedTick = 0
    /// It is to be removed although it is alive, so it gets no lease any more.
    var isCondemned = false
    var incarnation: UInt64 = 0
    /// It has lost its disk, and has not become a member since.
    var isBlank = false
    var sequence: UInt64 = 0
    var report = Report(view: 0)
    var answerTime = Interval.zero

    /// How often it has lately failed as a joiner, or as a member soon after it had become one.
    var failures = 0
    /// It may not become joiner before this tick.
    var blockedUntil = 0
    /// When it became a member, as far as this leader saw it.
    var memberSince: Int?
  }

  /// How the joiner gets on.
  struct JoinerWatch: Sendable {
    let id: ReplicaID
    let since: Int
    var progress: UInt64 = 0
    var progressTick: Int
  }

  /// Two members that could not reach each other.
  struct Cut: Sendable {
    let pair: (ReplicaID, ReplicaID)
    var tick: Int
  }

  var replicas: [Replica]
  var ticks = 0
  let ids: [ReplicaID]
  let ping: Interval
  let failureTimeout: Interval
  let memberLinks: MemberLinks
  var joinerWatch: JoinerWatch?
  var cuts: [Cut] = []
  /// Since when leases are granted for less time than the authority waits.
  var shorteningSince: Int?

  init(
    replicas ids: [ReplicaID], ping: Interval, failureTimeout: Interval, memberLinks: MemberLinks
  ) {
    self.ids = ids
    self.ping = ping
    self.failureTimeout = failureTimeout
    self.memberLinks = memberLinks
    replicas = Array(repeating: Replica(), count: ids.count)
  }

  mutating func tick() { ticks += 1 }

  /// How many ticks make sure that the authority's patience is over. The first one may come at
  /// once.
  func silenceLimit(_ state: ViewServiceStateMachine) -> Int {
    let patience = max(state.patience, failureTimeout)
    return Int((patience.nanoseconds + ping.nanoseconds - 1) / ping.nanoseconds) + 1
  }

  /// Takes note of a ping; stale and repeated ones say nothing.
  mutating func heard(
    _ ping: Ping, from id: ReplicaID, after state: ViewServiceStateMachine
  ) {
    guard let position = ids.firstIndex(of: id) else { return }
    let known = replicas[position]
    // The replacement of a lost disk is numbered by the time in milliseconds, until the year 2527.
    guard ping.incarnation <= max(known.incarnation + longestEpochJump, 1 << 44) else { return }
    guard (ping.incarnation, ping.sequence) > (known.incarnation, known.sequence) else { return }
    let limit = silenceLimit(state)
    if replicas.allSatisfy({ ticks - $0.heardTick >= limit }) {
      // The first sign of life after a total outage: the others get as long to come back.
      for position in replicas.indices {
        replicas[position].heardTick = ticks
        replicas[position].answers = []
      }
    }
    if ping.incarnation > known.incarnation { replicas[position].answers = [] }
    if let newest = known.answers.last(where: { $0.sequence <= ping.answered }) {
      replicas[position].hasEchoed = true
      replicas[position].answers.removeAll { $0.sequence <= newest.sequence }
    }
    replicas[position].heardTick = ticks
    replicas[position].hasPinged = true
    replicas[position].incarnation = ping.incarnation
    replicas[position].isBlank = ping.isBlank
    replicas[position].sequence = ping.sequence
    replicas[position].report = ping.report
    replicas[position].answerTime = ping.answerTime
  }

  /// Takes note of an answer that leaves now, to a ping that was heard at `heardTick`, and says for
  /// how long it grants a lease: not at all to a replica that is no member, is to be removed, or
  /// may not hear it.
  mutating func grant(
    _ ping: Ping, heardAt heardTick: Int, to id: ReplicaID, after state: ViewServiceStateMachine
  ) -> Interval {
    guard let position = ids.firstIndex(of: id) else { return .zero }
    let isHearing = echoAge(position) <= echoAllowance(position)
    // The oldest one says since when the replica may be deaf.
    if replicas[position].answers.count < 64 {
      replicas[position].answers.append((ping.sequence, ticks))
    }
    guard isHearing, !replicas[position].isCondemned, state.view.members.contains(id),
      !hasForgotten(id, in: state.view)
    else {
      return .zero
    }
    replicas[position].grantedTick = max(replicas[position].grantedTick, heardTick)
    return max(state.granted, failureTimeout)
  }

  /// What should be agreed on next, if anything.
  mutating func nextCommand(
    after state: ViewServiceStateMachine
  ) -> ViewServiceStateMachine.Command? {
    if state.view.number == 0 { return firstView(after: state).map { .propose($0) } }
    if let command = nextLease(after: state) { return command }
    if let first = state.view.members.first, let said = replica(first)?.report,
      said.view == state.view.number, said.isEstablished, !state.isEstablished
    {
      return .markEstablished(state.view.number)
    }
    if let view = nextView(after: state) { return .propose(view) }
    return nextJoiner(after: state)
  }

  /// All replicas, or after a while those that answer. Nobody holds data yet, so all are equal.
  private func firstView(after state: ViewServiceStateMachine) -> View? {
    let present = ids.filter { replica($0)?.hasPinged == true && isAlive($0, after: state) }
    let isComplete = present.count == ids.count
    guard isComplete || ticks >= silenceLimit(state), !present.isEmpty else { return nil }
    return View(
      number: 1, members: present, incarnations: incarnations(present, joiner: nil, after: .none))
  }

  /// Takes note of a view that was agreed on.
  mutating func observe(_ state: ViewServiceStateMachine, after previous: View) {
    let view = state.view
    for position in ids.indices {
      let wasMember = previous.members.contains(ids[position])
      let isMember = view.members.contains(ids[position])
      if isMember, !wasMember, previous.number > 0 { replicas[position].memberSince = ticks }
      if !isMember {
        replicas[position].isCondemned = false
        if wasMember { noteRemoval(position, limit: silenceLimit(state)) }
      }
    }
    if view.joiner == nil { joinerWatch = nil }
  }

  func replica(_ id: ReplicaID) -> Replica? {
    ids.firstIndex(of: id).map { replicas[$0] }
  }

  /// Since how many ticks the replica may have heard nothing.
  private func echoAge(_ position: Int) -> Int {
    replicas[position].answers.first.map { ticks - $0.tick } ?? 0
  }

  /// How old the oldest answer may be that a healthy replica has not confirmed: its confirmation
  /// comes with its next ping.
  private func echoAllowance(_ position: Int) -> Int {
    3 + Int(replicas[position].answerTime.nanoseconds / ping.nanoseconds)
  }

  func isAlive(_ id: ReplicaID, after state: ViewServiceStateMachine) -> Bool {
    guard let position = ids.firstIndex(of: id) else { return false }
    let limit = silenceLimit(state)
    return ticks - replicas[position].heardTick < limit
      && echoAge(position) < limit + echoAllowance(position)
  }

  /// Every lease that the replica was ever granted has run out.
  func isLeaseOver(_ id: ReplicaID, after state: ViewServiceStateMachine) -> Bool {
    replica(id).map { ticks - $0.grantedTick >= silenceLimit(state) } ?? true
  }

  /// The view names an earlier incarnation of the replica. The replica may have forgotten what it
  /// said, so that it can only go on in a later view.
  func hasRestarted(_ id: ReplicaID, in view: View) -> Bool {
    guard let replica = replica(id), let named = view.incarnation(of: id) else { return false }
    return replica.incarnation > named
  }

  /// It has restarted, and on an empty disk: it holds nothing of what a member must hold.
  func hasForgotten(_ id: ReplicaID, in view: View) -> Bool {
    hasRestarted(id, in: view) && replica(id)?.isBlank == true
  }

  /// The newest incarnations known: a leader that has not heard a member yet knows that of the
  /// view.
  func incarnations(_ members: [ReplicaID], joiner: ReplicaID?, after view: View) -> [UInt64] {
    (members + (joiner.map { [$0] } ?? [])).map { id in
      max(replica(id)?.incarnation ?? 0, view.incarnation(of: id) ?? 0)
    }
  }
}
