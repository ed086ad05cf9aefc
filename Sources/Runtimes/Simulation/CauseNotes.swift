import Clients
import Primitives
import ReplicaHosting
import Replication
import Trials

/// What a node remembers for `CauseTrace`. All of it stays empty unless operations are traced.
public struct NodeCauses: Sendable {
  /// The records of the arrivals that wait in the inbox.
  public var ofInbox: [Int] = []
  /// The records of messages to the node itself that a sync has released.
  public var ofOwnMessages: [Int] = []
  /// The record of the present turn, and how much the input did that it follows.
  public var turn = CauseTrace.none
  public var turnWeight = 0
  /// What the host's effects were before the latest input.
  public var effectCounts = (decisions: 0, sends: 0)
  /// For each send that the barrier holds: the turn that asked for it, and when that turn was done;
  /// after the sync, the record of the sync's end.
  public var held: [(record: Int, time: Instant)] = []
  /// Those before this position have been synced.
  public var syncedCount = 0
  public var syncStart = Instant.zero
  public var isReleasing = false

  public init() {}
}

extension World {
  /// The event in this slot of the queue ends a step, which what happens now has begun.
  @inline(never)
  public mutating func noteScheduled(in slot: Int, at time: Instant) {
    let (part, node) = queue.withPayload(in: slot) { Self.step(endedBy: copy $0) }
    causes.link(slot: slot, causes.add(part, after: causes.current, at: time, on: node))
  }

  /// The step that an event ends, by what began it, and the node at which it ends.
  private static func step(endedBy event: Event) -> (part: LatencyPart, node: Int) {
    switch event {
    case .message(_, let envelope): (.nodeWire, envelope.to)
    case .disconnected(let to, _): (.nodeWire, to)
    case .retransmission: (.nodeWire, CauseTrace.outside)
    case .request(_, let envelope): (.clientWire, envelope.to)
    case .reply: (.clientWire, CauseTrace.outside)
    case .turn(let at, _): (.processorWait, at)
    case .timer(let at, _, _): (.timer, at)
    case .synced(let at, _), .stored(let at, _), .hasReadLog(let at, _): (.disk, at)
    case .client, .faultStarts, .faultEnds, .warmUpEnds: (.other, CauseTrace.outside)
    }
  }

  /// A client sends a request; what follows begins there.
  public mutating func noteAttempt(_ id: RequestID, at time: Instant) {
    let record = causes.add(.other, after: causes.current, at: time)
    if causes.traces(id) { causes.noteAttempt(id, at: time, record: record) }
    causes.current = record
  }
}

extension SimulatedNode {
  /// What arrives now goes into the inbox.
  @inline(__always)
  public mutating func noteWaiting(in world: borrowing SharedWorld) {
    if rarely(world.causes.isOn) { causes.ofInbox.append(world.causes.current) }
  }

  /// The host has taken an input, whose record is the current one.
  @inline(__always)
  public mutating func noteInput(in world: inout SharedWorld) {
    if rarely(world.causes.isOn) { noteTracedInput(in: &world) }
  }

  @inline(__always)
  public mutating func noteInput(of request: RequestID, in world: inout SharedWorld) {
    guard rarely(world.causes.isOn) else { return }
    let arrival = world.causes.current
    noteTracedInput(in: &world)
    world.causes.noteTaken(request, inTurn: causes.turn, arrival: arrival)
  }

  /// The turn follows the last of those inputs that did most: an input that committed something
  /// before one that sent something, and that before others.
  public mutating func noteTracedInput(in world: inout SharedWorld) {
    let counts = (
      decisions: host.effects.commits.count + host.effects.reads.count,
      sends: host.effects.sends.count + host.effects.earlySends.count
    )
    let weight =
      counts.decisions > causes.effectCounts.decisions
      ? 2 : counts.sends > causes.effectCounts.sends ? 1 : 0
    causes.effectCounts = counts
    if causes.turn == CauseTrace.none {
      causes.turn = world.causes.add(
        .processorWait, after: world.causes.current, at: world.now, on: number)
      causes.turnWeight = weight
    } else if weight >= causes.turnWeight {
      world.causes.replaceParent(of: causes.turn, by: world.causes.current)
      causes.turnWeight = weight
    }
  }

  /// What the turn does from here on follows from the turn.
  @inline(__always)
  public mutating func beginEffects(in world: inout SharedWorld) {
    guard rarely(world.causes.isOn) else { return }
    if causes.turn == CauseTrace.none {
      causes.turn = world.causes.add(
        .processorWait, after: world.causes.current, at: world.now, on: number)
      causes.turnWeight = 0
    }
    causes.effectCounts = (0, 0)
    world.causes.current = causes.turn
  }

  /// Sends of this turn that the barrier holds wait from the end of the turn on.
  @inline(__always)
  public mutating func noteHeld(in world: borrowing SharedWorld) {
    guard rarely(world.causes.isOn) else { return }
    while causes.held.count < barrier.tickets.count {
      causes.held.append((causes.turn, world.now + turn.elapsed))
    }
  }

  /// A sync has ended: what it has released follows from what waited for it.
  public mutating func noteSynced(in world: inout SharedWorld) {
    guard rarely(world.causes.isOn) else { return }
    while causes.syncedCount < barrier.tickets.count,
      barrier.tickets[causes.syncedCount].need <= barrier.durableCount
    {
      let (turn, time) = causes.held[causes.syncedCount]
      let asked = min(time, world.now)
      let begun = max(asked, min(causes.syncStart, world.now))
      var record = world.causes.add(.processor, after: turn, at: asked, on: number)
      record = world.causes.add(.diskWait, after: record, at: begun, on: number)
      record = world.causes.add(.disk, after: record, at: world.now, on: number)
      causes.held[causes.syncedCount].record = record
      causes.syncedCount += 1
    }
  }

  /// Lets those sends go whose records are durable.
  @inline(__always)
  public mutating func releaseSends(in world: inout SharedWorld) {
    guard rarely(world.causes.isOn) else { return lend(in: &world) { $0.releaseSends() } }
    for position in barrier.first..<barrier.tickets.count
    where barrier.tickets[position].need <= barrier.durableCount
      && barrier.tickets[position].receiver == host.id
    {
      causes.ofOwnMessages.append(causes.held[position].record)
    }
    let current = world.causes.current
    let last = barrier.first..<causes.syncedCount
    if let position = last.last { world.causes.current = causes.held[position].record }
    noteTracedInput(in: &world)
    world.causes.current = current
    causes.isReleasing = true
    lend(in: &world) { $0.releaseSends() }
    causes.isReleasing = false
    // The barrier has dropped what it has released, now and then.
    let dropped = causes.held.count - barrier.tickets.count
    causes.held.removeFirst(dropped)
    causes.syncedCount -= dropped
  }
}

extension SimulatedTurn {
  /// Something leaves the node when the processor is done with it.
  public mutating func noteSending() {
    var cause = world.pointee.causes.current
    if node.pointee.causes.isReleasing {
      let record = node.pointee.causes.held[node.pointee.barrier.first - 1].record
      cause = world.pointee.causes.add(
        .processorWait, after: record, at: world.pointee.now, on: node.pointee.number)
    }
    world.pointee.causes.current = world.pointee.causes.add(
      .processor, after: cause, at: time, on: node.pointee.number)
  }
}

extension Trial {
  /// An answer arrives: if its operation still waits, it is over.
  public mutating func noteAnswer(_ reply: ClientReply<Application.Response>) {
    guard case .answer = reply.result, world.causes.traces(reply.id) else { return }
    let client = Int(truncatingIfNeeded: reply.id.client.rawValue &- clients.fleet.firstID)
    guard clients.fleet.machines.indices.contains(client) else { return }
    let machine = clients.fleet.machines[client]
    guard !machine.isIdle, machine.sequence == reply.id.sequence else { return }
    let due = machine.progress.deadline - machine.timeout
    world.causes.finish(
      reply.id, isRead: machine.progress.isRead, due: due,
      isMeasured: due >= .zero + setup.plan.warmUp && due < .zero + setup.plan.duration
        && clients.phase == .driving)
  }
}
