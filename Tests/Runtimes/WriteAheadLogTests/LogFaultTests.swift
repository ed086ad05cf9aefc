import Glibc
import HostTesting
import Primitives
import Replication
import Testing

@testable import WriteAheadLog

/// Tests injected errors of the disk.
@Suite("Write-ahead log: faults")
struct LogFaultTests {
  /// Three committed facts.
  private func filled(_ scratch: Scratch, syncs: Bool = true) throws -> WriteAheadLog {
    var log = try WriteAheadLog(scratch.log, syncs: syncs, segment: 32768)
    for number in 1...3 {
      log.append(Fact(UInt64(number)))
      try log.commit()
    }
    return log
  }

  @Test(
    "After an error the log refuses all operations, and committed records survive",
    arguments: [(LogFault.syncError, EIO), (.full, ENOSPC)])
  func fatal(fault: LogFault, code: Int32) throws {
    let scratch = try Scratch()
    var log = try filled(scratch)
    log.inject(fault)
    log.append(Fact(4))
    let error = try #require(throws: LogError.self) { try log.commit() }
    #expect(error.kind == .system(code))
    #expect(error.path == scratch.file("00000001.log"))
    let writtenBefore = log.bytesWritten
    // Not even if the disk works again, because the state that the failed sync left in memory is
    // unknown.
    log.inject(nil)
    for _ in 0..<3 {
      #expect(throws: error) { try log.commit() }
      log.append(Fact(5))
      #expect(throws: error) { try log.commit() }
      #expect(throws: error) { _ = try log.facts() }
    }
    #expect(log.bytesWritten == writtenBefore)
    #expect(log.syncCount == 3)
    #expect(log.mark.block == 3)
    log.close()
    let facts = try recovered(scratch.log)
    #expect(Array(facts.prefix(3)) == (1...3).map { Fact($0) })
    #expect(facts.count == (fault == .full ? 3 : 4))
    // The next incarnation continues.
    var next = try WriteAheadLog(scratch.log)
    next.append(Fact(6))
    try next.commit()
    next.close()
    #expect(try recovered(scratch.log) == facts + [Fact(6)])
  }

  @Test("A disk that is really full is fatal too, and loses no committed record")
  func fileSizeLimit() async throws {
    let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
      let scratch = try Scratch()
      var log = try WriteAheadLog(scratch.log, syncs: false, segment: 1 << 20, staged: 4096)
      signal(SIGXFSZ, SIG_IGN)
      func limitFiles(to byteCount: UInt) throws {
        var limit = rlimit(rlim_cur: byteCount, rlim_max: .max)
        try #require(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
      }
      try limitFiles(to: 30000)
      var committed: [Fact] = []
      var failure: LogError?
      while failure == nil {
        let fact = Fact(UInt64(committed.count), byteCount: 700)
        log.append(fact)
        do throws(LogError) {
          try log.commit()
          committed.append(fact)
        } catch {
          failure = error
        }
      }
      try #require(failure?.kind == .system(EFBIG))
      try #require(committed.count > 30)
      log.close()
      // The blocks that did not fit into the segment are still staged.
      try #require(throws: LogError.self) { try recovered(scratch.log, syncs: false) }
      try limitFiles(to: .max)
      try #require(try recovered(scratch.log, syncs: false) == committed)
    }
    #expect(result?.standardErrorContent.isEmpty == true)
  }

  @Test("A flipped bit anywhere is refused at the next start")
  func bitFlip() throws {
    let scratch = try Scratch(isVolatile: true)
    var empty = try WriteAheadLog(scratch.log)
    let hasFlipped = empty.inject(.bitFlip(seed: 1))
    #expect(!hasFlipped)
    empty.close()
    var log = try WriteAheadLog(scratch.log, segment: 16384)
    for number in 1...20 {
      log.append(Fact(UInt64(number), byteCount: 300))
      try log.commit()
    }
    #expect(log.segment.header.number > 2)
    log.close()
    let snapshot = try Snapshot(scratch.log)
    var places: Set<String> = []
    for seed in UInt64(0)..<60 {
      var log = try WriteAheadLog(scratch.log)
      let hasFlipped = log.inject(.bitFlip(seed: seed))
      #expect(hasFlipped)
      // The running replica does not notice.
      log.append(Fact(21))
      try log.commit()
      log.close()
      let error = try #require(refusal(scratch.log), "seed \(seed)")
      #expect(error.reason.contains("is damaged"))
      places.insert(error.description)
      try snapshot.restore()
    }
    #expect(places.count > 10)
  }

  @Test("Without syncs a bit is flipped only where recovery can detect it")
  func bitFlipWithoutSyncs() throws {
    let scratch = try Scratch()
    var log = try WriteAheadLog(scratch.log, syncs: false)
    log.append(Fact(1))
    try log.commit()
    let hasFlippedTheLast = log.inject(.bitFlip(seed: 1))
    #expect(!hasFlippedTheLast)
    log.append(Fact(2))
    try log.commit()
    let hasFlipped = log.inject(.bitFlip(seed: 1))
    #expect(hasFlipped)
    log.close()
    #expect(refusal(scratch.log, syncs: false)?.kind == .damaged)
  }

  @Test("A wiped replica starts like a new one")
  func wipe() throws {
    let scratch = try Scratch()
    var log = try filled(scratch)
    log.close()
    try LogSurgery.wipe(scratch.log)
    #expect(try Directory.names(in: scratch.log) == ["lock"])
    var fresh = try WriteAheadLog(scratch.log)
    #expect(fresh.incarnation == 1)
    #expect(try fresh.facts() == [])
    fresh.close()
  }

  @Test("Tearing the tail loses only records that were never synced", arguments: [true, false])
  func tearTail(syncs: Bool) throws {
    let scratch = try Scratch(isVolatile: true)
    var log = try filled(scratch)
    log.close()
    var random = RandomStream(seed: 5)
    #expect(try !LogSurgery.tearTail(scratch.log, random: &random))
    var next = try WriteAheadLog(scratch.log, syncs: syncs)
    let before = (1...3).map { Fact($0) }
    let unsynced = (4...6).map { Fact($0, byteCount: 700) }
    for fact in unsynced { next.append(fact) }
    // As if the process had been killed while it waited for the disk.
    try next.write()
    next.close()
    let snapshot = try Snapshot(scratch.log)
    var counts: Set<Int> = []
    for seed in UInt64(0)..<40 {
      var random = RandomStream(seed: seed)
      #expect(try LogSurgery.tearTail(scratch.log, random: &random))
      let facts = try recovered(scratch.log, syncs: syncs)
      #expect(facts == before || facts == before + unsynced)
      counts.insert(facts.count)
      // Torn-off records do not come back.
      var again = try WriteAheadLog(scratch.log, syncs: syncs)
      again.append(Fact(7))
      try again.commit()
      again.close()
      #expect(try recovered(scratch.log, syncs: syncs) == facts + [Fact(7)])
      try snapshot.restore()
    }
    #expect(counts.contains(3))
  }

  @Test("Recovered records are durable before they are handed over")
  func recoveredIsSynced() throws {
    let scratch = try Scratch()
    var log = try filled(scratch)
    log.append(Fact(4))
    try log.write()
    #expect(log.mark.block == 3)
    log.close()
    var next = try WriteAheadLog(scratch.log)
    #expect(next.mark.block == 4)
    #expect(try next.facts() == (1...4).map { Fact($0) })
    next.close()
  }
}
