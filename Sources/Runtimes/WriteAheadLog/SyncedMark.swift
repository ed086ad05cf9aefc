import Glibc
import Primitives
import Replication
import WireFormat

/// The file `synced`: the last block up to which everything is known to be durable.
///
/// It is written after every sync, and synced itself once a second. Any content that a crash leaves
/// is true. If only the process dies, it names the last block that was promised, so that not a byte
/// of a promised block can be missing unnoticed; after a loss of power it may name an earlier one,
/// of about a second before. One sector: magic (8 bytes), format version (4), digest of the
/// identity (8), block (8), zeros, checksum (4).
struct SyncedMark: ~Copyable, Sendable {
  static let name = "synced"
  static let magic: UInt64 = 0x3144_434E_5953_5352
  static let blockOffset = 20

  private let file: File
  private var sector: [UInt8]
  /// When it was synced last, by the monotonic clock.
  private var syncedAtNs: Int64 = 0

  /// Opens the mark of a directory, or creates one that names no block.
  /// - Parameter mayCreate: false if the log was opened before, because its mark must then exist.
  init(
    in directory: borrowing File, digest: UInt64, mayCreate: Bool
  ) throws(LogError) {
    let path = "\(directory.path)/\(SyncedMark.name)"
    if mayCreate && access(path, F_OK) != 0 {
      var writer = WireWriter()
      writer.write(SyncedMark.magic)
      writer.write(NodeFile.version)
      writer.write(digest)
      writer.write(UInt64(0))
      var created = try File(path + ".new", O_RDWR | O_CREAT | O_TRUNC)
      try created.write(Sector.sealed(writer), at: 0)
      try created.sync()
      try created.rename(to: path, in: directory)
    }
    let opened = try SyncedMark.open(path)
    let found = try opened.contents()
    _ = try SyncedMark.block(in: found, digest: digest, path: path)
    file = opened
    sector = found
  }

  private static func open(_ path: String) throws(LogError) -> File {
    do { return try File(path, O_RDWR) } catch {
      if error.kind == .system(ENOENT) { throw .damaged(path, "the file is missing") }
      throw error
    }
  }

  /// The last block that is known to be durable; 0 before the first.
  var block: UInt64 {
    sector.withUnsafeBytes {
      UInt64(
        littleEndian: $0.loadUnaligned(fromByteOffset: SyncedMark.blockOffset, as: UInt64.self))
    }
  }

  var path: String { file.path }

  var descriptor: Int32 { file.descriptor }

  /// The file's content once everything up to `block` is durable.
  func sector(for block: UInt64) -> [UInt8] {
    var sector = sector
    sector.withUnsafeMutableBytes { bytes in
      bytes.storeBytes(
        of: block.littleEndian, toByteOffset: SyncedMark.blockOffset, as: UInt64.self)
      let content = UnsafeRawBufferPointer(rebasing: bytes[..<(Sector.byteCount - 4)])
      bytes.storeBytes(
        of: CRC32C.checksum(content).littleEndian, toByteOffset: Sector.byteCount - 4,
        as: UInt32.self)
    }
    return sector
  }

  /// Records that this sector was written to the file.
  mutating func adopt(_ sector: [UInt8]) { self.sector = sector }

  /// Whether it was not synced for a time. If so, the caller syncs it.
  mutating func isDue(after pause: Interval) -> Bool {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    let now = Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    guard now - syncedAtNs >= pause.nanoseconds else { return false }
    syncedAtNs = now
    return true
  }

  /// Syncs it as far as possible.
  func sync() { _ = fdatasync(file.descriptor) }

  /// Returns 0 or an `errno`.
  mutating func advance(to block: UInt64) -> Int32 {
    adopt(sector(for: block))
    return sector.withUnsafeBytes { file.write($0, at: 0) }
  }

  /// - Parameter digest: the digest of the expected identity; `nil` accepts any.
  static func block(
    in bytes: [UInt8], digest: UInt64?, path: String
  ) throws(LogError) -> UInt64 {
    var reader = WireReader(bytes)
    guard Sector.isIntact(bytes), let magic = try? reader.read(UInt64.self),
      let version = try? reader.read(UInt32.self), let found = try? reader.read(UInt64.self),
      let block = try? reader.read(UInt64.self), magic == SyncedMark.magic
    else { throw .damaged(path, "what is known to be synced is damaged (checksum differs)") }
    guard version == NodeFile.version else {
      throw LogError(
        .foreign, path: path,
        reason: "has format version \(version); this program reads \(NodeFile.version)")
    }
    guard digest == nil || found == digest else {
      throw LogError(.foreign, path: path, reason: "this belongs to the log of another node")
    }
    return block
  }
}
