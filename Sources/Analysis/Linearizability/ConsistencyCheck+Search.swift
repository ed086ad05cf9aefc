import Histories

extension ConsistencyCheck {
  /// The general method for one key.
  func search(
    _ key: UInt32, _ operations: [Operation], _ budget: inout SearchBudget
  ) -> Verdict {
    let relevant = ConsistencyCheck.withoutUnobservedWrites(operations)
    switch run(relevant, &budget) {
    case .explained:
      return .consistent(consistency)
    case .outOfBudget:
      return .undecided(
        key: key,
        reason: "the search over \(relevant.count) operations of key \(key) ran out of its budget")
    case .refuted(let blocked):
      return .violated(explain(key, relevant, blocked))
    }
  }

  private func run(_ operations: [Operation], _ budget: inout SearchBudget) -> SearchResult {
    let actions = operations.map { TimedAction($0) }
    return consistency == .sequential
      ? ProgramOrderSearch.run(KeyValueModel(), actions, budget: &budget)
      : LinearizationSearch.run(KeyValueModel(), actions, budget: &budget)
  }

  /// Leaves out writes without an answer whose value nobody can have observed: in any order they can
  /// be removed, because between them and the next write nobody looked. With appends, or refusals that
  /// do not say what they found, anything may have been observed, and all stay.
  static func withoutUnobservedWrites(_ operations: [Operation]) -> [Operation] {
    var remaining = operations
    let opaque = operations.contains {
      $0.kind == .append || ($0.outcome == .ok && !$0.swapped && $0.observed == .unobserved)
    }
    if opaque { return operations }
    while true {
      var seen: Set<ValueDigest> = []
      for operation in remaining {
        switch operation.kind {
        case .get:
          seen.insert(operation.observed)
        case .compareAndSwap:
          seen.insert(operation.expected)
          if operation.outcome == .ok && !operation.swapped { seen.insert(operation.observed) }
        case .put, .delete, .append:
          break
        }
      }
      let before = remaining.count
      remaining.removeAll { operation in
        guard operation.outcome == .unknown else { return false }
        return !seen.contains(operation.kind == .delete ? .absent : operation.argument)
      }
      if remaining.count == before { return remaining }
    }
  }

  /// The shortest prefix that fails: up to the return of the blocked operation; what is still open then
  /// stays open. Reads that are not needed for the contradiction are dropped; to leave out a read only
  /// removes a constraint, so what is left still proves the violation.
  private func explain(_ key: UInt32, _ operations: [Operation], _ blocked: Int) -> Counterexample {
    let culprit = operations[blocked]
    var prefix = operations
    if consistency == .linearizable {
      prefix = operations.filter { $0.invoked <= culprit.returned }
    }
    if prefix.count <= ConsistencyCheck.longestToShorten {
      shorten(&prefix, keeping: culprit)
    }
    return Counterexample(
      key: key, operations: prefix, culprit: culprit,
      explanation: "No order of the \(prefix.count) operations explains "
        + Counterexample.text(culprit)
        + (consistency == .linearizable
          ? "; everything that returned before it can be explained." : "."))
  }

  static let longestToShorten = 2_000

  private func shorten(_ operations: inout [Operation], keeping culprit: Operation) {
    var budget = SearchBudget(configurations: 200_000, steps: 20_000_000)
    var chunk = operations.count
    while chunk >= 1 {
      var start = 0
      while start < operations.count {
        let end = min(start + chunk, operations.count)
        var fewer = Array(operations[..<start])
        fewer += operations[start..<end].filter { !$0.kind.isRead || $0 == culprit }
        let kept = fewer.count
        fewer += operations[end...]
        if fewer.count < operations.count, case .refuted = run(fewer, &budget) {
          operations = fewer
          start = kept
        } else {
          start = end
        }
        if budget.isExhausted { return }
      }
      chunk /= 2
    }
  }
}
