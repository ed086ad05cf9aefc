import Glibc
import HostTesting
import Primitives
import Replication
import Testing

@testable import WriteAheadLog

/// The promise of the log: however the bytes of its last blocks are changed, recovery either
/// returns a prefix of the written records that includes all committed ones, or refuses.
@Suite("Write-ahead log: corruption")
struct CorruptionTests {
  struct Outcomes {
    var recovered = 0
    var refused = 0
  }

  /// Judges one change, if all blocks up to `synced` were synced.
  private func judge(
    _ image: SegmentImage, _ bytes: [UInt8], synced: Int, _ what: @autoclosure () -> String,
    _ outcomes: inout Outcomes
  ) {
    switch SegmentImage.scan(bytes, synced: synced) {
    case .success(let facts):
      outcomes.recovered += 1
      if !image.isPrefix(facts, ofAtLeast: synced) {
        Issue.record("\(what()): \(facts.count) records, no prefix with \(synced) blocks")
      }
    case .failure(let damage):
      outcomes.refused += 1
      if damage.reason.isEmpty { Issue.record("\(what()): refused without a reason") }
    }
  }

  @Test("Cut at any byte, a preallocated segment is refused, and a growing one keeps whole blocks")
  func cuts() throws {
    let filled = try SegmentImage()
    var outcomes = Outcomes()
    for end in filled.bounds[3]...filled.bytes.count {
      judge(filled, Array(filled.bytes[..<end]), synced: 0, "cut at \(end)", &outcomes)
    }
    #expect(outcomes.recovered == 1)
    #expect(outcomes.refused == filled.bytes.count - filled.bounds[3])

    let growing = try SegmentImage(syncs: false)
    #expect(growing.bytes.count == growing.bounds.last)
    outcomes = Outcomes()
    for end in growing.bounds[3]...growing.bytes.count {
      judge(growing, Array(growing.bytes[..<end]), synced: 3, "cut at \(end)", &outcomes)
      // A cut between two promised blocks.
      judge(growing, Array(growing.bytes[..<end]), synced: 5, "cut at \(end)", &outcomes)
    }
    #expect(outcomes.recovered > growing.bytes.count - growing.bounds[3])
    #expect(outcomes.refused > 0)
  }

  @Test("Any flipped bit in a block is detected, whether or not the block is known to be synced")
  func flips() throws {
    let image = try SegmentImage()
    let end = try #require(image.bounds.last)
    var bytes = image.bytes
    for synced in [0, 6] {
      var outcomes = Outcomes()
      for position in image.bounds[3]..<end {
        for bit in 0..<8 {
          bytes[position] ^= 1 << bit
          judge(image, bytes, synced: synced, "bit \(bit) of byte \(position)", &outcomes)
          bytes[position] ^= 1 << bit
        }
      }
      #expect(outcomes.recovered == 0)
    }
    var header = Outcomes()
    for position in 0..<SegmentHeader.firstBlock {
      bytes[position] ^= 1 << UInt8(position % 8)
      judge(image, bytes, synced: 0, "header byte \(position)", &header)
      bytes[position] ^= 1 << UInt8(position % 8)
    }
    #expect(header.recovered == 0)
    // After the last block, bytes can be traces of a block that was being written, unless they are
    // where its header should be.
    var behind = Outcomes()
    for position in stride(from: end, to: bytes.count, by: 61) {
      bytes[position] ^= 0x10
      judge(image, bytes, synced: 6, "byte \(position) behind the last block", &behind)
      bytes[position] ^= 0x10
    }
    #expect(behind.recovered > 0)
    #expect(behind.refused > 0)
  }

  @Test(
    "Zeros from any byte on remove no block that is known to be synced", arguments: [true, false])
  func zeros(syncs: Bool) throws {
    let image = try SegmentImage(syncs: syncs)
    let end = try #require(image.bounds.last)
    for synced in [3, 4, 6] {
      var outcomes = Outcomes()
      for start in image.bounds[3]...end {
        var bytes = image.bytes
        for position in start..<end { bytes[position] = 0 }
        judge(image, bytes, synced: synced, "zeros from \(start), synced \(synced)", &outcomes)
      }
      #expect(outcomes.recovered > 0)
      #expect(outcomes.refused > 0 || synced == 3)
    }
  }

  @Test("A sector of zeros inside blocks is refused if any data follow it")
  func lostSectors() throws {
    let image = try SegmentImage()
    let last = image.bounds[5]
    for synced in [0, 6] {
      var outcomes = Outcomes()
      for start in stride(from: SegmentHeader.firstBlock, to: last, by: Sector.byteCount) {
        var bytes = image.bytes
        guard !bytes[start..<start + Sector.byteCount].allSatisfy({ $0 == 0 }) else { continue }
        for position in start..<start + Sector.byteCount { bytes[position] = 0 }
        judge(image, bytes, synced: synced, "no sector at \(start)", &outcomes)
      }
      #expect(outcomes.recovered == 0)
      #expect(outcomes.refused > 5)
    }
  }

  @Test("An interrupted write keeps all earlier blocks, whichever of its sectors it reached")
  func tornWrites() throws {
    let image = try SegmentImage()
    for block in 1..<6 {
      let start = image.bounds[block]
      let sectorCount = (image.bounds[block + 1] - start) / Sector.byteCount
      var before = image.bytes
      for position in start..<before.count { before[position] = 0 }
      let committed = Array(image.blocks[..<block].joined())
      var whole = 0
      // All patterns of a small block; of a larger one the extremes and a thousand others.
      let all = 1 << sectorCount
      var random = RandomStream(seed: UInt64(block))
      let patterns =
        all <= 1024 ? Array(0..<all) : [0, all - 1] + (0..<1000).map { _ in random.below(all) }
      for pattern in patterns {
        var bytes = before
        for sector in 0..<sectorCount where pattern & 1 << sector != 0 {
          let range = start + sector * Sector.byteCount..<start + (sector + 1) * Sector.byteCount
          bytes.replaceSubrange(range, with: image.bytes[range])
        }
        let facts = try SegmentImage.scan(bytes, synced: block).get()
        if facts == committed { continue }
        whole += 1
        #expect(facts == committed + image.blocks[block], "block \(block), sectors \(pattern)")
      }
      #expect(whole >= 1)
    }
  }

  @Test("A lock ends with its file, even if a process that is being started has a copy of it")
  func lockEnds() throws {
    let scratch = try Scratch(isVolatile: true)
    var copy: Int32 = -1
    do {
      let file = try DirectoryLock.take(scratch.path)
      copy = dup(file.descriptor)
      #expect(throws: LogError.self) { _ = try DirectoryLock.take(scratch.path) }
    }
    defer { close(copy) }
    _ = try DirectoryLock.take(scratch.path)
  }

  @Test("Files cut, changed or zeroed at each sector are opened as a replica would open them")
  func files() throws {
    let scratch = try Scratch(isVolatile: true)
    var log = try WriteAheadLog(scratch.log, segment: 20480)
    let facts = (1...4).map { Fact(UInt64($0), byteCount: 700) }
    for fact in facts {
      log.append(fact)
      try log.commit()
    }
    let end = log.segment.position
    log.close()
    let path = scratch.file("00000001.log")
    let snapshot = try Snapshot(scratch.log)
    let original = try #require(snapshot.files["00000001.log"])
    for offset in stride(from: 0, to: end, by: 128) {
      let changes: [(String, [UInt8])] = [
        ("cut", Array(original[..<offset])),
        ("flip", original.enumerated().map { $0.offset == offset ? $0.element ^ 4 : $0.element }),
        ("zeros", original.enumerated().map { $0.offset >= offset ? 0 : $0.element }),
      ]
      for (change, bytes) in changes where bytes != original {
        try snapshot.restore()
        try replace(path, with: bytes)
        let error = try #require(refusal(scratch.log), "\(change) at \(offset)")
        #expect(error.kind == .damaged)
        #expect(error.description.hasPrefix("\(path): "))
        #expect(error.description.hasSuffix("so it does not start"))
        #expect(!error.description.contains("\n"))
        // A refusal does not change the file.
        #expect(try contents(path) == bytes)
      }
    }
    try snapshot.restore()
    #expect(try recovered(scratch.log) == facts)
  }
}
