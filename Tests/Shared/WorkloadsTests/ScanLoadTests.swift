import Clients
import Histories
import Replication
import StateMachines
import Testing
import Workloads

/// The scans of a load.
extension KeyValueLoadTests {
  @Test("A scan reads consecutive keys at one moment, up to the last key of its client's group")
  func scans() {
    var load = load(OperationMix(put: 1, scan: 3), keys: 30) {
      $0.preload = true
      $0.clients = 2
      $0.distribution = .uniform
      $0.scanLength = .uniform(2...8)
      $0.groups = [ClientGroup(keys: 0...9), ClientGroup(keys: 10...29)]
    }
    var store = load.initialState
    var lengths: Set<Int> = []
    for step in 0..<400 {
      let client = step % 2
      let command = load.begin(client: client, sequence: UInt64(step), due: .zero, at: .zero)
      let names = KeyNames()
      if case .consecutive(let prefix, let first, let count) = command {
        lengths.insert(Int(count))
        #expect(first + UInt64(count) <= (client == 0 ? 10 : 30) && count >= 1)
        #expect(prefix == names.beginning && command.isReadOnly)
      }
      let answer = store.apply(command)
      load.end(client: client, outcome: .answered(answer), attempts: 1, at: .zero)
      let operation = load.operations.last!
      guard operation.kind == .scan else { continue }
      let seen = load.scans.versions(of: operation)
      #expect(seen.map(\.key) == (0..<seen.count).map { operation.key + UInt32($0) })
      #expect(seen.allSatisfy { $0.value == ValueDigest(store[names[Int($0.key)]]) })
    }
    #expect(lengths.isSuperset(of: 2...8) && lengths.isSubset(of: 1...8))
    // The writes of all keys that a scan read come first, also of those that only scans touched.
    let loaded = Set(load.operations.filter { $0.attempts == 0 }.map(\.key))
    #expect(loaded.isSuperset(of: load.scans.versions.map(\.key)))
    let scans = load.scans
    #expect(scans.versions.count < scans.count / 2 && load.takeScans() == scans)
    #expect(load.scans.isEmpty)
  }

  @Test("Beside inserts a scan may ask for keys that do not exist yet; a wrong answer is unknown")
  func scansBesideInserts() {
    var load = load(OperationMix(insert: 1, scan: 9), keys: 5) { $0.scanLength = .fixed(20) }
    let commands = run(&load, operations: 100)
    #expect(
      commands.contains {
        if case .consecutive(_, _, let count) = $0 { count == 20 } else { false }
      })
    #expect(load.scans.versions.contains { $0.value.isAbsent })
    let answered = load.operations.count { $0.kind == .scan && $0.outcome == .ok }
    #expect(answered == load.operations.count { $0.kind == .scan })
    for answer in [KeyValueResponse.sequence([.done]), .value(nil), .skipped] {
      var step = 0
      repeat {
        step += 1
        _ = load.begin(client: 0, sequence: 1, due: .zero, at: .zero)
        load.end(client: 0, outcome: .answered(answer), attempts: 1, at: .zero)
      } while load.operations.last!.kind != .scan
      #expect(load.operations.last!.outcome == .unknown || answer == .value(nil))
    }
  }
}
