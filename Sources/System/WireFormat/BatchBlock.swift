/// An encoded batch, shared by all copies of it: in memory, or only where a log keeps it.
///
/// A replica that held all it ever ordered in memory would need memory without end, and fresh
/// memory at that, which costs more than everything that is done with its content. So a log lets go
/// the bytes of batches that it has written some time ago (`leaveMemory`). They are seldom asked
/// for again: for a replica that has fallen far behind. They are read back each time, and not kept.
// Unchecked: a block changes only by the hand of the log that it was written to, on the thread that
// runs the replica. Replicas that share a process without sharing a thread write to no such log.
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

  /// From now on the bytes are only where `keeper` has them, and not where another one had them.
  public func leaveMemory(for keeper: any BlockKeeper, at place: BlockPlace) {
    home = BlockHome(keeper: keeper, place: place)
    resident = []
  }
}

/// Where bytes are that have left memory. Apart from the block, because most blocks of a short run
/// never leave.
private final class BlockHome: Sendable {
  let keeper: any BlockKeeper
  let place: BlockPlace

  init(keeper: any BlockKeeper, place: BlockPlace) {
    self.keeper = keeper
    self.place = place
  }
}

/// Where the bytes of a batch lie in a file: in which of its records' blocks, and how far behind
/// its start.
public struct BlockPlace: Sendable {
  public let start: Int
  public let offset: Int

  public init(start: Int, offset: Int) {
    self.start = start
    self.offset = offset
  }
}

/// A file that keeps the bytes of batches.
public protocol BlockKeeper: AnyObject, Sendable {
  /// The bytes that were written there. A replica whose file does not hold them any more cannot go
  /// on, so this ends the process if they cannot be read or are damaged.
  func read(_ byteCount: Int, at place: BlockPlace) -> [UInt8]
}

/// The blocks of batches that a reader has come across, and where they begin in what it reads.
// Unchecked: it is used by the thread that reads, which hands it to no other.
public final class BlockNotes: @unchecked Sendable {
  private var noted: [NotedBlock] = []

  public init() {}

  public func note(_ block: BatchBlock, at offset: Int) {
    noted.append(NotedBlock(block: block, offset: offset))
  }

  /// Their offsets count from `start`.
  public func taken(behind start: Int) -> [NotedBlock] {
    noted.map { NotedBlock(block: $0.block, offset: $0.offset - start) }
  }
}

/// A block that was written, and where its bytes begin in what was written.
public struct NotedBlock: Sendable {
  public let block: BatchBlock
  public var offset: Int

  public init(block: BatchBlock, offset: Int) {
    self.block = block
    self.offset = offset
  }
}
