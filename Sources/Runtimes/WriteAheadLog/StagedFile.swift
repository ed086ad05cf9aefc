import Glibc
import Primitives
import Replication
import Synchronization
import WireFormat

/// The file `staged`: blocks of a log without syncs that are to be written to their segments.
///
/// Writing a few kilobytes to a growing file in every turn takes a system call each time, and fills
/// cache pages that are never read again; on a virtual machine each page may have to be requested
/// from the host. Here a block is instead copied to a file mapped into memory, where it survives
/// the end of the process as in any other file. One half of the file fills while a thread writes
/// the other half to its segment, in one piece and past the cache. So the same memory is used again
/// and again.
///
/// Each half is a page with a header, followed by a run of blocks that are adjacent in one segment.
/// The header, little-endian: magic (8 bytes), bytes of the run (8), format version (4), zero (4),
/// digest of the identity (8), number of the segment (8), offset of the run in it (8), checksum of
/// the fields between the bytes of the run and this checksum (4).
// Unchecked: a half is used by one thread at a time, and is handed over between threads.
final class StagedFile: @unchecked Sendable {
  static let name = "staged"
  static let magic: UInt64 = 0x3144_4547_4154_5352
  static let pageByteCount = 4096

  /// The greatest length of a run in bytes.
  let runByteCount: Int
  private let memory: UnsafeMutableRawBufferPointer

  /// Creates the file, with all of its size allocated on the disk.
  init(in directoryPath: String, runByteCount: Int) throws(LogError) {
    self.runByteCount =
      (runByteCount + StagedFile.pageByteCount - 1) / StagedFile.pageByteCount
      * StagedFile.pageByteCount
    let byteCount = 2 * (StagedFile.pageByteCount + self.runByteCount)
    let file = try File("\(directoryPath)/\(StagedFile.name)", O_RDWR | O_CREAT | O_TRUNC)
    try file.allocate(byteCount)
    let start = mmap(
      nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file.descriptor, 0)
    guard let start, start != UnsafeMutableRawPointer(bitPattern: -1) else {
      throw file.failure(errno, "map into memory")
    }
    memory = UnsafeMutableRawBufferPointer(start: start, count: byteCount)
  }

  deinit { munmap(memory.baseAddress, memory.count) }

  /// One of the two halves.
  func half(_ index: Int) -> StagedHalf {
    StagedHalf(page: memory.baseAddress! + index * (StagedFile.pageByteCount + runByteCount))
  }
}

/// One half of the mapped file.
struct StagedHalf: @unchecked Sendable {
  private static let byteCountOffset = 8
  private static let checksumOffset = 48

  /// The header; the run follows its page.
  let page: UnsafeMutableRawPointer

  private var run: UnsafeMutableRawPointer { page + StagedFile.pageByteCount }

  /// Starts a run, which is empty at first.
  func begin(digest: UInt64, segment: UInt64, offset: Int) {
    announce(0)
    var writer = WireWriter()
    writer.write(NodeFile.version)
    writer.write(UInt32(0))
    writer.write(digest)
    writer.write(segment)
    writer.write(UInt64(offset))
    let content = writer.bytes()
    page.storeBytes(of: StagedFile.magic.littleEndian, as: UInt64.self)
    content.withUnsafeBytes {
      (page + StagedHalf.byteCountOffset + 8).copyMemory(from: $0.baseAddress!, byteCount: $0.count)
      page.storeBytes(
        of: CRC32C.checksum($0).littleEndian, toByteOffset: StagedHalf.checksumOffset,
        as: UInt32.self)
    }
  }

  /// Adds a block after the `byteCount` bytes of the run.
  func extend(_ byteCount: Int, with block: UnsafeRawBufferPointer) {
    (run + byteCount).copyMemory(from: block.baseAddress!, byteCount: block.count)
    announce(byteCount + block.count)
  }

  /// Empties the staged run of blocks, which has been written to its segment.
  func clear() { announce(0) }

  /// Publishes the length of the run, after its bytes have been written.
  private func announce(_ byteCount: Int) {
    (page + StagedHalf.byteCountOffset).assumingMemoryBound(to: Atomic<UInt64>.self).pointee
      .store(UInt64(byteCount).littleEndian, ordering: .releasing)
  }

  func bytes(_ byteCount: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: run, count: byteCount)
  }
}

/// The blocks that an earlier incarnation has left in one half.
struct StagedRemnant {
  let digest: UInt64
  let segment: UInt64
  let offset: Int
  /// The whole blocks at the beginning of the run.
  let blocks: UnsafeRawBufferPointer

  /// `nil` if the half is empty. After a loss of power it may contain anything, because nothing in
  /// it was promised.
  init?(of half: UnsafeRawBufferPointer) {
    guard half.count > StagedFile.pageByteCount else { return nil }
    let header = UnsafeRawBufferPointer(rebasing: half[16..<48])
    var reader = WireReader(Array(half[..<52]))
    guard let magic = try? reader.read(UInt64.self), magic == StagedFile.magic,
      let length = try? reader.read(UInt64.self),
      let version = try? reader.read(UInt32.self), version == NodeFile.version,
      (try? reader.read(UInt32.self)) != nil,
      let digest = try? reader.read(UInt64.self), let segment = try? reader.read(UInt64.self),
      let offset = (try? reader.read(UInt64.self)).flatMap(Int.init(exactly:)),
      let checksum = try? reader.read(UInt32.self), checksum == CRC32C.checksum(header),
      let byteCount = Int(exactly: length), byteCount > 0,
      byteCount <= half.count - StagedFile.pageByteCount
    else { return nil }
    self.digest = digest
    self.segment = segment
    self.offset = offset
    let run = UnsafeRawBufferPointer(
      rebasing: half[StagedFile.pageByteCount..<StagedFile.pageByteCount + byteCount])
    let seal = SegmentHeader(digest: digest, number: segment, byteCount: 0).seal
    var end = 0
    while end < run.count,
      let block = BlockHeader(
        UnsafeRawBufferPointer(rebasing: run[end...]), seal: seal, offset: offset + end),
      block.isIntact(UnsafeRawBufferPointer(rebasing: run[end...]))
    {
      end += block.blockByteCount
    }
    blocks = UnsafeRawBufferPointer(rebasing: run[..<end])
  }
}

extension StagedFile {
  /// Writes the blocks that an earlier incarnation has left to their segments, before the segments
  /// are read. It may be repeated, also after an interruption, because each block has its own
  /// place.
  /// - Parameter digest: the digest of the expected identity; `nil` accepts any.
  static func settle(in directoryPath: String, digest: UInt64?) throws(LogError) {
    let path = "\(directoryPath)/\(name)"
    guard access(path, F_OK) == 0 else { return }
    let contents = try File(path, O_RDONLY).contents()
    let half = contents.count / 2
    let result = contents.withUnsafeBytes { bytes in
      Result { () throws(LogError) in
        let remnants = [bytes[..<half], bytes[half...]]
          .compactMap { StagedRemnant(of: UnsafeRawBufferPointer(rebasing: $0)) }
          .sorted { ($0.segment, $0.offset) < ($1.segment, $1.offset) }
        for remnant in remnants {
          guard digest == nil || remnant.digest == digest else {
            throw LogError(
              .foreign, path: path, reason: "this belongs to the log of another node")
          }
          try remnant.settle(in: directoryPath)
        }
      }
    }
    try result.get()
    try Directory.remove(path)
  }
}

extension StagedRemnant {
  fileprivate func settle(in directoryPath: String) throws(LogError) {
    let path = "\(directoryPath)/\(SegmentFile.name(segment))"
    guard !blocks.isEmpty, access(path, F_OK) == 0 else { return }
    let file = try File(path, O_RDWR)
    // A loss of power may have removed the segment, or the bytes before the run.
    guard try file.byteCount() >= offset else { return }
    let code = file.write(blocks, at: offset)
    guard code == 0 else { throw file.failure(code, "write") }
  }
}
