/// The bytes of an encoded batch, shared by all copies of the batch. They are in memory, or only in
/// the file of a log.
///
/// A replica that kept all batches in memory would need unlimited memory, and allocating new memory
/// costs more than all processing of its content. So a log releases the bytes of batches that it
/// wrote some time ago (`leaveMemory`). They are rarely needed again, for a replica that has fallen
/// far behind. They are then read from the file each time, and not kept.
// Unchecked: only the log to which a block was written changes it, on the thread that runs the
// replica. Replicas that share a process but not a thread do not write to such a log.
public final class BatchBlock: @unchecked Sendable {
  public let byteCount: Int
  /// How many requests the batch holds.
  public let count: Int
  private var resident: [UInt8]
  private var home: BlockHome?

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
  public func leaveMemory(for keeper: any BlockKeeper, at place: BlockPlace) {
    home = BlockHome(keeper: keeper, place: place)
    resident = []
  }
}

/// The location of bytes that are no longer in memory. It is separate from the block to save
/// memory, because most blocks of a short run stay in memory.
private final class BlockHome: Sendable {
  let keeper: any BlockKeeper
  let place: BlockPlace

  init(keeper: any BlockKeeper, place: BlockPlace) {
    self.keeper = keeper
    self.place = place
  }
}

/// The position of a batch's bytes in a file: the start of a block of records, and an offset from
/// it.
public struct BlockPlace: Sendable {
  public let start: Int
  public let offset: Int

  public init(start: Int, offset: Int) {
    self.start = start
    self.offset = offset
  }
}

/// A file that stores the bytes of batches.
public protocol BlockKeeper: AnyObject, Sendable {
  /// The bytes that were written there. A replica whose file has lost them cannot continue, so this
  /// ends the process if they cannot be read or are damaged.
  func read(_ byteCount: Int, at place: BlockPlace) -> [UInt8]
}

/// The blocks of batches that a reader has decoded, and their offsets in its input.
// Unchecked: only the thread that reads uses it.
public final class BlockNotes: @unchecked Sendable {
  private var noted: [NotedBlock] = []

  public init() {}

  public func note(_ block: BatchBlock, at offset: Int) {
    noted.append(NotedBlock(block: block, offset: offset))
  }

  /// The noted blocks, with offsets that count from `start`.
  public func taken(behind start: Int) -> [NotedBlock] {
    noted.map { NotedBlock(block: $0.block, offset: $0.offset - start) }
  }
}

/// A block that was written or read, and the offset of its bytes in the output or input.
public struct NotedBlock: Sendable {
  public let block: BatchBlock
  public var offset: Int

  public init(block: BatchBlock, offset: Int) {
    self.block = block
    self.offset = offset
  }
}
