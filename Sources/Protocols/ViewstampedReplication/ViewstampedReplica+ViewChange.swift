import Replication

// How a view ends: §4.2, steps 1 and 2, of the paper.

extension ViewstampedReplica {
  /// What a replica knows of the view change that it wants or is in.
  struct ViewChange: Sendable {
    struct Wanted: Sendable {
      var view: View
      var at: Instant
    }

    /// Which view each replica wanted last, in the order of the membership.
    var wanted: [Wanted?] = []
    /// Views entered since the replica was last normal.
    var attempts = 0
    /// Whether this replica has sent DoViewChange for its view.
    var hasDone = false
    /// When to send DoViewChange again. StartViewChange has no pace: it is repeated evenly, as a
    /// heartbeat is, because the others count only what they have heard lately.
    var pace = ResendPace(least: .zero)
    /// Of the new primary: who has sent it DoViewChange.
    var done: [(slot: Int, message: DoViewChange)] = []

    mutating func stopWanting(_ slot: Int, view: View) {
      if let own = wanted[slot], own.view > view { wanted[slot] = nil }
    }

    mutating func begin(_ view: View, slot: Int, at now: Instant) {
      for other in wanted.indices where (wanted[other]?.view ?? 0) < view { wanted[other] = nil }
      wanted[slot] = Wanted(view: view, at: now)
      attempts += 1
      hasDone = false
      done = []
    }
  }

  enum Asked { case all, primary, nobody }

  /// How long to wait. The range grows with every view that did not start, so that replicas whose
  /// timers run apart meet in one.
  private var timeoutRange: ClosedRange<Interval> {
    let base = options.viewChangeTimeout
    return base.lowerBound...(base.upperBound * (1 << min(change.attempts, 4)))
  }

  mutating func viewChangeTimerFired(at now: Instant, into effects: inout Effects<Self>) {
    guard state != .recovering else { return recoveryTimerFired(at: now, into: &effects) }
    if primacy != nil { checkMajority(into: &effects) }
    let range = timeoutRange
    let hasProgressed = transfer?.hasProgressed ?? false
    transfer?.hasProgressed = false
    if primacy != nil || hasProgressed {
      effects.setTimer(.viewChange, after: range)
    } else if let rest = range.rest(after: silence(at: now)) {
      effects.setTimer(.viewChange, after: rest)
    } else {
      effects.setTimer(.viewChange, after: range)
      guard viewNumber < ViewstampedReplica.largestView else { return }
      if options.stickyPrimary {
        want(viewNumber + 1, at: now, into: &effects)
      } else {
        enter(viewNumber + 1, at: now, into: &effects)
      }
    }
  }

  /// For how long no primary has been heard. A clock that was set back does not make it longer than
  /// it is.
  private func silence(at now: Instant) -> Interval { max(now - lastContact, .zero) }

  /// The primary's process has ended: its silence so far does not matter.
  mutating func disconnected(_ replica: ReplicaID, into effects: inout Effects<Self>) {
    guard options.electOnDisconnect, state == .normal, primacy == nil,
      slot(of: replica) == primary(of: viewNumber)
    else { return }
    lastContact = .longAgo
    effects.setTimer(
      .viewChange, after: id.turn(after: replica, of: membership, heartbeat: options.heartbeat))
  }

  /// Tells all that this replica would leave its view (§4.2, step 1). Early: nothing is promised.
  private mutating func want(_ view: View, at now: Instant, into effects: inout Effects<Self>) {
    change.wanted[ownSlot] = ViewChange.Wanted(view: view, at: now)
    effects.setTimer(.retransmission, after: options.retransmission)
    sendToOthers(.startViewChange(view), into: &effects)
    enterIfWanted(at: now, into: &effects)
  }

  func sendToOthers(_ message: Message, into effects: inout Effects<Self>) {
    for replica in membership.replicas where replica != id {
      effects.sendEarly(message, to: replica)
    }
  }

  mutating func receiveStartViewChange(
    _ view: View, from slot: Int, at now: Instant, into effects: inout Effects<Self>
  ) {
    guard view >= viewNumber else { return tellView(to: slot, into: &effects) }
    guard slot != ownSlot else { return }
    guard view > viewNumber || state == .viewChange else {
      // The view has started, and the sender does not know.
      if primacy != nil { tellLog(to: slot, into: &effects) }
      return
    }
    change.wanted[slot] = ViewChange.Wanted(view: view, at: now)
    guard options.stickyPrimary else {
      if view > viewNumber { enter(view, at: now, into: &effects) }
      return doViewChangeIfWanted(at: now, into: &effects)
    }
    if view > viewNumber, primacy == nil, (change.wanted[ownSlot]?.view ?? 0) < view,
      silence(at: now) >= options.viewChangeTimeout.lowerBound
    {
      want(view, at: now, into: &effects)
    } else {
      enterIfWanted(at: now, into: &effects)
    }
    doViewChangeIfWanted(at: now, into: &effects)
  }

  /// The latest view that f + 1 replicas want by what they have said lately; this one wants what it
  /// wants until it hears its primary.
  private func wantedByMajority(at now: Instant) -> View {
    let memory = max(options.viewChangeTimeout.lowerBound, options.retransmission * 3)
    var views: [View] = []
    for slot in change.wanted.indices {
      guard let wanted = change.wanted[slot], slot == ownSlot || now - wanted.at <= memory
      else { continue }
      views.append(wanted.view)
    }
    guard views.count >= membership.majority else { return 0 }
    return views.sorted(by: >)[membership.majority - 1]
  }

  private mutating func enterIfWanted(at now: Instant, into effects: inout Effects<Self>) {
    let view = wantedByMajority(at: now)
    if view > viewNumber { enter(view, at: now, into: &effects) }
  }

  /// Leaves the view for a later one (§4.2, step 1).
  /// - Parameter asking: who is told. Of a view that has started only the primary is asked.
  mutating func enter(
    _ view: View, at now: Instant, asking: Asked = .all, into effects: inout Effects<Self>
  ) {
    assert(view > viewNumber, "a view is entered once, and views never fall (§4.2, step 1)")
    endPrimacy(into: &effects)
    viewNumber = view
    state = .viewChange
    transfer = nil
    heldBack.removeAll()
    confirmedRound = 0
    lastContact = now
    change.begin(view, slot: ownSlot, at: now)
    // Bug: volatile-view.
    if !broken(.volatileView) {
      persist(.view(view, lastNormal: lastNormalView), into: &effects)
    }
    effects.setTimer(.viewChange, after: timeoutRange)
    effects.setTimer(.retransmission, after: options.retransmission)
    switch asking {
    case .all: sendToOthers(.startViewChange(view), into: &effects)
    case .primary:
      effects.sendEarly(.startViewChange(view), to: membership.replicas[primary(of: view)])
    case .nobody: break
    }
    doViewChangeIfWanted(at: now, into: &effects)
  }

  /// Reports its log to the new primary when f others are in the view change (§4.2, step 2). The
  /// message is a promise to act in no earlier view, so it waits for the disk.
  private mutating func doViewChangeIfWanted(
    at now: Instant, into effects: inout Effects<Self>
  ) {
    guard state == .viewChange, !change.hasDone, lastNormalView < viewNumber,
      wantedByMajority(at: now) >= viewNumber
    else { return }
    change.hasDone = true
    change.pace = ResendPace(least: options.retransmission)
    change.pace.restart(at: now)
    effects.setTimer(.retransmission, after: options.retransmission)
    sendDoViewChange(into: &effects)
  }

  private func sendDoViewChange(into effects: inout Effects<Self>) {
    effects.send(
      .doViewChange(
        DoViewChange(
          view: viewNumber, lastNormalView: lastNormalView, op: log.lastOp, commit: commitNumber,
          history: log.history, incarnations: incarnations)),
      to: membership.replicas[primary(of: viewNumber)])
  }

  /// Sends again what the view change, or a transfer, waits for.
  mutating func retransmissionTimerFired(at now: Instant, into effects: inout Effects<Self>) {
    if let running = transfer {
      effects.setTimer(.retransmission, after: options.retransmission)
      if running.pace.isDue(at: now) { askAgain(at: now, into: &effects) }
    }
    switch state {
    case .recovering: return
    case .normal:
      guard let wanted = change.wanted[ownSlot], wanted.view > viewNumber else { return }
      want(wanted.view, at: now, into: &effects)
    case .viewChange:
      guard transfer == nil else { return }
      effects.setTimer(.retransmission, after: options.retransmission)
      let wanted = max(change.wanted[ownSlot]?.view ?? 0, viewNumber)
      change.wanted[ownSlot] = ViewChange.Wanted(view: wanted, at: now)
      sendToOthers(.startViewChange(wanted), into: &effects)
      if change.hasDone, primary(of: viewNumber) != ownSlot, change.pace.isDue(at: now) {
        change.pace.sentAgain(at: now)
        sendDoViewChange(into: &effects)
      }
    }
  }
}
