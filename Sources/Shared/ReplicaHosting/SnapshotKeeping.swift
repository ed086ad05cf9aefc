import Replication

/// What a host knows of its own snapshots, and what it asks of its runtime because of them.
public struct SnapshotKeeping: Sendable {
  /// A checkpoint of the log: the entry it begins behind, and its first record, counted from the
  /// start of the log.
  public struct Checkpoint: Sendable, Equatable {
    public var reference: SnapshotReference
    public var firstRecord: Int
    /// Records up to here make it whole.
    public var end: Int
  }

  /// A snapshot on its way to the disk.
  public struct Storing: Sendable {
    public var reference: SnapshotReference
    /// Who sent it; `nil` if it is of this replica's own state.
    public var sender: ReplicaID?
    /// Of a snapshot that is to be installed, all of it; of one's own state, what goes before the
    /// application's.
    public var content: [UInt8]
    /// Bytes that have been handed to the runtime.
    public var byteCount = 0
    /// The runtime has been handed all of it.
    public var isHandedOver = false
    /// The disk has all of it.
    public var isStored = false
  }

  public let policy: SnapshotPolicy
  /// Bytes that the log has grown by since the last checkpoint.
  public var logByteCount = 0
  /// The newest checkpoint, and the one before it. The log keeps what lies behind the one before,
  /// so that a replica that lags a little is not sent a whole snapshot.
  public var checkpoint: Checkpoint?
  public var earlier: Checkpoint?
  /// The newest snapshot that is durable here, and its size.
  public var latest: SnapshotReference?
  public var latestByteCount = 0
  public var storing: Storing?
  /// Records before this one can be removed once those before `needs` are durable.
  public var removal: (before: Int, needs: Int)?

  /// Bug: forget-before-snapshot.
  public var forgetsAtOnce = false

  /// How much of the state is written out at a time: a fraction of a millisecond's work.
  public static var partByteCount: Int { 128 << 10 }

  /// No snapshot of a peer may be larger: it is gathered in memory.
  public static var largest: Int { 64 << 30 }

  // For the runtime, in this turn.
  public var isStoringNew = false
  public var pages: [PageOrder] = []
  /// Bytes of state that were written out or read in, for runtimes that charge for it.
  public var handledByteCount = 0
  /// The state was replaced by that after this entry.
  public var installedIndex: LogIndex?

  /// What was done in this turn.
  public var counts = SnapshotCounts()

  public init(policy: SnapshotPolicy) { self.policy = policy }

  /// A page to be read and sent.
  public struct PageOrder: Sendable {
    public var to: ReplicaID
    public var reference: SnapshotReference
    public var range: Range<Int>
    public var totalByteCount: Int
  }

  /// How much the log may grow between two snapshots. More for a large state, so that most of what
  /// is written is what clients ask for.
  public var interval: Int { max(policy.interval, latestByteCount / 2) }

  /// Whether the log has grown enough. While a replica is being sent the newest snapshot the log
  /// grows on for some time, or it would be cut again before that replica can go on from there.
  public func isDue(whileSending: Bool) -> Bool {
    policy.interval > 0 && storing == nil
      && logByteCount >= (whileSending ? interval * 8 : interval)
  }

  /// Whether the end of the turn has anything to do.
  public var hasWork: Bool {
    isStoringNew || hasParts || !pages.isEmpty || removal != nil || storing?.isStored == true
      || counts != SnapshotCounts()
  }

  /// The log begins anew behind a snapshot, with records from `first` to `end`.
  /// Whether there are parts for the runtime to store.
  public var hasParts: Bool { storing.map { !$0.isHandedOver } ?? false }

  public mutating func begin(_ reference: SnapshotReference, firstRecord: Int, end: Int) {
    earlier = checkpoint
    checkpoint = Checkpoint(reference: reference, firstRecord: firstRecord, end: end)
  }
}
