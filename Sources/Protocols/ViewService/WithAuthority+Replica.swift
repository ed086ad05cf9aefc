import Replication

// A node of `Membership.replicas`, which runs the data protocol.
extension WithAuthority {
  @inline(__always)
  mutating func handleAsReplica(
    _ event: consuming Event<Self>, at now: Instant, into effects: inout Effects<Self>
  ) {
    viewLease.observe(now)
    switch consume event {
    case .received(let message, let sender):
      if let authority = message.authority {
        receive(authority, from: sender, at: now, into: &effects)
      } else {
        replica?.handle(.received(consume message, from: sender), at: now, into: &replicaEffects)
      }
    case .requested(let batch):
      replica?.handle(.requested(batch), at: now, into: &replicaEffects)
    case .readRequested(let ticket, _):
      replica?.handle(.readRequested(ticket), at: now, into: &replicaEffects)
    case .timerFired(.replica(let timer)):
      replica?.handle(.timerFired(timer), at: now, into: &replicaEffects)
    case .started:
      // Bug: adopt-again.
      if !broken(.adoptAgain) || viewLease.incarnation == 0 { viewLease.incarnation += 1 }
      effects.persist(.incarnation(viewLease.incarnation))
      effects.send(.authority(.alive(incarnation: viewLease.incarnation)), to: id)
      replica?.handle(.started, at: now, into: &replicaEffects)
      effects.setTimer(.tick, after: options.ping)
    case .timerFired(.tick):
      tick(at: now, into: &effects)
    case .timerFired(.consensus), .disconnected:
      break
    }
    passOn(at: now, into: &effects)
  }

  /// Ends a turn of the data protocol, and pings if its report has changed in the turn.
  mutating func endReplicaTurn(at now: Instant, into effects: inout Effects<Self>) {
    replica?.endTurn(at: now, into: &replicaEffects)
    passOn(at: now, into: &effects)
    if let report = replica?.makeReport(), viewLease.maySendNews(report) {
      ping(at: now, into: &effects)
    }
  }

  private mutating func tick(at now: Instant, into effects: inout Effects<Self>) {
    viewLease.tick()
    refuseOverdueReads(into: &effects)
    ping(at: now, into: &effects, everywhere: viewLease.isAnswerOverdue(at: now))
    effects.setTimer(.tick, after: options.ping)
  }

  /// Pings the node of the authority that answered last, or all of them.
  ///
  /// Early, because a slow disk must not make a replica silent. It is safe because everything that
  /// a ping says is durable before. This holds for the number of this incarnation too, because no
  /// ping leaves before it is durable.
  private mutating func ping(
    at now: Instant, into effects: inout Effects<Self>, everywhere: Bool = false
  ) {
    guard let report = replica?.makeReport(), viewLease.mayPing, !membership.authority.isEmpty
    else {
      return
    }
    assert(viewLease.incarnation > 0, "a ping names an incarnation that is durable")
    let ping = viewLease.nextPing(report, at: now)
    if everywhere {
      for node in membership.authority { effects.sendEarly(.authority(.ping(ping)), to: node) }
    } else {
      effects.sendEarly(.authority(.ping(ping)), to: membership.authority[viewLease.target])
    }
  }

  /// Handles messages of the authority, and of this replica to itself.
  private mutating func receive(
    _ message: AuthorityMessage, from sender: ReplicaID, at now: Instant,
    into effects: inout Effects<Self>
  ) {
    let isFromAuthority = membership.authority.contains(sender)
    switch message {
    case .pong(let pong) where isFromAuthority:
      receivePong(pong, from: sender, at: now, into: &effects)
    case .view(let view) where isFromAuthority: receiveView(view, at: now, into: &effects)
    case .redirect(let hint) where isFromAuthority:
      receiveRedirect(hint, at: now, into: &effects)
    case .adopting(let view) where sender == id: receiveAdopting(view, at: now, into: &effects)
    case .alive(let incarnation) where sender == id:
      receiveAlive(incarnation, at: now, into: &effects)
    default: break
    }
  }

  private mutating func receivePong(
    _ pong: Pong, from sender: ReplicaID, at now: Instant, into effects: inout Effects<Self>
  ) {
    if let place = membership.authority.firstIndex(of: sender) { viewLease.target = place }
    viewLease.answered(pong, at: now)
    receiveView(pong.view, at: now, into: &effects)
    releaseWaitingReads(at: now, into: &effects)
  }

  private mutating func receiveRedirect(
    _ hint: ReplicaID?, at now: Instant, into effects: inout Effects<Self>
  ) {
    guard !viewLease.hasFollowedRedirect else { return }
    viewLease.hasFollowedRedirect = true
    let place = hint.flatMap { membership.authority.firstIndex(of: $0) }
    viewLease.target = place ?? (viewLease.target + 1) % membership.authority.count
    ping(at: now, into: &effects)
  }

  private mutating func receiveAlive(
    _ incarnation: UInt64, at now: Instant, into effects: inout Effects<Self>
  ) {
    guard incarnation == viewLease.incarnation else { return }
    viewLease.mayPing = true
    ping(at: now, into: &effects)
  }

  /// Handles a view that the authority has agreed on. A member adopts a change of the joiner in its
  /// view at once. Any other view is adopted after its number is durable.
  private mutating func receiveView(
    _ view: View, at now: Instant, into effects: inout Effects<Self>
  ) {
    // This incarnation may have forgotten what an earlier one said. The authority learns of the new
    // incarnation from the next ping, and issues another view.
    if let named = view.incarnation(of: id), named != viewLease.incarnation { return }
    let newest = max(viewLease.lastRecorded.number, viewLease.lastAdopted.number)
    let joining = view.number == viewLease.lastRecorded.number ? viewLease.lastRecorded.joining : 0
    guard view.number <= newest + longestEpochJump, view.joining <= joining + longestEpochJump
    else { return }
    if view.number == viewLease.view.number, view.members.contains(id) {
      guard viewLease.view.precedes(view) else { return }
      viewLease.take(view)
      replica?.changeJoiner(to: view, at: now, into: &replicaEffects)
      return
    }
    guard viewLease.lastRecorded.precedes(view) else { return }
    viewLease.lastRecorded = view
    effects.persist(.adopting(view.number))
    effects.send(.authority(.adopting(view)), to: id)
  }

  /// Adopts a view whose number is durable.
  private mutating func receiveAdopting(
    _ view: View, at now: Instant, into effects: inout Effects<Self>
  ) {
    // A message of an earlier incarnation is ignored, because it names a past view.
    guard viewLease.lastAdopted.precedes(view) else { return }
    let isChangeOfJoiner = view.number == viewLease.view.number
    viewLease.take(view)
    if viewLease.isBlank, view.members.contains(id) {
      viewLease.isBlank = false
      effects.persist(.filled)
    }
    if isChangeOfJoiner {
      replica?.changeJoiner(to: view, at: now, into: &replicaEffects)
    } else {
      replica?.adopt(view, at: now, into: &replicaEffects)
    }
    // The replica is asked again, because it may no longer be in charge, and then names the replica
    // that is.
    let tickets = viewLease.waitingReads
    viewLease.waitingReads.removeAll()
    for ticket in tickets {
      replica?.handle(.readRequested(ticket), at: now, into: &replicaEffects)
    }
    ping(at: now, into: &effects)
  }

  /// Passes the effects of the data protocol to the host, but a read only under a lease.
  @inline(__always)
  private mutating func passOn(at now: Instant, into effects: inout Effects<Self>) {
    if !replicaEffects.filled.isEmpty { passOnAll(at: now, into: &effects) }
  }

  private mutating func passOnAll(at now: Instant, into effects: inout Effects<Self>) {
    for ticket in replicaEffects.reads { checkLease(for: ticket, at: now, into: &effects) }
    // Early sends stay safe: the view's number was durable before the core heard of the view, and
    // the core itself argues why it may send a message before its records are durable.
    effects.take(&replicaEffects, record: Record.replica, timer: Timer.replica)
  }
}
