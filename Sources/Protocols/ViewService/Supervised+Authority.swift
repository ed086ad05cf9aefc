import Replication
import WireFormat

/// What a node of the authority knows beyond its consensus core.
struct Authority: Sendable {
  var machine = ViewServiceStateMachine()
  var supervision: Supervision
  /// The epoch that this node leads the authority in.
  var leadership: UInt64?
  /// The command on its way through the consensus log.
  var proposal: RequestID?
  /// False from the refusal of a proposal to the next tick.
  var mayPropose = true
  var proposalCount: UInt64 = 0
  /// The last ping of each replica that waits for the answer to the ticket that was handed out.
  var asked: [Ping?]
  /// The last ping of each replica that waits for a ticket.
  var waiting: [Ping?]
  var ticket: ReadTicket?
  var ticketCount: UInt64 = 0
  let client: ClientID

  init<Replica, Consensus>(
    id: ReplicaID, membership: Membership, options: Supervised<Replica, Consensus>.Options
  ) {
    supervision = Supervision(
      replicas: membership.replicas, silenceLimit: options.silenceLimit)
    asked = Array(repeating: nil, count: membership.replicas.count)
    waiting = asked
    client = ClientID(.max - UInt64(id.rawValue))
    machine.bug = options.bug
  }
}

// A node that runs the consensus protocol, applies its commits to the view service, and, while it
// leads, watches over the replicas.
extension Supervised {
  mutating func handleAsAuthority(
    _ event: Event<Self>, at now: Instant, into effects: inout Effects<Self>
  ) {
    var next: Event<Consensus>?
    switch event {
    case .started:
      next = .started
      effects.setTimer(.tick, after: options.ping)
    case .received(.consensus(let message), let sender):
      next = .received(message, from: sender)
    case .timerFired(.consensus(let timer)):
      next = .timerFired(timer)
    case .received(.ping(let ping), let sender):
      hear(ping, from: sender, into: &effects)
    case .timerFired(.tick):
      authority.supervision.tick()
      authority.mayPropose = true
      effects.setTimer(.tick, after: options.ping)
    case .requested(let batch):
      effects.refuse(batch, redirect: authority.machine.view.members.first)
    case .readRequested(let ticket, _):
      effects.refuseRead(ticket, redirect: authority.machine.view.members.first)
    case .received, .timerFired(.replica), .disconnected:
      break
    }
    if next == nil { next = nextConsensusEvent() }
    while let event = next {
      consensus?.handle(event, at: now, into: &consensusEffects)
      carryOut(into: &effects)
      next = nextConsensusEvent()
    }
  }

  private mutating func hear(
    _ ping: Ping, from sender: ReplicaID, into effects: inout Effects<Self>
  ) {
    guard let place = membership.replicas.firstIndex(of: sender) else { return }
    if consensus?.status.isInCharge == true { authority.supervision.heard(ping, from: sender) }
    // Bug: ping-without-quorum.
    if options.bug == .pingWithoutQuorum, consensus?.status.isInCharge == true {
      answer(ping, to: sender, into: &effects)
    } else {
      authority.waiting[place] = ping
    }
  }

  /// What the consensus core should be told next, because of what has changed here.
  private mutating func nextConsensusEvent() -> Event<Consensus>? {
    guard let status = consensus?.status else { return nil }
    let leadership = status.isInCharge ? status.epoch : nil
    if leadership != authority.leadership {
      authority.leadership = leadership
      authority.proposal = nil
      authority.supervision = Supervision(
        replicas: membership.replicas, silenceLimit: options.silenceLimit)
    }
    // While a command is on its way no ping is answered: it may take a lease away.
    guard authority.proposal == nil else { return nil }
    if leadership != nil, authority.mayPropose,
      let command = authority.supervision.nextCommand(after: authority.machine)
    {
      authority.proposalCount += 1
      let request = RequestID(
        client: authority.client, sequence: status.epoch << 32 | authority.proposalCount)
      authority.proposal = request
      return .requested(Batch([(id: request, command: command)]))
    }
    guard authority.ticket == nil, authority.waiting.contains(where: { $0 != nil }) else {
      return nil
    }
    swap(&authority.asked, &authority.waiting)
    authority.ticketCount += 1
    let ticket = ReadTicket(authority.ticketCount)
    authority.ticket = ticket
    return .readRequested(ticket)
  }

  /// Carries the effects of the consensus core out. Its commits, reads and refusals end here.
  private mutating func carryOut(into effects: inout Effects<Self>) {
    effects.forward(
      consensusEffects, record: Record.consensus, message: Message.consensus,
      timer: Timer.consensus)
    for commit in consensusEffects.commits { apply(commit.batch, into: &effects) }
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
      if let command, authority.machine.apply(command).isAccepted, authority.leadership != nil,
        case .propose(let view) = command
      {
        for replica in membership.replicas { effects.send(.view(view), to: replica) }
      }
      if request == authority.proposal { authority.proposal = nil }
    }
  }

  /// Answers or redirects the pings that waited for a ticket.
  private mutating func settle(
    _ ticket: ReadTicket, isRefused: Bool, redirect: ReplicaID? = nil,
    into effects: inout Effects<Self>
  ) {
    guard ticket == authority.ticket else { return }
    authority.ticket = nil
    for (place, replica) in membership.replicas.enumerated() {
      guard let ping = authority.asked[place] else { continue }
      authority.asked[place] = nil
      if isRefused {
        effects.send(.redirect(redirect), to: replica)
      } else {
        answer(ping, to: replica, into: &effects)
      }
    }
  }

  private func answer(_ ping: Ping, to replica: ReplicaID, into effects: inout Effects<Self>) {
    let pong = Pong(
      view: authority.machine.view, sequence: ping.sequence, incarnation: ping.incarnation)
    effects.send(.pong(pong), to: replica)
  }
}
