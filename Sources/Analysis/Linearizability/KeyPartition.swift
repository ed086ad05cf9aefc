import Histories

/// The part of an operation that the check of its key needs. Checking each key alone loses nothing,
/// because a history is linearizable if and only if the operations on each object are (Herlihy &
/// Wing 1990, locality).
struct KeyedOperation {
  enum Role: UInt8 {
    /// Observed `value`: a get, or a compare-and-swap that did not swap and reported the value
    /// found.
    case read
    /// Wrote `value`.
    case put
    /// Wrote `value` if the key had the expected value; the history shows whether it did.
    case swap
    /// An operation that only the general search can judge.
    case other
  }

  var invoked: Int64
  /// `Int64.max` if there was no answer.
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

  /// Whether an operation cannot affect the check: it certainly had no effect, or it is a get
  /// without an answer.
  static func isIrrelevant(_ operation: Operation) -> Bool {
    operation.outcome == .failed || (operation.outcome == .unknown && operation.kind == .get)
  }
}

/// The operations of a history, key by key, in the order of the history; irrelevant operations are
/// left out.
struct KeyPartition {
  private(set) var operations: [KeyedOperation]
  /// The keys that occur, ascending.
  private(set) var keys: [UInt32] = []
  private var starts: [Int] = []

  init(_ history: [Operation]) {
    operations = []
    if !fillByTable(history) { fillByBisection(history) }
  }

  func range(ofKeyAt slot: Int) -> Range<Int> { starts[slot]..<starts[slot + 1] }

  /// Counting sort with a table of all key numbers, in two passes over the history. Returns false
  /// if the key numbers are too sparse for such a table.
  private mutating func fillByTable(_ history: [Operation]) -> Bool {
    let limit = 4 * history.count + 1024
    var cursor: [Int] = []
    for operation in history where !KeyedOperation.isIrrelevant(operation) {
      let key = Int(operation.key)
      if key >= cursor.count {
        guard key < limit else { return false }
        let size = min(limit, max(2 * key, 1024))
        cursor.append(contentsOf: repeatElement(0, count: size - cursor.count))
      }
      cursor[key] += 1
    }
    var total = 0
    for key in cursor.indices where cursor[key] > 0 {
      keys.append(UInt32(key))
      starts.append(total)
      let count = cursor[key]
      cursor[key] = total
      total += count
    }
    starts.append(total)
    scatter(history, total) { key in
      let place = cursor[Int(key)]
      cursor[Int(key)] += 1
      return place
    }
    return true
  }

  private mutating func fillByBisection(_ history: [Operation]) {
    let relevant = history.filter { !KeyedOperation.isIrrelevant($0) }
    let sorted = relevant.map(\.key).sorted()
    for (i, key) in sorted.enumerated() where i == 0 || sorted[i - 1] != key {
      keys.append(key)
      starts.append(i)
    }
    starts.append(sorted.count)
    var cursor = starts
    let keys = self.keys
    scatter(history, sorted.count) { key in
      var low = 0
      var high = keys.count - 1
      while low < high {
        let middle = (low + high) / 2
        if keys[middle] < key { low = middle + 1 } else { high = middle }
      }
      cursor[low] += 1
      return cursor[low] - 1
    }
  }

  private mutating func scatter(_ history: [Operation], _ total: Int, _ place: (UInt32) -> Int) {
    operations = [KeyedOperation](unsafeUninitializedCapacity: total) { buffer, count in
      for i in history.indices where !KeyedOperation.isIrrelevant(history[i]) {
        // Sound: the same operations were counted before, so every place is filled exactly once.
        let target = place(history[i].key)
        precondition(target < total)
        (buffer.baseAddress! + target).initialize(to: KeyedOperation(history[i], at: i))
      }
      count = total
    }
  }
}
