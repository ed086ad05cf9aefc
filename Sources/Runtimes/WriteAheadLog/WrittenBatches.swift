import Glibc
import Replication
import Synchronization
import WireFormat

/// The batches of a log that are still in memory, oldest first, up to `byteLimit` bytes. The newest
/// `kept` stay in any case, because they are about to be applied and sent. Reading large ones back
/// for that would stop the node for as long as the disk takes.
struct WrittenBatches: Sendable {
  private struct Written: Sendable {
    let block: BatchBytes
    let keeper: SegmentKeeper
    let place: BatchLocation
  }

  let byteLimit: Int
  static let kept = 4
  private var written: [Written] = []
  /// The batches before this index have left memory.
  private var first = 0
  private var byteCount = 0

  init(byteLimit: Int) { self.byteLimit = byteLimit }

  /// Records that a block with these batches was written to a segment, at offset `start`.
  mutating func append(_ noted: [NotedBatch], in keeper: SegmentKeeper, at start: Int) {
    for batch in noted {
      // The batch was written again, because the block that contains it will be removed.
      guard batch.block.isInMemory else {
        batch.block.leaveMemory(
          for: keeper, at: BatchLocation(start: start, offset: batch.offset))
        continue
      }
      byteCount += batch.block.byteCount
      written.append(
        Written(
          block: batch.block, keeper: keeper,
          place: BatchLocation(start: start, offset: batch.offset))
      )
    }
    while byteCount > byteLimit, first < written.count - WrittenBatches.kept {
      let oldest = written[first]
      byteCount -= oldest.block.byteCount
      oldest.block.leaveMemory(for: oldest.keeper, at: oldest.place)
      first += 1
    }
    if first >= 64, first * 2 >= written.count {
      written.removeSubrange(..<first)
      first = 0
    }
  }
}

/// A segment from which batches are read back.
final class SegmentKeeper: BatchKeeper {
  let path: String
  let seal: UInt64
  private let reads: ReadBack
  /// The block that was read last, because its batches are often read one after another.
  private let last = Mutex<(start: Int, bytes: [UInt8])?>(nil)

  init(path: String, seal: UInt64, reads: ReadBack) {
    self.path = path
    self.seal = seal
    self.reads = reads
  }

  func read(_ byteCount: Int, at place: BatchLocation) -> [UInt8] {
    let known = last.withLock { $0?.start == place.start ? $0?.bytes : nil }
    if let known, place.offset + byteCount <= known.count {
      return Array(known[place.offset..<place.offset + byteCount])
    }
    var attempts = 0
    while true {
      do { return try readChecked(byteCount, at: place) } catch {
        if reads.takes(error) { return [UInt8](repeating: 0, count: byteCount) }
        attempts += 1
        guard error.mayPass, attempts < SegmentKeeper.mostAttempts else {
          let line = Array("\(error)\n".utf8)
          _ = Glibc.write(STDERR_FILENO, line, line.count)
          _exit(1)
        }
        usleep(10_000)
      }
    }
  }

  /// With 10 ms between them, a second for an error that may pass.
  private static let mostAttempts = 100

  /// Reads the whole block of the log, because its checksum covers the whole block.
  func readChecked(_ byteCount: Int, at place: BatchLocation) throws(LogError) -> [UInt8] {
    let file = try File(path, O_RDONLY)
    let head = try file.read(BlockHeader.byteCount, at: place.start)
    let header = head.withUnsafeBytes { BlockHeader($0, seal: seal, offset: place.start) }
    guard let header, place.offset + byteCount <= header.blockByteCount else { throw damage(place) }
    let block = try file.read(header.blockByteCount, at: place.start)
    guard block.withUnsafeBytes({ header.isIntact($0) }) else { throw damage(place) }
    let few = block.count <= SegmentKeeper.mostKept
    last.withLock { $0 = few ? (place.start, block) : nil }
    return Array(block[place.offset..<place.offset + byteCount])
  }

  /// Larger blocks are read again each time, because every segment has a keeper that would hold
  /// one.
  private static let mostKept = 1 << 20

  private func damage(_ place: BatchLocation) -> LogError {
    LogError(
      .damaged, path: path,
      reason: "the block at byte \(place.start), which this replica has written, is damaged")
  }
}
