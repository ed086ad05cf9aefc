import Histories

/// A fast check of keys with deletes: finds the contradictions that the register check can find
/// without the search.
///
/// A value that was written once still forms one block: no other operation may come between its
/// write and its last observer, not even a delete or a get that found no value. So each delete and
/// each such get is treated as a write of a unique value, and a swap from no value as a plain
/// write. A contradiction between blocks is a contradiction of the history. The reverse does not
/// hold, because the check does not determine which delete a get saw.
enum BlockCheck {
  /// nil if the register check finds no contradiction or cannot judge the key.
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
    case .get, .scan: observed.isAbsent
    case .put: argument.isAbsent
    case .delete: true
    case .append: false
    case .compareAndSwap: isRefused && observed.isAbsent && observed != .unobserved
    }
  }
}
