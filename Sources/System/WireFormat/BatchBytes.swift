/// The bytes of an encoded batch, shared by all copies of the batch. They are in memory, or only in
/// the file of a log.
///
/// A replica that kept all batches in memory would need unlimited memory, and allocating new memory
/// costs more than all processing of its content. So a log releases the bytes of batches that it
/// wrote some time ago (`leaveMemory`). They are rarely needed again, for a replica that has fallen
/// far behind. They are then read from the file each time, and not kept.
// Unchecked: only the log to which the bytes were written changes an instance, on the thread that
// runs the replica. Replicas that share a process but not a thread do not write to such a log.
public final class BatchBytes: @unchecked Sendable {
  public let byteCount: Int
  /// How many requests the batch holds.
  public let count: Int
  private var resident: [UInt8]
  private var home: BatchHome?

  public init(_ bytes: [UInt8], count: Int) {
    byteCount = bytes.count
    self.count = count
    resident = bytes
  }

  public var isInMemory: Bool { resident.count == byteCount }

  public var bytes: [UInt8] {
    isInMemory ? resident : home!.keeper.read(byteCount, at: home!.place)
  }

  /// Drops the bytes in memory; later reads go to `keeper`, which replaces an earlier one.
  public func leaveMemory(for keeper: any BatchKeeper, at place: BatchLocation) {
    home = BatchHome(keeper: keeper, place: place)
    resident = []
  }
}

/// The location of bytes that are no longer in memory. It is a separate object to save memory,
/// because most batches of a short run stay in memory.
private final class BatchHome: Sendable {
  let keeper: any BatchKeeper
  let place: BatchLocation

  init(keeper: any BatchKeeper, place: BatchLocation) {
    self.keeper = keeper
    self.place = place
  }
}

/// The position of a batch's bytes in a file: the start of a block of records, and an offset from
/// it.
public struct BatchLocation: Sendable {
  public let start: Int
  public let offset: Int

  public init(start: Int, offset: Int) {
    self.start = start
    self.offset = offset
  }
}

/// A file that stores the bytes of batches.
public protocol BatchKeeper: AnyObject, Sendable {
  /// The bytes that were written there. A replica whose file has lost them cannot continue, so this
  /// ends the process if they cannot be read or are damaged.
  func read(_ byteCount: Int, at place: BatchLocation) -> [UInt8]
}

/// The bytes of batches that a reader has decoded, and their offsets in its input.
// Unchecked: only the thread that reads uses it.
public final class BatchNotes: @unchecked Sendable {
  private var noted: [NotedBatch] = []

  public init() {}

  public func note(_ block: BatchBytes, at offset: Int) {
    noted.append(NotedBatch(block: block, offset: offset))
  }

  /// The noted batches, with offsets that count from `start`.
  public func taken(behind start: Int) -> [NotedBatch] {
    noted.map { NotedBatch(block: $0.block, offset: $0.offset - start) }
  }
}

/// The bytes of a batch that was written or read, and their offset in the output or input.
public struct NotedBatch: Sendable {
  public let block: BatchBytes
  public var offset: Int

  public init(block: BatchBytes, offset: Int) {
    self.block = block
    self.offset = offset
  }
}
