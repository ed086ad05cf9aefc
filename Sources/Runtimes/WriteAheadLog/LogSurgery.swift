import Glibc
import Primitives
import Replication

/// Changes to the log of a replica that is not running.
public enum LogSurgery {
  /// Removes everything except the lock, like the replacement by an empty disk.
  public static func wipe(_ directoryPath: String) throws(LogError) {
    let lock = try DirectoryLock.take(directoryPath)
    for name in try Directory.names(in: directoryPath) where name != DirectoryLock.name {
      try Directory.remove("\(directoryPath)/\(name)")
    }
    try Directory.sync(directoryPath)
    _ = consume lock
  }

  /// Does to the last blocks what a loss of power does to blocks that were never synced. In a
  /// segment filled with zeros, some sectors of the last block are lost; a growing segment ends
  /// earlier. Blocks that are known to be synced stay unchanged.
  /// - Returns: whether anything was changed.
  @discardableResult
  public static func tearTail(
    _ directoryPath: String, random: inout RandomStream
  ) throws(LogError) -> Bool {
    let lock = try DirectoryLock.take(directoryPath)
    defer { _ = lock.descriptor }
    try StagedFile.settle(in: directoryPath, digest: nil)
    let markPath = "\(directoryPath)/\(SyncedMark.name)"
    let synced = try SyncedMark.block(
      in: try File(markPath, O_RDONLY).contents(), digest: nil, path: markPath)
    for number in try Recovery.segmentNumbers(in: directoryPath).reversed() {
      let file = try File("\(directoryPath)/\(SegmentFile.name(number))", O_RDWR)
      let bytes = try file.contents()
      let blocks = blocks(in: bytes)
      guard let last = blocks.last else { continue }
      guard let first = blocks.first(where: { $0.header.number > synced }),
        let header = header(of: bytes)
      else { return false }
      let end = last.offset + last.header.blockByteCount
      if header.isGrowing {
        try file.truncate(to: first.offset + random.below(end - first.offset))
      } else {
        // Only the last block can have been in the middle of a write when the replica died.
        for sector in stride(from: last.offset, to: end, by: Sector.byteCount)
        where random.chance(0.5) {
          try file.writeZeros(sector..<sector + Sector.byteCount)
        }
      }
      return true
    }
    return false
  }

  private static func header(of file: [UInt8]) -> SegmentHeader? {
    file.withUnsafeBytes { try? SegmentHeader(of: $0) }
  }

  /// The blocks of a segment; empty if its header is damaged.
  static func blocks(in file: [UInt8]) -> [(offset: Int, header: BlockHeader)] {
    guard let segment = header(of: file) else { return [] }
    return file.withUnsafeBytes { LogScan.headers(in: $0, segment) }
  }
}
