import Glibc
import Replication
import WireFormat

/// The log of one replica: what it must not forget, in files of one directory.
///
/// ```swift
/// var log = try WriteAheadLog(directory: "data/0", identity: identity, syncs: true)
/// try log.forEachRecovered(Record.self) { core.recover($0) }
/// log.append(record)
/// try log.commit()  // Only now may anything be said that rests on the record.
/// ```
///
/// All records that one turn appends form one block, which `commit` writes and syncs at once. Whoever has
/// other things to do meanwhile lets a thread do that (`beginCommit`, `finishCommit`). The files:
///
/// - `node`: whose log this is and how often it was opened (`NodeFile`).
/// - `member`: which log of its node this is, and those of the peers (`MemberFile`).
/// - `lock`: locked while the log is open, so that two processes never share a directory.
/// - `synced`: the last block known to be durable (`SyncedMark`).
/// - `base`: where the log begins, once a snapshot or a checkpoint has replaced what was before
///   (`LogBase`). The segments before that are gone.
/// - `0000000000001234.snapshot`: the state after an entry (`SnapshotFile`).
/// - `00000001.log` and so on: segments (`SegmentHeader`) of blocks (`BlockHeader`), which go past the page
///   cache where the file system allows that. With syncs, each is written full of zeros before use, the next
///   one in advance by a thread.
/// - `staged`: without syncs, blocks on their way to a segment (`StagedFile`).
///
/// Opening a log finishes what a crash interrupted and refuses everything that no crash can leave
/// (`LogScan`). What cannot be noticed: a loss of power that takes the last state of `synced`, together
/// with a disk that then returns zeros for what it had reported as durable.
///
/// The first error of a write or a sync is final: what the files hold then is known only after they are
/// read again, so the log throws the same error at every later call and the replica has to stop.
public struct WriteAheadLog: ~Copyable, Sendable {
  public let directoryPath: String
  /// How often the log has been opened, this time included. Durable before anything else is.
  public let life: UInt64
  /// Whether `commit` waits for the disk.
  public let syncs: Bool
  public let segmentByteCount: Int
  /// How many records earlier lives have written, those that were removed included.
  public let recoveredRecordCount: Int
  /// How often `commit` has waited for the disk since the log was opened.
  public internal(set) var syncCount = 0
  /// Bytes of the blocks written since the log was opened.
  public internal(set) var bytesWritten = 0

  /// The block of this turn: bytes up to the first sector in memory, room for the block's header, then its
  /// records.
  @usableFromInline var buffer = WireWriter()
  @usableFromInline var lead = 0
  /// The other of the two buffers, which take turns.
  var spareBuffer = WireWriter()
  @usableFromInline var pendingRecordCount = 0
  /// What every call throws from now on.
  @usableFromInline var failure: LogError?

  var member: MemberFile
  let digest: UInt64
  /// Where the log begins.
  var base: LogBase
  /// The segments that are there, and what lies before each.
  var starts: [SegmentStart]
  /// The removal that was begun last.
  var trimming: LogTrimming?
  let stagedByteCount: Int
  let directory: File
  let lock: File
  var mark: SyncedMark
  var segment: OpenSegment
  var batches: WrittenBatches
  var next: SegmentPreparation?
  /// The segments that earlier lives have left.
  let recovered: [RecoveredSegment]
  let lastRecoveredBlock: UInt64
  /// The last block written.
  var block: UInt64
  /// The last record written.
  var record: UInt64
  var fault: LogFault?
  /// Writes and syncs blocks while the log takes further records; started when it is first needed.
  var writer: LogWorker<BlockJob>?
  /// Without syncs, what brings blocks to the segments; started when it is first needed.
  var staging: Staging?
  /// Readable once the block that is on its way is durable, or has failed; `nil` before the first.
  public internal(set) var commitSignal: Int32?
  /// How many records the block holds that the writer has at present; 0 if it has none.
  var inFlightRecordCount = 0

  /// Opens a log, or creates an empty one.
  /// - Parameters:
  ///   - directory: is created, with those above it, if it is not there.
  ///   - opening: whether there has to be a log, or must be none.
  ///   - syncs: without syncs, records survive the death of the process but no loss of power. May change
  ///     from one life to the next.
  ///   - segmentByteCount: the size of new segments, at least 4096. A block that is too large for that
  ///     gets a segment of its own.
  ///   - memoryByteCount: how much of the batches that the files hold stays in memory. Others are read from the
  ///     files when they are asked for.
  ///   - stagedByteCount: without syncs, how much goes to a segment at once.
  ///   - progress: is called for each segment that is read.
  public init(
    directory path: String, identity: LogIdentity, opening: LogOpening = .any, syncs: Bool,
    segmentByteCount: Int = 16 << 20, memoryByteCount: Int = 4 << 20,
    stagedByteCount: Int = 1 << 20, progress: (UInt64) -> Void = { _ in }
  ) throws(LogError) {
    precondition(segmentByteCount >= 4096)
    guard identity.cluster.utf8.count <= 128, identity.protocolName.utf8.count <= 128 else {
      throw LogError(
        .system(EINVAL), path: path, reason: "the names of a log are at most 128 bytes long")
    }
    try Directory.create(path)
    let directory = try File(path, O_RDONLY | O_DIRECTORY)
    let lock = try DirectoryLock.take(path)
    try WriteAheadLog.removeUnfinished(in: path)
    let earlier = try NodeFile.read(from: directory)
    // Whoever made the directory may have ended before its entry was durable.
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
    let size = Sector.roundedUp(segmentByteCount)
    let segment = try recovery.openSegment(digest: digest, syncs: syncs, segmentByteCount: size)
    var next = try recovery.openNext(after: segment, segmentByteCount: size)
    let life = (earlier?.life ?? 0) + 1
    try NodeFile(identity: identity, life: life, syncs: syncs).write(to: directory)
    if syncs && next == nil {
      next = try SegmentPreparation(in: path, segment.header.following(byteCount: size))
    }
    // Nothing throws from here on: a value that is not copyable is made whole or not at all.
    directoryPath = path
    self.life = life
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
    self.next = next
    recovered = recovery.used
    lastRecoveredBlock = recovery.block
    block = recovery.block
    record = recovery.record
  }

  deinit {
    // Before the files are closed, and the directory is given back.
    switch writer {
    case .some(let writer): writer.end()
    case .none: break
    }
  }

  /// Records in the log: recovered and committed.
  public var recordCount: Int { Int(record) }

  /// Adds a record to what the next `commit` makes durable. After a failure nothing is added.
  @inlinable
  public mutating func append<Record: WireCodable>(_ record: Record) {
    guard failure == nil else { return }
    if pendingRecordCount == 0 { startBlock() }
    // With room for the padding, so that the buffer grows once at most.
    buffer.reserve(4 + record.encodedByteCount + Sector.byteCount)
    let start = buffer.count
    buffer.write(UInt32(0))
    record.encode(into: &buffer)
    buffer.overwrite(at: start, with: UInt32(buffer.count - start - 4))
    pendingRecordCount += 1
  }

  /// Lets another log open the directory. What was appended and not committed is lost.
  public mutating func close() {
    guard failure?.kind != .closed else { return }
    // What cannot be brought to its segment is left to whoever opens the log next.
    try? drain()
    failure = LogError(.closed, path: directoryPath, reason: "the log is closed")
    // The threads, if there are any, must not write to the directory any more.
    writer = nil
    trimming = nil
    staging = nil
    commitSignal = nil
    next = nil
    flock(lock.descriptor, LOCK_UN)
  }

  @usableFromInline
  mutating func startBlock() {
    buffer.removeAll()
    buffer.notesBlocks = true
    buffer.notedBlocks.removeAll(keepingCapacity: true)
    buffer.reserve(2 * Sector.byteCount)
    lead = buffer.storage.withUnsafeBytes { Sector.lead($0) }
    buffer.count = lead + BlockHeader.byteCount
  }
}

/// The segment that is written to.
struct OpenSegment: ~Copyable, Sendable {
  let shared: SharedFile
  let header: SegmentHeader
  /// How many bytes may be written; a block larger than that starts a new segment.
  let capacity: Int
  let keeper: SegmentKeeper
  /// Where the next block goes.
  var position = Sector.byteCount

  init(
    _ file: consuming File, _ header: SegmentHeader, capacity: Int? = nil,
    position: Int = Sector.byteCount
  ) {
    keeper = SegmentKeeper(path: file.path, seal: header.seal)
    shared = SharedFile(file)
    self.header = header
    self.capacity = capacity ?? header.byteCount
    self.position = position
  }

  var file: File { _read { yield shared.file } }
}
