import Glibc
import HostTesting
import Replication
import SmallDisks
import Testing
import WireFormat

@testable import WriteAheadLog

/// Tests a log on a disk that is slow, full for a while, or lies, and the memory of large blocks.
@Suite("Write-ahead log: troubles of the disk", .serialized, .ownThreads)
struct DiskTroubleTests {
  private func byteCount(_ scratch: Scratch, _ name: String) -> Int? {
    var status = stat()
    return stat(scratch.file(name), &status) == 0 ? Int(status.st_size) : nil
  }

  /// Whether a call opens the directory, as it must to sync the entries in it.
  private func opens(_ directory: String, _ body: () throws -> Void) throws -> Bool {
    let watch = inotify_init1(Int32(IN_NONBLOCK))
    defer { Glibc.close(watch) }
    try #require(inotify_add_watch(watch, directory, UInt32(IN_OPEN)) >= 0)
    try body()
    var events = [UInt8](repeating: 0, count: 1 << 16)
    let count = max(read(watch, &events, events.count), 0)
    var offset = 0
    while offset + 16 <= count {
      // An event of the directory itself has no name.
      let nameByteCount = events.withUnsafeBytes {
        $0.loadUnaligned(fromByteOffset: offset + 12, as: UInt32.self)
      }
      if nameByteCount == 0 { return true }
      offset += 16 + Int(nameByteCount)
    }
    return false
  }

  @Test(
    "The first opening syncs the entry of its directory, even if the directory was there before")
  func parent() throws {
    let scratch = try Scratch()
    mkdir(scratch.log, 0o755)
    #expect(try opens(scratch.path) { _ = try recovered(scratch.log) })
    #expect(try !opens(scratch.path) { _ = try recovered(scratch.log) })
  }

  @Test("A next segment for which there was no space is made when it is needed, if there is space")
  func spaceComesBack() throws {
    guard let disk = try SmallDisk.make() else { return }
    let directory = "\(disk.mountPoint)/node"
    var log = try WriteAheadLog(directory, segment: 8 << 20)
    // All but some blocks of the disk are taken while the segment is prepared.
    let ballast = try File("\(disk.mountPoint)/ballast", O_RDWR | O_CREAT)
    var size = 64 << 20
    while size > 4096 {
      if (try? ballast.allocate(size)) == nil { size /= 2 } else { size += 4096 }
      if size > 64 << 20 { break }
      var free = statvfs()
      #expect(statvfs(disk.mountPoint, &free) == 0)
      if free.f_bavail < 256 { break }
    }
    // The log's own preparation has to end first, because both would write the same file.
    log.next = nil
    log.next = try SegmentPreparation(
      in: directory, SegmentHeader(digest: log.digest, number: 2, byteCount: 8 << 20))
    var prepared = log.next.take()
    let error = #expect(throws: LogError.self) { _ = try prepared?.finish() }
    #expect(error?.kind == .system(ENOSPC))
    log.next = prepared.take()
    unlink("\(disk.mountPoint)/ballast")
    try ballast.truncate(to: 0)
    for number in 1...3 as ClosedRange<UInt64> {
      log.append(Fact(number, byteCount: 5 << 20))
      try log.commit()
    }
    #expect(log.segment.header.number == 3)
    log.close()
    #expect(try recovered(directory).count == 3)
  }

  @Test("The mark survives a loss of power, so that a disk which then returns zeros is noticed")
  func lyingDisk() throws {
    guard let disk = try SmallDisk.make() else { return }
    let directory = "\(disk.mountPoint)/node"
    var position = 0
    do {
      var log = try WriteAheadLog(
        directory: directory, identity: testIdentity, syncs: true, segmentByteCount: 65536,
        markPause: .zero)
      for number in 1...3 as ClosedRange<UInt64> {
        position = log.segment.position
        log.append(Fact(number))
        try log.commit()
      }
      guard disk.cutPower() == 0 else { return }
    }
    disk.unmount()
    try #require(disk.mount())
    defer { disk.unmount() }
    let file = try File("\(directory)/00000001.log", O_RDWR)
    try file.writeZeros(position..<65536)
    #expect(refusal(directory)?.reason.contains("is missing although block 3 was synced") == true)
  }

  @Test("A mark is synced once in its pause, not with each block")
  func markPause() throws {
    let scratch = try Scratch()
    var mark = try SyncedMark(
      in: File(scratch.path, O_RDONLY | O_DIRECTORY), digest: 1, mayCreate: true)
    let first = mark.isDue(after: .seconds(1000))
    let second = mark.isDue(after: .seconds(1000))
    let third = mark.isDue(after: .zero)
    #expect(first && !second && third)
  }

  @Test("The thread that writes a block also opens its segment, whatever that takes")
  func opening() throws {
    let scratch = try Scratch()
    var log = try WriteAheadLog(scratch.log, segment: 8192)
    log.append(Fact(1))
    let needsSegment = log.opensSegment
    #expect(!needsSegment)
    try log.commit()
    log.append(Fact(2, byteCount: 100_000))
    let needsNext = log.opensSegment
    #expect(needsNext)
    var job = try log.makeJob()
    #expect(job.segment == nil && job.offset == SegmentHeader.firstBlock)
    #expect((byteCount(scratch, "00000002.log") ?? 0) <= 8192)
    #expect(log.segment.header.number == 1)
    job = job.carriedOut()
    #expect(job.failure == nil)
    #expect(byteCount(scratch, "00000002.log")! > 100_000)
    try log.conclude(job)
    #expect(log.segment.header.number == 2 && log.mark.block == 2)
    log.append(Fact(3))
    try log.commit()
    #expect(log.segment.header.number == 3)
    log.close()
    #expect(try recovered(scratch.log) == [Fact(1), Fact(2, byteCount: 100_000), Fact(3)])
  }

  @Test("A large block leaves no large buffer behind", arguments: [true, false])
  func buffers(syncs: Bool) throws {
    let scratch = try Scratch(isVolatile: true)
    var log = try WriteAheadLog(scratch.log, syncs: syncs, segment: 1 << 20)
    for number in 1...4 as ClosedRange<UInt64> {
      log.append(Fact(number, zeroCount: number == 2 ? 9 << 20 : 100))
      try log.commit()
    }
    #expect(log.buffer.storage.count < 1 << 20 && log.spareBuffer.storage.count < 1 << 20)
    log.close()
  }

  @Test("A batch that cannot be read for another replica is zeros, and its error is reported once")
  func tolerantReading() throws {
    let scratch = try Scratch()
    var log = try WriteAheadLog(
      directory: scratch.log, identity: testIdentity, syncs: true, memoryByteCount: 0)
    let batch = Batch(
      [(id: RequestID(client: ClientID(1), sequence: 1), command: UInt64(7))], mayLeaveMemory: true)
    let bytes = batch.bytes
    log.append(batch)
    try log.commit()
    // The newest batches would stay in memory.
    for sequence in 2...5 as ClosedRange<UInt64> {
      let next = Batch(
        [(id: RequestID(client: ClientID(1), sequence: sequence), command: UInt64(8))],
        mayLeaveMemory: true)
      log.append(next)
      try log.commit()
    }
    let file = try File(log.segment.keeper.path, O_RDWR)
    let place = SegmentHeader.firstBlock + BlockHeader.byteCount + 20
    let byte = try file.read(1, at: place)
    try file.write([byte[0] ^ 1], at: place)
    log.beginTolerantReading()
    #expect(batch.bytes == [UInt8](repeating: 0, count: bytes.count))
    let error = log.endTolerantReading()
    #expect(error?.kind == .damaged)
    log.beginTolerantReading()
    let none = log.endTolerantReading()
    #expect(none == nil)
    try file.write(byte, at: place)
    #expect(batch.bytes == bytes)
    #expect(File.failure(EMFILE, "x", "open").mayPass && !File.failure(EIO, "x", "read").mayPass)
  }
}
