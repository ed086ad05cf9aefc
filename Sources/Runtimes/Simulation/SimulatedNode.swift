import Environments
import ReplicaHosting
import Replication
import Trials
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
/// one message after the other (`SimulatedTurn`), so a node that sends much is late.
public struct SimulatedNode<Core: ReplicaCore, Application: StateMachine> {
  public typealias Host = ReplicaHost<Core, Application>
  public typealias SharedWorld = World<Core, Application>

  public let number: Int
  public var host: Host
  public var clock: NodeClock
  public let membership: Membership
  public let options: Core.Options
  public let seed: UInt64

  /// What holds of faults at present: see `adopt`.
  public var isUp = true
  public var isPaused = false
  /// The process came back during a pause and starts when that ends.
  public var startIsOverdue = false
  /// Counts restarts: what was scheduled in an earlier life is void.
  public var life = 0
  public var inbox: [InboxItem<Core.Message, Application.Command>] = []
  public var busyUntil: Int64 = 0
  public var turnIsScheduled = false
  public var slowness = 1.0
  public var usage: NodeUsage

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
  public var diskIsStalled = false
  public var extraSyncTime: Int64 = 0

  /// What this replica committed since its last start, in order.
  public var commits: [Batch] = []

  public init(
    number: Int, membership: Membership, options: Core.Options, seed: UInt64, clock: NodeClock
  ) {
    self.number = number
    self.membership = membership
    usage = NodeUsage(
      node: number,
      role: membership.authority.contains(ReplicaID(number)) ? .authority : .replica)
    self.options = options
    self.seed = seed
    self.clock = clock
    host = Host(id: ReplicaID(number), membership: membership, options: options, seed: seed)
    timerDue = Array(repeating: .max, count: Core.Timer.count)
    timerScheduled = timerDue
    timerHasFired = Array(repeating: false, count: Core.Timer.count)
  }

  /// Forgets what was used so far.
  public mutating func startMeasuring() { usage = NodeUsage(node: number, role: usage.role) }

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
    world.violations.note("replica \(number): \(broken)")
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
    cost = lend(cost: cost, in: &world) { $0.carryOutTurn() }
    usage.busy += Int(cost)
    busyUntil = world.now + Int64(cost)
    if !inbox.isEmpty { scheduleTurn(in: &world) }
  }

  public mutating func noteCommits(in world: inout SharedWorld) {
    for commit in host.effects.commits {
      world.check(commit, by: number)
      commits.append(commit.batch)
    }
  }
}

extension CPUModel {
  /// Nanoseconds that handling a message of this size takes.
  public func cost(ofMessage bytes: Int) -> Double {
    Double(perMessage.nanoseconds) + Double(bytes) * Double(perByte.nanoseconds)
  }
}
