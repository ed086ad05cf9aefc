import Environments
import ReplicaHosting
import Replication
import WireFormat

/// What waits for a node's processor.
public enum InboxItem<Message, Command: WireCodable & Equatable & Sendable> {
  case message(Message, Envelope)
  case request(ClientRequest<Command>)
  case timer(Int)
  case disconnected(from: Int)
}

/// One node: a host, a processor that does one thing at a time, a disk and a clock.
///
/// The processor takes whatever has arrived as one turn. What the turn sends leaves while it computes,
/// one message after the other, so a node that sends much is late. Early sends leave first, then the
/// turn's records go to the disk, then the sends that need no disk and the replies leave.
public struct SimulatedNode<Core: ReplicaCore, Application: StateMachine> {
  public typealias Host = ReplicaHost<Core, Application>
  public typealias SharedWorld = World<Core, Application>

  public let number: Int
  public var host: Host
  public var clock: NodeClock
  public let membership: Membership
  public let options: Core.Options
  public let seed: UInt64

  /// Crashes, and pauses, that have not ended yet: faults may overlap.
  public var crashes = 0
  public var pauses = 0
  public var isUp: Bool { crashes == 0 }
  public var isPaused: Bool { pauses > 0 }
  /// The process came back during a pause and starts when that ends.
  public var startIsOverdue = false
  /// Counts restarts: what was scheduled in an earlier life is void.
  public var life = 0
  public var inbox: [InboxItem<Core.Message, Application.Command>] = []
  public var busyUntil: Int64 = 0
  public var turnIsScheduled = false
  public var slowness = 1.0
  public var usage = NodeCounters()

  /// Per timer: when it is due by the timer clock, the true time of its earliest scheduled event, and
  /// whether it has fired into the inbox. `Int64.max` is never.
  public var timerDue: [Int64]
  public var timerScheduled: [Int64]
  public var timerHasFired: [Bool]

  /// Everything appended to the disk; the first `barrier.durableCount` records are durable.
  public var log: [Core.Record] = []
  public var barrier = DurabilityBarrier<Effects<Core>.Send>()
  public var isSyncing = false
  /// Messages to itself that the sync that has just ended released.
  public var ownMessages: [Core.Message] = []
  public var syncTarget = 0
  public var syncIsOverdue = false
  public var diskStalls = 0
  public var extraSyncTime: Int64 = 0

  /// What this replica committed since its last start, in order.
  public var commits: [Batch] = []

  public init(
    number: Int, membership: Membership, options: Core.Options, seed: UInt64, clock: NodeClock
  ) {
    self.number = number
    self.membership = membership
    self.options = options
    self.seed = seed
    self.clock = clock
    host = Host(id: ReplicaID(number), membership: membership, options: options, seed: seed)
    timerDue = Array(repeating: .max, count: Core.Timer.count)
    timerScheduled = timerDue
    timerHasFired = Array(repeating: false, count: Core.Timer.count)
  }

  // MARK: The processor

  public mutating func start(in world: inout SharedWorld) {
    host.start(at: clock.reading(at: world.now))
    finishTurn(cost: 0, in: &world)
  }

  /// Whether what arrives now has to wait; the processor is then told to look.
  @inline(__always)
  public mutating func mustWait(in world: inout SharedWorld) -> Bool {
    guard isPaused || world.now < busyUntil || !inbox.isEmpty else { return false }
    scheduleTurn(in: &world)
    return true
  }

  // Something arrived. If the processor is free it is dealt with at once, without the detour over the
  // inbox.

  public mutating func arrive(
    _ message: consuming Core.Message, from: Int, bytes: Int, in world: inout SharedWorld
  ) {
    guard isUp else { return }
    if mustWait(in: &world) {
      inbox.append(.message(message, Envelope(from: from, to: number, bytes: bytes)))
      return
    }
    var cost = 0.0
    take(message, from: from, bytes: bytes, cost: &cost, in: &world)
    finishTurn(cost: cost, in: &world)
  }

  public mutating func arrive(
    _ request: consuming ClientRequest<Application.Command>, in world: inout SharedWorld
  ) {
    guard isUp else { return }
    if mustWait(in: &world) {
      inbox.append(.request(request))
      return
    }
    var cost = 0.0
    take(request, cost: &cost, in: &world)
    finishTurn(cost: cost, in: &world)
  }

  public mutating func arrive(timer: Int, in world: inout SharedWorld) {
    guard isUp else { return }
    if mustWait(in: &world) {
      inbox.append(.timer(timer))
      return
    }
    take(timer: timer, in: &world)
    finishTurn(cost: 0, in: &world)
  }

  public mutating func arrive(disconnectedFrom other: Int, in world: inout SharedWorld) {
    guard isUp else { return }
    if mustWait(in: &world) {
      inbox.append(.disconnected(from: other))
      return
    }
    take(disconnectedFrom: other, in: &world)
    finishTurn(cost: 0, in: &world)
  }

  /// The processor is free: everything that has arrived by now is one turn.
  public mutating func takeTurn(in world: inout SharedWorld) {
    turnIsScheduled = false
    guard !isPaused, !inbox.isEmpty else { return }
    var cost = 0.0
    for position in inbox.indices {
      switch inbox[position] {
      case .message(let message, let envelope):
        take(message, from: envelope.from, bytes: envelope.bytes, cost: &cost, in: &world)
      case .request(let request): take(request, cost: &cost, in: &world)
      case .timer(let timer): take(timer: timer, in: &world)
      case .disconnected(let other): take(disconnectedFrom: other, in: &world)
      }
    }
    inbox.removeAll(keepingCapacity: true)
    finishTurn(cost: cost, in: &world)
  }

  public mutating func scheduleTurn(in world: inout SharedWorld) {
    guard !turnIsScheduled, !isPaused else { return }
    turnIsScheduled = true
    world.schedule(.turn(node: number, life: life), at: max(busyUntil, world.now))
  }

  public mutating func take(
    _ message: consuming Core.Message, from: Int, bytes: Int, cost: inout Double,
    in world: inout SharedWorld
  ) {
    if from != number { charge(received: bytes, cost: &cost, in: world) }
    host.receive(message, from: ReplicaID(from), at: clock.reading(at: world.now))
    checkInvariants(in: &world)
  }

  public mutating func take(
    _ request: ClientRequest<Application.Command>, cost: inout Double,
    in world: inout SharedWorld
  ) {
    charge(received: Frame.byteCount(of: request), cost: &cost, in: world)
    host.submit(request, at: clock.reading(at: world.now))
    checkInvariants(in: &world)
  }

  public mutating func take(timer: Int, in world: inout SharedWorld) {
    // It may have been set anew or cancelled while it waited in the inbox, or earlier in this turn.
    guard timerHasFired[timer] else { return }
    timerHasFired[timer] = false
    guard !host.hasChangedTimer(timer) else { return }
    host.fire(Core.Timer(index: timer), at: clock.reading(at: world.now))
    checkInvariants(in: &world)
  }

  public mutating func take(disconnectedFrom other: Int, in world: inout SharedWorld) {
    host.disconnect(ReplicaID(other), at: clock.reading(at: world.now))
    checkInvariants(in: &world)
  }

  public func checkInvariants(in world: inout SharedWorld) {
    guard world.checksInvariants, let broken = host.core.invariantViolation() else { return }
    world.report("replica \(number): \(broken)")
  }

  public mutating func charge(
    received bytes: Int, cost: inout Double, in world: borrowing SharedWorld
  ) {
    usage.messagesReceived += 1
    usage.bytesReceived += bytes
    cost += world.cpu.cost(ofMessage: bytes) * slowness
  }

  /// Carries out what the turn asked for; `cost` is what it has taken so far, in nanoseconds.
  public mutating func finishTurn(cost: Double, in world: inout SharedWorld) {
    host.endTurn(at: clock.reading(at: world.now))
    checkInvariants(in: &world)
    var cost =
      cost + Double(host.executedCount) * Double(world.cpu.apply.nanoseconds) * slowness
    // Most lanes are empty in most turns, and a loop over an empty array is not free.
    if !host.effects.commits.isEmpty { noteCommits(in: &world) }
    if !host.effects.earlySends.isEmpty {
      for send in host.effects.earlySends { depart(send, cost: &cost, in: &world) }
    }
    if !host.effects.records.isEmpty { append(in: &world, from: world.now + Int64(cost)) }
    if !host.effects.sends.isEmpty { departOrHold(cost: &cost, in: &world) }
    if !host.replies.isEmpty { answerClients(cost: &cost, in: &world) }
    if !host.timers.isEmpty {
      for setting in host.timers { set(setting, in: &world) }
    }
    host.clearTurn()
    usage.busy += Int64(cost)
    busyUntil = world.now + Int64(cost)
    if !inbox.isEmpty { scheduleTurn(in: &world) }
  }

  public mutating func noteCommits(in world: inout SharedWorld) {
    for commit in host.effects.commits {
      world.check(commit, by: number)
      commits.append(commit.batch)
    }
  }

  /// Sends that wait for the disk, if there is something to wait for.
  public mutating func departOrHold(cost: inout Double, in world: inout SharedWorld) {
    let isOpen = barrier.isOpen
    for send in host.effects.sends {
      if isOpen {
        depart(send, cost: &cost, in: &world)
      } else {
        if send.to.index != number {
          cost += world.cpu.cost(ofMessage: Frame.byteCount(of: send.message)) * slowness
        }
        barrier.hold(send)
      }
    }
  }

  public mutating func answerClients(cost: inout Double, in world: inout SharedWorld) {
    for reply in host.replies {
      let bytes = Frame.byteCount(of: reply)
      cost += world.cpu.cost(ofMessage: bytes) * slowness
      usage.messagesSent += 1
      usage.bytesSent += bytes
      world.answer(reply, from: number, departing: world.now + Int64(cost), bytes: bytes)
    }
  }

  /// Lets a message go that need not wait for the disk.
  public mutating func depart(
    _ send: Effects<Core>.Send, cost: inout Double, in world: inout SharedWorld
  ) {
    let to = send.to.index
    if to == number {
      world.schedule(
        .message(send.message, Envelope(from: number, to: number, bytes: 0)),
        at: world.now + Int64(cost))
      return
    }
    let bytes = Frame.byteCount(of: send.message)
    cost += world.cpu.cost(ofMessage: bytes) * slowness
    emit(send, bytes: bytes, departing: world.now + Int64(cost), in: &world)
  }

  public mutating func emit(
    _ send: Effects<Core>.Send, bytes: Int, departing: Int64, in world: inout SharedWorld
  ) {
    guard send.to.index < membership.nodeCount else { return }
    usage.messagesSent += 1
    usage.bytesSent += bytes
    world.transmit(
      send.message, from: number, to: send.to.index, bytes: bytes, departing: departing)
  }
}

/// What a node did in the measured interval.
public struct NodeCounters: Sendable {
  public var messagesSent = 0
  public var messagesReceived = 0
  public var bytesSent = 0
  public var bytesReceived = 0
  public var syncs = 0
  public var bytesWritten = 0
  /// Nanoseconds in which the processor was busy.
  public var busy: Int64 = 0
}

extension CPUModel {
  /// Nanoseconds that handling a message of this size takes.
  public func cost(ofMessage bytes: Int) -> Double {
    Double(perMessage.nanoseconds) + Double(bytes) * Double(perByte.nanoseconds)
  }
}
