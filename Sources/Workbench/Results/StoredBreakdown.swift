import Trials

/// Where the time of the traced reads, or writes, of a trial went: sums that can be added up over
/// trials.
struct StoredBreakdown: Sendable, Equatable, Codable {
  /// How many operations there were, and what their parts are together, in the order of
  /// `LatencyPart`.
  struct Sum: Sendable, Equatable, Codable {
    var count = 0
    var partsNs = [Int64](repeating: 0, count: LatencyPart.allCases.count)
    /// How much of each part was the wait for other nodes.
    var membersNs = [Int64](repeating: 0, count: LatencyPart.allCases.count)

    var totalNs: Int64 { partsNs.reduce(0, +) }

    mutating func add(_ other: Sum) {
      count += other.count
      for index in partsNs.indices {
        partsNs[index] += other.partsNs[index]
        membersNs[index] += other.membersNs[index]
      }
    }

    mutating func add(_ operation: OperationBreakdown) {
      count += 1
      for index in partsNs.indices {
        partsNs[index] += operation.partsNs[index]
        membersNs[index] += operation.membersNs[index]
      }
    }

    /// Mean of a part in microseconds; of the whole latency for `nil`.
    func meanUs(_ part: LatencyPart?) -> Double? {
      guard count > 0 else { return nil }
      return Double(part.map { partsNs[$0.index] } ?? totalNs) / Double(count) / 1000
    }

    /// How much of that mean was the wait for other nodes, in microseconds.
    func membersUs(_ part: LatencyPart?) -> Double? {
      guard count > 0 else { return nil }
      let sum = part.map { membersNs[$0.index] } ?? membersNs.reduce(0, +)
      return Double(sum) / Double(count) / 1000
    }

    func share(_ part: LatencyPart?) -> Double? {
      guard totalNs > 0 else { return nil }
      return part.map { Double(partsNs[$0.index]) / Double(totalNs) } ?? 1
    }
  }

  var all = Sum()
  /// The slowest hundredth of a trial's operations, at least one.
  var slowest = Sum()

  init() {}

  init(_ operations: [OperationBreakdown]) {
    for operation in operations { all.add(operation) }
    let slow = operations.sorted { ($0.latencyNs, $0.dueNs) > ($1.latencyNs, $1.dueNs) }
    for operation in slow.prefix((operations.count + 99) / 100) { slowest.add(operation) }
  }

  mutating func add(_ other: StoredBreakdown) {
    all.add(other.all)
    slowest.add(other.slowest)
  }
}

/// The same of a whole trial.
struct TrialBreakdown: Sendable, Equatable, Codable {
  var read = StoredBreakdown()
  var write = StoredBreakdown()
  /// Traced operations whose causes had been forgotten when they were answered.
  var forgotten = 0

  init() {}

  init(_ trace: TimeTrace) {
    read = StoredBreakdown(trace.operations.filter(\.isRead))
    write = StoredBreakdown(trace.operations.filter { !$0.isRead })
    forgotten = trace.forgotten
  }

  /// Of several trials together.
  init(_ trials: [FinishedTrial]) {
    for trial in trials {
      guard let one = trial.breakdown else { continue }
      read.add(one.read)
      write.add(one.write)
      forgotten += one.forgotten
    }
  }
}
