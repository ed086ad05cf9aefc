import Histories

extension ConsistencyCheck {
  /// The result for a key whose operations the register check alone cannot judge.
  enum KeyAnswer {
    case explained
    case outOfBudget
    case refuted
    /// Refuted by the fast check of registers, which gives its reason.
    case contradiction(RegisterContradiction)

    var isRefuted: Bool {
      switch self {
      case .explained, .outOfBudget: false
      case .refuted, .contradiction: true
      }
    }
  }

  /// The verdict on a key whose operations the register check alone cannot judge.
  func search(
    _ key: UInt32, _ operations: [Operation], initial: ValueDigest, _ budget: inout SearchBudget
  ) -> Verdict {
    let given = budget
    switch examine(operations, initial, &budget) {
    case .explained:
      return .consistent(consistency)
    case .outOfBudget:
      return .undecided(
        key: key,
        reason: SearchDifficulty(operations).reason(given: given, left: budget))
    case .refuted:
      return .violated(explain(key, operations, initial))
    case .contradiction(let contradiction):
      return .violated(contradiction.counterexample(key, originals: operations))
    }
  }

  /// Replaces appends whose place is known by swaps, after which most keys without deletes are
  /// registers. Other keys are searched, unless their values that were written once contradict each
  /// other.
  func examine(
    _ operations: [Operation], _ initial: ValueDigest, _ budget: inout SearchBudget
  ) -> KeyAnswer {
    var actual = operations
    if let resolution = AppendResolution(operations, initial: initial) {
      actual = resolution.operations
      let keyed = actual.enumerated().map { KeyedOperation($1, at: $0) }
      let answer = RegisterContradiction.answer(keyed, actual, consistency, initial: initial)
      if let answer { return answer }
    }
    if let answer = BlockCheck.contradiction(actual, consistency, initial: initial) {
      return answer
    }
    let isUniform = AppendResolution.haveUniformValues(operations, initial: initial)
    if consistency == .linearizable, isUniform || !actual.contains(where: { $0.kind == .append }) {
      ConsistencyCheck.boundObservedWrites(&actual, initial: initial)
    }
    let model = KeyValueModel(initial: initial, hasUniformValues: isUniform)
    let actions = ConsistencyCheck.withoutUnobservedValues(actual).map { TimedAction($0) }
    let result =
      consistency == .sequential
      ? ProgramOrderSearch.run(model, actions, budget: &budget)
      : LinearizationSearch.run(model, actions, budget: &budget)
    switch result {
    case .explained: return .explained
    case .refuted: return .refuted
    case .outOfBudget: return .outOfBudget
    }
  }

  /// A write without an answer, whose value was observed and was written by no other operation,
  /// took effect before its first observer returned. It is given that return, because otherwise the
  /// search may delay it without limit. The same holds for the write of a value that an observed
  /// compare-and-swap expected.
  static func boundObservedWrites(_ operations: inout [Operation], initial: ValueDigest) {
    guard operations.contains(where: { $0.outcome == .unknown }) else { return }
    var makers: [ValueDigest: Int?] = [initial: nil]
    for (i, operation) in operations.enumerated() {
      guard let value = operation.writtenValue, !value.isAbsent else { continue }
      makers[value] = .some(makers[value] == nil ? i : nil)
    }
    let observers = operations.indices.filter { operations[$0].demandedValue != nil }
      .sorted { operations[$0].returned < operations[$1].returned }
    for observer in observers {
      var value = operations[observer].demandedValue
      while let observed = value, let maker = makers[observed] ?? nil,
        operations[maker].outcome == .unknown
      {
        operations[maker].outcome = .ok
        operations[maker].returned = operations[observer].returned
        let isSwap = operations[maker].kind == .compareAndSwap
        operations[maker].swapped = isSwap
        value = isSwap ? operations[maker].expected : nil
      }
    }
  }

  /// Leaves out writes without an answer if no operation can have observed their values. They can
  /// be removed from any order, because no operation observes the key between such a write and the
  /// next one. Answered writes of unobserved values stay, but all write the same value, because no
  /// operation tells them apart. That shortens the search. With appends, or with refused swaps that
  /// do not report the value found, any value may have been observed, so the operations are
  /// returned unchanged.
  static func withoutUnobservedValues(_ operations: [Operation]) -> [Operation] {
    let isOpaque = operations.contains {
      $0.kind == .append || ($0.isRefused && $0.observed == .unobserved)
    }
    if isOpaque { return operations }
    var remaining = operations
    while true {
      var seen: Set<ValueDigest> = [.absent]
      var mayBeAbsent = false
      for operation in remaining {
        for value in operation.comparedValues {
          seen.insert(value)
          if value.isAbsent { mayBeAbsent = true }
        }
      }
      let before = remaining.count
      remaining.removeAll { operation in
        guard operation.outcome == .unknown, let value = operation.writtenValue else {
          return false
        }
        return value.isAbsent ? !mayBeAbsent : !seen.contains(value)
      }
      guard remaining.count == before else { continue }
      for i in remaining.indices {
        guard let value = remaining[i].writtenValue, !seen.contains(value) else { continue }
        remaining[i].argument = ValueDigest(hash: 0, length: .max)
      }
      return remaining
    }
  }

  /// The shortest part of the key's history that fails: up to the return of the culprit, and
  /// without the operations that the contradiction does not need.
  private func explain(
    _ key: UInt32, _ operations: [Operation], _ initial: ValueDigest
  ) -> Counterexample {
    var budget = SearchBudget(configurations: 5_000_000, steps: 500_000_000)
    var shortening = Shortening(operations, consistency, initial: initial) { part in
      let answer = examine(part, initial, &budget)
      if case .outOfBudget = answer { return .undecided }
      return answer.isRefuted ? .refuted : .explained
    }
    shortening.run()
    let part = shortening.operations
    let culprit = shortening.culprit
    var explanation =
      "No order of the \(part.count) operations explains "
      + (culprit.map(Counterexample.text) ?? "all their answers")
    if shortening.isCulpritFirst {
      explanation += "; everything that returned before it can be explained"
    }
    return Counterexample(
      key: key, operations: part, culprit: culprit, explanation: explanation + ".")
  }
}

extension Operation {
  /// A compare-and-swap that was answered and did not swap.
  var isRefused: Bool { kind == .compareAndSwap && outcome == .ok && !swapped }

  /// The value after a put, a delete or a compare-and-swap that takes effect; nil for other
  /// operations.
  var writtenValue: ValueDigest? {
    switch kind {
    case .get, .scan, .append: nil
    case .put: argument
    case .delete: .absent
    case .compareAndSwap: isRefused ? nil : argument
    }
  }

  /// The key's value when the operation took effect, according to its answer; nil if not known.
  var demandedValue: ValueDigest? {
    guard outcome == .ok else { return nil }
    switch kind {
    case .get, .scan: return observed
    case .put, .delete, .append: return nil
    case .compareAndSwap:
      return swapped ? expected : observed == .unobserved ? nil : observed
    }
  }

  /// The values that the operation compared with or returned.
  var comparedValues: [ValueDigest] {
    switch kind {
    case .get, .scan: [observed]
    case .put, .delete, .append: []
    case .compareAndSwap:
      isRefused && observed != .unobserved ? [expected, observed] : [expected]
    }
  }
}
