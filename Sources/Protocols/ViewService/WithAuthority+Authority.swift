import Replication
import WireFormat

/// The state of an authority node beside its consensus core.
struct Authority: Sendable {
  struct HeardPing: Sendable {
    var ping: Ping
    /// The failure detector's tick at which the ping arrived.
    var tick: Int
  }

  /// The pings that are answered once the consensus core has answered the ticket, which proves that
  /// this node still leads.
  struct Round: Sendable {
    let ticket: ReadTicket
    var pings: [HeardPing?]
  }

  /// The most rounds under way at a time. There may be several, because a quorum far away takes
  /// longer to answer than the time between two pings.
  static var roundLimit: Int { 8 }

  var machine = ViewServiceStateMachine()
  /// The last entry of the consensus log that `machine` has applied.
  var appliedIndex = LogIndex.zero
  /// The state with which the log begins, and the last entry that it includes.
  var snapshot: (reference: SnapshotReference, state: [UInt8])?
  var snapshotIndex: LogIndex { snapshot?.reference.index ?? .zero }
  var detector: FailureDetector
  /// The epoch in which this node leads the authority, or `nil`.
  var leadership: UInt64?
  /// The command on its way through the consensus log, and whether it proposes a view.
  var proposal: RequestID?
  var proposesView = false
  /// False from the refusal of a proposal to the next tick.
  var mayPropose = true
  /// Whether a quorum has answered in this leadership, so that every command of earlier leaders has
  /// been applied.
  var isInformed = false
  var proposalCount: UInt64 = 0
  /// The last ping of each replica that is not in a round yet.
  var waiting: [HeardPing?]
  /// The last ping of each replica, to be answered when this node begins to lead.
  var newest: [HeardPing?]
  /// The rounds under way, oldest first.
  var rounds: [Round] = []
  var ticketCount: UInt64 = 0
  let client: ClientID

  init<Replica, Consensus>(
    id: ReplicaID, membership: Membership, options: WithAuthority<Replica, Consensus>.Options
  ) {
    detector = FailureDetector(
      replicas: membership.replicas, ping: options.ping, failureTimeout: options.failureTimeout,
      memberLinks: Replica.memberLinks)
    waiting = Array(repeating: nil, count: membership.replicas.count)
    newest = waiting
    client = ClientID(.max - UInt64(id.rawValue))
    machine.bug = options.bug
  }
}

// A node of the authority: it runs the consensus protocol, applies its commits to the view service,
// and watches the replicas while it leads.
extension WithAuthority {
  mutating func handleAsAuthority(
    _ event: Event<Self>, at now: Instant, into effects: inout Effects<Self>
  ) {
    var next: Event<Consensus>?
    switch event {
    case .started:
      next = .started
      effects.setTimer(.tick, after: options.ping)
    case .received(let message, let sender):
      next = receiveAsAuthority(message, from: sender, at: now, into: &effects)
    case .timerFired(.consensus(let timer)):
      next = .timerFired(timer)
    case .timerFired(.tick):
      authority.detector.tick()
      authority.mayPropose = true
      effects.setTimer(.tick, after: options.ping)
    case .requested(let batch):
      effects.refuse(batch, redirect: authority.machine.view.members.first)
    case .readRequested(let ticket, _):
      effects.refuseRead(ticket, redirect: authority.machine.view.members.first)
    case .timerFired(.replica), .disconnected:
      break
    }
    if next == nil { next = nextConsensusEvent() }
    while let event = next {
      consensus?.handle(event, at: now, into: &consensusEffects)
      carryOut(into: &effects)
      next = nextConsensusEvent()
    }
    checkpointAuthority(into: &effects)
  }

  /// Handles a message to a node of the authority, or returns the event that it is for the
  /// consensus core.
  private mutating func receiveAsAuthority(
    _ message: Message, from sender: ReplicaID, at now: Instant, into effects: inout Effects<Self>
  ) -> Event<Consensus>? {
    switch message.authority {
    case .consensus(let bytes):
      guard let message = try? WireReader.decode(Consensus.Message.self, from: bytes) else {
        return nil
      }
      if case .page(let page)? = Consensus.snapshotMessage(in: message) {
        installAuthority(page, from: sender, at: now, into: &effects)
      } else {
        return .received(message, from: sender)
      }
    case .ping(let ping): receivePing(ping, from: sender, into: &effects)
    default: break
    }
    return nil
  }

  private mutating func receivePing(
    _ ping: Ping, from sender: ReplicaID, into effects: inout Effects<Self>
  ) {
    guard let place = membership.replicas.firstIndex(of: sender) else { return }
    let heard = Authority.HeardPing(ping: ping, tick: authority.detector.ticks)
    authority.newest[place] = heard
    let leads = consensus?.status.isInCharge == true
    if leads { authority.detector.heard(ping, from: sender, after: authority.machine) }
    // Bug: ping-without-quorum.
    if broken(.pingWithoutQuorum), leads {
      authority.isInformed = true
      answer(heard, to: sender, into: &effects)
    } else {
      authority.waiting[place] = heard
    }
  }

  /// The next event for the consensus core, after this node's state has changed.
  private mutating func nextConsensusEvent() -> Event<Consensus>? {
    guard let status = consensus?.status else { return nil }
    let leadership = status.isInCharge ? status.epoch : nil
    if leadership != authority.leadership { begin(leadership) }
    // While a new view is proposed no ping is answered, because the answer could renew a lease that
    // the view takes away.
    if authority.proposal != nil, authority.proposesView { return nil }
    if authority.proposal == nil, leadership != nil, authority.isInformed, authority.mayPropose,
      let command = authority.detector.newCommand(after: authority.machine)
    {
      authority.proposalCount += 1
      let request = RequestID(
        client: authority.client, sequence: status.epoch << 32 | authority.proposalCount)
      authority.proposal = request
      authority.proposesView = false
      if case .propose = command { authority.proposesView = true }
      return .requested(Batch([(id: request, command: command)]))
    }
    guard authority.rounds.count < Authority.roundLimit,
      authority.waiting.contains(where: { $0 != nil })
    else { return nil }
    authority.ticketCount += 1
    let ticket = ReadTicket(authority.ticketCount)
    authority.rounds.append(Authority.Round(ticket: ticket, pings: authority.waiting))
    for place in authority.waiting.indices { authority.waiting[place] = nil }
    return .readRequested(ticket)
  }

  /// Begins or ends this node's leadership of the authority. Pings that arrived before are answered
  /// too, so that the replicas' leases do not wait for their next pings.
  private mutating func begin(_ leadership: UInt64?) {
    authority.leadership = leadership
    authority.proposal = nil
    authority.isInformed = false
    authority.detector = FailureDetector(
      replicas: membership.replicas, ping: options.ping, failureTimeout: options.failureTimeout,
      memberLinks: Replica.memberLinks)
    for place in authority.waiting.indices {
      authority.waiting[place] = authority.newest[place]
      authority.waiting[place]?.tick = 0
    }
  }

  /// Carries out the effects of the consensus core. Its commits, reads and refusals concern only
  /// this node, so they are not passed to the host.
  private mutating func carryOut(into effects: inout Effects<Self>) {
    effects.forward(
      consensusEffects, record: Record.consensus, message: { .authority(.consensus($0.encoded())) },
      timer: Timer.consensus)
    for commit in consensusEffects.commits where commit.index > authority.appliedIndex {
      authority.appliedIndex = commit.index
      apply(commit.batch, into: &effects)
    }
    if !consensusEffects.snapshotRequests.isEmpty { sendAuthoritySnapshots(into: &effects) }
    if !consensusEffects.refusedBatches.isEmpty {
      authority.proposal = nil
      authority.mayPropose = false
    }
    for ticket in consensusEffects.reads { settle(ticket, isRefused: false, into: &effects) }
    for refusal in consensusEffects.refusedReads {
      settle(refusal.refused, isRefused: true, redirect: refusal.redirect, into: &effects)
    }
    consensusEffects.removeAll()
  }

  private mutating func apply(_ batch: Batch, into effects: inout Effects<Self>) {
    var reader = batch.makeReader()
    while let request = reader.next() {
      let command = reader.command(as: ViewServiceStateMachine.Command.self)
      let previous = authority.machine.view
      if let command, authority.machine.apply(command).isAccepted {
        authority.detector.observe(authority.machine, after: previous)
        if authority.leadership != nil, authority.machine.view != previous {
          for replica in membership.replicas {
            effects.send(.authority(.view(authority.machine.view)), to: replica)
          }
        }
      }
      if request == authority.proposal { authority.proposal = nil }
    }
  }

  /// Answers or redirects the pings that waited for a ticket.
  private mutating func settle(
    _ ticket: ReadTicket, isRefused: Bool, redirect: ReplicaID? = nil,
    into effects: inout Effects<Self>
  ) {
    guard let position = authority.rounds.firstIndex(where: { $0.ticket == ticket }) else {
      return
    }
    let round = authority.rounds.remove(at: position)
    if !isRefused, authority.leadership != nil { authority.isInformed = true }
    for (place, replica) in membership.replicas.enumerated() {
      guard let heard = round.pings[place] else { continue }
      if isRefused {
        effects.send(.authority(.redirect(redirect)), to: replica)
      } else if authority.proposal != nil, authority.proposesView {
        // The ping waits for a new round after the view is agreed on, unless a newer ping does.
        if authority.waiting[place] == nil { authority.waiting[place] = heard }
      } else {
        answer(heard, to: replica, into: &effects)
      }
    }
  }

  private mutating func answer(
    _ heard: Authority.HeardPing, to replica: ReplicaID, into effects: inout Effects<Self>
  ) {
    let ping = heard.ping
    let lease = authority.detector.grant(
      ping, heardAt: heard.tick, to: replica, after: authority.machine)
    let pong = Pong(
      view: authority.machine.view, lease: lease, sequence: ping.sequence,
      incarnation: ping.incarnation)
    effects.send(.authority(.pong(pong)), to: replica)
  }
}
