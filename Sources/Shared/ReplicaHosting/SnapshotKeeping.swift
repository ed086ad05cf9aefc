import Replication

/// A host's knowledge of its own snapshots, and its requests to the runtime about them.
public struct SnapshotKeeping: Sendable {
  /// A checkpoint of the log: the entry after which the log begins, and its first record, counted
  /// from the start of the log.
  public struct Checkpoint: Sendable, Equatable {
    public var reference: SnapshotReference
    public var firstRecord: Int
    /// The checkpoint is complete with the records before this one; `nil` for a checkpoint that a
    /// restart found, because a crash may have torn it.
    public var end: Int?
  }

  /// A snapshot that is being written to the disk.
  public struct Storing: Sendable {
    public var reference: SnapshotReference
    /// The sender; `nil` for a snapshot of this replica's own state.
    public var sender: ReplicaID?
    /// All bytes of a snapshot to be installed; for the replica's own state, only the bytes before
    /// the application's.
    public var content: [UInt8]
    /// The number of bytes handed to the runtime.
    public var byteCount = 0
    /// Whether all bytes have been handed to the runtime.
    public var isHandedOver = false
    /// Whether all bytes are on the disk.
    public var isStored = false
  }

  public let policy: SnapshotPolicy
  /// The bytes that the log has grown by since the last checkpoint.
  public var logByteCount = 0
  /// The newest checkpoint, and the one before it. The log keeps the entries after the earlier one,
  /// so that a replica that lags a little is not sent a whole snapshot.
  public var checkpoint: Checkpoint?
  public var earlier: Checkpoint?
  /// The newest snapshot that is durable here, and its size.
  public var latest: SnapshotReference?
  public var latestByteCount = 0
  public var storing: Storing?
  /// Records before this one can be removed once those before `needs` are durable.
  public var removal: (before: Int, needs: Int)?

  /// Whether the log forgets entries before the snapshot that holds them is durable.
  /// Bug: forget-before-snapshot.
  public var forgetsAtOnce = false

  /// The size in bytes of a part of the state that is written at a time: a fraction of a
  /// millisecond's work.
  public static var partByteCount: Int { 128 << 10 }

  /// The largest snapshot accepted from a peer, in bytes; it is gathered in memory.
  public static var largest: Int { 64 << 30 }

  // For the runtime, in this turn.
  public var isStoringNew = false
  public var pages: [PageOrder] = []
  /// Bytes of state written or read in this turn, for runtimes that charge for them.
  public var handledByteCount = 0
  /// The last entry of a snapshot that replaced the state in this turn.
  public var installedIndex: LogIndex?

  /// Counts of the snapshot events of this turn.
  public var counts = SnapshotCounts()

  public init(policy: SnapshotPolicy) { self.policy = policy }

  /// A page to be read and sent.
  public struct PageOrder: Sendable {
    public var to: ReplicaID
    public var reference: SnapshotReference
    public var range: Range<Int>
    public var totalByteCount: Int
  }

  /// The bytes that the log may grow by between two snapshots. More for a large state, so that most
  /// written bytes are client requests and not snapshots.
  public var interval: Int { max(policy.interval, latestByteCount / 2) }

  /// Whether the log has grown enough for a snapshot. While a replica is being sent the newest
  /// snapshot, the log may grow longer, or it would be cut again before that replica can continue
  /// from it.
  public func isDue(whileSending: Bool) -> Bool {
    policy.interval > 0 && storing == nil
      && logByteCount >= (whileSending ? interval * 8 : interval)
  }

  /// Asks for a snapshot after the next commit, as if the log had grown enough.
  public mutating func demand() { logByteCount = max(logByteCount, interval * 8) }

  /// Whether the end of the turn has work for the runtime.
  @inline(__always)
  public var hasWork: Bool {
    isStoringNew || hasParts || !pages.isEmpty || removal != nil || storing?.isStored == true
      || counts != SnapshotCounts()
  }

  /// Whether there are parts for the runtime to store.
  public var hasParts: Bool { storing.map { !$0.isHandedOver } ?? false }

  /// Notes that the log begins anew after a snapshot, with the records from `firstRecord` to `end`.
  public mutating func begin(_ reference: SnapshotReference, firstRecord: Int, end: Int) {
    earlier = checkpoint
    checkpoint = Checkpoint(reference: reference, firstRecord: firstRecord, end: end)
  }
}
