import Glibc
import Replication
import WireFormat

/// The batches of a log that are still in memory, oldest first. Only so many bytes of them stay there.
struct WrittenBatches: Sendable {
  private struct Written: Sendable {
    let block: BatchBlock
    let keeper: SegmentKeeper
    let place: BlockPlace
  }

  private let byteLimit: Int
  private var written: [Written] = []
  /// Those before this one have left.
  private var first = 0
  private var byteCount = 0

  init(byteLimit: Int) { self.byteLimit = byteLimit }

  /// A block has been written to a segment, at `start` and with these batches in it.
  mutating func append(_ noted: [NotedBlock], in keeper: SegmentKeeper, at start: Int) {
    for batch in noted {
      byteCount += batch.block.byteCount
      written.append(
        Written(
          block: batch.block, keeper: keeper, place: BlockPlace(start: start, offset: batch.offset))
      )
    }
    while byteCount > byteLimit {
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
final class SegmentKeeper: BlockKeeper {
  let path: String
  let seal: UInt64

  init(path: String, seal: UInt64) {
    self.path = path
    self.seal = seal
  }

  func read(_ byteCount: Int, at place: BlockPlace) -> [UInt8] {
    do { return try readChecked(byteCount, at: place) } catch {
      let line = Array("\(error)\n".utf8)
      _ = Glibc.write(STDERR_FILENO, line, line.count)
      _exit(1)
    }
  }

  /// The whole block of the log is read, because its checksum covers no less.
  func readChecked(_ byteCount: Int, at place: BlockPlace) throws(LogError) -> [UInt8] {
    let file = try File(path, O_RDONLY)
    let head = try file.read(BlockHeader.byteCount, at: place.start)
    let header = head.withUnsafeBytes { BlockHeader($0, seal: seal, offset: place.start) }
    guard let header, place.offset + byteCount <= header.blockByteCount else { throw damage(place) }
    let block = try file.read(header.blockByteCount, at: place.start)
    guard block.withUnsafeBytes({ header.isIntact($0) }) else { throw damage(place) }
    return Array(block[place.offset..<place.offset + byteCount])
  }

  private func damage(_ place: BlockPlace) -> LogError {
    LogError(
      .damaged, path: path,
      reason: "the block at byte \(place.start), which this replica has written, is damaged")
  }
}
