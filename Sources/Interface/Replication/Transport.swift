import WireFormat

// What surrounds a replica: the seam between protocols and the network, the disk and the clock they run on.
// The simulated node and the node of a real cluster both provide it; hosts use it (`TurnRuntime`), and
// cores never see it.

/// Carries messages from one node to others.
///
/// A transport may lose, delay, duplicate and reorder; it never invents and never delivers a damaged
/// message, because frames carry a checksum (`Frame`). The simulated and the in-process transport hand
/// the value over and account for `Frame.byteCount`; that encoding loses nothing is a conformance test.
public protocol Transport<Message>: ~Copyable {
  associatedtype Message: WireCodable & Sendable

  /// Sends a message now. One to the node itself comes back to it as received, after this turn.
  mutating func send(_ message: Message, to: ReplicaID)
}

/// Where a replica's records survive a crash.
///
/// Records are durable in the order in which they were appended, and some time after that: when a sync
/// begins is up to the log. Whoever waits for it waits behind a barrier (`DurabilityBarrier`).
public protocol DurableLog<Record>: ~Copyable {
  associatedtype Record: WireCodable & Sendable

  /// Adds the records of a turn behind all others.
  mutating func append(_ records: [Record])
}

/// Where a replica's snapshots survive a crash, beside its log.
public protocol SnapshotStore: ~Copyable {
  /// Begins to store a snapshot, one at a time; an unfinished one is given up.
  mutating func beginSnapshot(_ reference: SnapshotReference)

  /// Whether the next part of it should be written now. A runtime that cannot wait takes small
  /// parts in many turns.
  var takesSnapshotPart: Bool { get }

  /// Adds a part of it. With the last one the snapshot is made durable, and the host is told so in
  /// a later turn (`snapshotStored`).
  mutating func addSnapshotPart(_ part: [UInt8], isLast: Bool)

  /// A part of a snapshot that is durable; `nil` if it is not there any more.
  mutating func page(of reference: SnapshotReference, in range: Range<Int>) -> [UInt8]?

  /// No other snapshot is needed any more.
  mutating func removeSnapshots(exceptFor kept: [SnapshotReference])

  /// A restart needs no record before this one, counted from the start of the log. The one that is
  /// named is durable.
  mutating func removeRecords(before first: Int)

  /// So many more snapshots have been dealt with.
  mutating func count(_ counts: SnapshotCounts)
}

/// Snapshots that a replica has taken of its own state, begun to send, and installed.
public struct SnapshotCounts: Equatable, Sendable {
  public var taken = 0
  public var sent = 0
  public var installed = 0

  public init() {}
}

/// The timers of one node, by its own clock.
public protocol Timers<Timer>: ~Copyable {
  associatedtype Timer: TimerName

  /// Sets a timer, anew if it is set already. `nil` cancels it.
  mutating func set(_ timer: Timer, after delay: Interval?)
}
