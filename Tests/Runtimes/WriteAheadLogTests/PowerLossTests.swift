import SmallDisks
import Testing

@testable import WriteAheadLog

/// A disk that loses what it was not told to keep.
@Suite("Write-ahead log: loss of power", .serialized)
struct PowerLossTests {
  /// Commits until the power goes; then a new start on what the disk has.
  /// - Returns: what was committed and what came back, or `nil` if this cannot be tried here.
  private func loss(syncs: Bool, after count: Int) throws -> (committed: [Fact], found: [Fact])? {
    guard let disk = try SmallDisk.make() else { return nil }
    let directory = "\(disk.mountPoint)/node"
    var committed: [Fact] = []
    do {
      var log = try WriteAheadLog(directory, syncs: syncs, segment: 65536)
      for number in 0..<count {
        let fact = Fact(UInt64(number), byteCount: 20 + number * 37 % 3000)
        log.append(fact)
        try log.commit()
        committed.append(fact)
      }
      // One more is on its way.
      log.append(Fact(UInt64(count), byteCount: 5000))
      try log.write()
      let code = disk.cutPower()
      guard code == 0 else {
        print("loss of power is not tested: ext4 refuses to shut down (errno \(-code))")
        return nil
      }
      // A disk without power is an error that the log reports.
      log.append(Fact(UInt64(count) + 1))
      if syncs { #expect(throws: LogError.self) { try log.commit() } }
    }
    disk.unmount()
    try #require(disk.mount())
    defer { disk.unmount() }
    let found = try recovered(directory, syncs: syncs)
    var next = try WriteAheadLog(directory, syncs: syncs)
    #expect(next.life == 3)
    next.append(Fact(1_000_000))
    try next.commit()
    next.close()
    #expect(try recovered(directory, syncs: syncs) == found + [Fact(1_000_000)])
    return (committed, found)
  }

  @Test("With syncs, everything that was committed is there", arguments: [0, 1, 7, 150])
  func synced(count: Int) throws {
    guard let (committed, found) = try loss(syncs: true, after: count) else { return }
    #expect(Array(found.prefix(committed.count)) == committed)
    #expect(found.count <= committed.count + 1)
  }

  @Test("Without syncs, what is lost is missing at the end and nowhere else")
  func unsynced() throws {
    guard let (committed, found) = try loss(syncs: false, after: 60) else { return }
    #expect(found.count < committed.count)
    #expect(found == Array(committed.prefix(found.count)))
  }
}
