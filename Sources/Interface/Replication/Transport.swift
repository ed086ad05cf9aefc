import WireFormat

// The interface between a replica's host and the network, the disk and the clock. The simulated
// node and the node of a real cluster both implement it; hosts use it (`TurnRuntime`), and cores
// never see it.

/// Carries messages from one node to others.
///
/// A transport may lose, delay, duplicate and reorder messages. It never invents a message and
/// never delivers a damaged one, because frames carry a checksum (`Frame`). The simulated and the
/// in-process transport hand over the value itself and count `Frame.byteCount`; a conformance test
/// checks that encoding loses nothing.
public protocol Transport<Message>: ~Copyable {
  associatedtype Message: WireCodable & Sendable

  /// Sends a message now. A message to the node itself arrives there after this turn.
  mutating func send(_ message: consuming Message, to: ReplicaID)
}

/// A replica's log, whose records survive a crash.
///
/// Records become durable in the order in which they were appended, and later than the append,
/// because the log decides when a sync begins. Messages that must wait for records are kept in a
/// `DurabilityBarrier`.
public protocol DurableLog<Record>: ~Copyable {
  associatedtype Record: WireCodable & Sendable

  /// Adds the records of a turn at the end of the log.
  mutating func append(_ records: [Record])
}

/// A store in which a replica's snapshots survive a crash, beside its log.
public protocol SnapshotStore: ~Copyable {
  /// Begins to store a snapshot. The store takes one at a time and drops an unfinished one.
  mutating func beginSnapshot(_ reference: SnapshotReference)

  /// Whether the next part of the snapshot should be written now. A runtime that must not block
  /// takes small parts in many turns.
  var takesSnapshotPart: Bool { get }

  /// Adds a part of the snapshot. After the last part the store makes the snapshot durable and
  /// tells the host so in a later turn (`snapshotStored`).
  mutating func addSnapshotPart(_ part: [UInt8], isLast: Bool)

  /// A part of a durable snapshot; `nil` if the snapshot is not there any more.
  mutating func page(of reference: SnapshotReference, in range: Range<Int>) -> [UInt8]?

  /// Removes all snapshots except these.
  mutating func removeSnapshots(exceptFor kept: [SnapshotReference])

  /// Removes the records before this one, counted from the start of the log, because a restart
  /// needs none of them. The record at `first` is durable.
  mutating func removeRecords(before first: Int)

  /// Adds to the counts of snapshots.
  mutating func count(_ counts: SnapshotCounts)
}

/// How many snapshots a replica has taken of its own state, begun to send, and installed.
public struct SnapshotCounts: Equatable, Sendable {
  public var taken = 0
  public var sent = 0
  public var installed = 0

  public init() {}
}

/// The timers of one node, by its own clock.
public protocol Timers<Timer>: ~Copyable {
  associatedtype Timer: TimerName

  /// Sets a timer, in the place of an earlier setting of the same timer. `nil` cancels it.
  mutating func set(_ timer: Timer, after delay: Interval?)
}
