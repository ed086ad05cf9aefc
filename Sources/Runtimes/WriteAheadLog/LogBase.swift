import Glibc
import Replication
import WireFormat

/// The file `base`: which part of the log is no longer needed, because a snapshot or a checkpoint
/// replaces it.
///
/// The file is replaced as a whole before anything is removed, so that opening the log tells what
/// may be missing. One sector: magic (8 bytes), format version (4), digest of the identity (8),
/// first segment (8), blocks and records before it (8 each), number of void records (8), zeros,
/// checksum (4).
struct LogBase: Equatable, Sendable {
  static let name = "base"
  static let magic: UInt64 = 0x3145_5341_424D_5352

  /// The first segment that is needed.
  var segment: UInt64 = 1
  /// Blocks and records in the segments before it.
  var block: UInt64 = 0
  var record: UInt64 = 0
  /// Number of records, from the start of the log, that no longer count: all before the first
  /// segment, and perhaps some in it.
  var voidRecords: UInt64 = 0

  /// - Parameter digest: the digest of the expected identity.
  static func read(from directory: borrowing File, digest: UInt64) throws(LogError) -> LogBase {
    let path = "\(directory.path)/\(name)"
    let bytes: [UInt8]
    do {
      bytes = try File(path, O_RDONLY).contents()
    } catch {
      if error.kind == .system(ENOENT) { return LogBase() }
      throw error
    }
    var reader = WireReader(bytes)
    guard Sector.isIntact(bytes), let magic = try? reader.read(UInt64.self), magic == LogBase.magic,
      let version = try? reader.read(UInt32.self), let found = try? reader.read(UInt64.self),
      let segment = try? reader.read(UInt64.self), let block = try? reader.read(UInt64.self),
      let record = try? reader.read(UInt64.self), let void = try? reader.read(UInt64.self),
      segment > 0, record <= void
    else { throw .damaged(path, "where the log begins is damaged (checksum differs)") }
    guard version == NodeFile.version else {
      throw LogError(
        .foreign, path: path,
        reason: "has format version \(version); this program reads \(NodeFile.version)")
    }
    guard found == digest else {
      throw LogError(.foreign, path: path, reason: "this belongs to the log of another node")
    }
    return LogBase(segment: segment, block: block, record: record, voidRecords: void)
  }

  func write(to directoryPath: String, digest: UInt64) throws(LogError) {
    var writer = WireWriter()
    writer.write(LogBase.magic)
    writer.write(NodeFile.version)
    writer.write(digest)
    writer.write(segment)
    writer.write(block)
    writer.write(record)
    writer.write(voidRecords)
    let directory = try File(directoryPath, O_RDONLY | O_DIRECTORY)
    let path = "\(directoryPath)/\(LogBase.name)"
    var file = try File(path + ".new", O_WRONLY | O_CREAT | O_TRUNC)
    try file.write(Sector.sealed(writer), at: 0)
    try file.sync()
    try file.rename(to: path, in: directory)
  }
}

/// A segment's number, and the number of blocks and records before it.
struct SegmentStart: Equatable, Sendable {
  var number: UInt64
  var block: UInt64
  var record: UInt64
}

/// Moves the base forward and removes the segments before it, one by one, on a thread of its own
/// because freeing their space takes time.
struct LogTrimming: ~Copyable, Sendable {
  // Only the thread writes the error until it ends, and only the owner reads it after joining.
  private final class Outcome: @unchecked Sendable {
    var error: LogError?
  }

  private let outcome = Outcome()
  private let release = SpaceRelease()
  private var thread: LogThread?

  init(
    _ directoryPath: String, digest: UInt64, to base: LogBase, removing segments: [UInt64]
  ) throws(LogError) {
    let outcome = outcome
    let release = release
    thread = try LogThread(directoryPath: directoryPath) {
      do throws(LogError) {
        try base.write(to: directoryPath, digest: digest)
        let directory = try File(directoryPath, O_RDONLY | O_DIRECTORY)
        var pauses = true
        for number in segments {
          try Directory.remove("\(directoryPath)/\(SegmentFile.name(number))")
          guard pauses else { continue }
          // The journal must not free many segments at once (`SpaceRelease`).
          try directory.sync()
          pauses = release.pause()
        }
      } catch {
        outcome.error = error
      }
    }
  }

  deinit {
    release.hurry()
    thread?.join()
  }

  /// Removes the rest without pauses.
  mutating func finish() throws(LogError) {
    release.hurry()
    thread?.join()
    thread = nil
    if let error = outcome.error { throw error }
  }
}

extension WriteAheadLog {
  /// Number of records, from the start of the log, that no longer count.
  public var voidRecordCount: Int { Int(base.voidRecords) }

  /// Declares the records before `first`, counted from the start of the log, as no longer needed.
  /// They must be durable. Segments that hold only such records are removed.
  /// - Throws: if an earlier removal has failed.
  public mutating func removeRecords(before first: Int) throws(LogError) {
    if let failure { throw failure }
    guard first > base.voidRecords else { return }
    precondition(first <= record, "only durable records can be removed")
    do {
      try drain()
      var running = trimming.take()
      try running?.finish()
      var next = base
      next.voidRecords = UInt64(first)
      if let start = starts.last(where: { $0.record <= UInt64(first) }) {
        next.segment = start.number
        next.block = start.block
        next.record = start.record
      }
      let removed = starts.map(\.number).filter { $0 < next.segment }
      starts.removeAll { $0.number < next.segment }
      base = next
      trimming = try LogTrimming(directoryPath, digest: digest, to: next, removing: removed)
    } catch {
      failure = error
      throw error
    }
  }
}
