import HostTesting
import SmallDisks
import Testing

@testable import WriteAheadLog

/// Tests a disk that loses all data that was not synced.
@Suite("Write-ahead log: loss of power", .serialized, .ownThreads)
struct PowerLossTests {
  /// Commits until the power is cut, and then opens the log on the remaining data.
  /// - Returns: the committed and the recovered records, or `nil` if this system cannot run the
  ///   test.
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
      // One more block is being written.
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
    #expect(next.incarnation == 3)
    next.append(Fact(1_000_000))
    try next.commit()
    next.close()
    #expect(try recovered(directory, syncs: syncs) == found + [Fact(1_000_000)])
    return (committed, found)
  }

  @Test("With syncs, all committed records survive", arguments: [0, 1, 7, 150])
  func synced(count: Int) throws {
    guard let (committed, found) = try loss(syncs: true, after: count) else { return }
    #expect(Array(found.prefix(committed.count)) == committed)
    #expect(found.count <= committed.count + 1)
  }

  @Test("Without syncs, lost records are missing only at the end")
  func unsynced() throws {
    guard let (committed, found) = try loss(syncs: false, after: 60) else { return }
    #expect(found.count < committed.count)
    #expect(found == Array(committed.prefix(found.count)))
  }
}
