import Replication
import ViewService

// Changes of view: failures of head, middle and tail, and a new tail (van Renesse & Schneider 2004
// §3.1 to §3.3, §4).
//
// Three things are to be shown of a change from view n to view n + 1.
//
// Nothing acknowledged is lost. An entry is acknowledged when it is durable at the tail of a view,
// and by then it is durable at every member, because each hands on only what is durable. The
// authority puts a replica first only if it was a member of an established view and of all since,
// so the head of n + 1 holds everything. A member behind it is in line: its log is a prefix of its
// predecessor's, either because it was in view n and those before it now were before it then, or
// because its predecessor brought it in line in this view. It is complete when it also holds
// everything up to `servesFrom`, behind which nothing had been acknowledged when it was brought in
// line. A view is established when all members are complete.
//
// What is cut was not acknowledged. A replica that was restarted, or that missed views, may hold
// more than its predecessor does: it may have been the head. It is cut only by a predecessor that
// is complete, and only where the logs part, so it keeps everything that was acknowledged. (A
// predecessor that is in line but lacks pages might cut the last copy that may still be put in
// charge.)
//
// A tail answers nothing too early. A member that keeps its place holds all that was acknowledged
// in view n, since it lay on the way to the tail. Any other waits for its predecessor to say, in
// the new view, what its last entry is. If the predecessor was the old tail, it acknowledges
// nothing of its own accord from then on; if the old tail is gone, its lease was over before the
// authority removed it.

extension ChainReplica {
  public mutating func adopt(
    _ view: View, at now: Instant, into effects: inout Effects<ChainReplica>
  ) {
    guard view.number > self.view.number, view.number >= log.lastView else { return }
    let wasSynchronised = isSynchronised && keepsPlace(in: view)
    let wasTail = isTail
    takePlace(in: view)
    isSynchronised = isHead || wasSynchronised
    servesFrom = isHead || !wasSynchronised ? log.lastIndex : max(servesFrom, log.lastIndex)
    establishedFrom = log.lastIndex
    // Bug: drop-sent-on-tail-failure.
    if options.bug == .dropSentOnTailFailure, isTail, !wasTail, isSynchronised {
      log.truncate(from: committed.next)
      servesFrom = .zero
    }
    if predecessor != nil { sendPosition(into: &effects) }
    if isComplete { beginServing(into: &effects) }
    if predecessor != nil || successor != nil { setTimerIfNeeded(into: &effects) }
  }

  /// Whether this replica was a member of the view just before `next` and all who come before it
  /// there came before it here. Then its log stays a prefix of theirs.
  private func keepsPlace(in next: View) -> Bool {
    guard next.number == view.number + 1, let place = view.members.firstIndex(of: id),
      let nextPlace = next.members.firstIndex(of: id)
    else { return false }
    return next.members[..<nextPlace].allSatisfy { view.members[..<place].contains($0) }
  }

  private mutating func takePlace(in view: View) {
    self.view = view
    predecessor = nil
    successor = nil
    joiner = nil
    isHead = false
    isTail = false
    isJoiner = false
    acknowledged = nil
    isEstablished = false
    hasReportedGap = false
    progressSeen = ChainProgress()
    if let place = view.members.firstIndex(of: id) {
      isHead = place == 0
      isTail = place == view.members.count - 1
      if !isHead { predecessor = view.members[place - 1] }
      if !isTail { successor = ChainLink(to: view.members[place + 1]) }
      if isTail, let newcomer = view.joiner, !view.members.contains(newcomer) {
        joiner = ChainLink(to: newcomer)
      }
    } else if view.joiner == id {
      isJoiner = true
      predecessor = view.members.last
    }
  }

  /// Whether this replica is in line and holds all that earlier tails may have acknowledged. Only
  /// then may it bring another one in line, which cuts what it does not hold itself.
  var isComplete: Bool { isSynchronised && log.lastIndex >= servesFrom }

  /// The one behind may be brought in line, and a tail's log is going to be committed, what the
  /// failed tail had not acknowledged included (§3.2).
  func beginServing(into effects: inout Effects<ChainReplica>) {
    if let successor { effects.send(.hail(view: view.number), to: successor.to) }
    if let joiner { effects.send(.hail(view: view.number), to: joiner.to) }
    awaitOwnDisk(into: &effects)
  }

  /// Tells the predecessor what this replica holds. Behind the barrier, so that it holds it for
  /// good.
  mutating func sendPosition(into effects: inout Effects<ChainReplica>) {
    guard let predecessor else { return }
    let position = Position(
      last: log.lastIndex, lastView: log.lastView, committed: committed,
      acknowledged: acknowledged, isSynchronised: isSynchronised,
      runs: uncommittedRuns())
    effects.send(.position(view: view.number, position), to: predecessor)
  }

  /// The stretches of the log that reach beyond what is committed, and so may differ.
  private func uncommittedRuns() -> [ViewRun] {
    var start = log.runs.count
    while start > 0, log.runs[start - 1].last > committed { start -= 1 }
    return Array(log.runs[start...])
  }

  /// The predecessor found the common prefix: what lies behind it goes, and the log is in line.
  mutating func receive(
    _ synchronisation: Synchronisation, into effects: inout Effects<ChainReplica>
  ) {
    let forward = synchronisation.forward
    guard !isSynchronised else { return receive(forward, into: &effects) }
    // An answer to a position of an earlier life, or one repeated by the network, proves nothing.
    guard synchronisation.positionLast == log.lastIndex,
      synchronisation.positionView == log.lastView, forward.previous <= log.lastIndex,
      log.view(at: forward.previous) == forward.previousView
    else { return }
    guard forward.previous >= committed else {
      brokenRule = "\(id) was told to drop committed entries behind \(forward.previous)"
      return
    }
    if forward.previous < log.lastIndex {
      log.truncate(from: forward.previous.next)
      recoveredThrough = min(recoveredThrough, forward.previous)
      // Entries that follow say the same to the disk.
      if forward.entries.isEmpty {
        effects.persist(.entries(first: forward.previous.next, []))
      }
    }
    isSynchronised = true
    servesFrom = synchronisation.through
    if isComplete { beginServing(into: &effects) }
    receive(forward, into: &effects)
  }

  /// Entries are missing before those that came: the predecessor is told, once until some arrive.
  mutating func reportGap(into effects: inout Effects<ChainReplica>) {
    guard !hasReportedGap else { return }
    hasReportedGap = true
    sendPosition(into: &effects)
  }

  mutating func setTimerIfNeeded(into effects: inout Effects<ChainReplica>) {
    guard !timerIsSet, predecessor != nil || successor != nil else { return }
    timerIsSet = true
    effects.setTimer(.resend, after: options.resend)
  }

  /// Asks the neighbour again about what is unfinished, unless something moved since the last time.
  mutating func resendTimerFired(into effects: inout Effects<ChainReplica>) {
    timerIsSet = false
    let progress = ChainProgress(
      acknowledged: acknowledged, match: successor?.match ?? .zero, last: log.lastIndex)
    let isStuck =
      progress.acknowledged == progressSeen.acknowledged
      && progress.match == progressSeen.match
    let isQuiet = progress.last == progressSeen.last
    progressSeen = progress
    var isUnfinished = false
    if predecessor != nil, isJoiner || !isSynchronised {
      isUnfinished = true
      if isQuiet || !isSynchronised { sendPosition(into: &effects) }
    }
    if let successor, isComplete,
      !successor.isOpen || acknowledged != log.lastIndex
    {
      isUnfinished = true
      if isStuck { effects.send(.hail(view: view.number), to: successor.to) }
    }
    if isUnfinished { setTimerIfNeeded(into: &effects) }
  }
}
