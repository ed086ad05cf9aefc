import Histories

/// Checks the history of a key-value store, key by key.
///
/// Registers are the keys with only gets, puts of different values and compare-and-swaps. They are
/// checked in O(n log n) (`Zones`), also if they have appends whose place is known
/// (`AppendResolution`). All other keys are checked by search (`LinearizationSearch`), which has a
/// budget for the whole history. A key starts without a value unless it is given one.
///
/// Operations that failed and gets without an answer are left out. A write without an answer may
/// take effect at any time after its call, or never; it is left out if no operation can have
/// observed it. Intervals are closed: an operation invoked at the nanosecond at which another one
/// returned is concurrent with it, even for the same client.
public struct ConsistencyCheck: Sendable {
  public var consistency: Consistency
  public var budget: SearchBudget

  public init(_ consistency: Consistency = .linearizable, budget: SearchBudget = SearchBudget()) {
    self.consistency = consistency
    self.budget = budget
  }

  /// `history`: in order of invocation. Cost: O(n log n) for registers, otherwise up to the budget.
  /// - Parameter initial: the values before all operations, by key; keys beyond its end start
  ///   without a value.
  public func verdict(of history: [Operation], initial: [ValueDigest] = []) -> Verdict {
    switch consistency {
    case .none: return .consistent(.none)
    case .eventual: return eventualVerdict(of: history, ScannedValues(), initial)
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
    // The shortest keys come first, so that a violation in one of them is found before a long key
    // uses up the budget.
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
}

extension [ValueDigest] {
  /// The initial value of a key.
  subscript(key key: UInt32) -> ValueDigest {
    key < count ? self[Int(key)] : .absent
  }
}
