import Glibc
import HostTesting
import Replication
import Testing
import WireFormat

@testable import WriteAheadLog

/// Tests logs that keep only their latest batches in memory.
@Suite("Write-ahead log: batches out of memory")
struct MemoryTests {
  /// Batches of about 1 kB, each in its own block or several in one.
  private func write(
    _ count: Int, to log: inout WriteAheadLog, perBlock: Int = 1
  ) throws -> [Batch] {
    var batches: [Batch] = []
    for number in 0..<count {
      let words = (0..<128).map { UInt64(number * 1000 + $0) }
      batches.append(
        Batch(
          [(id: RequestID(client: ClientID(UInt64(number)), sequence: 1), command: words)],
          mayLeaveMemory: true))
      log.append(batches[number])
      if (number + 1).isMultiple(of: perBlock) { try log.commit() }
    }
    try log.commit()
    return batches
  }

  /// The expected content of the batches, made again.
  private func expected(_ count: Int, in scratch: Scratch) throws -> [Batch] {
    var log = try WriteAheadLog(
      directory: "\(scratch.path)/reference", identity: testIdentity, syncs: false)
    return try write(count, to: &log)
  }

  @Test(
    "Older batches are read back from their segments, for any use",
    arguments: [true, false], [1, 7])
  func readBack(syncs: Bool, perBlock: Int) throws {
    let scratch = try Scratch()
    var log = try WriteAheadLog(
      directory: scratch.log, identity: testIdentity, syncs: syncs, segmentByteCount: 16384,
      memoryByteCount: 10_000, stagedByteCount: 4096)
    let batches = try write(60, to: &log, perBlock: perBlock)
    try log.drain()
    #expect(log.segment.header.number > 3)
    let inMemory = batches.map(\.block.isInMemory)
    let firstKept = try #require(inMemory.firstIndex(of: true))
    #expect(!inMemory[..<firstKept].contains(true) && !inMemory[firstKept...].contains(false))
    let keptByteCount = batches[firstKept...].reduce(0) { $0 + $1.block.byteCount }
    #expect(keptByteCount <= 10_000 && keptByteCount > 8000)

    let fresh = try expected(60, in: scratch)
    #expect(fresh[0].block.isInMemory)
    #expect(batches == fresh)
    #expect(batches[3].encoded() == fresh[3].encoded())
    #expect(batches[3].encodedByteCount == fresh[3].encodedByteCount)
    #expect(batches[3].requestIDs == fresh[3].requestIDs)
    #expect(!batches[3].block.isInMemory)
    // Written once more, as an acceptor does when it accepts a batch again.
    log.append(batches[3])
    try log.commit()
    #expect(batches[3] == fresh[3])
    log.close()

    var found: [Batch] = []
    let reopened = try WriteAheadLog(directory: scratch.log, identity: testIdentity, syncs: syncs)
    try reopened.forEachRecovered(Batch.self) { found.append($0) }
    #expect(found == fresh + [fresh[3]])
  }

  @Test("The newest batches stay in memory, however large they are, because they are applied next")
  func newest() throws {
    let scratch = try Scratch()
    var log = try WriteAheadLog(
      directory: scratch.log, identity: testIdentity, syncs: true, memoryByteCount: 100)
    let batches = try write(6, to: &log)
    #expect(batches.map(\.block.isInMemory) == [false, false, true, true, true, true])
  }

  @Test("A batch that cannot be read back completely is an error")
  func damage() throws {
    let scratch = try Scratch()
    var log = try WriteAheadLog(
      directory: scratch.log, identity: testIdentity, syncs: true, memoryByteCount: 0)
    let batches = try write(5, to: &log)
    #expect(!batches[0].block.isInMemory)
    let keeper = log.segment.keeper
    let place = BatchLocation(start: SegmentHeader.firstBlock, offset: BlockHeader.byteCount + 4)
    #expect(try keeper.readChecked(batches[0].block.byteCount, at: place) == batches[0].bytes)
    let file = try File(keeper.path, O_RDWR)
    for offset in [10, BlockHeader.byteCount + 500] {
      let byte = try file.read(1, at: SegmentHeader.firstBlock + offset)
      try file.write([byte[0] ^ 4], at: SegmentHeader.firstBlock + offset)
      #expect(throws: LogError.self) {
        try keeper.readChecked(batches[0].block.byteCount, at: place)
      }
      try file.write(byte, at: SegmentHeader.firstBlock + offset)
    }
    #expect(throws: LogError.self) {
      try keeper.readChecked(PhysicalBlock.byteCount, at: place)
    }
    unlink(keeper.path)
    #expect(throws: LogError.self) {
      try keeper.readChecked(batches[0].block.byteCount, at: place)
    }
  }
}

extension Batch {
  /// The storage of a batch whose bytes may leave memory.
  fileprivate var block: BatchBytes {
    guard case .block(let block) = storage else { preconditionFailure("a batch without a block") }
    return block
  }
}
