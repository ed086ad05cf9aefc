import Histories

/// A fast check of keys with deletes: what the register check can tell of them without the search.
///
/// A value that was written once is still one block: nothing else may come between its write and
/// its last observer, neither a delete nor a get that found nothing. So each of these is taken for
/// a write of a value of its own, and a swap from no value for a plain write. A contradiction
/// between blocks is one of the history. The reverse does not hold, because which delete a get saw
/// is left open.
enum BlockCheck {
  /// nil if the register check has no contradiction to show, or cannot judge the key.
  static func contradiction(
    _ operations: [Operation], _ consistency: Consistency, initial: ValueDigest
  ) -> ConsistencyCheck.KeyAnswer? {
    var keyed: [KeyedOperation] = []
    for (i, operation) in operations.enumerated() {
      if operation.kind == .append { return nil }
      var actual = operation
      if operation.looksAtNothing {
        guard operation.outcome == .ok else { continue }
        actual.kind = .put
        // No value has this length.
        actual.argument = ValueDigest(hash: UInt64(i), length: .max - 1)
      } else if operation.kind == .compareAndSwap, !operation.isRefused,
        operation.expected.isAbsent
      {
        actual.kind = .put
      }
      let converted = KeyedOperation(actual, at: i)
      if converted.role == .other {
        guard operation.isRefused else { return nil }
        continue
      }
      keyed.append(converted)
    }
    let answer = RegisterContradiction.answer(
      keyed, operations, consistency, initial: initial)
    if case .contradiction? = answer { return answer }
    return nil
  }
}

extension Operation {
  /// A delete, or an operation that found no value.
  fileprivate var looksAtNothing: Bool {
    switch kind {
    case .get: observed.isAbsent
    case .put: argument.isAbsent
    case .delete: true
    case .append: false
    case .compareAndSwap: isRefused && observed.isAbsent && observed != .unobserved
    }
  }
}
