import Histories
import Measurement
import Primitives
import Replication
import Testing
import Trials

@Suite struct StalenessTests {
  /// Staleness by its definition, over all pairs of a get and a write; values are unique.
  private struct ByPairs: Equatable {
    var reads = 0
    var stale = 0
    var lags = 0.0
    var longest: Int64 = 0
    var versions = 0

    init(_ operations: [Operation]) {
      for get in operations where get.kind == .get {
        let writes = operations.filter { $0.kind == .put && $0.key == get.key }
        let seen = writes.first { $0.argument == get.observed }
        reads += 1
        let end = seen.map { $0.outcome == .ok ? $0.returned : .max } ?? .min
        let newer = writes.filter {
          $0.outcome == .ok && $0.invoked > end && $0.returned < get.invoked
        }
        guard let first = newer.map(\.returned).min() else { continue }
        stale += 1
        lags += Double(get.invoked - first)
        longest = max(longest, get.invoked - first)
        versions = max(versions, newer.count)
      }
    }
  }

  @Test("A scan is one read, as old as the oldest of its values")
  func scans() throws {
    func put(_ key: UInt32, _ n: UInt64, _ from: Int64, _ to: Int64) -> Operation {
      Operation(
        client: 0, kind: .put, key: key, argument: ValueDigest(littleEndian: n), outcome: .ok,
        invoked: from, returned: to)
    }
    var scans = ScannedValues()
    func scan(_ seen: [UInt64], _ from: Int64) -> Operation {
      var scan = Operation(
        client: 1, kind: .scan, key: 0, outcome: .ok, invoked: from, returned: from + 2)
      scans.add(
        seen.enumerated().map {
          ScannedValues.Version(key: UInt32($0), value: ValueDigest(littleEndian: $1))
        }, to: &scan)
      return scan
    }
    var trial = TrialRecord(
      operations: [
        put(0, 1, 0, 1), put(1, 2, 2, 3), put(0, 3, 4, 5), put(0, 4, 6, 7), put(1, 5, 8, 9),
        scan([4, 5], 20), scan([4, 2], 30), scan([1, 2], 40),
      ], warmUpEndNs: 0, measuredEndNs: 100, clients: 1)
    trial.scans = scans
    let measured = try #require(TrialMetrics(trial, settings).staleness)
    #expect(measured.reads == 3 && measured.staleReads == 2)
    #expect(measured.maximumLag == .nanoseconds(40 - 5) && measured.maximumVersions == 2)
    #expect(measured.meanLag == Double(30 - 9 + 40 - 5) / 3)
  }

  @Test("Counting in sorted runs equals counting over all pairs, on 2,000 random histories")
  func agreement() throws {
    var stale = 0
    for seed in 0..<2_000 as Range<UInt64> {
      var random = RandomStream(seed: seed)
      let number = { (bound: UInt64) in random.next() % bound }
      let operations = (0..<Int(1 + number(60))).map { i in
        let start = Int64(number(50))
        let isGet = number(3) == 0
        let observed = number(61)
        return Operation(
          client: 0, kind: isGet ? .get : .put, key: 0,
          argument: isGet ? .absent : ValueDigest(littleEndian: UInt64(i)),
          observed: .absent, outcome: isGet || number(8) > 0 ? .ok : .unknown,
          invoked: start, returned: start + Int64(number(12)), sequence: observed)
      }
      let history = operations.map { operation in
        var operation = operation
        let seen = Int(operation.sequence)
        if operation.kind == .get, seen < operations.count, operations[seen].kind == .put {
          operation.observed = operations[seen].argument
        }
        return operation
      }.sorted { $0.invoked < $1.invoked }
      let trial = TrialRecord(
        operations: history, warmUpEndNs: 0, measuredEndNs: 100, clients: 1)
      let measured = try #require(TrialMetrics(trial, settings).staleness)
      let expected = ByPairs(history)
      stale += expected.stale
      try #require(measured.reads == expected.reads, "seed \(seed)")
      try #require(measured.staleReads == expected.stale, "seed \(seed)")
      try #require(measured.maximumLag.nanoseconds == expected.longest, "seed \(seed)")
      try #require(measured.maximumVersions == expected.versions, "seed \(seed)")
      try #require(
        (measured.meanLag ?? 0)
          == (expected.reads == 0 ? 0 : expected.lags / Double(expected.reads)),
        "seed \(seed)")
    }
    #expect(stale > 5_000)
  }
}
