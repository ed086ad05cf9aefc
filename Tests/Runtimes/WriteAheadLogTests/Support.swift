import Glibc
import HostTesting
import Primitives
import Replication
import Testing
import WireFormat

@testable import WriteAheadLog

extension Scratch {
  /// The path for a log's directory, which does not exist yet.
  var log: String { "\(path)/log" }

  func file(_ name: String) -> String { "\(log)/\(name)" }
}

/// A record whose length and content follow from its parameters, so that no two are equal and
/// garbage is never mistaken for one.
struct Fact: WireCodable, Equatable {
  var number: UInt64
  var padding: [UInt8]

  init(_ number: UInt64, byteCount: Int = 24) {
    self.number = number
    var random = RandomStream(seed: number)
    padding = (0..<max(0, byteCount - 12)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
  }

  /// A record of `zeroCount` zeros, like a value that a client has cleared.
  init(_ number: UInt64, zeroCount: Int) {
    self.number = number
    padding = [UInt8](repeating: 0, count: zeroCount)
  }

  var encodedByteCount: Int { 12 + padding.count }

  func encode(into writer: inout WireWriter) {
    writer.write(number)
    writer.write(UInt32(padding.count))
    writer.write(padding)
  }

  init(from reader: inout WireReader) throws(WireError) {
    number = try reader.read(UInt64.self)
    padding = try reader.readBytes(Int(try reader.read(UInt32.self)))
  }
}

let testIdentity = LogIdentity(cluster: "test", protocolName: "raft", node: 0)

extension WriteAheadLog {
  init(
    _ directory: String, syncs: Bool = true, segment: Int = 16384, staged: Int = 1 << 20
  ) throws(LogError) {
    try self.init(
      directory: directory, identity: testIdentity, syncs: syncs, segmentByteCount: segment,
      stagedByteCount: staged)
  }

  /// Does the work of `commit` up to the sync, as if the process were then killed.
  mutating func write() throws(LogError) {
    guard syncs else { return try commit() }
    var job = try makeJob()
    let descriptor = try job.open()
    let code = job.buffer.storage.withUnsafeBytes {
      File.write(
        UnsafeRawBufferPointer(rebasing: $0[job.bytes]), to: descriptor, at: job.offset)
    }
    #expect(code == 0)
  }

  /// All records of earlier incarnations.
  func facts() throws(LogError) -> [Fact] {
    var found: [Fact] = []
    try forEachRecovered(Fact.self) { found.append($0) }
    return found
  }
}

/// Opens the log once and reads it.
func recovered(_ directory: String, syncs: Bool = true) throws(LogError) -> [Fact] {
  var log = try WriteAheadLog(directory, syncs: syncs)
  let facts = try log.facts()
  log.close()
  return facts
}

/// The error of opening the log, if it is refused.
func refusal(_ directory: String, syncs: Bool = true) -> LogError? {
  do {
    _ = try recovered(directory, syncs: syncs)
    return nil
  } catch {
    return error
  }
}

func contents(_ path: String) throws -> [UInt8] { try File(path, O_RDONLY).contents() }

func replace(_ path: String, with bytes: [UInt8]) throws {
  let file = try File(path, O_WRONLY | O_CREAT | O_TRUNC)
  try file.write(bytes, at: 0)
}

/// The files of a log, which can be restored after each experiment.
struct Snapshot {
  var files: [String: [UInt8]] = [:]
  let directory: String

  init(_ directory: String) throws {
    self.directory = directory
    for name in try Directory.names(in: directory) {
      files[name] = try contents("\(directory)/\(name)")
    }
  }

  func restore() throws {
    for name in try Directory.names(in: directory) where files[name] == nil {
      unlink("\(directory)/\(name)")
    }
    for (name, bytes) in files { try replace("\(directory)/\(name)", with: bytes) }
  }
}

/// The bytes of one segment, and the records written to it.
struct SegmentImage {
  var bytes: [UInt8]
  /// The records of each block.
  var blocks: [[Fact]]
  /// The start of each block, and the end of the last one.
  var bounds: [Int]

  /// Blocks of various shapes: short, of several sectors, with sectors of zeros.
  init(syncs: Bool = true, blockCount: Int = 6, random seed: UInt64 = 1) throws {
    let scratch = try Scratch(isVolatile: true)
    var log = try WriteAheadLog(scratch.log, syncs: syncs, segment: 49152)
    var random = RandomStream(seed: seed)
    blocks = []
    bounds = [SegmentHeader.firstBlock]
    var number: UInt64 = 0
    for block in 0..<blockCount {
      var facts: [Fact] = []
      for _ in 0...random.below(3) {
        number += 1
        facts.append(
          block % 3 == 1
            ? Fact(number, zeroCount: random.below(2000))
            : Fact(number, byteCount: 12 + random.below(900)))
      }
      for fact in facts { log.append(fact) }
      try log.commit()
      blocks.append(facts)
      bounds.append(log.segment.position)
    }
    log.close()
    bytes = try contents(scratch.file("00000001.log"))
  }

  /// Scans changed bytes as recovery does.
  static func scan(
    _ bytes: [UInt8], synced: Int
  ) -> Result<[Fact], Damage> {
    var scan = LogScan(digest: nil, synced: UInt64(synced))
    var facts: [Fact] = []
    return bytes.withUnsafeBytes { file in
      Result { () throws(Damage) in
        let contents = try scan.read(file, number: 1) { header, payload throws(Damage) in
          var offset = payload.lowerBound
          for _ in 0..<header.recordCount {
            var prefix = WireReader(bytes, in: offset..<payload.upperBound)
            guard let length = try? prefix.read(UInt32.self), Int(length) <= prefix.remaining,
              let fact = try? Fact(
                whole: WireReader(bytes, in: offset + 4..<offset + 4 + Int(length)))
            else { throw Damage(offset: offset, reason: "no fact") }
            facts.append(fact)
            offset += 4 + Int(length)
          }
        }
        try scan.finish(at: contents.end)
        return facts
      }
    }
  }

  /// Whether the records are a prefix that includes all records of the first `count` blocks.
  func isPrefix(_ facts: [Fact], ofAtLeast count: Int) -> Bool {
    let all = blocks.flatMap { $0 }
    return facts.count >= blocks.prefix(count).joined().count && facts.count <= all.count
      && facts == Array(all.prefix(facts.count))
  }
}

extension Fact {
  fileprivate init(whole reader: WireReader) throws {
    var reader = reader
    self = try Fact(from: &reader)
    guard reader.isAtEnd else { throw WireError.malformed("more") }
  }
}
