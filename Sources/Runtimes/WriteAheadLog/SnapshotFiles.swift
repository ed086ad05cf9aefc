import Glibc
import Replication

/// Parts of a snapshot that are to be written to its file.
struct SnapshotJob: LogJob {
  let writer: SnapshotWriter
  let parts: [[UInt8]]
  let isLast: Bool

  consuming func carriedOut() -> SnapshotJob {
    for (position, part) in parts.enumerated() {
      writer.append(part, isLast: isLast && position == parts.count - 1)
    }
    return self
  }
}

/// The snapshots of one node, as files beside its log. A thread writes them.
public struct SnapshotFiles: ~Copyable {
  private let directoryPath: String
  private let digest: UInt64
  private let syncs: Bool
  private var known: [SnapshotFile] = []
  private var worker: LogWorker<SnapshotJob>?
  private var writer: SnapshotWriter?
  /// Parts that the thread has not been given yet.
  private var parts: [[UInt8]] = []
  private var hasLast = false
  private var isWriting = false
  /// Bytes that were appended and not written yet.
  public private(set) var waitingByteCount = 0
  private var writingByteCount = 0
  /// The file that pages were last read from.
  private var reading: (reference: SnapshotReference, file: SharedFile)?

  /// Frees the blocks of files that were removed last.
  private var freeing: Freeing?

  /// Finds the snapshots of a log that has just been opened, and removes unfinished ones.
  init(in directoryPath: String, digest: UInt64, syncs: Bool) throws(LogError) {
    self.directoryPath = directoryPath
    self.digest = digest
    self.syncs = syncs
    for name in try Directory.names(in: directoryPath) {
      if name.hasSuffix(".snapshot.new") { try Directory.remove("\(directoryPath)/\(name)") }
      guard SnapshotFile.isName(name) else { continue }
      let file = try File("\(directoryPath)/\(name)", O_RDONLY)
      known.append(try SnapshotFile(of: file, digest: digest))
    }
  }

  /// Readable when the thread has written all it was given; `nil` before the first snapshot.
  public private(set) var signal: Int32?

  /// Begins a snapshot. An unfinished one is given up.
  public mutating func begin(_ reference: SnapshotReference) throws(LogError) {
    try giveUp()
    if worker == nil {
      let started = try LogWorker<SnapshotJob>(directoryPath: directoryPath)
      signal = started.signal
      worker = consume started
    }
    writer = SnapshotWriter(reference, in: directoryPath, digest: digest, syncs: syncs)
  }

  /// Adds a part to the snapshot that was begun.
  public mutating func append(_ part: [UInt8], isLast: Bool) {
    parts.append(part)
    waitingByteCount += part.count
    hasLast = isLast
    startWriting()
  }

  private mutating func startWriting() {
    guard !isWriting, !parts.isEmpty, let writer else { return }
    isWriting = true
    writingByteCount = waitingByteCount
    worker!.start(SnapshotJob(writer: writer, parts: parts, isLast: hasLast))
    parts = []
  }

  /// Takes the thread's result after its signal.
  /// - Returns: whether the snapshot is durable.
  /// - Throws: if the snapshot could not be written; it has then been given up.
  public mutating func finishWriting() throws(LogError) -> Bool {
    guard isWriting else { return false }
    isWriting = false
    let job = worker!.finish()
    waitingByteCount -= writingByteCount
    if let error = job.writer.failure {
      writer = nil
      parts = []
      waitingByteCount = 0
      hasLast = false
      throw error
    }
    guard job.isLast else {
      startWriting()
      return false
    }
    writer = nil
    hasLast = false
    known.removeAll { $0.reference.index == job.writer.reference.index }
    let file = try File(job.writer.path, O_RDONLY)
    known.append(try SnapshotFile(of: file, digest: digest))
    return true
  }

  private mutating func giveUp() throws(LogError) {
    guard let unfinished = writer else { return }
    if isWriting {
      isWriting = false
      _ = worker!.finish()
    }
    unfinished.abandon()
    writer = nil
    parts = []
    waitingByteCount = 0
    hasLast = false
  }

  /// Size of a snapshot; `nil` if there is no such snapshot.
  public func byteCount(of reference: SnapshotReference) -> Int? {
    known.first { $0.reference == reference }?.byteCount
  }

  /// A part of a snapshot; `nil` if there is no such snapshot or it is smaller.
  public mutating func page(
    of reference: SnapshotReference, in range: Range<Int>
  ) throws(LogError) -> [UInt8]? {
    guard let found = known.first(where: { $0.reference == reference }),
      range.upperBound <= found.byteCount
    else { return nil }
    if reading?.reference != reference {
      let path = "\(directoryPath)/\(SnapshotFile.name(reference.index))"
      reading = (reference, SharedFile(try File(path, O_RDONLY)))
    }
    return try found.read(range, from: reading!.file.file)
  }

  /// The whole content of a snapshot; `nil` if there is no such snapshot. It is read in parts,
  /// because reading a large one takes long.
  /// - Parameter progress: gets the number of bytes read so far, after each part.
  public mutating func content(
    of reference: SnapshotReference, inPartsOf partByteCount: Int = 16 << 20,
    progress: (Int) -> Void
  ) throws(LogError) -> [UInt8]? {
    guard let byteCount = byteCount(of: reference) else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(byteCount)
    while bytes.count < byteCount {
      let end = min(bytes.count + partByteCount, byteCount)
      guard let part = try page(of: reference, in: bytes.count..<end) else { return nil }
      bytes += part
      progress(bytes.count)
    }
    return bytes
  }

  public mutating func remove(exceptFor kept: [SnapshotReference]) throws(LogError) {
    let removed = known.filter { !kept.contains($0.reference) }
    guard !removed.isEmpty else { return }
    freeing = nil
    var held: [SharedFile] = []
    for found in removed {
      let path = "\(directoryPath)/\(SnapshotFile.name(found.reference.index))"
      if let file = try? File(path, O_RDWR) { held.append(SharedFile(file)) }
      try Directory.remove(path)
    }
    if let reading, !kept.contains(reading.reference) { self.reading = nil }
    known.removeAll { !kept.contains($0.reference) }
    freeing = try Freeing(held, directoryPath: directoryPath)
  }
}

/// Frees the space of files that have no name any more, and closes them.
private final class Freeing: Sendable {
  // Unchecked: filled before it is handed to the thread that empties it.
  private final class Files: @unchecked Sendable {
    var files: [SharedFile] = []
  }

  private let release = SpaceRelease()
  private let thread: LogThread

  init(_ files: consuming [SharedFile], directoryPath: String) throws(LogError) {
    let held = Files()
    held.files = files
    let release = release
    thread = try LogThread(directoryPath: directoryPath) {
      // A file must not come back under its name in a shortened form after a loss of power.
      let isRemoved = (try? Directory.sync(directoryPath)) != nil
      if isRemoved {
        for shared in held.files { SpaceRelease.shrink(shared.file) { release.pause() } }
      }
      held.files.removeAll()
    }
  }

  deinit {
    release.hurry()
    thread.join()
  }
}

extension WriteAheadLog {
  /// The snapshots beside this log.
  public func openSnapshots() throws(LogError) -> SnapshotFiles {
    try SnapshotFiles(in: directoryPath, digest: digest, syncs: syncs)
  }
}
