import Replication

/// Watches the replicas for the authority's leader, and decides which view comes next. It knows
/// when each replica was last heard, its last report, and the leases it was granted. The authority
/// does not agree on any of this, so it starts empty with every leadership.
///
/// Time is counted in ticks of the leader's own timer, never read from a clock, because timers of
/// different nodes drift only by a bounded factor.
///
/// A replica is alive if the leader hears it and it hears the leader. The leader knows the second
/// from the replica's pings, which name the newest ping whose answer arrived. Without that, a
/// replica that sends but does not hear would be removed and taken back again and again.
struct FailureDetector: Sendable {
  struct Replica: Sendable {
    /// The tick at which the replica was last heard; 0, the begin of the leadership, before that.
    var heardTick = 0
    /// The tick up to which the replica may be silent, because it has announced that.
    var silentUntilTick = 0
    var hasPinged = false
    /// Whether the replica has heard an answer of this leader.
    var hasEchoed = false
    /// The answers that the replica is not known to have heard, oldest first.
    var answers: [(sequence: UInt64, tick: Int)] = []
    /// The tick of the last ping whose answer granted a lease. 0 covers the leases of an earlier
    /// leader, because their pings were sent before this leadership began.
    var grantedTick = 0
    /// Whether the replica has to go although it is alive. It is granted no further lease.
    var mustLeave = false
    var incarnation: UInt64 = 0
    /// Whether the replica has lost its disk and has not become a member since.
    var isBlank = false
    var sequence: UInt64 = 0
    var report = Report(view: 0)
    var answerTime = Interval.zero

    /// How often the replica has lately failed as a joiner, or soon after it became a member.
    var failures = 0
    /// The tick before which the replica may not become joiner.
    var blockedUntil = 0
    /// The tick at which the replica became a member, if this leader saw it.
    var memberSince: Int?
  }

  /// The joiner's progress.
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
  /// Whether anything that may call for a command has happened since there was none.
  private var hasNews = true
  /// The tick since which leases are granted for less time than the authority waits.
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

  mutating func tick() {
    ticks += 1
    hasNews = true
  }

  /// The number of ticks after which the authority's patience is over for certain. It includes one
  /// more tick, because the first one may come at once.
  func silenceLimit(_ state: ViewServiceStateMachine) -> Int {
    let patience = max(state.patience, failureTimeout)
    return Int((patience.nanoseconds + ping.nanoseconds - 1) / ping.nanoseconds) + 1
  }

  /// Notes a ping. Stale and repeated pings are ignored.
  mutating func heard(
    _ ping: Ping, from id: ReplicaID, after state: ViewServiceStateMachine
  ) {
    guard let position = ids.firstIndex(of: id) else { return }
    hasNews = true
    let known = replicas[position]
    // A replica on a new disk takes the generation of that disk as its incarnation.
    guard isPossibleGeneration(ping.incarnation, after: known.incarnation) else { return }
    let newest = ping.incarnation == known.incarnation ? known.sequence : 0
    guard ping.sequence <= newest + longestEpochJump else { return }
    guard (ping.incarnation, ping.sequence) > (known.incarnation, known.sequence) else { return }
    let limit = silenceLimit(state)
    if replicas.allSatisfy({ ticks - $0.heardTick >= limit }) {
      // This is the first sign of life after an outage of all replicas. The others get a whole
      // silence limit to come back.
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

  /// Notes that a replica may be silent for a while, although it is alive. Its leases do not become
  /// longer by that.
  mutating func expectSilence(of id: ReplicaID, for pause: Interval) {
    guard let position = ids.firstIndex(of: id) else { return }
    let count = Int((pause.nanoseconds + ping.nanoseconds - 1) / ping.nanoseconds)
    replicas[position].silentUntilTick = max(replicas[position].silentUntilTick, ticks + count)
  }

  /// Notes an answer that leaves now to a ping that was heard at `heardTick`.
  /// - Returns: how long a lease the answer grants. It is zero for a replica that is not a member,
  ///   has to go, may not hear the answer, or has lost its disk.
  mutating func grant(
    _ ping: Ping, heardAt heardTick: Int, to id: ReplicaID, after state: ViewServiceStateMachine
  ) -> Interval {
    guard let position = ids.firstIndex(of: id) else { return .zero }
    let isHearing = echoAge(position) <= echoAllowance(position)
    // Dropping new answers is harmless, because the oldest one tells how long the replica may have
    // heard nothing.
    if replicas[position].answers.count < 64 {
      replicas[position].answers.append((ping.sequence, ticks))
    }
    guard isHearing, !replicas[position].mustLeave, state.view.members.contains(id),
      !hasForgotten(id, in: state.view)
    else {
      return .zero
    }
    replicas[position].grantedTick = max(replicas[position].grantedTick, heardTick)
    return max(state.granted, failureTimeout)
  }

  /// The same as `nextCommand`, for a leader that asks after every event. Most events change
  /// nothing that the command depends on, and choosing a view takes as long as twenty events. An
  /// answer that this node sends to a ping does not count as a change, because no replica counts as
  /// dead and no lease ends by it.
  mutating func newCommand(
    after state: ViewServiceStateMachine
  ) -> ViewServiceStateMachine.Command? {
    guard hasNews else { return nil }
    let command = nextCommand(after: state)
    hasNews = command != nil
    return command
  }

  /// The command that the authority should agree on next, if any.
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

  /// The first view. It has all replicas, or after one silence limit those that ping. Any of them
  /// may be in charge, because no replica holds data yet.
  private func firstView(after state: ViewServiceStateMachine) -> View? {
    let present = ids.filter { replica($0)?.hasPinged == true && isAlive($0, after: state) }
    let isComplete = present.count == ids.count
    guard isComplete || ticks >= silenceLimit(state), !present.isEmpty else { return nil }
    return View(
      number: 1, members: present, incarnations: incarnations(present, joiner: nil, after: .none))
  }

  /// Notes a view that the authority has agreed on.
  mutating func observe(_ state: ViewServiceStateMachine, after previous: View) {
    hasNews = true
    let view = state.view
    for position in ids.indices {
      let wasMember = previous.members.contains(ids[position])
      let isMember = view.members.contains(ids[position])
      if isMember, !wasMember, previous.number > 0 { replicas[position].memberSince = ticks }
      if !isMember {
        replicas[position].mustLeave = false
        if wasMember { noteRemoval(position, limit: silenceLimit(state)) }
      }
    }
    if view.joiner == nil { joinerWatch = nil }
  }

  func replica(_ id: ReplicaID) -> Replica? {
    ids.firstIndex(of: id).map { replicas[$0] }
  }

  /// For how many ticks the replica may have heard nothing.
  private func echoAge(_ position: Int) -> Int {
    replicas[position].answers.first.map { ticks - $0.tick } ?? 0
  }

  /// How many ticks old an unconfirmed answer to a healthy replica may be. The replica confirms an
  /// answer with its next ping.
  private func echoAllowance(_ position: Int) -> Int {
    3 + Int(replicas[position].answerTime.nanoseconds / ping.nanoseconds)
  }

  func isAlive(_ id: ReplicaID, after state: ViewServiceStateMachine) -> Bool {
    guard let position = ids.firstIndex(of: id) else { return false }
    if ticks < replicas[position].silentUntilTick { return true }
    let limit = silenceLimit(state)
    return ticks - replicas[position].heardTick < limit
      && echoAge(position) < limit + echoAllowance(position)
  }

  /// Whether every lease that the replica was ever granted has run out.
  func isLeaseOver(_ id: ReplicaID, after state: ViewServiceStateMachine) -> Bool {
    guard let position = ids.firstIndex(of: id) else { return true }
    return ticks - replicas[position].grantedTick >= silenceLimit(state)
  }

  /// Whether the view names an earlier incarnation of the replica. The replica may then have
  /// forgotten what it said, so it can take part only in a later view.
  func hasRestarted(_ id: ReplicaID, in view: View) -> Bool {
    guard let position = ids.firstIndex(of: id), let named = view.incarnation(of: id) else {
      return false
    }
    return replicas[position].incarnation > named
  }

  /// Whether the replica has restarted on an empty disk, so that it lacks the data of a member.
  func hasForgotten(_ id: ReplicaID, in view: View) -> Bool {
    hasRestarted(id, in: view) && replica(id)?.isBlank == true
  }

  /// The newest known incarnations. Of a replica that this leader has not heard yet, it knows the
  /// incarnation that the view names.
  func incarnations(_ members: [ReplicaID], joiner: ReplicaID?, after view: View) -> [UInt64] {
    (members + (joiner.map { [$0] } ?? [])).map { id in
      max(replica(id)?.incarnation ?? 0, view.incarnation(of: id) ?? 0)
    }
  }
}
