import Histories

/// Checks the history of a key-value store, key by key.
///
/// Registers, the keys that saw only gets, puts of values all different and compare-and-swaps, are
/// checked in O(n log n) (`Zones`), as are appends among these whose place is known
/// (`AppendResolution`); all other keys by search (`LinearizationSearch`), which has a budget for
/// the whole history. A key starts without a value, unless it is given one.
///
/// An operation that failed is left out, as is a get without an answer. A write without an answer
/// may take effect at any time after its call, or never; it is left out where no operation can
/// have observed it. Intervals are closed: an operation invoked at the very nanosecond another one
/// returned is concurrent with it, even for the same client.
public struct ConsistencyCheck: Sendable {
  public var consistency: Consistency
  public var budget: SearchBudget

  public init(_ consistency: Consistency = .linearizable, budget: SearchBudget = SearchBudget()) {
    self.consistency = consistency
    self.budget = budget
  }

  /// `history`: in order of invocation. Cost: O(n log n) for registers, otherwise up to the budget.
  /// - Parameter initial: by key, the values before all operations; later keys start without one.
  public func verdict(of history: [Operation], initial: [ValueDigest] = []) -> Verdict {
    switch consistency {
    case .none: return .consistent(.none)
    case .eventual: return eventualVerdict(of: history, initial)
    case .linearizable, .sequential: break
    }
    let partition = KeyPartition(history)
    return history.withUnsafeBufferPointer { history in
      partition.operations.withUnsafeBufferPointer { operations in
        verdict(partition, operations, history, initial)
      }
    }
  }

  private func verdict(
    _ partition: KeyPartition, _ operations: UnsafeBufferPointer<KeyedOperation>,
    _ history: UnsafeBufferPointer<Operation>, _ initial: [ValueDigest]
  ) -> Verdict {
    var chains = RegisterChains()
    var zones = Zones()
    var harder: [(size: Int, slot: Int)] = []
    for (slot, key) in partition.keys.enumerated() {
      let range = partition.range(ofKeyAt: slot)
      let part = UnsafeBufferPointer(rebasing: operations[range])
      switch chains.build(part, history: history, initial: initial[key: key]) {
      case .unsuited:
        harder.append((range.count, slot))
      case .violated(let violation):
        return evidence(key, chains, part, history) { $0.counterexample(violation) }
      case .ready where consistency == .linearizable:
        guard let violation = zones.violation(in: chains, part) else { continue }
        return evidence(key, chains, part, history) { $0.counterexample(violation) }
      case .ready:
        guard let violation = ProgramOrderCheck.violation(in: chains, part) else { continue }
        return evidence(key, chains, part, history) { $0.counterexample(violation) }
      }
    }
    // The cheapest first: a violation in a short key should not wait behind a long one.
    harder.sort { ($0.size, $0.slot) < ($1.size, $1.slot) }
    var remaining = budget
    var undecided: Verdict?
    for (_, slot) in harder {
      let range = partition.range(ofKeyAt: slot)
      let key = partition.keys[slot]
      let verdict = search(
        key, operations[range].map { history[Int($0.index)] }, initial: initial[key: key],
        &remaining)
      if case .violated = verdict { return verdict }
      if case .undecided = verdict {
        undecided = undecided ?? verdict
        if remaining.isExhausted { break }
      }
    }
    return undecided ?? .consistent(consistency)
  }

  private func evidence(
    _ key: UInt32, _ chains: RegisterChains, _ operations: UnsafeBufferPointer<KeyedOperation>,
    _ history: UnsafeBufferPointer<Operation>,
    _ body: (inout RegisterEvidence) -> Counterexample
  ) -> Verdict {
    var evidence = RegisterEvidence(
      key: key, chains: chains, operations: operations, history: history)
    return .violated(body(&evidence))
  }

  private func eventualVerdict(
    of history: [Operation], _ initial: [ValueDigest]
  ) -> Verdict {
    struct Written: Hashable {
      var key: UInt32
      var value: ValueDigest
    }
    var firstWrite: [Written: Int64] = [:]
    var appended: Set<UInt32> = []
    for operation in history where operation.outcome != .failed && !operation.kind.isRead {
      if operation.kind == .append { appended.insert(operation.key) }
      if operation.outcome == .ok, operation.kind == .compareAndSwap, !operation.swapped {
        continue
      }
      firstWrite[Written(key: operation.key, value: operation.argument), default: .max] =
        min(
          operation.invoked,
          firstWrite[Written(key: operation.key, value: operation.argument)] ?? .max)
    }
    for operation in history where operation.outcome == .ok && !appended.contains(operation.key) {
      let seen: ValueDigest
      switch operation.kind {
      case .get: seen = operation.observed
      case .compareAndSwap: seen = operation.swapped ? operation.expected : operation.observed
      case .put, .delete, .append: continue
      }
      if seen == initial[key: operation.key] { continue }
      let written = firstWrite[Written(key: operation.key, value: seen)]
      if written == nil || written! > operation.returned {
        return .violated(
          Counterexample(
            key: operation.key, operations: [operation], culprit: operation,
            explanation: "\(Counterexample.text(operation)) saw a value that nobody had written."))
      }
    }
    return .consistent(.eventual)
  }
}

extension [ValueDigest] {
  /// The initial value of a key.
  fileprivate subscript(key key: UInt32) -> ValueDigest {
    key < count ? self[Int(key)] : .absent
  }
}
