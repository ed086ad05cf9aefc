import Glibc
import HostTesting
import Replication
import Testing

@testable import WriteAheadLog

/// Tests that committed records are recovered.
@Suite("Write-ahead log: incarnations")
struct RoundTripTests {
  @Test("Later incarnations recover all committed records in order", arguments: [true, false])
  func lives(syncs: Bool) throws {
    let scratch = try Scratch()
    var written: [Fact] = []
    for incarnation in 1...6 {
      var log = try WriteAheadLog(scratch.log, syncs: syncs)
      #expect(log.incarnation == UInt64(incarnation))
      #expect(log.recordCount == written.count)
      #expect(try log.facts() == written)
      for _ in 0..<incarnation {
        for _ in 0..<3 {
          let fact = Fact(UInt64(written.count), byteCount: 100 * incarnation)
          written.append(fact)
          log.append(fact)
        }
        try log.commit()
      }
      #expect(log.syncCount == (syncs ? incarnation : 0))
      #expect(log.recordCount == written.count)
      // Without the records that this incarnation has added.
      #expect(try log.facts().count == log.recoveredRecordCount)
      log.append(Fact(999))
      log.close()
    }
    #expect(try recovered(scratch.log, syncs: syncs) == written)
  }

  @Test("A log continues over many segments, and through a change of mode")
  func segments() throws {
    let scratch = try Scratch()
    var written: [Fact] = []
    for incarnation in 0..<4 {
      var log = try WriteAheadLog(scratch.log, syncs: incarnation % 2 == 0)
      for _ in 0..<60 {
        let fact = Fact(UInt64(written.count), byteCount: 1000)
        written.append(fact)
        log.append(fact)
        try log.commit()
      }
      #expect(log.segment.header.number > 1)
      log.close()
    }
    #expect(try recovered(scratch.log) == written)
    let segments = try Recovery.segmentNumbers(in: scratch.log)
    #expect(segments.count >= 16)
  }

  @Test("A record larger than a segment gets its own segment", arguments: [true, false])
  func bigRecords(syncs: Bool) throws {
    let scratch = try Scratch()
    var log = try WriteAheadLog(scratch.log, syncs: syncs)
    let facts = [
      Fact(1), Fact(2, zeroCount: 1 << 20), Fact(3), Fact(4, byteCount: 20_000),
      Fact(5, byteCount: 40_000), Fact(6),
    ]
    for fact in facts {
      log.append(fact)
      try log.commit()
    }
    log.close()
    #expect(try recovered(scratch.log, syncs: syncs) == facts)
  }

  @Test("An empty commit has no cost")
  func nothing() throws {
    let scratch = try Scratch()
    var log = try WriteAheadLog(scratch.log)
    try log.commit()
    #expect(log.syncCount == 0)
    #expect(log.bytesWritten == 0)
  }

  @Test("A log can be open only once, in this process and in others")
  func lock() throws {
    let scratch = try Scratch()
    var log = try WriteAheadLog(scratch.log)
    #expect(refusal(scratch.log)?.kind == .inUse)
    #expect(refusal(scratch.log)?.description.contains("another process has this log open") == true)
    #expect(throws: LogError.self) { try LogSurgery.wipe(scratch.log) }
    log.close()
    #expect(refusal(scratch.log) == nil)
    #expect(throws: LogError(.closed, path: scratch.log, reason: "the log is closed")) {
      try log.commit()
    }
  }

  @Test("The log of another node is refused, by name")
  func identity() throws {
    let scratch = try Scratch()
    _ = try recovered(scratch.log)
    for other in [
      LogIdentity(cluster: "prod", protocolName: "raft", node: 0),
      LogIdentity(cluster: "test", protocolName: "chain", node: 0),
      LogIdentity(cluster: "test", protocolName: "raft", node: 1),
    ] {
      do {
        _ = try WriteAheadLog(directory: scratch.log, identity: other, syncs: true)
        Issue.record("opened as \(other)")
      } catch {
        #expect(error.kind == .foreign)
        #expect(error.description.contains("node 0 of cluster 'test' (raft)"))
        #expect(error.description.contains("node \(other.node) of cluster '\(other.cluster)'"))
      }
    }
    let long = LogIdentity(
      cluster: String(repeating: "x", count: 129), protocolName: "raft", node: 0)
    #expect(throws: LogError.self) {
      _ = try WriteAheadLog(directory: scratch.log, identity: long, syncs: true)
    }
  }
}
