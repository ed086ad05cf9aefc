import Replication
import ViewService

// Changes of view: failures of head, middle and tail, and a new tail (van Renesse & Schneider 2004
// §3.1 to §3.3, §4). Why they are safe although entries travel on while disks still write them:
//
// In line. A replica is in line in view n if its log, including the entries it is still writing, is
// a prefix of the log of every member before it. There are two ways to get in line. Either its
// predecessor, which is in line itself, brings it in line by cutting its log to the common prefix.
// Or it keeps its place: it was in line in view n - 1, and all members before it now were before it
// then, in the same incarnations. A member of the same incarnation has forgotten no entry that it
// forwarded, durable or not. If such a member is not in line itself (it missed a view), it is cut
// by members that hold the prefix as well, so that it keeps the prefix. A member that restarted may
// have forgotten entries that the members after it hold. So no member after it keeps its place, and
// it brings them in line first, which cuts the entries it forgot. `WithAuthority` ensures that a
// replica takes over no view that names an earlier incarnation of it, so that two views never give
// a restarted member the same incarnation.
//
// One history. The head of a view numbers entries in one incarnation only, so that an index and a
// view identify one entry, even if the head forgets it. Hence logs that have an entry of one view
// at the same index are equal up to there (`ViewLog.commonPrefix`).
//
// Stable. A replica counts as durable the entries that its disk has reported, and those that it
// shared with its predecessor when it was brought in line, because a position leaves only when
// everything in it is durable. `stable` is the smaller of that and the index that the predecessor
// reports as stable before it. Both count in one view only, and only from members that are in line.
// So an entry that is stable at the tail is durable at every member of the view, each in the
// incarnation in which it takes part.
//
// No acknowledged entry is lost. The tail acknowledges only stable entries, so every member of the
// view holds them durably, and had them in its log before it heard of a later view: the head
// because it numbered them, every other member because it reported them in this view. The head's
// report may still wait for its disk when the head hears of a later view; it leaves only when the
// entries are durable. The authority puts a replica first only if it was a member of an established
// view and of all since, so the head of n + 1 holds all acknowledged entries, even if it has
// restarted. A member in line is complete when it also holds everything up to `servesFrom`: no
// entry after that had been acknowledged when it was brought in line. A view is established when
// all entries that its head began with are stable at the tail.
//
// Entries that are cut were not acknowledged. A replica that was restarted, or that missed views,
// may hold more than its predecessor does: it may have been the head. It is cut only by a
// predecessor that is complete, and only where the logs part, so it keeps all acknowledged entries.
// (A predecessor that is in line but lacks pages might cut the last copy held by a replica that may
// still become head.) An entry that a restarted head forgot was not durable there, so it was never
// stable, and no tail acknowledged it.
//
// A tail answers no request too early. A member that keeps its place holds all entries acknowledged
// in view n, because they passed through it on the way to the tail. Any other member waits for its
// predecessor to report, in the new view, its last entry. If the predecessor was the old tail, it
// acknowledges nothing of its own accord from then on; if the old tail is gone, its lease was over
// before the authority removed it. Reads see committed entries, which are stable.

extension ChainReplica {
  public mutating func adopt(
    _ view: View, at now: Instant, into effects: inout Effects<Self>
  ) {
    guard view.number > self.view.number, view.number >= log.lastView else { return }
    self.now = now
    let keepsPlace = isSynchronised && keepsPlace(in: view)
    let wasTail = isTail
    takePlace(in: view)
    isSynchronised = isHead || keepsPlace
    // All acknowledged entries passed through a member that keeps its place. That member may still
    // lack pages, and is no more complete than it was.
    servesFrom = isHead || !keepsPlace ? log.lastIndex : max(servesFrom, log.lastIndex)
    establishedFrom = log.lastIndex
    // Reports of the disk belong to a view; this one's are asked for at the end of the turn.
    awaitedThrough = durable
    // Bug: drop-sent-on-tail-failure.
    if broken(.dropSentOnTailFailure), isTail, !wasTail, isSynchronised {
      cut(through: commitIndex)
      servesFrom = .zero
    }
    if predecessor != nil { sayWhereItStands(into: &effects) }
    if isComplete { beginServing(into: &effects) }
  }

  @inline(__always)
  public mutating func makeReport() -> Report {
    var report = Report(
      view: view.number, isEstablished: isHead && isEstablished, joining: view.joining)
    if successor != nil, isTail || link.isUnreachable { addNews(ofSuccessorTo: &report) }
    return report
  }

  private func addNews(ofSuccessorTo report: inout Report) {
    if link.isUnreachable { report.unreachable.append(link.to) }
    guard isTail else { return }
    report.joinerHasCaughtUp = joinerHasCaughtUp
    report.joinerProgress = UInt64(link.matchIndex.rawValue)
  }

  /// Whether this replica was a member of the view just before `next` and all members before it in
  /// `next` were before it here as well, in the same incarnations. Then its log stays a prefix of
  /// theirs.
  private func keepsPlace(in next: View) -> Bool {
    guard next.number == view.number + 1, let place = view.members.firstIndex(of: id),
      let nextPlace = next.members.firstIndex(of: id)
    else { return false }
    return next.members[..<nextPlace].allSatisfy { other in
      // Bug: keep-place-behind-restart.
      let hasSameMemory =
        broken(.keepPlaceBehindRestart)
        || view.incarnation(of: other) == next.incarnation(of: other)
      return view.members[..<place].contains(other) && hasSameMemory
    }
  }

  private mutating func takePlace(in view: View) {
    self.view = view
    var receiver: ReplicaID?
    predecessor = nil
    place = .outside
    upstreamStable = nil
    acknowledged = nil
    toldAcknowledged = nil
    isEstablished = false
    reportedGap = nil
    owesReceipt = false
    asking.restart(at: now)
    if let position = view.members.firstIndex(of: id) {
      let isLast = position == view.members.count - 1
      place = position == 0 ? (isLast ? .alone : .head) : isLast ? .tail : .middle
      if !isHead { predecessor = view.members[position - 1] }
      if !isTail { receiver = view.members[position + 1] }
      if isTail, let newcomer = view.joiner, !view.members.contains(newcomer) {
        receiver = newcomer
      }
    } else if view.joiner == id {
      place = .joiner
      predecessor = view.members.last
    }
    connect(to: receiver)
  }

  /// Begins a new link. If it leads to the same replica as the one before, the round trip that was
  /// measured stays known.
  mutating func connect(to receiver: ReplicaID?) {
    let earlier = link
    successor = receiver
    link = Link(to: receiver ?? id, options: options)
    if earlier.to == receiver { link.pace.roundTrip = earlier.pace.roundTrip }
    link.pace.restart(at: now)
  }

  /// Whether this replica is in line and holds all entries that earlier tails may have
  /// acknowledged. Only then may it bring another replica in line, which cuts the entries it does
  /// not hold itself.
  var isComplete: Bool { isSynchronised && log.lastIndex >= servesFrom }

  /// Starts to bring the successor in line. A new tail's log is going to be
  /// committed, including the entries that the failed tail had not acknowledged (§3.2).
  func beginServing(into effects: inout Effects<Self>) {
    assert(isComplete, "only a replica that holds all that was acknowledged brings others in line")
    hail(into: &effects)
  }

  /// Asks the successor, if there is one, where it stands.
  ///
  /// Early, because it promises no more than `stable` does.
  func hail(into effects: inout Effects<Self>) {
    guard successor != nil else { return }
    let sentThrough = link.isOpen ? link.nextIndex.previous : .zero
    assert(!isHead || link.toldStable ?? .zero <= durable, "a question promises what is durable")
    effects.sendEarly(
      .hail(view: view.number, sentThrough: sentThrough, stable: link.toldStable), to: link.to)
  }

  /// Tells the predecessor which entries this replica holds: if it is in line, up to where;
  /// otherwise also of which views.
  /// - Parameter sentThrough: the last entry that the predecessor had sent when it asked, or before
  ///   entries that do not fit; `nil` if neither is the reason.
  mutating func sayWhereItStands(
    sentThrough: LogIndex? = nil, into effects: inout Effects<Self>
  ) {
    guard let predecessor else { return }
    assert(!isHead, "a head stands before all others")
    guard !isSynchronised else {
      // Early, because the predecessor counts no entry as durable because of it.
      let standing = Standing(
        last: log.lastIndex, sentThrough: sentThrough ?? .zero, acknowledged: acknowledged)
      return effects.sendEarly(.standing(view: view.number, standing), to: predecessor)
    }
    let position = Position(
      last: log.lastIndex, lastView: log.lastView, commitIndex: commitIndex,
      sentThrough: sentThrough, runs: uncommittedRuns())
    // After the barrier, because once in line, this replica counts the common prefix as durable.
    effects.send(.position(view: view.number, position), to: predecessor)
  }

  /// The runs of the log that reach beyond the commit index, and so may differ.
  private func uncommittedRuns() -> [ViewRun] {
    var start = log.runs.count
    while start > 0, log.runs[start - 1].last > commitIndex { start -= 1 }
    return Array(log.runs[start...])
  }

  /// The successor or the joiner is not in line: finds the common prefix, and sends the entries
  /// that follow it (§3.3). An answer that may be on its way to the same position is not repeated.
  mutating func receivePosition(
    _ position: Position, into effects: inout Effects<Self>
  ) {
    guard isComplete, successor != nil else { return }
    guard link.needsAnswer(position) else { return }
    let matchIndex = min(
      max(log.commonPrefix(with: position.runs), position.commitIndex), log.lastIndex)
    // The receiver says again where it stands when it has the snapshot, and at its pace until then.
    guard matchIndex >= log.base else { return effects.sendSnapshot(to: link.to) }
    openLink(at: matchIndex)
    let end = log.pageEnd(
      from: matchIndex.next, through: min(log.lastIndex, matchIndex + options.page),
      byteLimit: min(ViewLog.pageByteLimit, options.inFlightBytes))
    let forward = Forward(
      previous: matchIndex, previousView: log.view(at: matchIndex) ?? 0,
      entries: sentAgain(log.entries(from: matchIndex.next, through: end), from: matchIndex.next),
      stable: stable ?? .zero, wantsReceipt: true)
    link.nextIndex = end.next
    link.sentThrough = end
    link.answer = Answer(
      last: position.last, lastView: position.lastView, sentThrough: end)
    if end > matchIndex { link.pace.sent(UInt64(end.rawValue), first: true, at: now) }
    countRound()
    let synchronisation = Synchronisation(
      positionLast: position.last, positionView: position.lastView, through: log.lastIndex,
      forward: forward)
    // Early, because this replica does not hold the entries that it cuts, durable or not.
    effects.sendEarly(.synchronise(view: view.number, synchronisation), to: link.to)
  }

  private mutating func openLink(at index: LogIndex) {
    link.isOpen = true
    link.matchIndex = index
    link.nextIndex = index.next
    link.sentAgainBehind = .zero
    link.toldStable = nil
    link.pace.restart(at: now)
    link.rounds.begin(through: log.lastIndex, pace: link.pace, at: now)
  }

  /// The successor or the joiner is in line: sending starts after its last entry, or goes back
  /// there if entries were lost on their way.
  mutating func receiveStanding(
    _ standing: Standing, into effects: inout Effects<Self>
  ) {
    guard isComplete, successor != nil, standing.last <= log.lastIndex else { return }
    if !link.isOpen { openLink(at: standing.last) }
    let acknowledged = standing.acknowledged ?? .zero
    link.pace.answeredQuestion(through: UInt64(max(acknowledged.rawValue, 0)), at: now)
    let isNews = link.holds(standing.last)
    if standing.sentThrough > standing.last, standing.last >= link.matchIndex,
      isNews || standing.sentThrough >= link.sentAgainBehind,
      link.nextIndex > standing.last.next
    {
      link.sentAgainBehind = link.nextIndex.previous
      link.nextIndex = standing.last.next
      link.pace.sentAgain(at: now)
    }
    if isNews { countRound() }
    if !isTail, let acknowledged = standing.acknowledged {
      receiveAcknowledge(acknowledged, into: &effects)
    }
  }

  /// The predecessor found the common prefix: the entries after it are dropped, and the log is in
  /// line.
  mutating func receiveSynchronise(
    _ synchronisation: Synchronisation, into effects: inout Effects<Self>
  ) {
    let forward = synchronisation.forward
    guard !isSynchronised else { return receiveForward(forward, into: &effects) }
    // An answer to a position of an earlier incarnation, or one repeated by the network, is ignored
    // because it says nothing about the present log.
    guard synchronisation.positionLast == log.lastIndex,
      synchronisation.positionView == log.lastView, forward.previous <= log.lastIndex,
      log.view(at: forward.previous) == forward.previousView
    else { return }
    guard forward.previous >= commitIndex else {
      brokenInvariant = "\(id) was told to drop committed entries behind \(forward.previous)"
      return
    }
    owesCut = forward.previous < log.lastIndex
    cut(through: forward.previous)
    // The position that is answered here was sent when everything in it was durable.
    durable = forward.previous
    awaitedThrough = durable
    isSynchronised = true
    servesFrom = synchronisation.through
    if isComplete { beginServing(into: &effects) }
    receiveForward(forward, into: &effects)
  }

  /// Drops all entries after `index`.
  private mutating func cut(through index: LogIndex) {
    assert(index >= commitIndex, "what is committed is never cut")
    log.truncate(from: index.next)
    arrived.entries = []
    savedThrough = min(savedThrough, index)
    durable = min(durable, index)
    awaitedThrough = min(awaitedThrough, index)
    recoveredThrough = min(recoveredThrough, index)
  }
}
