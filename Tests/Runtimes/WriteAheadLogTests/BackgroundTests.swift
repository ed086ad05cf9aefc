import Glibc
import HostTesting
import Replication
import Testing

@testable import WriteAheadLog

/// Tests blocks that a thread writes while the log accepts further records.
@Suite("Write-ahead log: commits in the background")
struct BackgroundTests {
  @Test("Records appended while a block is written belong to the next block")
  func order() throws {
    let scratch = try Scratch()
    var log = try WriteAheadLog(scratch.log, segment: 16384)
    var facts: [Fact] = []
    func append(_ count: Int, to log: inout WriteAheadLog) {
      for _ in 0..<count {
        facts.append(Fact(UInt64(facts.count + 1), byteCount: 40 + facts.count * 37 % 1500))
        log.append(facts[facts.count - 1])
      }
    }
    var pending = log.pendingByteCount
    #expect(pending == 0)
    try log.beginCommit()
    var isCommitting = log.isCommitting
    #expect(!isCommitting)
    for round in 1...40 {
      append(round % 4 + 1, to: &log)
      pending = log.pendingByteCount
      #expect(pending > 0)
      try log.beginCommit()
      pending = log.pendingByteCount
      isCommitting = log.isCommitting
      #expect(isCommitting && pending == 0)
      let durable = log.recordCount
      append(round % 3, to: &log)
      let stillDurable = log.recordCount
      #expect(stillDurable == durable)
      try log.finishCommit()
      isCommitting = log.isCommitting
      #expect(!isCommitting)
    }
    append(2, to: &log)
    try log.beginCommit()
    append(1, to: &log)
    // Waits for the block being written, and writes the other.
    try log.commit()
    let counts = (log.recordCount, log.syncCount)
    #expect(counts == (facts.count, 42))
    log.close()
    #expect(try recovered(scratch.log) == facts)
  }

  @Test("The signal is readable when the block is durable, until the next block is begun")
  func signal() throws {
    let scratch = try Scratch()
    var log = try WriteAheadLog(scratch.log)
    let before = log.commitSignal
    #expect(before == nil)
    for number in 1...3 {
      log.append(Fact(UInt64(number)))
      try log.beginCommit()
      let now = log.commitSignal
      let signal = try #require(now)
      var waited = pollfd(fd: signal, events: Int16(POLLIN), revents: 0)
      #expect(poll(&waited, 1, 10_000) == 1)
      try log.finishCommit()
      #expect(poll(&waited, 1, 0) == 0)
    }
  }

  @Test(
    "A failed block ends the log when it is finished", arguments: [LogFault.full, .syncError])
  func failure(fault: LogFault) throws {
    let scratch = try Scratch()
    var log = try WriteAheadLog(scratch.log)
    log.append(Fact(1))
    try log.commit()
    log.inject(fault)
    log.append(Fact(2))
    try log.beginCommit()
    let code = fault == .full ? ENOSPC : EIO
    var found: LogError?
    do { try log.finishCommit() } catch { found = error }
    #expect(found?.kind == .system(code))
    log.append(Fact(3))
    let after = (log.pendingByteCount, log.recordCount)
    #expect(after == (0, 1))
    #expect(throws: LogError.self) { try log.beginCommit() }
    #expect(throws: LogError.self) { try log.commit() }
  }

  @Test("A log that is closed or dropped lets the current block reach the disk first")
  func closing() throws {
    for closes in [true, false] {
      let scratch = try Scratch()
      let facts = [Fact(1), Fact(2, byteCount: 100_000)]
      do {
        var log = try WriteAheadLog(scratch.log)
        for fact in facts { log.append(fact) }
        try log.beginCommit()
        if closes { log.close() }
      }
      #expect(try recovered(scratch.log) == facts)
    }
  }
}
