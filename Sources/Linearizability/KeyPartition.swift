import Histories

/// What is left of an operation for the check of its key. A key's operations are checked on their own,
/// which is exact: a history is linearizable if and only if its part on every object is
/// (Herlihy & Wing 1990, locality).
struct KeyedOperation {
  enum Role: UInt8 {
    /// Observed `value`: a get, or a compare-and-swap that did not swap and said what it found.
    case read
    /// Wrote `value`.
    case put
    /// Wrote `value` if the expected value was there; whether it did is known from the history alone.
    case swap
    /// Anything that only the general search understands.
    case other
  }

  var invoked: Int64
  /// `Int64.max` without an answer.
  var returned: Int64
  var hash: UInt64
  var length: Int32
  /// Position in the history.
  var index: UInt32
  var client: UInt32
  var role: Role

  init(_ operation: Operation, at index: Int) {
    invoked = operation.invoked
    returned = operation.outcome == .ok ? max(operation.returned, operation.invoked) : .max
    client = operation.client
    self.index = UInt32(truncatingIfNeeded: index)
    let value: ValueDigest
    switch operation.kind {
    case .get:
      role = .read
      value = operation.observed
    case .put:
      role = operation.argument.isAbsent ? .other : .put
      value = operation.argument
    case .delete, .append:
      role = .other
      value = operation.argument
    case .compareAndSwap:
      if operation.outcome == .ok && !operation.swapped {
        role =
          operation.observed == .unobserved || operation.observed == operation.expected
          ? .other : .read
        value = operation.observed
      } else {
        role =
          operation.argument.isAbsent || operation.argument == operation.expected ? .other : .swap
        value = operation.argument
      }
    }
    hash = value.hash
    length = value.length
  }

  /// An operation that cannot matter: it certainly did not happen, or it only looked and saw nothing.
  static func isIrrelevant(_ operation: Operation) -> Bool {
    operation.outcome == .failed || (operation.outcome == .unknown && operation.kind == .get)
  }
}

/// The operations of a history, key by key, in the order of the history.
struct KeyPartition {
  private(set) var operations: [KeyedOperation]
  /// The keys that occur, ascending.
  private(set) var keys: [UInt32]
  private var starts: [Int]

  init(_ history: [Operation]) {
    let (slots, keys) = KeyPartition.denseKeys(history)
    var starts = [Int](repeating: 0, count: keys.count + 1)
    for operation in history where !KeyedOperation.isIrrelevant(operation) {
      starts[slots.slot(of: operation.key) + 1] += 1
    }
    for slot in 0..<keys.count { starts[slot + 1] += starts[slot] }
    var cursor = starts
    let total = starts[keys.count]
    operations = [KeyedOperation](unsafeUninitializedCapacity: total) { buffer, count in
      for i in history.indices where !KeyedOperation.isIrrelevant(history[i]) {
        let slot = slots.slot(of: history[i].key)
        // Sound: `starts` counted exactly these operations, so every place is filled once.
        (buffer.baseAddress! + cursor[slot]).initialize(to: KeyedOperation(history[i], at: i))
        cursor[slot] += 1
      }
      count = total
    }
    self.keys = keys
    self.starts = starts
  }

  func range(ofKeyAt slot: Int) -> Range<Int> { starts[slot]..<starts[slot + 1] }

  /// Key numbers are usually dense, so a table finds the slot; sparse ones are found by bisection.
  private struct Slots {
    var table: [Int32]
    var sorted: [UInt32]

    func slot(of key: UInt32) -> Int {
      if !table.isEmpty { return Int(table[Int(key)]) }
      var low = 0
      var high = sorted.count - 1
      while low < high {
        let middle = (low + high) / 2
        if sorted[middle] < key { low = middle + 1 } else { high = middle }
      }
      return low
    }
  }

  private static func denseKeys(_ history: [Operation]) -> (Slots, [UInt32]) {
    var largest: UInt32 = 0
    for operation in history { largest = max(largest, operation.key) }
    guard Int(largest) < 4 * history.count + 1024 else {
      var keys: [UInt32] = []
      for key in history.map(\.key).sorted() where keys.last != key { keys.append(key) }
      return (Slots(table: [], sorted: keys), keys)
    }
    var table = [Int32](repeating: -1, count: Int(largest) + 1)
    for operation in history { table[Int(operation.key)] = 0 }
    var keys: [UInt32] = []
    for key in table.indices where table[key] == 0 {
      table[key] = Int32(keys.count)
      keys.append(UInt32(key))
    }
    return (Slots(table: table, sorted: []), keys)
  }
}
