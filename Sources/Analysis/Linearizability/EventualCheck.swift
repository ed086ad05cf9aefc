import Histories

extension ConsistencyCheck {
  /// The verdict on eventual consistency: the first operation that saw a value which no operation
  /// had written violates it.
  func eventualVerdict(
    of history: [Operation], _ scans: ScannedValues, _ initial: [ValueDigest]
  ) -> Verdict {
    let writes = FirstWrites(history, initial)
    let ofVersions = scans.versions.map { writes.time(of: $0) }
    func violation(_ operation: Operation) -> Verdict {
      .violated(
        Counterexample(
          key: operation.key, operations: [operation], culprit: operation,
          explanation: "\(Counterexample.text(operation)) saw a value that nobody had written."))
    }
    for operation in history where operation.outcome == .ok {
      if operation.kind == .scan {
        for place in operation.scanned {
          let number = Int(scans[place])
          guard ofVersions[number] > operation.returned else { continue }
          return violation(operation.part(scans.versions[number]))
        }
        continue
      }
      let value: ValueDigest
      switch operation.kind {
      case .get: value = operation.observed
      case .compareAndSwap: value = operation.swapped ? operation.expected : operation.observed
      case .put, .delete, .append, .scan: continue
      }
      let version = ScannedValues.Version(key: operation.key, value: value)
      if writes.time(of: version) > operation.returned { return violation(operation) }
    }
    return .consistent(.eventual)
  }
}

/// When each value of each key was first asked to be written.
private struct FirstWrites {
  private struct Written: Hashable {
    var key: UInt32
    var value: ValueDigest
  }

  private let initial: [ValueDigest]
  private var times: [Written: Int64] = [:]
  private var appended: Set<UInt32> = []

  init(_ history: [Operation], _ initial: [ValueDigest]) {
    self.initial = initial
    for operation in history where operation.outcome != .failed && !operation.kind.isRead {
      if operation.kind == .append { appended.insert(operation.key) }
      if operation.outcome == .ok, operation.kind == .compareAndSwap, !operation.swapped {
        continue
      }
      let written = Written(key: operation.key, value: operation.argument)
      times[written] = min(times[written] ?? .max, operation.invoked)
    }
  }

  /// The start of time for an initial value and for a key with appends, whose values are not
  /// judged; the end of time for a value that was never written.
  func time(of version: ScannedValues.Version) -> Int64 {
    if appended.contains(version.key) || version.value == initial[key: version.key] { return .min }
    return times[Written(key: version.key, value: version.value)] ?? .max
  }
}
