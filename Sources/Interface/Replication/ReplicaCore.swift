import WireFormat

/// A replication protocol as a value: events in, effects out.
///
/// A core does no I/O, reads no clock, draws no random number, logs nothing and never throws. The
/// same core therefore runs in the simulator, in a real process and in a test that steps it by
/// hand.
///
/// What every core may rely on, and every host provides:
/// - `recover` is called once per durable record, oldest first, before `.started`.
/// - A message passed to `Effects.send` leaves only after every record persisted before it is
///   durable.
/// - Messages may be lost, duplicated, delayed and reordered; a replica may crash and come back
///   with exactly the records that were durable.
/// - Events are handled one at a time.
public protocol ReplicaCore: Sendable {
  /// What replicas say to each other.
  associatedtype Message: WireCodable & Equatable & Sendable
  /// One durable fact, appended to the replica's log.
  associatedtype Record: WireCodable & Equatable & Sendable
  /// The names of the timers the core uses.
  associatedtype Timer: TimerName
  associatedtype Options: ProtocolOptions

  init(id: ReplicaID, membership: Membership, options: Options)

  /// Whether a replica that has lost its disk may come back with an empty one (`takePlace`).
  static var replacesLostReplicas: Bool { get }

  /// This replica's disk was lost, and it has begun a new one: what it promised on the old one is
  /// forgotten here and remembered elsewhere. So it may take part in no decision before it has
  /// learnt from the others all that it could have promised. Called at each start on that disk,
  /// before `recover`.
  /// - Parameter generation: larger than that of any disk before.
  mutating func takePlace(generation: UInt64)

  /// Takes back one durable fact after a restart.
  mutating func recover(_ record: Record)

  /// Takes one event and says what has to happen because of it. `now` is this node's own clock: it
  /// never steps, it goes on while the process is stopped, and it was read after the event and the
  /// requests in it had arrived.
  mutating func handle(_ event: Event<Self>, at now: Instant, into effects: inout Effects<Self>)

  /// The host has handed over all events of a turn. What the core asks for here belongs to the
  /// turn: a core that gathers what goes to one neighbour or to the disk asks for it once. Every
  /// turn ends so before its effects are carried out.
  mutating func endTurn(at now: Instant, into effects: inout Effects<Self>)

  // Snapshots: see Snapshots.swift. A core that takes none need not say anything of them.

  /// Whether the host may take snapshots of what this core has committed.
  static var takesSnapshots: Bool { get }

  /// How hosts' words about snapshots travel in this core's messages.
  static func message(carrying snapshot: SnapshotMessage) -> Message?
  static func snapshotMessage(in message: Message) -> SnapshotMessage?
  /// The snapshot that a record names, if it is the first one of a checkpoint.
  static func snapshot(in record: Record) -> SnapshotReference?

  /// Persists anew all that the records so far say, with a log that begins behind `index`, the last
  /// entry that is committed here. The first record names the snapshot.
  mutating func checkpoint(
    at index: LogIndex, into effects: inout Effects<Self>
  ) -> SnapshotReference

  /// A snapshot of more than this is durable here: entries up to `index` may leave the log.
  mutating func snapshotTaken(forgettingThrough index: LogIndex)

  /// A snapshot of another replica has become durable here. If it is newer than what is committed
  /// here, the core makes it the start of its log, as a checkpoint, and takes everything in it for
  /// committed; the host puts its content in the place of its own.
  /// - Returns: whether it did.
  mutating func install(
    _ reference: SnapshotReference, from sender: ReplicaID, at now: Instant,
    into effects: inout Effects<Self>
  ) -> Bool

  /// After the last record and before `.started`: the host has restored this snapshot, which one of
  /// the records names. Commits go on behind it.
  mutating func recovered(_ reference: SnapshotReference)

  /// What this replica believes about itself.
  var status: ReplicaStatus { get }

  /// All that `recover` rebuilds. Tests compare it between a running core and one that is recovered
  /// from the records of the first. Without any for cores that only tests have.
  var durableState: DurableState { get }

  /// What is wrong with the state, if anything: a sentence that names the broken invariant. Tests
  /// ask after every event, so it should look at what the last event can have changed.
  func invariantViolation() -> String?
}

extension ReplicaCore {
  public static var takesSnapshots: Bool { false }
  public static func message(carrying snapshot: SnapshotMessage) -> Message? { nil }
  public static func snapshotMessage(in message: Message) -> SnapshotMessage? { nil }
  public static func snapshot(in record: Record) -> SnapshotReference? { nil }

  public mutating func checkpoint(
    at index: LogIndex, into effects: inout Effects<Self>
  ) -> SnapshotReference { SnapshotReference(index: index, epoch: 0) }

  public mutating func snapshotTaken(forgettingThrough index: LogIndex) {}

  public mutating func install(
    _ reference: SnapshotReference, from sender: ReplicaID, at now: Instant,
    into effects: inout Effects<Self>
  ) -> Bool { false }

  public mutating func recovered(_ reference: SnapshotReference) {}

  public var durableState: DurableState { DurableState() }

  public static var replacesLostReplicas: Bool { false }

  public mutating func takePlace(generation: UInt64) {}

  /// A core that asks for everything while it handles events has nothing to add.
  @inlinable
  public mutating func endTurn(at now: Instant, into effects: inout Effects<Self>) {}
}

/// What happens to a core.
public enum Event<Core: ReplicaCore>: Sendable {
  /// The process has started; all records have been recovered.
  case started
  case received(Core.Message, from: ReplicaID)
  case timerFired(Core.Timer)
  /// Clients ask for these updates, in this order. The core either gets them committed (and says so
  /// with `commit`), loses them in a change of leadership, or refuses them.
  case requested(Batch)
  /// Clients ask for linearizable reads: from which moment on may they be answered from local
  /// state? If `updatesFollow`, the next event is a `requested` of the same turn, whose messages
  /// may carry what has to be asked for the reads.
  case readRequested(ReadTicket, updatesFollow: Bool = false)
  /// The process of another node has ended, as far as this node can see: the connection over which
  /// it sends was closed from its side. A hint and no more. It may be wrong, and may never come:
  /// not if the machine is gone, too, nor over a cut link. Only cores whose options ask for it
  /// (`heedsDisconnects`) may rely on hearing it.
  case disconnected(ReplicaID)
}

/// What a replica is, in words all protocols share.
public struct ReplicaStatus: Equatable, Sendable {
  /// The protocol's own word: `leader`, `candidate`, `head`, `backup`.
  public var role: String
  /// The replica believes that clients should bring their updates here. The fault target `leader`
  /// is the replica of the highest `epoch` that says so.
  public var isInCharge: Bool
  /// The fault target `tail`. Only chain replication sets it, for the last replica of the chain;
  /// elsewhere it is as `isInCharge`.
  public var isTail: Bool
  /// The fault target `coordinator`. Only the authority of primary-backup and chain replication
  /// sets it, for its leader; elsewhere it is as `isInCharge`.
  public var isCoordinator: Bool
  /// Term, ballot round or view number.
  public var epoch: UInt64
  /// All entries up to here are known to be committed.
  public var commitIndex: LogIndex
  /// The last entry of the local log.
  public var lastIndex: LogIndex

  public init(
    role: String, isInCharge: Bool, isTail: Bool? = nil, isCoordinator: Bool? = nil,
    epoch: UInt64, commitIndex: LogIndex, lastIndex: LogIndex
  ) {
    self.role = role
    self.isInCharge = isInCharge
    self.isTail = isTail ?? isInCharge
    self.isCoordinator = isCoordinator ?? isInCharge
    self.epoch = epoch
    self.commitIndex = commitIndex
    self.lastIndex = lastIndex
  }
}

/// The name of a timer: a small enumeration. Setting a timer that is already set replaces it.
public protocol TimerName: Hashable, Sendable {
  static var count: Int { get }
  /// 0 ..< `count`.
  var index: Int { get }
  init(index: Int)
}

extension TimerName where Self: CaseIterable & RawRepresentable, RawValue == Int {
  public static var count: Int { allCases.count }
  public var index: Int { rawValue }
  public init(index: Int) { self = Self(rawValue: index)! }
}
