import Histories
import HostTesting
import Linearizability
import Replication
import SmallDisks
import StateMachines
import Testing

/// All three nodes are on one disk that loses its power: acknowledged writes must survive.
@Suite("Cluster: loss of power", .serialized, .ownThreads) struct PowerLossTests {
  /// Makes writes and records their answers, then cuts the power, then reads all keys.
  /// - Returns: `nil` if this system cannot run the test.
  private func history(syncs: Bool) throws -> [Operation]? {
    guard let disk = try SmallDisk.make(megabytes: 256) else { return nil }
    defer { disk.unmount() }
    var operations: [Operation] = []
    func digest(_ key: Int) -> ValueDigest { ValueDigest(value(key)) }
    func value(_ key: Int) -> [UInt8] { Array("value \(key)".utf8) }
    let keys = 30
    do {
      let trio = try RaftTrio(directory: disk.mountPoint, syncs: syncs)
      for key in 0..<keys {
        let answer = try trio.ask(.put(Key("\(key)"), value: value(key)))
        #expect(answer == .done)
        let time = Int64(operations.count) * 10
        operations.append(
          Operation(
            client: 1, kind: .put, key: UInt32(key), argument: digest(key), outcome: .ok,
            invoked: time, returned: time + 5))
      }
      let code = disk.cutPower()
      guard code == 0 else {
        print("loss of power is not tested: ext4 refuses to shut down (errno \(-code))")
        return nil
      }
    }
    disk.unmount()
    try #require(disk.mount())
    let trio = try RaftTrio(
      directory: disk.mountPoint, syncs: syncs, firstClient: 2)
    for key in 0..<keys {
      guard case .value(let found) = try trio.ask(.get(Key("\(key)"))) else { continue }
      let time = Int64(operations.count) * 10
      operations.append(
        Operation(
          client: 1, kind: .get, key: UInt32(key), observed: ValueDigest(found), outcome: .ok,
          invoked: time, returned: time + 5))
    }
    #expect(operations.count == 2 * keys)
    return operations
  }

  @Test("With syncs every acknowledged write is read back")
  func synced() throws {
    guard let history = try history(syncs: true) else { return }
    #expect(ConsistencyCheck().verdict(of: history) == .linearizable)
  }

  @Test("Without syncs acknowledged writes are missing, and the checker reports it")
  func unsynced() throws {
    guard let history = try history(syncs: false) else { return }
    let missing = history.count { $0.kind == .get && $0.observed == .absent }
    #expect(missing > 0)
    #expect(ConsistencyCheck().verdict(of: history).name == "violated")
  }
}
