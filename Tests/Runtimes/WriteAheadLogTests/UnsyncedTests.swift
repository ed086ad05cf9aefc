import Glibc
import HostTesting
import Testing

@testable import WriteAheadLog

/// What was written while nothing was synced, and what nobody else can write.
@Suite("Write-ahead log: beyond the mark, and seals")
struct UnsyncedTests {
  private func facts(_ count: Int) -> [Fact] {
    (1...count).map { Fact(UInt64($0), byteCount: 3000) }
  }

  /// The segments of a log that were written to since their times were set back.
  private func written(_ scratch: Scratch) throws -> [String] {
    try Directory.names(in: scratch.log).filter { SegmentFile.number(of: $0) != nil }.sorted()
      .filter { name in
        var status = stat()
        #expect(stat(scratch.file(name), &status) == 0)
        return status.st_mtim.tv_sec > 1_000_000
      }
  }

  private func setBack(_ scratch: Scratch) throws {
    for name in try Directory.names(in: scratch.log) where SegmentFile.number(of: name) != nil {
      var times = [timespec(tv_sec: 1000, tv_nsec: 0), timespec(tv_sec: 1000, tv_nsec: 0)]
      #expect(utimensat(AT_FDCWD, scratch.file(name), &times, 0) == 0)
    }
  }

  @Test("The first start with syncs writes all that none has made durable again, and the next none")
  func rewritten() throws {
    let scratch = try Scratch()
    var log = try WriteAheadLog(scratch.log, syncs: false, segment: 8192, staged: 4096)
    for fact in facts(12) {
      log.append(fact)
      try log.commit()
    }
    log.close()
    let names = try Directory.names(in: scratch.log).filter { SegmentFile.number(of: $0) != nil }
      .sorted()
    #expect(names.count >= 4)
    try setBack(scratch)
    // A sync that failed in that start may have left pages in memory that no later one writes.
    #expect(try recovered(scratch.log, syncs: true) == facts(12))
    #expect(try written(scratch).filter { names.contains($0) } == names)
    try setBack(scratch)
    #expect(try recovered(scratch.log, syncs: true) == facts(12))
    #expect(try written(scratch).filter { names.contains($0) } == [])
  }

  @Test("Two logs of one identity have other seals, so that nobody who knows it can write a block")
  func seals() throws {
    var seals: Set<UInt64> = []
    for _ in 0..<2 {
      let scratch = try Scratch()
      let log = try WriteAheadLog(scratch.log)
      seals.insert(log.segment.header.seal)
      #expect(log.digest != testIdentity.digest)
    }
    #expect(seals.count == 2)
    // The segments of one are refused by the other, although the identity is the same.
    let (mine, other) = (try Scratch(), try Scratch())
    for scratch in [mine, other] {
      var log = try WriteAheadLog(scratch.log)
      log.append(Fact(1))
      try log.commit()
      log.close()
    }
    try replace(mine.file("00000001.log"), with: contents(other.file("00000001.log")))
    #expect(refusal(mine.log)?.kind == .foreign)
  }

  @Test("Without the file that holds the number, a log is refused in words")
  func memberMissing() throws {
    let scratch = try Scratch()
    var log = try WriteAheadLog(scratch.log)
    log.append(Fact(1))
    try log.commit()
    log.close()
    unlink(scratch.file(MemberFile.name))
    #expect(refusal(scratch.log)?.reason.contains("the file is missing but there is a log") == true)
  }
}
