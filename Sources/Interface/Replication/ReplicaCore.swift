import WireFormat

/// A replication protocol as a value: events in, effects out.
///
/// A core does no I/O, reads no clock, draws no random number, logs nothing and never throws. The
/// same core therefore runs in the simulator, in a real process and in a test that steps it by
/// hand.
///
/// Every core may rely on these guarantees of its host:
/// - `recover` is called once per durable record, oldest first, before `.started`.
/// - A message passed to `Effects.send` leaves only after every record persisted before it is
///   durable.
/// - Messages may be lost, duplicated, delayed and reordered; a replica may crash and come back
///   with exactly the records that were durable.
/// - Events are handled one at a time.
public protocol ReplicaCore: Sendable {
  /// The messages between replicas.
  associatedtype Message: WireCodable & Equatable & Sendable
  /// One durable fact, appended to the replica's log.
  associatedtype Record: WireCodable & Equatable & Sendable
  /// The names of the timers the core uses.
  associatedtype Timer: TimerName
  associatedtype Options: ProtocolOptions

  init(id: ReplicaID, membership: Membership, options: Options)

  /// Whether a replica that has lost its disk may come back with an empty one (`takePlace`).
  static var replacesLostReplicas: Bool { get }

  /// Tells the core that this replica has lost its disk and begun a new one. The replica has
  /// forgotten its promises on the old disk, while others remember them. So it may take part in no
  /// decision before it has learnt from the others all that it could have promised. The host calls
  /// this at each start on the new disk, before `recover`.
  /// - Parameter generation: larger than the generation of any earlier disk of this replica.
  mutating func takePlace(generation: UInt64)

  /// The largest generation of a disk that a message claims, whichever replica's disk it is; 0 if
  /// it claims none. Later disks of that replica need larger numbers, so a false one from the
  /// future would shut them out. A core cannot know it for false, because it knows no date; a node
  /// asks for it and ignores such a message.
  static func largestGeneration(in message: Message) -> UInt64

  /// The batches of entries that a message carries. A core that uses another one for its own state
  /// looks into them before it hands the message on.
  static func batches(in message: Message) -> [Batch]

  /// Takes back one durable fact after a restart.
  mutating func recover(_ record: Record)

  /// Handles one event and adds its effects. `now` is a reading of this node's own clock, which
  /// never steps and keeps running while the process is stopped. It was read after the event and
  /// the requests in it had arrived.
  mutating func handle(
    _ event: consuming Event<Self>, at now: Instant, into effects: inout Effects<Self>)

  /// Tells the core that another node is alive, but may be silent for a while, because it receives,
  /// writes or sends a large message. A core that judges single nodes by their silence must not
  /// count that time. Only runtimes with real connections know of it.
  mutating func expectSilence(of id: ReplicaID, for pause: Interval, at now: Instant)

  /// Ends a turn, after the host has handed over all its events. Effects added here belong to the
  /// turn, so a core can gather what goes to one neighbour or to the disk and ask for it once. The
  /// host calls this in every turn before it carries the effects out.
  mutating func endTurn(at now: Instant, into effects: inout Effects<Self>)

  // Snapshots: see Snapshots.swift. All of this has defaults for a core without snapshots.

  /// Whether the host may take snapshots of what this core has committed.
  static var takesSnapshots: Bool { get }

  /// Wraps a message of the hosts about snapshots in a message of this core, and unwraps it.
  static func message(carrying snapshot: SnapshotMessage) -> Message?
  static func snapshotMessage(in message: Message) -> SnapshotMessage?
  /// The snapshot that a record names, if the record is the first one of a checkpoint.
  static func snapshot(in record: Record) -> SnapshotReference?

  /// Writes a checkpoint: records that repeat all that the records so far say, with a log that
  /// begins after `index`, the last entry that is committed here. The first record names the
  /// snapshot.
  mutating func checkpoint(
    at index: LogIndex, into effects: inout Effects<Self>
  ) -> SnapshotReference

  /// Lets entries up to `index` leave the log, because a snapshot that covers more is durable here.
  mutating func snapshotTaken(forgettingThrough index: LogIndex)

  /// Offers a snapshot of another replica that has become durable here. If it is newer than what is
  /// committed here, the core makes it the start of its log, as a checkpoint, and takes everything
  /// in it as committed. The host then replaces its application's state by the snapshot's.
  /// - Returns: whether the core took the snapshot.
  mutating func install(
    _ reference: SnapshotReference, from sender: ReplicaID, at now: Instant,
    into effects: inout Effects<Self>
  ) -> Bool

  /// Tells the core that the host has restored this snapshot, which one of the records names. The
  /// host calls this after the last record and before `.started`. The next commit is the one after
  /// the snapshot.
  mutating func recovered(_ reference: SnapshotReference)

  /// The replica's own view of its role and its progress.
  var status: ReplicaStatus { get }

  /// All that `recover` rebuilds. Tests compare it between a running core and one that is recovered
  /// from the records of the first. The default, for cores that only tests have, is empty.
  var durableState: DurableState { get }

  /// A sentence that names a broken invariant of the state, or `nil`. Tests ask after every event,
  /// so the core should check only what the last event can have changed.
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

  public static func largestGeneration(in message: Message) -> UInt64 { 0 }

  public static func batches(in message: Message) -> [Batch] { [] }

  /// Does nothing, which suits a core that notices the silence of others by its timers alone.
  @inlinable
  public mutating func expectSilence(of id: ReplicaID, for pause: Interval, at now: Instant) {}

  /// Does nothing, which suits a core that adds all effects while it handles events.
  @inlinable
  public mutating func endTurn(at now: Instant, into effects: inout Effects<Self>) {}
}

/// An input of a core.
public enum Event<Core: ReplicaCore>: Sendable {
  /// The process has started, and all records have been recovered.
  case started
  case received(Core.Message, from: ReplicaID)
  case timerFired(Core.Timer)
  /// Clients ask for these updates, in this order. The core gets them committed and announces it
  /// with `Effects.commit`, or loses them in a change of leadership, or refuses them.
  case requested(Batch)
  /// Clients ask for linearizable reads. The core calls `Effects.read` as soon as they may be
  /// answered from local state. If `updatesFollow`, the next event is a `requested` of the same
  /// turn, whose messages may carry the question that the reads need answered.
  case readRequested(ReadTicket, updatesFollow: Bool = false)
  /// The process of another node seems to have ended, because the connection over which it sends
  /// was closed from its side. This is only a hint. It may be wrong, and it never comes if the
  /// machine has gone as well or the link is cut. Only cores whose options ask for it
  /// (`heedsDisconnects`) may rely on hearing it.
  case disconnected(ReplicaID)
}

/// A replica's role and progress, in words that all protocols share.
public struct ReplicaStatus: Equatable, Sendable {
  /// The protocol's own word: `leader`, `candidate`, `head`, `backup`.
  public var role: String
  /// Whether the replica believes that clients should bring their updates here. The fault target
  /// `leader` is the replica with the highest `epoch` for which this is true.
  public var isInCharge: Bool
  /// Whether the replica is the fault target `tail`. Only chain replication sets this, for the last
  /// replica of the chain; in other protocols it equals `isInCharge`.
  public var isTail: Bool
  /// Whether the node is the fault target `coordinator`. Only the authority of primary-backup and
  /// chain replication sets this, for its leader; in other protocols it equals `isInCharge`.
  public var isCoordinator: Bool
  /// Term, ballot round or view number.
  public var epoch: UInt64
  /// The last entry that this replica knows to be committed, with all before it.
  public var commitIndex: LogIndex
  /// The index of the last entry in the local log.
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
  /// Whether it means that other nodes were silent. A runtime may let it fire later while bytes of
  /// a large message show that another node is alive.
  var waitsForOthers: Bool { get }
}

extension TimerName {
  public var waitsForOthers: Bool { false }
}

extension TimerName where Self: CaseIterable & RawRepresentable, RawValue == Int {
  public static var count: Int { allCases.count }
  public var index: Int { rawValue }
  public init(index: Int) { self = Self(rawValue: index)! }
}
