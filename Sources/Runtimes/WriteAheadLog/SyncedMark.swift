import Glibc
import Primitives
import Replication
import WireFormat

/// The file `synced`: the last block up to which everything is known to be durable.
///
/// It is written after every sync, and synced itself once a second. Any content that a crash leaves
/// is true. If only the process dies, it names the last block that was promised, so that not a byte
/// of a promised block can be missing unnoticed; after a loss of power it may name an earlier one,
/// of about a second before.
///
/// The file has two copies, each in a physical block of its own, and the newest intact one counts.
/// One of them is written until it is synced, then the other, so that at any time one is durable
/// and not being written. A copy is one sector: magic (8 bytes), format version (4), digest of the
/// identity (8), block (8), zeros, checksum (4).
struct SyncedMark: ~Copyable, Sendable {
  static let name = "synced"
  static let magic: UInt64 = 0x3144_434E_5953_5352
  static let blockOffset = 20

  private let file: File
  private var sector: [UInt8]
  /// Where in the file the copy is that is being written.
  private(set) var offset: Int
  /// When it was synced last, by the monotonic clock.
  private var syncedAtNs: Int64?

  /// Opens the mark of a directory, or creates one that names no block.
  /// - Parameter mayCreate: false if the log was opened before, because its mark must then exist.
  init(
    in directory: borrowing File, digest: UInt64, mayCreate: Bool
  ) throws(LogError) {
    let path = "\(directory.path)/\(SyncedMark.name)"
    if mayCreate && access(path, F_OK) != 0 {
      var created = try File(path + ".new", O_RDWR | O_CREAT | O_TRUNC)
      try created.write(SyncedMark.contents(block: 0, digest: digest), at: 0)
      try created.sync()
      try created.rename(to: path, in: directory)
    }
    let opened = try SyncedMark.open(path)
    let newest = try SyncedMark.newest(in: try opened.contents(), digest: digest, path: path)
    // The newest copy must be durable before the other one is written.
    try opened.syncData()
    file = opened
    sector = newest.sector
    offset = SyncedMark.otherCopy(than: newest.offset)
  }

  /// The contents of a file whose copies both name this block.
  static func contents(block: UInt64, digest: UInt64) -> [UInt8] {
    var writer = WireWriter()
    writer.write(SyncedMark.magic)
    writer.write(NodeFile.version)
    writer.write(digest)
    writer.write(block)
    let sector = Sector.sealed(writer)
    let copy = sector + [UInt8](repeating: 0, count: PhysicalBlock.byteCount - sector.count)
    return copy + copy
  }

  private static func otherCopy(than offset: Int) -> Int { PhysicalBlock.byteCount - offset }

  private static func open(_ path: String) throws(LogError) -> File {
    do { return try File(path, O_RDWR) } catch {
      if error.kind == .system(ENOENT) { throw .damaged(path, "the file is missing") }
      throw error
    }
  }

  /// The last block that is known to be durable; 0 before the first.
  var block: UInt64 { SyncedMark.block(in: sector) }

  private static func block(in sector: [UInt8]) -> UInt64 {
    sector.withUnsafeBytes {
      UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: blockOffset, as: UInt64.self))
    }
  }

  var path: String { file.path }

  var descriptor: Int32 { file.descriptor }

  /// The content of a copy once everything up to `block` is durable.
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

  /// Records that this sector was written to the file, and perhaps synced.
  mutating func adopt(_ sector: [UInt8], isSynced: Bool) {
    self.sector = sector
    if isSynced { offset = SyncedMark.otherCopy(than: offset) }
  }

  /// Whether it was not synced for a time. If so, the caller syncs it.
  mutating func isDue(after pause: Interval) -> Bool {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    let now = Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    if let syncedAtNs, now - syncedAtNs < pause.nanoseconds { return false }
    syncedAtNs = now
    return true
  }

  /// Syncs it as far as possible.
  func sync() { _ = fdatasync(file.descriptor) }

  /// Returns 0 or an `errno`.
  mutating func advance(to block: UInt64) -> Int32 {
    adopt(sector(for: block), isSynced: false)
    return sector.withUnsafeBytes { file.write($0, at: offset) }
  }

  /// The last block that is known to be durable, in the contents of a file.
  /// - Parameter digest: the digest of the expected identity; `nil` accepts any.
  static func block(
    in bytes: [UInt8], digest: UInt64?, path: String
  ) throws(LogError) -> UInt64 {
    block(in: try newest(in: bytes, digest: digest, path: path).sector)
  }

  private static func newest(
    in bytes: [UInt8], digest: UInt64?, path: String
  ) throws(LogError) -> (offset: Int, sector: [UInt8]) {
    var newest: (offset: Int, sector: [UInt8])?
    for offset in [0, PhysicalBlock.byteCount] where offset + Sector.byteCount <= bytes.count {
      let sector = Array(bytes[offset..<offset + Sector.byteCount])
      guard try isIntact(sector, digest: digest, path: path) else { continue }
      if let found = newest, block(in: found.sector) >= block(in: sector) { continue }
      newest = (offset, sector)
    }
    guard let newest else {
      throw .damaged(path, "what is known to be synced is damaged (checksum differs)")
    }
    return newest
  }

  /// - Throws: if the copy is intact but was not written by this program for this log.
  private static func isIntact(
    _ sector: [UInt8], digest: UInt64?, path: String
  ) throws(LogError) -> Bool {
    var reader = WireReader(sector)
    guard Sector.isIntact(sector), let magic = try? reader.read(UInt64.self),
      let version = try? reader.read(UInt32.self), let found = try? reader.read(UInt64.self),
      magic == SyncedMark.magic
    else { return false }
    guard version == NodeFile.version else {
      throw LogError(
        .foreign, path: path,
        reason: "has format version \(version); this program reads \(NodeFile.version)")
    }
    guard digest == nil || found == digest else {
      throw LogError(.foreign, path: path, reason: "this belongs to the log of another node")
    }
    return true
  }
}
