import Histories
import Linearizability
import Measurement
import Primitives
import Replication
import StateMachines
import WireFormat

extension Benchmark {
  /// Records one value in a histogram; includes drawing the value.
  static let histogramRecord = Benchmark(name: "histogram.record", unit: "ns") {
    let count = 4_000_000
    var histogram = Histogram()
    var random = RandomStream(seed: 1)
    let seconds = time {
      for _ in 0..<count { histogram.record(Int64(random.next() & 0xFFF_FFFF)) }
    }
    precondition(histogram.count == count)
    return (Double(count), seconds)
  }

  /// Encodes a client's request, a put of 128 bytes, into a frame with its checksum, and decodes
  /// it.
  static let codecRoundTrip = Benchmark(name: "codec.round-trip", unit: "ns") {
    let count = 200_000
    let command = KeyValueCommand.put(Key("key12345"), value: [UInt8](repeating: 9, count: 128))
    var writer = WireWriter()
    var decoded = 0
    let seconds = time {
      for _ in 0..<count {
        writer.removeAll()
        Frame.encode(command, from: ReplicaID(1), into: &writer)
        if (try? Frame.decode(KeyValueCommand.self, from: writer.bytes())) != nil { decoded += 1 }
      }
    }
    precondition(decoded == count)
    return (Double(count), seconds)
  }

  /// Checks a correct history of 10⁶ gets and puts by ten clients on a hundred keys.
  static let checkerKeyValue = Benchmark(name: "checker.key-value", unit: "ops/s") {
    let history = checkedHistory
    var verdict = Verdict.linearizable
    let seconds = time { verdict = ConsistencyCheck().verdict(of: history) }
    precondition(verdict == .linearizable)
    return (Double(history.count), seconds)
  }

  /// Made once, when the checker is first measured, for all repetitions.
  private static let checkedHistory = linearHistory(
    operations: 1_000_000, clients: 10, keys: 100)

  /// Checks a correct history of 100,000 gets, puts and scans of 20 of 100 keys, by ten clients.
  static let checkerScans = Benchmark(name: "checker.scans", unit: "ops/s") {
    let (history, scans) = scannedHistory
    var verdict = Verdict.linearizable
    let seconds = time { verdict = ConsistencyCheck().verdict(of: history, scans: scans) }
    precondition(verdict == .linearizable)
    return (Double(history.count), seconds)
  }

  private static let scannedHistory = {
    var scans = ScannedValues()
    let history = linearHistory(operations: 100_000, clients: 10, keys: 100, scanLength: 20, &scans)
    return (history, scans)
  }()

  private static func linearHistory(operations: Int, clients: Int, keys: Int) -> [Operation] {
    var scans = ScannedValues()
    return linearHistory(
      operations: operations, clients: clients, keys: keys, scanLength: 0, &scans)
  }

  /// Operations that each take effect at one instant, with clients overlapping at random.
  /// - Parameter scanLength: if above 0, a third of the operations are scans of this many keys.
  private static func linearHistory(
    operations: Int, clients: Int, keys: Int, scanLength: Int, _ scans: inout ScannedValues
  ) -> [Operation] {
    var random = RandomStream(seed: 7)
    var values = [ValueDigest](repeating: .absent, count: keys)
    var history: [Operation] = []
    history.reserveCapacity(operations)
    for number in 0..<operations {
      // The effect lies at `number` microseconds; a client's next operation comes `clients` later.
      let effect = Int64(number) * 1_000
      let half = Int64(clients) * 500 - 1
      let key = random.below(keys)
      var operation = Operation(
        client: UInt32(number % clients), kind: .get, key: UInt32(key), outcome: .ok,
        invoked: effect - Int64(random.below(Int(half))),
        returned: effect + Int64(random.below(Int(half))))
      if scanLength > 0, number % 3 == 0 {
        operation.kind = .scan
        let seen = (key..<min(key + scanLength, keys)).map {
          ScannedValues.Version(key: UInt32($0), value: values[$0])
        }
        scans.add(seen, to: &operation)
      } else if random.next() & 1 == 0 {
        operation.observed = values[key]
      } else {
        operation.kind = .put
        operation.argument = ValueDigest(hash: UInt64(number) + 1, length: 8)
        values[key] = operation.argument
      }
      history.append(operation)
    }
    history.sort { $0.invoked < $1.invoked }
    return history
  }
}
