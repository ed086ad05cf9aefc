import Glibc
import Replication
import WireFormat

/// The log of one replica: its durable records, in files of one directory.
///
/// ```swift
/// var log = try WriteAheadLog(directory: "data/0", identity: identity, syncs: true)
/// try log.recoverRecords(Record.self) { core.recover($0) }
/// log.append(record)
/// try log.commit()  // Only now may a message be sent that relies on the record.
/// ```
///
/// All records that one turn appends form one block, which `commit` writes and syncs at once. A
/// caller with other work lets a thread do that (`beginCommit`, `finishCommit`). The files:
///
/// - `node`: the owner of the log and its incarnation (`NodeFile`).
/// - `member`: the card of this log, and those of the peers' logs (`MemberFile`).
/// - `lock`: locked while the log is open, so that two processes never share a directory.
/// - `synced`: the last block known to be durable (`SyncedMark`).
/// - `base`: the start of the log, once a snapshot or a checkpoint has replaced the records before
///   it (`LogBase`). The segments before the base are removed.
/// - `0000000000001234.snapshot`: the state after an entry (`SnapshotFile`).
/// - `00000001.log` and so on: segments (`SegmentHeader`) of blocks (`BlockHeader`), which bypass
///   the page cache where the file system allows that. With syncs, each is filled with zeros before
///   use; a thread fills the next one in advance, as far as it gets.
/// - `staged`: without syncs, blocks that are to be written to a segment (`StagedFile`).
///
/// Opening a log completes what a crash interrupted, and refuses every state that no crash can
/// leave (`LogScan`). One case cannot be detected: a loss of power, together with a disk that then
/// returns zeros for bytes it had reported as durable within the last second, because `synced` is
/// synced once a second only.
///
/// The first error of a write or a sync is final. The files' content is then known only after they
/// are read again, so the log throws the same error at every later call and the replica must stop.
public struct WriteAheadLog: ~Copyable, Sendable {
  public let directoryPath: String
  /// The node's incarnation: how often the log has been opened, including this time. It is durable
  /// before anything else.
  public let incarnation: UInt64
  /// Whether `commit` waits for the disk.
  public let syncs: Bool
  public let segmentByteCount: Int
  /// How many records earlier incarnations have written, including removed ones.
  public let recoveredRecordCount: Int
  /// How many syncs have completed since the log was opened.
  public internal(set) var syncCount = 0
  /// Bytes of the blocks written since the log was opened.
  public internal(set) var bytesWritten = 0
  /// Bytes at the ends of these blocks that hold no record.
  public internal(set) var paddingByteCount = 0

  /// The block of this turn: bytes before the first sector boundary in memory, space for the
  /// block's header, then its records.
  @usableFromInline var buffer = WireWriter()
  @usableFromInline var lead = 0
  /// The second of two buffers that are used in turn.
  var spareBuffer = WireWriter()
  @usableFromInline var pendingRecordCount = 0
  /// The error that every later call throws.
  @usableFromInline var failure: LogError?

  var member: MemberFile
  let digest: UInt64
  /// Where the log begins.
  var base: LogBase
  /// The existing segments, and the blocks and records before each.
  var starts: [SegmentStart]
  /// The latest removal of segments.
  var trimming: LogTrimming?
  let stagedByteCount: Int
  let directory: File
  let lock: File
  var mark: SyncedMark
  var segment: OpenSegment
  var batches: WrittenBatches
  /// How errors of reading batches back are treated.
  let reads: ReadBack
  /// The time between two syncs of the mark.
  let markPause: Interval
  var next: SegmentPreparation?
  /// The segments that earlier incarnations have left.
  let recovered: [RecoveredSegment]
  let lastRecoveredBlock: UInt64
  /// The last block written.
  var block: UInt64
  /// The last record written.
  var record: UInt64
  var fault: LogFault?
  /// Writes and syncs blocks while the log takes further records; started on first use.
  var writer: LogWorker<BlockJob>?
  /// Without syncs, writes blocks to the segments; started on first use.
  var staging: Staging?
  /// Readable once the block that is being written is durable, or has failed; `nil` before the
  /// first.
  public internal(set) var commitSignal: Int32?
  /// Number of records in the block that is being written; 0 if there is none.
  var inFlightRecordCount = 0

  /// Opens a log, or creates an empty one.
  /// - Parameters:
  ///   - directory: is created, with its missing ancestors.
  ///   - opening: whether a log must exist, or must not.
  ///   - syncs: without syncs, records survive the death of the process but not a loss of power.
  ///     May change between incarnations.
  ///   - segmentByteCount: the size of new segments, at least 8192. A larger block gets a segment
  ///     of its own.
  ///   - memoryByteCount: how many bytes of the batches in the files stay in memory. Other batches
  ///     are read from the files on demand.
  ///   - stagedByteCount: without syncs, how many bytes are written to a segment at once.
  ///   - markPause: the time between two syncs of the mark.
  ///   - progress: is called with the number of each segment that is read.
  public init(
    directory path: String, identity: LogIdentity, opening: LogOpening = .any, syncs: Bool,
    segmentByteCount: Int = 16 << 20, memoryByteCount: Int = 4 << 20,
    stagedByteCount: Int = 1 << 20, markPause: Interval = .seconds(1),
    progress: (UInt64) -> Void = { _ in }
  ) throws(LogError) {
    precondition(segmentByteCount >= SegmentHeader.firstBlock + PhysicalBlock.byteCount)
    guard identity.cluster.utf8.count <= 128, identity.protocolName.utf8.count <= 128 else {
      throw LogError(
        .system(EINVAL), path: path, reason: "the names of a log are at most 128 bytes long")
    }
    try Directory.create(path)
    let directory = try File(path, O_RDONLY | O_DIRECTORY)
    let lock = try DirectoryLock.take(path)
    try WriteAheadLog.removeUnfinished(in: path)
    let earlier = try NodeFile.read(from: directory)
    // The process that made the directory may have ended before its entry was durable.
    if earlier == nil { try Directory.syncEntry(of: path) }
    try earlier?.check(identity, path: "\(path)/\(NodeFile.name)")
    let member = try MemberFile.open(in: directory, as: opening, hasLog: earlier != nil)
    // Clients know the identity. Without the number, which they do not, values that hold headers of
    // blocks could make a torn end look like damage.
    let digest = identity.digest ^ member.card.number
    let base = try LogBase.read(from: directory, digest: digest)
    var mark = try SyncedMark(in: directory, digest: digest, mayCreate: earlier == nil)
    try StagedFile.settle(in: path, digest: digest)
    var recovery = try Recovery(
      path, digest: digest, base: base, synced: mark.block,
      mayLackHeader: earlier.map { !$0.syncs } ?? true, progress: progress)
    guard earlier != nil || recovery.block == 0 else {
      throw .damaged("\(path)/\(NodeFile.name)", "the file is missing but there are records")
    }
    try recovery.repair(in: directory, syncs: syncs, mark: &mark)
    let size = PhysicalBlock.roundedUp(segmentByteCount)
    let reads = ReadBack()
    let segment = try recovery.openSegment(
      digest: digest, syncs: syncs, segmentByteCount: size, reads: reads)
    var next = try recovery.openNext(after: segment, segmentByteCount: size)
    let incarnation = (earlier?.incarnation ?? 0) + 1
    try NodeFile(identity: identity, incarnation: incarnation, syncs: syncs).write(to: directory)
    if syncs && next == nil {
      next = try SegmentPreparation(in: path, segment.header.following(byteCount: size))
    }
    // No statement after this may throw, because a noncopyable value must be initialised
    // completely.
    directoryPath = path
    self.incarnation = incarnation
    self.syncs = syncs
    self.segmentByteCount = size
    recoveredRecordCount = Int(recovery.record)
    self.member = member
    self.digest = digest
    self.base = base
    starts = recovery.used.map(\.start)
    if starts.last?.number != segment.header.number {
      starts.append(
        SegmentStart(
          number: segment.header.number, block: recovery.block, record: recovery.record))
    }
    self.stagedByteCount = stagedByteCount
    self.directory = directory
    self.lock = lock
    self.mark = mark
    self.segment = segment
    batches = WrittenBatches(byteLimit: memoryByteCount)
    self.reads = reads
    self.markPause = markPause
    self.next = next
    recovered = recovery.used
    lastRecoveredBlock = recovery.block
    block = recovery.block
    record = recovery.record
  }

  deinit {
    // The writer's thread must end before the files are closed and the directory is unlocked.
    switch writer {
    case .some(let writer): writer.end()
    case .none: break
    }
  }

  /// Records in the log: recovered and committed.
  public var recordCount: Int { Int(record) }

  /// Bytes of padding in the recovered segments that begin after the first `recordCount` records.
  public func recoveredPadding(behind recordCount: Int) -> Int {
    recovered.reduce(0) {
      $0 + ($1.start.record >= UInt64(recordCount) ? $1.contents.paddingByteCount : 0)
    }
  }

  /// Adds a record to those that the next `commit` makes durable. Does nothing after a failure.
  @inlinable
  public mutating func append<Record: WireCodable>(_ record: Record) {
    guard failure == nil else { return }
    if pendingRecordCount == 0 { startBlock() }
    // Reserves space for the padding, too, so that the buffer grows at most once.
    let needed = 4 + record.encodedByteCount + Sector.byteCount + PhysicalBlock.byteCount
    if buffer.count + needed > buffer.storage.count {
      buffer.reserve(needed)
      moveBlock()
    }
    let start = buffer.count
    buffer.write(UInt32(0))
    record.encode(into: &buffer)
    buffer.overwrite(at: start, with: UInt32(buffer.count - start - 4))
    pendingRecordCount += 1
  }

  /// Unlocks the directory, so that another log can open it. Uncommitted records are lost.
  public mutating func close() {
    guard failure?.kind != .closed else { return }
    // Blocks that cannot be written to their segments are left to the next opening.
    try? drain()
    if syncs { mark.sync() }
    failure = LogError(.closed, path: directoryPath, reason: "the log is closed")
    // The log's threads must not write to the directory any more.
    writer = nil
    trimming = nil
    staging = nil
    commitSignal = nil
    next = nil
    flock(lock.descriptor, LOCK_UN)
  }

  /// Moves the block to a sector boundary in memory, which growing may have changed. Done before
  /// the block takes a record of perhaps many megabytes.
  @usableFromInline
  mutating func moveBlock() {
    let byteCount = buffer.count - lead
    let before = lead
    let target = buffer.storage.withUnsafeMutableBytes { bytes in
      let target = Sector.lead(UnsafeRawBufferPointer(bytes))
      if target != before {
        memmove(bytes.baseAddress! + target, bytes.baseAddress! + before, byteCount)
      }
      return target
    }
    for index in buffer.notedBatches.indices {
      buffer.notedBatches[index].offset += target - before
    }
    buffer.count = target + byteCount
    lead = target
  }

  @usableFromInline
  mutating func startBlock() {
    buffer.removeAll()
    buffer.notesBatches = true
    buffer.notedBatches.removeAll(keepingCapacity: true)
    buffer.reserve(Sector.byteCount + PhysicalBlock.byteCount)
    lead = buffer.storage.withUnsafeBytes { Sector.lead($0) }
    buffer.count = lead + BlockHeader.byteCount
  }
}

/// The segment that is being appended to.
struct OpenSegment: ~Copyable, Sendable {
  let shared: SharedFile
  let header: SegmentHeader
  /// Size limit in bytes; a block that exceeds it starts a new segment.
  let capacity: Int
  let keeper: SegmentKeeper
  /// The offset of the next block.
  var position = SegmentHeader.firstBlock

  init(
    _ file: SharedFile, _ header: SegmentHeader, capacity: Int? = nil,
    position: Int = SegmentHeader.firstBlock, reads: ReadBack
  ) {
    keeper = SegmentKeeper(path: file.file.path, seal: header.seal, reads: reads)
    shared = file
    self.header = header
    self.capacity = capacity ?? header.byteCount
    self.position = position
  }

  var file: File { _read { yield shared.file } }
}
