import Environments
import Primitives
import ReplicaHosting
import Replication
import Trials
import WireFormat

/// An input that waits for a node's processor.
public enum NodeInput<Message, Command: WireCodable & Equatable & Sendable> {
  case message(Message, Envelope)
  case request(ClientRequest<Command>, bytes: Int, arrived: Instant)
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
  public let limits: RequestLimits

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
  public var incarnation = 0
  public var inbox: [NodeInput<Core.Message, Application.Command>] = []
  public var causes = NodeCauses()
  public var busyUntil = Instant.zero
  public var turnIsScheduled = false
  public var slowness = 1.0
  public var usage: NodeUsage

  /// How the time of the present turn is spent, and the number of that turn.
  public var turn = TurnTime()
  public var turnNumber = 0
  /// Whether the present turn handles more than one input, so that replies must be put in order.
  public var putsInOrder = false
  public var receivedRequests = ClientTable(
    ReceivedRequest(turn: -1, sequence: 0, receiptsNs: .infinity))
  public var waitingReplies: [WaitingReply<ClientReply<Application.Response>>] = []

  /// The core's timers, by their indices.
  public var timers: [NodeTimer]

  /// All records appended to the disk except for the first `forgottenCount`; none if the process
  /// never reads its log again. Those up to `barrier.durableCount` are durable.
  public var log: [Core.Record] = []
  public var forgottenCount = 0
  /// Whether the process may have to start again from its log. Otherwise records are not kept,
  /// because a log is a third of the memory of a long trial.
  public private(set) var keepsLog = true
  /// 0 for the node's first disk; greater for each disk that replaces a lost one.
  public var diskGeneration: UInt64 = 0
  public var barrier = DurabilityBarrier<Core.Message>()
  public var isSyncing = false
  /// The writes that wait for the disk, oldest first. The records of one turn are one write, which
  /// needs a sync of its own without group commit.
  public var unsyncedWrites: [DiskWrite] = []
  /// Messages to itself that need not wait for the disk, and those that it is handling now.
  public var ownMessages: [Core.Message] = []
  public var ownInputs: [Core.Message] = []
  public var syncTarget = 0
  public var syncIsOverdue = false
  public var diskIsStalled = false
  public var extraSyncTime = Interval.zero
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
    initialState: Application, limits: RequestLimits = RequestLimits()
  ) {
    self.number = number
    self.limits = limits
    self.membership = membership
    usage = NodeUsage(
      node: number,
      role: membership.authority.contains(ReplicaID(number)) ? .authority : .replica)
    self.options = options
    self.seed = seed
    self.clock = clock
    self.initialState = initialState
    host = Host(
      id: ReplicaID(number), membership: membership, options: options, seed: seed, limits: limits)
    host.application = initialState
    diskRandom = RandomStream(seed: seed, purpose: .disks, number: number)
    snapshotRandom = RandomStream(seed: seed, purpose: .snapshots, number: number)
    timers = Array(repeating: NodeTimer(), count: Core.Timer.count)
  }

  /// Resets the usage. The rest of an unfinished turn counts from now on.
  public mutating func startMeasuring(at now: Instant) {
    usage = NodeUsage(node: number, role: usage.role)
    usage.busyNs = unspentNs(at: now)
  }

  /// The usage up to now. A turn is charged when it begins, so the rest of an unfinished turn is
  /// subtracted.
  public func usage(at now: Instant) -> NodeUsage {
    var used = usage
    used.busyNs -= unspentNs(at: now)
    return used
  }

  /// Drops the log, because the process will never read it.
  public mutating func stopKeepingLog() {
    keepsLog = false
    forgottenCount += log.count
    log = []
  }

  /// Whether the process handles no input.
  @inlinable
  public var isStopped: Bool { isPaused && !pausesInsideTurn }

  /// How long the present turn still lasts.
  public func unspentNs(at now: Instant) -> Int {
    Int(max(busyUntil - now, .zero).nanoseconds)
  }
}
