import Clients
import Histories
import Primitives
import Replication
import StateMachines
import Testing
import Workloads

@Suite struct KeyValueLoadTests {
  func load(
    _ mix: OperationMix, keys: Int = 5, seed: UInt64 = 1,
    configure: (inout WorkloadSpec) -> Void = { _ in }
  ) -> KeyValueLoad {
    var spec = WorkloadSpec()
    spec.clients = 2
    spec.keys = keys
    spec.mix = mix
    spec.distribution = .uniform
    spec.valueSize = 16
    configure(&spec)
    return KeyValueLoad(spec, seed: seed)
  }

  /// Runs one client alone with a real store.
  func run(
    _ load: inout KeyValueLoad, operations: Int, on store: KeyValueStore = KeyValueStore()
  ) -> [KeyValueCommand] {
    var store = store
    var commands: [KeyValueCommand] = []
    for step in 0..<operations {
      let now = Interval.nanoseconds(Int64(step) * 10)
      let command = load.begin(client: 0, sequence: UInt64(step + 1), due: now, at: now)
      commands.append(command)
      load.end(
        client: 0, outcome: .answered(store.apply(command)), attempts: 1, at: now + .nanoseconds(5))
    }
    return commands
  }

  @Test("Operations have the shares of the mix, whatever its sum is")
  func shares() {
    var load = load(OperationMix(get: 5, put: 3, delete: 1, append: 0.5, compareAndSwap: 0.5))
    _ = run(&load, operations: 10_000)
    for (kind, share) in [
      (OperationKind.get, 5000), (.put, 3000), (.delete, 1000), (.append, 500),
      (.compareAndSwap, 500),
    ] {
      let count = load.operations.filter { $0.kind == kind }.count
      #expect(abs(count - share) < 250, "\(kind)")
    }
  }

  @Test("The clients of a group use its keys, drawn by the workload's distribution among them")
  func groups() {
    var load = load(OperationMix(get: 1, put: 1, append: 1), keys: 40) {
      $0.clients = 5
      $0.distribution = .hotspot(keyShare: 0.1, operationShare: 0.9)
      $0.groups = [ClientGroup(keys: 0...9), ClientGroup(keys: 10...29), ClientGroup()]
    }
    for step in 0..<2_000 as Range<Int> {
      let now = Interval.nanoseconds(Int64(step) * 10)
      _ = load.begin(client: step % 5, sequence: UInt64(step / 5 + 1), due: now, at: now)
      load.end(client: step % 5, outcome: .unknown, attempts: 1, at: now + .nanoseconds(5))
    }
    func keys(_ clients: Set<UInt32>) -> [UInt32] {
      load.operations.filter { clients.contains($0.client) }.map(\.key)
    }
    #expect(Set(keys([0, 3])).isSubset(of: 0...9) && Set(keys([1, 4])).isSubset(of: 10...29))
    #expect(keys([2]).contains { $0 > 29 })
    #expect(keys([0, 3]).count { $0 == 0 } > 600 && keys([1, 4]).count { $0 < 12 } > 600)
  }

  @Test("Every written value is unique, has the given size, and its digest matches its bytes")
  func values() {
    let sizes: [(size: ValueSize, allowed: ClosedRange<Int>)] =
      [8, 9, 16, 131].map { (.fixed($0), $0...$0) } + [
        (.uniform(8...300), 8...300), (.lognormal(median: 100, sigma: 2), 8...(1 << 20)),
      ]
    for (size, allowed) in sizes {
      var load = load(OperationMix(put: 1, append: 1, compareAndSwap: 1)) { $0.valueSize = size }
      let commands = run(&load, operations: 300)
      var seen: Set<[UInt8]> = []
      for (command, operation) in zip(commands, load.operations) {
        switch command {
        case .put(let key, let value), .append(let key, let value),
          .compareAndSwap(let key, _, let value):
          #expect(allowed.contains(value.count) && seen.insert(value).inserted)
          #expect(operation.argument == ValueDigest(value))
          #expect(key == Key("key\(operation.key)"))
        default: Issue.record("an unexpected command")
        }
      }
    }
  }

  /// Prefixes with which the digits begin at every place of a word, and end inside and outside of
  /// the key's own room.
  private static let prefixes = (0...24).map { String(repeating: "x", count: $0) }

  @Test(
    "The name of a key is the prefix and its number in decimal", arguments: prefixes)
  func names(prefix: String) {
    let names = KeyNames(prefix: prefix)
    var random = RandomStream(seed: 3)
    let edges = (1...18).flatMap { digits in
      let power = (0..<digits).reduce(1) { power, _ in power * 10 }
      return [power - 1, power, power + 1]
    }
    let numbers = edges + [0, 1, 9, Int.max] + (0..<200).map { _ in random.below(1 << 40) }
    for number in numbers { #expect(names[number] == Key("\(prefix)key\(number)")) }
  }

  @Test(
    "Exactly the appends seen in a value tell which value they were appended to",
    arguments: [(16 as ValueSize, false), (.uniform(8...60), false), (.uniform(8...60), true)])
  func placedAppends(size: ValueSize, preload: Bool) {
    var load = load(OperationMix(get: 1, put: 0.2, delete: 0.2, append: 3)) {
      $0.valueSize = size
      $0.preload = preload
    }
    _ = run(&load, operations: 2_000, on: load.initialState)
    var values: [UInt32: ValueDigest] = [:]
    /// By key: the appends since the value was last replaced, and the value that each extended.
    var open: [UInt32: [(position: Int, behind: ValueDigest)]] = [:]
    var expected: [Int: ValueDigest] = [:]
    for (position, operation) in load.operations.enumerated() {
      let value = values[operation.key] ?? .absent
      switch operation.kind {
      case .get:
        for (append, behind) in open[operation.key] ?? [] { expected[append] = behind }
        open[operation.key] = []
      case .append:
        open[operation.key, default: []].append((position, value))
        values[operation.key] = value.appending(operation.argument)
      default:
        open[operation.key] = []
        values[operation.key] = operation.argument
      }
    }
    #expect(expected.count > 500)
    for (position, operation) in load.operations.enumerated() where operation.kind == .append {
      #expect(operation.expected == expected[position] ?? .absent)
    }
  }

  @Test("The history has the requests and the answers")
  func history() {
    var load = load(OperationMix(get: 1, put: 1, delete: 1, append: 1, compareAndSwap: 1))
    let commands = run(&load, operations: 500)
    var store = KeyValueStore()
    for (step, (command, operation)) in zip(commands, load.operations).enumerated() {
      #expect(operation.outcome == .ok && operation.client == 0 && operation.attempts == 1)
      #expect(operation.sequence == UInt64(step + 1))
      #expect(operation.invoked == Int64(step) * 10 && operation.returned == operation.invoked + 5)
      switch (command, store.apply(command)) {
      case (.get, .value(let value)):
        #expect(operation.kind == .get && operation.observed == ValueDigest(value))
      case (.put, _): #expect(operation.kind == .put)
      case (.delete, _): #expect(operation.kind == .delete && operation.argument == .absent)
      case (.append, _): #expect(operation.kind == .append)
      case (.compareAndSwap(_, let expected, _), let response):
        #expect(operation.kind == .compareAndSwap && operation.expected == ValueDigest(expected))
        #expect(operation.swapped == (response == .swapped))
        if case .notSwapped(let found) = response {
          #expect(operation.observed == ValueDigest(found))
        }
      default: Issue.record("an answer that does not fit")
      }
    }
    #expect(load.operations.contains { $0.swapped })
  }

  @Test("A compare-and-swap expects the value last seen at its key")
  func expectations() {
    var load = load(OperationMix(get: 1, put: 1, compareAndSwap: 1), keys: 3)
    _ = run(&load, operations: 300)
    // A client that runs alone always knows the value, or that the key is missing.
    let swaps = load.operations.filter { $0.kind == .compareAndSwap }
    #expect(swaps.count > 50 && swaps.allSatisfy { $0.swapped })
  }

  @Test("The value of an abandoned put is not taken for a later delete's value")
  func abandonedValue() {
    var load = load(OperationMix(put: 1, delete: 1, compareAndSwap: 1), keys: 1)
    var wasDeleted = false
    for step in 1...300 as ClosedRange<UInt64> {
      var outcome = ClientOutcome<KeyValueResponse>.unknown
      switch load.begin(client: 0, sequence: step, due: .zero, at: .zero) {
      case .put: break
      case .delete:
        outcome = .answered(.number(1))
        wasDeleted = true
      case .compareAndSwap(_, let expected, _):
        if wasDeleted { #expect(expected == nil) }
        outcome = .answered(.notSwapped(found: [1]))
        wasDeleted = false
      default: Issue.record("an unexpected command")
      }
      load.end(client: 0, outcome: outcome, attempts: 1, at: .zero)
    }
  }

  @Test("A refused operation has failed; an answer of the wrong type leaves it unknown")
  func refusals() {
    var load = load(OperationMix(append: 1))
    for (result, outcome) in [
      (ClientOutcome.answered(KeyValueResponse.refused(.tooLong)), Outcome.failed),
      (.answered(.sequence([])), .unknown), (.answered(.number(3)), .ok), (.failed, .failed),
      (.unknown, .unknown),
    ] {
      _ = load.begin(client: 0, sequence: 1, due: .zero, at: .zero)
      load.end(client: 0, outcome: result, attempts: 1, at: .zero)
      #expect(load.operations.last!.outcome == outcome)
    }
  }

  @Test("A read-modify-write is a get and then a put of the same key by the same client")
  func readModifyWrite() {
    var load = load(OperationMix(readModifyWrite: 1), keys: 1000)
    let commands = run(&load, operations: 100)
    for pair in stride(from: 0, to: 100, by: 2) {
      guard case .get(let read) = commands[pair], case .put(let written, _) = commands[pair + 1]
      else {
        Issue.record("operations \(pair) and \(pair + 1) are no pair")
        continue
      }
      #expect(read == written)
    }
    // A get without an answer is not followed by a put.
    _ = load.begin(client: 1, sequence: 1, due: .zero, at: .zero)
    load.end(client: 1, outcome: .unknown, attempts: 3, at: .seconds(1))
    #expect(load.operations.last!.outcome == .unknown && load.operations.last!.attempts == 3)
    guard case .get = load.begin(client: 1, sequence: 2, due: .zero, at: .zero) else {
      Issue.record("a put without an answered get")
      return
    }
  }

  @Test("Inserts add keys after all others")
  func inserts() {
    var load = load(OperationMix(insert: 1), keys: 5)
    _ = run(&load, operations: 4)
    #expect(load.operations.map(\.key) == [5, 6, 7, 8])
    #expect(load.operations.allSatisfy { $0.kind == .put })
  }

  @Test("A dropped operation has failed, has no client, and has no duration")
  func dropped() {
    var load = load(OperationMix(get: 1))
    load.dropped(due: .milliseconds(1), at: .milliseconds(5))
    let operation = load.operations[0]
    #expect(operation.outcome == .failed && operation.client == 999_999 && operation.attempts == 0)
    #expect(operation.intended == 1_000_000 && operation.invoked == 5_000_000)
    #expect(operation.returned == 5_000_000)
  }

  @Test("Operations that are open at the end stay unknown and return at the end")
  func close() {
    var load = load(OperationMix(get: 1))
    _ = load.begin(client: 1, sequence: 1, due: .zero, at: .milliseconds(1))
    load.close(at: .milliseconds(9))
    #expect(load.operations[0].outcome == .unknown && load.operations[0].returned == 9_000_000)
  }

  @Test("The same seed gives the same operations, another seed gives others")
  func seeds() {
    func keys(_ seed: UInt64) -> [UInt32] {
      var load = load(OperationMix(get: 1), keys: 1000, seed: seed)
      _ = run(&load, operations: 50)
      return load.operations.map(\.key)
    }
    #expect(keys(1) == keys(1) && keys(1) != keys(2))
  }

  @Test("Every preset runs and has its name", arguments: WorkloadPreset.allCases)
  func presets(preset: WorkloadPreset) {
    var load = load(preset.mix) { $0.distribution = preset.distribution }
    _ = run(&load, operations: 50)
    #expect(load.operations.count == 50 && !preset.meaning.isEmpty)
  }

  @Test(
    "With preload every key has its own value, with which the history begins",
    arguments: [16 as ValueSize, .uniform(16...90)])
  func preload(size: ValueSize) {
    var load = load(OperationMix(get: 1, put: 1), keys: 50) {
      $0.preload = true
      $0.valueSize = size
    }
    var store = load.initialState
    var seen: Set<[UInt8]> = []
    var touched: Set<UInt32> = []
    for step in 0..<60 {
      let now = Interval.nanoseconds(Int64(step) * 10)
      let command = load.begin(client: 1, sequence: UInt64(step + 1), due: now, at: now)
      if case .put(_, let value) = command { #expect(seen.insert(value).inserted) }
      load.end(
        client: 1, outcome: .answered(store.apply(command)), attempts: 1, at: now + .nanoseconds(5))
      touched.insert(load.operations.last!.key)
    }
    #expect(
      load.initialState.count == 50
        && load.initialState.values.values.allSatisfy {
          $0.count >= 16 && $0.count <= size.upperBound && seen.insert($0).inserted
        })
    let writes = load.operations.prefix { $0.attempts == 0 }
    #expect(writes.map(\.key) == touched.sorted() && load.operations.count == writes.count + 60)
    var values: [UInt32: ValueDigest] = [:]
    for (number, operation) in load.operations.enumerated() {
      switch operation.kind {
      case .get: #expect(operation.observed == values[operation.key])
      default: values[operation.key] = operation.argument
      }
      guard number < writes.count else { continue }
      #expect(operation.client == 2 && operation.outcome == .ok && operation.returned < 0)
      #expect(number == 0 || operation.invoked > load.operations[number - 1].returned)
    }
    #expect(load.operations == load.takeOperations())
  }

  @Test("Clients that load the keys write the values that preload would set")
  func loading() {
    var load = load(OperationMix(get: 1), keys: 20) { $0.preload = true }
    #expect(load.writesToLoad == 0)
    var store = KeyValueStore()
    #expect(load.prepareLoading() == 20)
    while load.writesToLoad > 0 {
      let command = load.begin(client: 0, sequence: 1, due: .zero, at: .zero)
      load.end(client: 0, outcome: .answered(store.apply(command)), attempts: 1, at: .zero)
    }
    load.endLoading()
    #expect(store.snapshot() == load.initialState.snapshot() && load.operations.isEmpty)
    var empty = self.load(OperationMix(get: 1))
    #expect(empty.prepareLoading() == 0 && empty.initialState.count == 0)
  }

  @Test("A closed-loop client's requests do not depend on the speed of the others")
  func clientStreams() {
    func keys(_ order: [Int], of client: Int) -> [UInt32] {
      var load = load(OperationMix(get: 1, put: 1), keys: 1000)
      for client in order {
        _ = load.begin(client: client, sequence: 1, due: .zero, at: .zero)
        load.end(client: client, outcome: .unknown, attempts: 1, at: .zero)
      }
      return load.operations.filter { $0.client == client }.map(\.key)
    }
    let alone = keys([0, 0, 0, 0], of: 0)
    #expect(keys([1, 0, 0, 1, 1, 0, 1, 0], of: 0) == alone)
    #expect(keys([1, 1, 1, 1], of: 1) != alone)
  }

  @Test("The n-th request of an open loop does not depend on which client sends it")
  func operationStreams() {
    func asked(_ clients: [Int]) -> [Operation] {
      var load = load(OperationMix(get: 2, put: 1, readModifyWrite: 1), keys: 1000) {
        $0.arrival = .open(rate: 1, process: .poisson)
      }
      for client in clients {
        _ = load.begin(client: client, sequence: 1, due: .zero, at: .zero)
        load.end(client: client, outcome: .answered(.value(nil)), attempts: 1, at: .zero)
      }
      return load.operations
    }
    let alone = asked(Array(repeating: 0, count: 200))
    let shared = asked((0..<200).map { $0 % 2 })
    var same = 0
    for (one, other) in zip(alone, shared) where one.key == other.key { same += 1 }
    // A write after a read is its client's next operation, whichever client that is.
    #expect(same > 60 && alone.last?.key == asked(Array(repeating: 1, count: 200)).last?.key)
  }

  @Test("With a trace, clients carry out its operations in order, and dropped ones count as well")
  func trace() {
    let kinds: [OperationKind] = [.put, .get, .append, .compareAndSwap, .delete, .put, .put, .get]
    let sizes: [Int?] = [100, nil, 9, 500, nil, nil, 8, nil]
    let entries = zip(kinds, sizes).enumerated().map {
      OperationTrace.Entry(key: UInt32($0 % 2), kind: $1.0, size: $1.1)
    }
    let times = entries.indices.map { Instant(nanoseconds: Int64($0)) }
    var spec = WorkloadSpec()
    spec.valueSize = 33
    spec.follow(
      OperationTrace(file: "t.csv", checksum: "", entries: entries, times: times, keys: 2))
    var load = KeyValueLoad(spec, seed: 1)
    let commands = run(&load, operations: 4)
    load.dropped(due: .zero, at: .zero)
    let rest = run(&load, operations: 3)
    #expect(load.operations.map(\.kind) == kinds)
    #expect(load.operations[4].outcome == .failed)
    #expect((load.operations[..<4] + load.operations[5...]).map(\.key) == [0, 1, 0, 1, 1, 0, 1])
    let written = (commands + rest).compactMap { command -> Int? in
      switch command {
      case .put(_, let value), .append(_, let value), .compareAndSwap(_, _, let value):
        value.count
      default: nil
      }
    }
    #expect(written == [100, 9, 500, 33, 8])
  }
}
