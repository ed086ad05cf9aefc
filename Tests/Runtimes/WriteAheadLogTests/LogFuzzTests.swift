import Glibc
import HostTesting
import Primitives
import Replication
import Testing
import WireFormat

@testable import WriteAheadLog

/// Changes the bytes of a file by a seed.
struct Mutator {
  var random: RandomStream

  mutating func mutate(_ bytes: inout [UInt8]) {
    for _ in 0...random.below(4) {
      guard bytes.count > 1 else { return }
      let position = random.below(bytes.count)
      switch random.below(9) {
      case 0: bytes[position] ^= 1 << UInt8(random.below(8))
      case 1: bytes[position] = UInt8(random.below(256))
      case 2:  // Random bytes.
        for index in position..<min(bytes.count, position + random.below(600)) {
          bytes[index] = UInt8(random.below(256))
        }
      case 3:  // Zeros.
        for index in position..<min(bytes.count, position + random.below(2000)) { bytes[index] = 0 }
      case 4: bytes.removeLast(random.below(min(bytes.count, 2000)))
      case 5: bytes.append(contentsOf: repeatElement(0, count: random.below(1500)))
      case 6: copySector(&bytes, swaps: false)
      case 7: copySector(&bytes, swaps: true)
      default:  // A special number.
        let numbers: [UInt64] = [0, 1, 0xFFFF_FFFF, UInt64.max, 1 << 63, 0x7FFF_FFFF]
        let number = numbers[random.below(numbers.count)]
        let start = position / 4 * 4
        for index in 0..<8 where start + index < bytes.count {
          bytes[start + index] = UInt8(truncatingIfNeeded: number >> (8 * UInt64(index)))
        }
      }
    }
  }

  private mutating func copySector(_ bytes: inout [UInt8], swaps: Bool) {
    let count = bytes.count / Sector.byteCount
    guard count > 1 else { return }
    let from = random.below(count) * Sector.byteCount
    let to = random.below(count) * Sector.byteCount
    for index in 0..<Sector.byteCount {
      let byte = bytes[to + index]
      bytes[to + index] = bytes[from + index]
      if swaps { bytes[from + index] = byte }
    }
  }

  /// Corrects all checksums, so that the fields they protect are tested.
  static func reseal(_ bytes: inout [UInt8]) {
    func put(_ checksum: UInt32, _ offset: Int) {
      for index in 0..<4 {
        bytes[offset + index] = UInt8(truncatingIfNeeded: checksum >> (8 * index))
      }
    }
    func checksum(_ range: Range<Int>) -> UInt32 {
      bytes.withUnsafeBytes { CRC32C.checksum(UnsafeRawBufferPointer(rebasing: $0[range])) }
    }
    guard bytes.count >= Sector.byteCount else { return }
    put(checksum(0..<508), 508)
    for offset in stride(from: Sector.byteCount, to: bytes.count - 64, by: Sector.byteCount) {
      var reader = WireReader(bytes, in: offset..<bytes.count)
      guard (try? reader.read(UInt32.self)) == BlockHeader.magic else { continue }
      try? reader.skip(20)
      if let length = try? reader.read(UInt64.self), length < UInt64(bytes.count) {
        try? reader.skip(12)
        let sectors = (try? reader.read(UInt32.self)) ?? 0
        let start = offset + BlockHeader.byteCount
        let end = offset + Int(sectors) * Sector.byteCount
        if start <= end, end <= bytes.count { put(checksum(start..<end), offset + 40) }
      }
      put(checksum(offset + 8..<offset + BlockHeader.byteCount), offset + 4)
    }
  }
}

/// Recovery accepts any bytes: it never traps and never returns a record that was not written.
@Suite("Write-ahead log: fuzzing")
struct LogFuzzTests {
  static func number(_ name: String) -> UInt64? {
    getenv(name).flatMap { UInt64(String(cString: $0)) }
  }

  /// The number of inputs: a sixth of `RSMBENCH_FUZZ_INPUTS`, which is for all decoders, or 20,000.
  static let inputCount = number("RSMBENCH_FUZZ_INPUTS").map { max(4, Int($0) / 6) } ?? 20_000
  static let firstSeed = number("RSMBENCH_FUZZ_SEED") ?? 1
  static func seeds(_ count: Int) -> Range<UInt64> { firstSeed..<firstSeed + UInt64(count) }

  @Test("Damaged segments give a prefix of the written records or a refusal")
  func damaged() throws {
    let images = try [
      SegmentImage(random: 1), SegmentImage(random: 2), SegmentImage(syncs: false, random: 3),
    ]
    var recovered = 0
    var refused = 0
    for seed in Self.seeds(Self.inputCount / 2) {
      var mutator = Mutator(random: RandomStream(seed: seed))
      let image = images[mutator.random.below(images.count)]
      let synced = mutator.random.below(7)
      var bytes = image.bytes
      mutator.mutate(&bytes)
      switch SegmentImage.scan(bytes, synced: synced) {
      case .success(let facts):
        recovered += 1
        if !image.isPrefix(facts, ofAtLeast: synced) {
          Issue.record("seed \(seed): \(facts.count) records that are no prefix")
        }
      case .failure: refused += 1
      }
    }
    #expect(recovered > Self.inputCount / 100)
    #expect(refused > Self.inputCount / 100)
  }

  @Test("Segments with forged checksums are read within their bounds")
  func forged() throws {
    let images = try [SegmentImage(random: 1), SegmentImage(syncs: false, random: 3)]
    var visited = 0
    for seed in Self.seeds(Self.inputCount / 2) {
      var mutator = Mutator(random: RandomStream(seed: seed, label: 1))
      var bytes = images[mutator.random.below(images.count)].bytes
      mutator.mutate(&bytes)
      Mutator.reseal(&bytes)
      let size = bytes.count
      var scan = LogScan(digest: nil, synced: 0, mayLackHeader: seed % 2 == 0)
      bytes.withUnsafeBytes { file in
        let result = Result { () throws(Damage) in
          try scan.read(file, number: 1) { _, payload throws(Damage) in
            visited += 1
            if payload.lowerBound < SegmentHeader.firstBlock + BlockHeader.byteCount
              || payload.upperBound > size
            {
              Issue.record("seed \(seed): payload \(payload) of \(size) bytes")
            }
          }
        }
        if case .success(let contents) = result, contents.end > size {
          Issue.record("seed \(seed): ends at \(contents.end) of \(size)")
        }
      }
    }
    #expect(visited > Self.inputCount)
  }

  @Test("A staged file with any content is read, and only whole blocks are taken from it")
  func stagedFile() throws {
    let image = try SegmentImage(syncs: false, random: 3)
    let blocks = Array(image.bytes[SegmentHeader.firstBlock...])
    let staged = try stagedHalf(
      of: blocks,
      digest: image.bytes.withUnsafeBytes { file in try SegmentHeader(of: file).digest })
    let ends = Set(image.bounds.map { $0 - SegmentHeader.firstBlock })
    var lengths: Set<Int> = []
    for seed in Self.seeds(Self.inputCount / 4) {
      var mutator = Mutator(random: RandomStream(seed: seed, label: 3))
      var bytes = staged
      mutator.mutate(&bytes)
      let length = bytes.withUnsafeBytes { StagedRemnant(of: $0)?.blocks.count ?? 0 }
      if !ends.contains(length) { Issue.record("seed \(seed): \(length) bytes taken") }
      lengths.insert(length)
    }
    #expect(lengths.count > 2)
    #expect(staged.withUnsafeBytes { StagedRemnant(of: $0)?.blocks.count } == blocks.count)
  }

  /// The half of a staged file that these blocks of the first segment are in.
  private func stagedHalf(of blocks: [UInt8], digest: UInt64) throws -> [UInt8] {
    let scratch = try Scratch(isVolatile: true)
    let file = try StagedFile(in: scratch.path, runByteCount: blocks.count)
    file.half(1).begin(
      digest: digest, segment: 1, offset: SegmentHeader.firstBlock)
    blocks.withUnsafeBytes { file.half(1).extend(0, with: $0) }
    let bytes = try contents("\(scratch.path)/\(StagedFile.name)")
    unlink("\(scratch.path)/\(StagedFile.name)")
    return Array(bytes[(bytes.count / 2)...])
  }

  @Test("A snapshot file is read whatever is in it: what comes is what was stored, or nothing")
  func snapshots() throws {
    let scratch = try Scratch(isVolatile: true)
    let reference = SnapshotReference(index: LogIndex(5), epoch: 2)
    let content = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 9) }
    let writer = SnapshotWriter(reference, in: scratch.path, digest: 9, syncs: false)
    writer.append(content, isLast: true)
    let path = "\(scratch.path)/\(SnapshotFile.name(LogIndex(5)))"
    let whole = try contents(path)
    var readCount = 0
    for seed in Self.seeds(Self.inputCount / 40) {
      var mutator = Mutator(random: RandomStream(seed: seed, label: 4))
      var bytes = whole
      // The header by itself half of the time, because it is a thousandth of the file.
      var head = Array(bytes[..<Sector.byteCount])
      if seed % 2 == 0 {
        mutator.mutate(&head)
        if seed % 4 == 0, head.count >= Sector.byteCount { Mutator.reseal(&head) }
        bytes = head + bytes[Sector.byteCount...]
      } else {
        mutator.mutate(&bytes)
      }
      try replace(path, with: bytes)
      let file = try File(path, O_RDONLY)
      guard let found = try? SnapshotFile(of: file, digest: 9),
        let read = try? found.read(0..<min(found.byteCount, content.count), from: file)
      else { continue }
      readCount += 1
      if read != Array(content[..<read.count]) { Issue.record("seed \(seed): other bytes") }
    }
    #expect(readCount > 0)
    for cut in [Sector.byteCount, whole.count - 5, whole.count - 1] {
      try replace(path, with: Array(whole[..<cut]))
      #expect(throws: LogError.self) { try SnapshotFile(of: File(path, O_RDONLY), digest: 9) }
    }
    unlink(path)
  }

  @Test("The small files are read whatever is in them")
  func smallFiles() throws {
    let node = NodeFile(identity: testIdentity, incarnation: 3, syncs: true)
    var member = MemberFile(card: LogCard(number: 77, generation: 3))
    for peer in 1...4 { member.peers[peer] = LogCard(number: UInt64(peer), generation: 0) }
    var accepted = 0
    for seed in Self.seeds(Self.inputCount / 4) {
      var mutator = Mutator(random: RandomStream(seed: seed, label: 2))
      var bytes = node.bytes
      mutator.mutate(&bytes)
      let isResealed = seed % 2 == 0
      if isResealed { Mutator.reseal(&bytes) }
      if let read = try? NodeFile(bytes) {
        accepted += 1
        if !isResealed && read != node { Issue.record("seed \(seed): \(read)") }
      }
      var card = member.bytes
      mutator.mutate(&card)
      if isResealed { Mutator.reseal(&card) }
      if let read = try? MemberFile(card, path: "member"), !isResealed, read != member {
        Issue.record("seed \(seed): \(read)")
      }
      _ = try? SyncedMark.block(in: bytes, digest: nil, path: "synced")
    }
    #expect(accepted > 0)
    #expect(try NodeFile(node.bytes) == node)
  }
}
