import Glibc
import HostTesting
import Primitives
import Replication
import Testing

@testable import WriteAheadLog

/// Tests missing and foreign files, files of newer versions, and leftover files.
@Suite("Write-ahead log: files")
struct DirectoryTests {
  /// A log of three segments with one record per block.
  private func log(in scratch: Scratch) throws -> [Fact] {
    var log = try WriteAheadLog(scratch.log, segment: 16384)
    let facts = (1...10).map { Fact(UInt64($0), byteCount: 900) }
    for fact in facts {
      log.append(fact)
      try log.commit()
    }
    #expect(log.segment.header.number >= 3)
    log.close()
    return facts
  }

  private func expectRefusal(
    _ scratch: Scratch, _ file: String, _ text: String, kind: LogError.Kind = .damaged
  ) {
    let error = refusal(scratch.log)
    #expect(error?.kind == kind)
    #expect(error?.path == scratch.file(file))
    #expect(error?.reason.contains(text) == true, "\(String(describing: error))")
  }

  @Test("A missing file is refused by name")
  func missing() throws {
    let scratch = try Scratch()
    let facts = try log(in: scratch)
    let snapshot = try Snapshot(scratch.log)
    for (removed, named, text) in [
      ("00000001.log", "00000001.log", "missing before"),
      ("00000002.log", "00000002.log", "missing before"), ("synced", "synced", "missing"),
      ("node", "node", "missing but there are records"),
    ] {
      unlink(scratch.file(removed))
      expectRefusal(scratch, named, text)
      try snapshot.restore()
    }
    for name in snapshot.files.keys where name > "00000002.log" && name.hasSuffix(".log") {
      unlink(scratch.file(name))
    }
    expectRefusal(scratch, "00000002.log", "is missing although block 10 was synced")
    try snapshot.restore()
    #expect(try recovered(scratch.log) == facts)
  }

  @Test("A file that cannot bypass the page cache uses it, on disk as in memory")
  func unaligned() throws {
    for isVolatile in [false, true] {
      let scratch = try Scratch(isVolatile: isVolatile)
      let file = try File("\(scratch.path)/file", O_RDWR | O_CREAT)
      defer { unlink("\(scratch.path)/file") }
      file.bypassCache()
      try file.write([1, 2, 3], at: 5)
      try file.writeZeros(Sector.byteCount..<3 * Sector.byteCount)
      #expect(try file.contents() == [0, 0, 0, 0, 0, 1, 2, 3] + [UInt8](repeating: 0, count: 1528))
    }
  }

  @Test("Files of another version are refused, with both versions")
  func versions() throws {
    let scratch = try Scratch()
    _ = try log(in: scratch)
    let snapshot = try Snapshot(scratch.log)
    for name in ["node", "synced", "00000001.log"] {
      var bytes = try #require(snapshot.files[name])
      let sectors = name == "synced" ? [0, PhysicalBlock.byteCount] : [0]
      for start in sectors { bytes[start + 8] = 2 }
      expectDamageOf(name, bytes, scratch)
      // With a valid checksum it is not damage but a file of another program version.
      for start in sectors {
        let checksum = bytes.withUnsafeBytes {
          CRC32C.checksum(UnsafeRawBufferPointer(rebasing: $0[start..<start + 508]))
        }
        for index in 0..<4 {
          bytes[start + 508 + index] = UInt8(truncatingIfNeeded: checksum >> (8 * index))
        }
      }
      try replace(scratch.file(name), with: bytes)
      expectRefusal(scratch, name, "has format version 2; this program reads 3", kind: .foreign)
      try snapshot.restore()
    }
  }

  private func expectDamageOf(_ name: String, _ bytes: [UInt8], _ scratch: Scratch) {
    do { try replace(scratch.file(name), with: bytes) } catch { Issue.record(error) }
    expectRefusal(scratch, name, "damaged")
  }

  @Test("Segments of another node, or with another number, are refused")
  func strangers() throws {
    let scratch = try Scratch()
    _ = try log(in: scratch)
    let other = try Scratch()
    var stranger = try WriteAheadLog(
      directory: other.log, identity: LogIdentity(cluster: "test", protocolName: "raft", node: 1),
      syncs: true, segmentByteCount: 16384)
    stranger.close()
    let snapshot = try Snapshot(scratch.log)
    try replace(scratch.file("00000002.log"), with: contents(other.file("00000001.log")))
    expectRefusal(scratch, "00000002.log", "another node", kind: .foreign)
    try snapshot.restore()
    try replace(scratch.file("synced"), with: contents(other.file("synced")))
    expectRefusal(scratch, "synced", "another node", kind: .foreign)
    try snapshot.restore()
    try replace(scratch.file("00000002.log"), with: contents(scratch.file("00000001.log")))
    expectRefusal(scratch, "00000002.log", "segment 1 under the name of 2")
  }

  @Test("Leftovers of an interrupted start do not disturb the next one")
  func leftovers() throws {
    let scratch = try Scratch()
    try Directory.create(scratch.log)
    try replace(scratch.file("node.new"), with: [1, 2, 3])
    try replace(scratch.file("00000001.log.new"), with: [UInt8](repeating: 0, count: 100))
    try replace(scratch.file("notes.txt"), with: [65])
    #expect(try recovered(scratch.log) == [])
    #expect(!(try Directory.names(in: scratch.log)).contains { $0.hasSuffix(".new") })
    // A first start that was interrupted before the identity was written.
    unlink(scratch.file("node"))
    #expect(try recovered(scratch.log) == [])
    #expect(try contents(scratch.file("notes.txt")) == [65])
  }

  @Test("A directory that is a file is refused")
  func noDirectory() throws {
    let scratch = try Scratch()
    try replace(scratch.log, with: [])
    #expect(refusal(scratch.log)?.kind == .system(ENOTDIR))
    #expect(Directory.parent(of: "/a/b//") == "/a")
    #expect(Directory.parent(of: "/a") == "/")
    #expect(Directory.parent(of: "a") == ".")
  }

  @Test("A record of another type is refused and named")
  func foreignRecords() throws {
    let scratch = try Scratch()
    var log = try WriteAheadLog(scratch.log)
    log.append(Fact(1))
    log.append(UInt64(7))
    try log.commit()
    log.close()
    let error = refusal(scratch.log)
    #expect(error?.reason.contains("record 2 in block 1 cannot be read") == true)
  }
}
