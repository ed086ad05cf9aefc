import Replication

// A node that runs the data protocol.
extension Supervised {
  mutating func handleAsReplica(
    _ event: Event<Self>, at now: Instant, into effects: inout Effects<Self>
  ) {
    ward.observe(now)
    switch event {
    case .received(.replica(let message), let sender):
      replica?.handle(.received(message, from: sender), at: now, into: &replicaEffects)
    case .requested(let batch):
      replica?.handle(.requested(batch), at: now, into: &replicaEffects)
    case .readRequested(let ticket, _):
      replica?.handle(.readRequested(ticket), at: now, into: &replicaEffects)
    case .timerFired(.replica(let timer)):
      replica?.handle(.timerFired(timer), at: now, into: &replicaEffects)
    case .started:
      // Bug: adopt-again.
      if options.bug != .adoptAgain || ward.incarnation == 0 { ward.incarnation += 1 }
      effects.persist(.incarnation(ward.incarnation))
      effects.send(.alive(incarnation: ward.incarnation), to: id)
      replica?.handle(.started, at: now, into: &replicaEffects)
      effects.setTimer(.tick, after: options.ping)
    case .timerFired(.tick):
      tick(at: now, into: &effects)
    case .received(let message, let sender):
      hear(message, from: sender, at: now, into: &effects)
    case .timerFired(.consensus), .disconnected:
      break
    }
    finishReplica(at: now, into: &effects)
  }

  /// Carries out what the data protocol asked for, and reports if there is news.
  mutating func finishReplica(at now: Instant, into effects: inout Effects<Self>) {
    passOn(at: now, into: &effects)
    if let report = replica?.reportInPlace(), ward.maySendNews(report) {
      ping(at: now, into: &effects)
    }
  }

  private mutating func tick(at now: Instant, into effects: inout Effects<Self>) {
    ward.tick()
    let limit = Int(ward.patience.nanoseconds / options.ping.nanoseconds) + 1
    if !ward.heldReads.isEmpty, ward.ticks - ward.heldReadsTick >= limit {
      for ticket in ward.heldReads { effects.refuseRead(ticket, redirect: nil) }
      ward.heldReads.removeAll()
    }
    ping(at: now, into: &effects, everywhere: ward.isAnswerOverdue(at: now))
    effects.setTimer(.tick, after: options.ping)
  }

  /// Pings the node of the authority that answered last, or all of them.
  ///
  /// Early, because a slow disk must not make a replica silent: what a ping says is durable by the
  /// time it is said. That holds for the number of this life, too, before which there is no ping.
  private mutating func ping(
    at now: Instant, into effects: inout Effects<Self>, everywhere: Bool = false
  ) {
    guard let report = replica?.reportInPlace(), ward.mayPing, !membership.authority.isEmpty else {
      return
    }
    let ping = ward.nextPing(report, at: now)
    if everywhere {
      for node in membership.authority { effects.sendEarly(.ping(ping), to: node) }
    } else {
      effects.sendEarly(.ping(ping), to: membership.authority[ward.target])
    }
  }

  /// Messages of the authority, and those to oneself.
  private mutating func hear(
    _ message: Message, from sender: ReplicaID, at now: Instant,
    into effects: inout Effects<Self>
  ) {
    let isFromAuthority = membership.authority.contains(sender)
    switch message {
    case .pong(let pong) where isFromAuthority:
      if let place = membership.authority.firstIndex(of: sender) { ward.target = place }
      ward.answered(pong, at: now)
      hear(of: pong.view, at: now, into: &effects)
      releaseHeldReads(at: now, into: &effects)
    case .view(let view) where isFromAuthority:
      hear(of: view, at: now, into: &effects)
    case .redirect(let hint) where isFromAuthority:
      guard !ward.hasFollowedRedirect else { return }
      ward.hasFollowedRedirect = true
      let place = hint.flatMap { membership.authority.firstIndex(of: $0) }
      ward.target = place ?? (ward.target + 1) % membership.authority.count
      ping(at: now, into: &effects)
    case .held(let view) where sender == id:
      // Not one that an earlier life sent: that view is past.
      guard ward.held.precedes(view) else { return }
      adopt(view, at: now, into: &effects)
    case .alive(let incarnation) where sender == id:
      guard incarnation == ward.incarnation else { return }
      ward.mayPing = true
      ping(at: now, into: &effects)
    default:
      break
    }
  }

  /// The authority has agreed on this view. A member of the view that it works in takes over a
  /// change of the joiner at once. Anything else has its number made durable first, and is taken
  /// over when that is done.
  private mutating func hear(
    of view: View, at now: Instant, into effects: inout Effects<Self>
  ) {
    // What an earlier incarnation said, this one may have forgotten. The authority hears of it with
    // the next ping, and issues another view.
    if let named = view.incarnation(of: id), named != ward.incarnation { return }
    guard view.number <= max(ward.announced.number, ward.held.number) + longestEpochJump else {
      return
    }
    if view.number == ward.view.number, view.members.contains(id) {
      guard ward.view.precedes(view) else { return }
      ward.take(view)
      replica?.changeJoiner(to: view, at: now, into: &replicaEffects)
      return
    }
    guard ward.announced.precedes(view) else { return }
    ward.announced = view
    effects.persist(.held(view.number))
    effects.send(.held(view), to: id)
  }

  private mutating func adopt(
    _ view: View, at now: Instant, into effects: inout Effects<Self>
  ) {
    let isChangeOfJoiner = view.number == ward.view.number
    ward.take(view)
    if ward.isBlank, view.members.contains(id) {
      ward.isBlank = false
      effects.persist(.filled)
    }
    if isChangeOfJoiner {
      replica?.changeJoiner(to: view, at: now, into: &replicaEffects)
    } else {
      replica?.adopt(view, at: now, into: &replicaEffects)
    }
    // The replica is asked again: it may be out of charge now, and then knows whom to name.
    let tickets = ward.heldReads
    ward.heldReads.removeAll()
    for ticket in tickets {
      replica?.handle(.readRequested(ticket), at: now, into: &replicaEffects)
    }
    ping(at: now, into: &effects)
  }

  private mutating func releaseHeldReads(at now: Instant, into effects: inout Effects<Self>) {
    guard !ward.heldReads.isEmpty, ward.holdsLease(at: now) else { return }
    for ticket in ward.heldReads { effects.read(ticket) }
    ward.heldReads.removeAll(keepingCapacity: true)
  }

  /// Carries the effects of the data protocol out, reads only under a lease.
  private mutating func passOn(at now: Instant, into effects: inout Effects<Self>) {
    // Early sends stay safe: the view's number was durable before the core heard of the view, and
    // what the core may say before its records are durable is the core's own argument.
    effects.forward(
      replicaEffects, record: Record.replica, message: Message.replica, timer: Timer.replica)
    for commit in replicaEffects.commits {
      effects.commit(commit.batch, at: commit.index, answering: commit.answering)
    }
    for ticket in replicaEffects.reads {
      if ward.holdsLease(at: now) {
        effects.read(ticket)
      } else if ward.heldReads.count < Ward.heldReadLimit {
        if ward.heldReads.isEmpty { ward.heldReadsTick = ward.ticks }
        ward.heldReads.append(ticket)
      } else {
        effects.refuseRead(ticket, redirect: nil)
      }
    }
    for refusal in replicaEffects.refusedBatches {
      effects.refuse(refusal.refused, redirect: refusal.redirect)
    }
    for refusal in replicaEffects.refusedReads {
      effects.refuseRead(refusal.refused, redirect: refusal.redirect)
    }
    replicaEffects.removeAll()
  }
}
