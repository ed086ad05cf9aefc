import Glibc
import HostTesting
import Primitives
import Replication
import Testing

@testable import WriteAheadLog

/// Tests blocks of a log without syncs before they are moved to the segments.
@Suite("Write-ahead log: staged blocks")
struct StagedTests {
  /// Copies the files of an open log, as a kill would leave them. The staged file comes first, so
  /// that blocks that its thread moves to a segment meanwhile are in at least one of the two.
  private func copy(_ directory: String, to other: String) throws {
    mkdir(other, 0o755)
    let names = try Directory.names(in: directory).sorted { $0 > $1 }
    for name in names where name != DirectoryLock.name {
      try replace("\(other)/\(name)", with: contents("\(directory)/\(name)"))
    }
  }

  private func fact(_ number: Int) -> Fact {
    Fact(UInt64(number), byteCount: number % 31 == 30 ? 9000 : 20 + number * 37 % 1500)
  }

  private func facts(_ count: Int) -> [Fact] { (0..<count).map { fact($0) } }

  @Test(
    "Committed records survive the end of the process at any moment", arguments: [4096, 16384])
  func kill(staged: Int) throws {
    let scratch = try Scratch(isVolatile: true)
    var log = try WriteAheadLog(scratch.log, syncs: false, segment: 32768, staged: staged)
    for count in 1...120 {
      log.append(fact(count - 1))
      try log.commit()
      let killed = "\(scratch.path)/killed"
      try copy(scratch.log, to: killed)
      #expect(try recovered(killed, syncs: count.isMultiple(of: 2)) == facts(count))
      #expect(!(try Directory.names(in: killed)).contains(StagedFile.name))
      #expect(try recovered(killed, syncs: false) == facts(count))
      for name in try Directory.names(in: killed) { unlink("\(killed)/\(name)") }
    }
    #expect(log.segment.header.number > 2)
  }

  /// The files of a killed log with several blocks in both halves.
  private func killed(_ scratch: Scratch) throws -> Snapshot {
    let running = "\(scratch.path)/running"
    var log = try WriteAheadLog(running, syncs: false, segment: 1 << 20, staged: 16384)
    for number in 0..<29 {
      log.append(fact(number))
      try log.commit()
    }
    try copy(running, to: scratch.log)
    return try Snapshot(scratch.log)
  }

  @Test("A kill while blocks are moved to their segment loses no record")
  func interrupted() throws {
    let scratch = try Scratch(isVolatile: true)
    let snapshot = try killed(scratch)
    let segment = try #require(snapshot.files["00000001.log"])
    let staged = try #require(snapshot.files[StagedFile.name])
    let remnants = [staged[..<(staged.count / 2)], staged[(staged.count / 2)...]].compactMap {
      half in half.withUnsafeBytes { StagedRemnant(of: $0).map { ($0.offset, $0.blocks.count) } }
    }
    let first = try #require(remnants.map { $0.0 }.min())
    for cut in stride(from: first, through: segment.count, by: 300) {
      try snapshot.restore()
      let file = try File(scratch.file("00000001.log"), O_RDWR)
      try file.truncate(to: cut)
      if cut < segment.count {
        try file.write([UInt8](repeating: 0xA5, count: min(200, segment.count - cut)), at: cut)
      }
      #expect(try recovered(scratch.log, syncs: false) == facts(29))
    }
    // Once more after the move was done, as if that start had been killed, too.
    try snapshot.restore()
    try StagedFile.settle(in: scratch.log, digest: nil)
    try replace(scratch.file(StagedFile.name), with: staged)
    #expect(try recovered(scratch.log, syncs: false) == facts(29))
  }

  @Test("From a damaged staged file only the blocks before the damage are taken")
  func damage() throws {
    let scratch = try Scratch(isVolatile: true)
    let snapshot = try killed(scratch)
    let staged = try #require(snapshot.files[StagedFile.name])
    var counts: Set<Int> = []
    let half = staged.count / 2
    let places = [0, half].flatMap { start in
      Array(0..<60) + Array(stride(from: 4096, to: half, by: 97)).map { start + $0 }
    }
    for place in places {
      try snapshot.restore()
      let bit = UInt8(1) << UInt8(place % 8)
      try File(scratch.file(StagedFile.name), O_RDWR).write([staged[place] ^ bit], at: place)
      let found = try recovered(scratch.log, syncs: false)
      #expect(found == facts(found.count))
      counts.insert(found.count)
    }
    #expect(counts.count > 3)
    for length in [0, 1, 4096, half + 10, staged.count - 1] {
      try snapshot.restore()
      try replace(scratch.file(StagedFile.name), with: Array(staged[..<length]))
      let found = try recovered(scratch.log, syncs: false)
      #expect(found == facts(found.count))
    }
  }

  @Test("Staged blocks of another node are refused")
  func foreign() throws {
    let scratch = try Scratch(isVolatile: true)
    let snapshot = try killed(scratch)
    let directory = "\(scratch.path)/other"
    let identity = LogIdentity(cluster: "test", protocolName: "raft", node: 1)
    var log = try WriteAheadLog(directory: directory, identity: identity, syncs: false)
    log.close()
    let staged = try #require(snapshot.files[StagedFile.name])
    try replace("\(directory)/\(StagedFile.name)", with: staged)
    let error = #expect(throws: LogError.self) {
      _ = try WriteAheadLog(directory: directory, identity: identity, syncs: false)
    }
    #expect(error?.kind == .foreign)
    #expect(error?.description.contains(StagedFile.name) == true)
  }

  @Test("Staged blocks do not undo a fault of the log")
  func faults() throws {
    let scratch = try Scratch(isVolatile: true)
    let snapshot = try killed(scratch)
    var counts: Set<Int> = []
    for seed in UInt64(0)..<20 {
      try snapshot.restore()
      var random = RandomStream(seed: seed)
      #expect(try LogSurgery.tearTail(scratch.log, random: &random))
      let found = try recovered(scratch.log, syncs: false)
      #expect(found.count < 29 && found == facts(found.count))
      counts.insert(found.count)
    }
    #expect(counts.count > 3)
    try snapshot.restore()
    var log = try WriteAheadLog(scratch.log, syncs: false, staged: 4096)
    log.append(fact(29))
    try log.commit()
    let hasFlipped = log.inject(.bitFlip(seed: 3))
    #expect(hasFlipped)
    let killedAgain = "\(scratch.path)/again"
    try copy(scratch.log, to: killedAgain)
    #expect(refusal(killedAgain, syncs: false)?.kind == .damaged)
  }
}
