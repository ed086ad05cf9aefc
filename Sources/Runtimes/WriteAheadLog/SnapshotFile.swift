import Glibc
import Primitives
import Replication
import WireFormat

/// A snapshot as a file beside the log: one sector (magic, format version, digest of the identity,
/// index, epoch, length of the content, checksum), the content, and a checksum for each 256 KiB of
/// it. The file gets its name when all of it is durable, so a file with that name is complete.
struct SnapshotFile: Equatable, Sendable {
  static let magic: UInt64 = 0x3150_414E_534D_5352
  static let chunkByteCount = 256 << 10

  var reference: SnapshotReference
  var byteCount: Int

  /// `0000000000001234.snapshot`
  static func name(_ index: LogIndex) -> String {
    let digits = String(index.rawValue)
    return String(repeating: "0", count: max(0, 16 - digits.utf8.count)) + digits + ".snapshot"
  }

  static func isName(_ name: String) -> Bool {
    guard name.hasSuffix(".snapshot"), let index = Int(name.dropLast(9)) else { return false }
    return SnapshotFile.name(LogIndex(index)) == name
  }

  func header(digest: UInt64) -> [UInt8] {
    var writer = WireWriter()
    writer.write(SnapshotFile.magic)
    writer.write(NodeFile.version)
    writer.write(digest)
    reference.encode(into: &writer)
    writer.write(UInt64(byteCount))
    return Sector.sealed(writer)
  }

  init(reference: SnapshotReference, byteCount: Int) {
    self.reference = reference
    self.byteCount = byteCount
  }

  /// Reads the header of a file.
  init(of file: borrowing File, digest: UInt64) throws(LogError) {
    let sector = try file.read(Sector.byteCount, at: 0)
    var reader = WireReader(sector)
    guard Sector.isIntact(sector), let magic = try? reader.read(UInt64.self),
      magic == SnapshotFile.magic, let version = try? reader.read(UInt32.self),
      let found = try? reader.read(UInt64.self),
      let reference = try? SnapshotReference(from: &reader),
      let byteCount = try? reader.read(UInt64.self), byteCount < 1 << 48
    else { throw .damaged(file.path, "the header of the snapshot is damaged (checksum differs)") }
    guard version == NodeFile.version, found == digest else {
      throw LogError(
        .foreign, path: file.path, reason: "this is no snapshot of this node's log")
    }
    self.init(reference: reference, byteCount: Int(byteCount))
    let whole = Sector.byteCount + self.byteCount + 4 * chunkCount
    let size = try file.byteCount()
    guard size >= whole else {
      throw .damaged(file.path, "the snapshot was cut: \(size) of \(whole) bytes are left")
    }
  }

  var chunkCount: Int {
    (byteCount + SnapshotFile.chunkByteCount - 1) / SnapshotFile.chunkByteCount
  }

  /// Reads a part of the content, and verifies the checksums of the chunks that contain it.
  func read(_ range: Range<Int>, from file: borrowing File) throws(LogError) -> [UInt8] {
    guard !range.isEmpty else { return [] }
    let size = SnapshotFile.chunkByteCount
    let chunks = range.lowerBound / size..<(range.upperBound + size - 1) / size
    let table = try file.read(
      4 * chunks.count, at: Sector.byteCount + byteCount + 4 * chunks.lowerBound)
    var result: [UInt8] = []
    result.reserveCapacity(range.count)
    for (position, chunk) in chunks.enumerated() {
      let start = chunk * size
      let end = min(start + size, byteCount)
      let bytes = try file.read(end - start, at: Sector.byteCount + start)
      let expected = table.withUnsafeBytes {
        UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: 4 * position, as: UInt32.self))
      }
      guard bytes.withUnsafeBytes({ CRC32C.checksum($0) }) == expected else {
        throw .damaged(file.path, "the snapshot is damaged at byte \(start) (checksum differs)")
      }
      let from = max(range.lowerBound, start) - start
      let to = min(range.upperBound, end) - start
      if from == 0, to == bytes.count { result += bytes } else { result += bytes[from..<to] }
    }
    return result
  }
}

/// Writes one snapshot file, front to back.
// Unchecked: each job hands it from the log's owner to a thread and back (`LogWorker`), and only
// the side that has the job uses it.
final class SnapshotWriter: @unchecked Sendable {
  let reference: SnapshotReference
  let path: String
  private let directoryPath: String
  private let digest: UInt64
  private let syncs: Bool
  private var file: File?
  private var chunk: [UInt8] = []
  private var checksums = WireWriter()
  private var byteCount = 0
  /// How much of the file is not only in memory.
  private(set) var writtenBackByteCount = 0
  private(set) var failure: LogError?

  init(_ reference: SnapshotReference, in directoryPath: String, digest: UInt64, syncs: Bool) {
    self.reference = reference
    self.directoryPath = directoryPath
    self.digest = digest
    self.syncs = syncs
    path = "\(directoryPath)/\(SnapshotFile.name(reference.index))"
  }

  /// Adds bytes. With the last ones, makes the file durable and gives it its name.
  func append(_ bytes: [UInt8], isLast: Bool) {
    guard failure == nil else { return }
    do throws(LogError) {
      if file == nil { file = try File(path + ".new", O_RDWR | O_CREAT | O_TRUNC) }
      chunk += bytes
      let size = SnapshotFile.chunkByteCount
      var start = 0
      while chunk.count - start >= size {
        try write(Array(chunk[start..<start + size]))
        start += size
      }
      chunk.removeFirst(start)
      if isLast { try finish() }
    } catch {
      failure = error
      file = nil
      unlink(path + ".new")
    }
  }

  private func write(_ bytes: [UInt8]) throws(LogError) {
    checksums.write(bytes.withUnsafeBytes { CRC32C.checksum($0) })
    try file?.write(bytes, at: Sector.byteCount + byteCount)
    byteCount += bytes.count
    let end = Sector.byteCount + byteCount
    // Otherwise the sync at the end would write the whole state at once, and the log's syncs would
    // wait behind it for some hundred milliseconds.
    if syncs, end - writtenBackByteCount >= SnapshotWriter.pieceByteCount {
      file?.writeBack(writtenBackByteCount..<end)
      writtenBackByteCount = end
    }
  }

  /// The most that waits in memory.
  static let pieceByteCount = 1 << 20

  private func finish() throws(LogError) {
    if !chunk.isEmpty { try write(chunk) }
    let header = SnapshotFile(reference: reference, byteCount: byteCount).header(digest: digest)
    try file?.write(checksums.bytes(), at: Sector.byteCount + byteCount)
    try file?.write(header, at: 0)
    if syncs { try file?.sync() }
    let directory = try File(directoryPath, O_RDONLY | O_DIRECTORY)
    try file?.rename(to: path, in: directory)
    file = nil
  }

  /// Stops writing and removes the unfinished file.
  func abandon() {
    file = nil
    unlink(path + ".new")
  }
}
