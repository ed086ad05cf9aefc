import Environments
import Primitives
import ReplicaHosting
import Replication
import Trials
import WireFormat

/// An input that waits for a node's processor.
public enum NodeInput<Message, Command: WireCodable & Equatable & Sendable> {
  case message(Message, Envelope)
  case request(ClientRequest<Command>)
  case timer(Int)
  case disconnected(from: Int)
  /// The disk has written a snapshot.
  case stored
  /// The disk has made records durable on which messages wait.
  case synced
}

/// A node: a host, a processor that does one thing at a time, a disk and a clock.
///
/// The processor handles all waiting input as one turn. The turn's messages leave while it
/// computes, one after the other (`TurnTime`, `SimulatedTurn`), so a node that sends many messages
/// is late.
public struct SimulatedNode<Core: ReplicaCore, Application: StateMachine> {
  public typealias Host = ReplicaHost<Core, Application>
  public typealias SharedWorld = World<Core, Application>

  public let number: Int
  public var host: Host
  public var clock: NodeClock
  public let membership: Membership
  public let options: Core.Options
  public let seed: UInt64

  /// The faults that hold now: see `adopt`.
  public var isUp = true
  public var isPaused = false
  /// Whether the pause is to stop the process inside its next turn, not before it.
  public var pausesInsideTurn = false
  /// Whether the process is stopped inside a turn: the core has decided, and no effect was carried
  /// out.
  public var standsInsideTurn = false
  /// Whether the process has been started again and is reading its log.
  public var isReadingLog = false
  /// Whether the process was restarted during a pause and starts when the pause ends.
  public var startIsOverdue = false
  /// Counts restarts: events scheduled in an earlier incarnation are void.
  public var life = 0
  public var inbox: [NodeInput<Core.Message, Application.Command>] = []
  public var causes = NodeCauses()
  public var busyUntil: Int64 = 0
  public var turnIsScheduled = false
  public var slowness = 1.0
  public var usage: NodeUsage

  /// How the time of the present turn is spent, and the number of that turn.
  public var turn = TurnTime()
  public var turnNumber = 0
  /// Whether the present turn handles more than one input, so that replies must be put in order.
  public var putsInOrder = false
  public var receivedRequests = FlatTable<ClientID, ReceivedRequest>()
  public var waitingReplies: [WaitingReply<ClientReply<Application.Response>>] = []

  /// Per timer: when it is due by the timer clock, the true time of its earliest scheduled event,
  /// and whether it has fired into the inbox. `Int64.max` is never.
  public var timerDue: [Int64]
  public var timerScheduled: [Int64]
  public var timerHasFired: [Bool]

  /// All records appended to the disk except for the first `forgottenCount`. Those up to
  /// `barrier.durableCount` are durable.
  public var log: [Core.Record] = []
  public var forgottenCount = 0
  /// Whether the process may have to start again from its log. Otherwise durable records are
  /// dropped, because a log is a third of the memory of a long trial.
  public var keepsLog = true
  /// 0 for the node's first disk; greater for each disk that replaces a lost one.
  public var diskGeneration: UInt64 = 0
  public var barrier = DurabilityBarrier<Effects<Core>.Send>()
  public var isSyncing = false
  /// Without group commit: the number of records at the end of each turn that wait for the disk,
  /// oldest first. The records of one turn are one write, which needs a sync of its own.
  public var unsyncedWrites: [Int] = []
  /// Messages to itself that need not wait for the disk, and those that it is handling now.
  public var ownMessages: [Core.Message] = []
  public var ownInputs: [Core.Message] = []
  public var syncTarget = 0
  public var syncIsOverdue = false
  public var diskIsStalled = false
  public var extraSyncTime: Int64 = 0
  /// Used only for the times of this disk's syncs, so that the nth sync of a trial takes equally
  /// long under all protocols.
  public var diskRandom: RandomStream

  /// The snapshots on the disk, and the one that is being written.
  public var snapshots: [StoredSnapshot] = []
  public var storing: StoredSnapshot?
  /// Whether the disk has written it while the disk was stalled or the process stopped.
  public var storeIsOverdue = false
  /// Used only for the times of writing snapshots, so that the times of the log's syncs do not
  /// depend on the number of snapshots.
  public var snapshotRandom: RandomStream

  /// The batches this replica has committed since its last start, in order.
  public var commits = CommittedBatches()

  /// The application's state at the node's first start, and at each start before its log is
  /// applied.
  public let initialState: Application

  public init(
    number: Int, membership: Membership, options: Core.Options, seed: UInt64, clock: NodeClock,
    initialState: Application
  ) {
    self.number = number
    self.membership = membership
    usage = NodeUsage(
      node: number,
      role: membership.authority.contains(ReplicaID(number)) ? .authority : .replica)
    self.options = options
    self.seed = seed
    self.clock = clock
    self.initialState = initialState
    host = Host(id: ReplicaID(number), membership: membership, options: options, seed: seed)
    host.application = initialState
    diskRandom = RandomStream(seed: seed, purpose: .disks, number: number)
    snapshotRandom = RandomStream(seed: seed, purpose: .snapshots, number: number)
    timerDue = Array(repeating: .max, count: Core.Timer.count)
    timerScheduled = timerDue
    timerHasFired = Array(repeating: false, count: Core.Timer.count)
  }

  /// Resets the usage. The rest of an unfinished turn counts from now on.
  public mutating func startMeasuring(at now: Int64) {
    usage = NodeUsage(node: number, role: usage.role)
    usage.busy = unspentTime(at: now)
  }

  /// The usage up to now. A turn is charged when it begins, so the rest of an unfinished turn is
  /// subtracted.
  public func usage(at now: Int64) -> NodeUsage {
    var used = usage
    used.busy -= unspentTime(at: now)
    return used
  }

  /// Whether the process handles no input.
  @inlinable
  public var isStopped: Bool { isPaused && !pausesInsideTurn }

  /// How long the present turn still lasts.
  public func unspentTime(at now: Int64) -> Int { Int(max(busyUntil - now, 0)) }

  // MARK: The processor

  public mutating func start(in world: inout SharedWorld) {
    host.start(at: clock.reading(at: world.now))
    finishTurn(in: &world)
  }

  /// Whether an input that arrives now has to wait; if so, a turn is scheduled.
  @inline(__always)
  public mutating func mustWait(in world: inout SharedWorld) -> Bool {
    guard isStopped || world.now < busyUntil || !inbox.isEmpty else { return false }
    scheduleTurn(in: &world)
    return true
  }

  // Arrivals. If the processor is free, the input is handled at once, without going through the
  // inbox.

  public mutating func arrive(
    _ message: consuming Core.Message, from: Int, bytes: Int, in world: inout SharedWorld
  ) {
    guard isUp else { return }
    if mustWait(in: &world) {
      inbox.append(.message(message, Envelope(from: from, to: number, bytes: bytes)))
      noteWaiting(in: world)
      return
    }
    take(message, from: from, bytes: bytes, in: &world)
    finishTurn(in: &world)
  }

  public mutating func arrive(
    _ request: consuming ClientRequest<Application.Command>, in world: inout SharedWorld
  ) {
    guard isUp else { return }
    if mustWait(in: &world) {
      inbox.append(.request(request))
      noteWaiting(in: world)
      return
    }
    take(request, in: &world)
    finishTurn(in: &world)
  }

  public mutating func arrive(timer: Int, in world: inout SharedWorld) {
    guard isUp else { return }
    if mustWait(in: &world) {
      inbox.append(.timer(timer))
      noteWaiting(in: world)
      return
    }
    take(timer: timer, in: &world)
    finishTurn(in: &world)
  }

  public mutating func arrive(disconnectedFrom other: Int, in world: inout SharedWorld) {
    guard isUp else { return }
    if mustWait(in: &world) {
      inbox.append(.disconnected(from: other))
      noteWaiting(in: world)
      return
    }
    take(disconnectedFrom: other, in: &world)
    finishTurn(in: &world)
  }

  public mutating func arriveSynced(in world: inout SharedWorld) {
    if mustWait(in: &world) {
      inbox.append(.synced)
      noteWaiting(in: world)
      return
    }
    releaseSends(in: &world)
    finishTurn(in: &world)
  }

  /// Handles everything that has arrived as one turn, now that the processor is free.
  public mutating func takeTurn(in world: inout SharedWorld) {
    turnIsScheduled = false
    guard !isStopped, !inbox.isEmpty else { return }
    putsInOrder = inbox.count > 1
    for position in inbox.indices {
      if world.causes.isOn { world.causes.current = causes.ofInbox[position] }
      switch inbox[position] {
      case .message(let message, let envelope):
        take(message, from: envelope.from, bytes: envelope.bytes, in: &world)
      case .request(let request): take(request, in: &world)
      case .timer(let timer): take(timer: timer, in: &world)
      case .disconnected(let other): take(disconnectedFrom: other, in: &world)
      case .stored: takeStored(in: &world)
      case .synced: releaseSends(in: &world)
      }
    }
    inbox.empty()
    causes.ofInbox.empty()
    finishTurn(in: &world)
    putsInOrder = false
  }

  public mutating func scheduleTurn(in world: inout SharedWorld) {
    guard !turnIsScheduled, !isStopped else { return }
    turnIsScheduled = true
    world.schedule(.turn(node: number, life: life), at: max(busyUntil, world.now))
  }

  public mutating func take(
    _ message: consuming Core.Message, from: Int, bytes: Int, in world: inout SharedWorld
  ) {
    charge(received: bytes, in: world)
    host.receive(message, from: ReplicaID(from), at: clock.reading(at: world.now))
    noteInput(in: &world)
    checkInvariants(in: &world)
  }

  public mutating func take(
    _ request: ClientRequest<Application.Command>, in world: inout SharedWorld
  ) {
    charge(received: Frame.byteCount(of: request), in: world)
    if putsInOrder {
      receivedRequests.set(
        request.id.client,
        to: ReceivedRequest(
          turn: turnNumber, sequence: request.id.sequence, receipts: turn.receiving))
    }
    host.submit(request)
    noteInput(of: request.id, in: &world)
    checkInvariants(in: &world)
  }

  public mutating func take(timer: Int, in world: inout SharedWorld) {
    // The timer may have been set again or cancelled while it waited in the inbox, or earlier in
    // this turn.
    guard timerHasFired[timer] else { return }
    timerHasFired[timer] = false
    guard !host.hasChangedTimer(timer) else { return }
    host.fire(Core.Timer(index: timer), at: clock.reading(at: world.now))
    noteInput(in: &world)
    checkInvariants(in: &world)
  }

  public mutating func take(disconnectedFrom other: Int, in world: inout SharedWorld) {
    host.disconnect(ReplicaID(other), at: clock.reading(at: world.now))
    noteInput(in: &world)
    checkInvariants(in: &world)
  }

  public func checkInvariants(in world: inout SharedWorld) {
    guard world.checksInvariants, let broken = host.core.invariantViolation() else { return }
    world.violations.note("replica \(number): \(broken)")
  }

  @inline(__always)
  public mutating func charge(received bytes: Int, in world: borrowing SharedWorld) {
    usage.messagesReceived += 1
    usage.bytesReceived += bytes
    turn.receiving += world.cpu.cost(ofMessage: bytes) * slowness
  }

  /// How many nanoseconds of this turn's receiving have passed when this request has been received;
  /// infinite if it was received earlier. Mutating for the same reason as `byteCount(ofRecords:)`.
  @inline(__always)
  public mutating func receipts(of id: RequestID) -> Double {
    guard putsInOrder, let place = receivedRequests.position(of: id.client) else {
      return .infinity
    }
    let received = receivedRequests.values[place]
    return received.turn == turnNumber && received.sequence == id.sequence
      ? received.receipts : .infinity
  }

  /// Carries out the turn's effects, and handles the node's messages to itself.
  public mutating func finishTurn(in world: inout SharedWorld) {
    repeat {
      if !ownMessages.isEmpty { takeOwnMessages(in: &world) }
      beginEffects(in: &world)
      host.holdsUpdates = unsyncedWrites.count >= Host.mostUnsyncedWrites
      host.endTurn(at: clock.reading(at: world.now))
      checkInvariants(in: &world)
      turn.executions += host.executedCount
      if host.snapshots.installedIndex != nil { noteInstalled() }
      if host.effects.filled.contains(.commits) { noteCommits(in: &world) }
      if host.snapshots.handledByteCount > 0 { chargeSnapshots(in: world) }
      if pausesInsideTurn {
        pausesInsideTurn = false
        standsInsideTurn = true
        return
      }
      lend(in: &world) { $0.carryOutTurn() }
      noteHeld(in: world)
    } while !ownMessages.isEmpty
    if !waitingReplies.isEmpty { lend(in: &world) { $0.answerWaiting() } }
    turn.spend(Double(turn.executions) * world.cpu.apply * slowness)
    let elapsed = Int64(turn.elapsed)
    usage.busy += Int(elapsed)
    busyUntil = world.now + elapsed
    turn = TurnTime()
    causes.turn = CauseTrace.none
    turnNumber += 1
    if !inbox.isEmpty { scheduleTurn(in: &world) }
  }

  public mutating func takeOwnMessages(in world: inout SharedWorld) {
    swap(&ownMessages, &ownInputs)
    for position in ownInputs.indices {
      let released = causes.ofOwnMessages.count > position
      if released { world.causes.current = causes.ofOwnMessages[position] }
      host.receive(ownInputs[position], from: host.id, at: clock.reading(at: world.now))
      if released { noteInput(in: &world) }
      checkInvariants(in: &world)
    }
    ownInputs.empty()
    causes.ofOwnMessages.empty()
  }

  public mutating func noteCommits(in world: inout SharedWorld) {
    for commit in host.effects.commits {
      let agrees = world.agrees(commit, of: number)
      // A snapshot that was installed in this turn may contain the commit.
      guard commit.index.rawValue > commits.count else { continue }
      commits.note(commit.batch, agrees: agrees)
    }
  }
}

/// The processor's costs in nanoseconds: `CPUModel` as numbers.
public struct ProcessorCosts: Sendable {
  public let perMessage: Double
  public let perByte: Double
  public let apply: Double

  public init(_ model: CPUModel) {
    perMessage = Double(model.perMessage.nanoseconds)
    perByte = Double(model.perByte.nanoseconds)
    apply = Double(model.apply.nanoseconds)
  }

  /// The cost of handling a message of this size.
  @inline(__always)
  public func cost(ofMessage bytes: Int) -> Double { perMessage + Double(bytes) * perByte }
}
