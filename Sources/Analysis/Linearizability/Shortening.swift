import Histories

/// Shortens the refuted operations of a key to a counterexample: first to the shortest prefix that
/// fails, and then by leaving out operations, from large chunks down to single ones.
///
/// A removal must not itself cause the failure, so only operations are left out that can be removed
/// from any valid order of the whole. That holds for operations that only observe. It also holds
/// for a write together with all observers that it may explain: in any order of the whole, every
/// other observer has its value from another write, and still has it without this one. An observer
/// that is a swap is itself removed as a write. A write cannot explain an operation that returned
/// before its call, nor one between which and itself some other write certainly took effect. If
/// appends remain whose place is unknown, all writes stay.
struct Shortening {
  enum Answer { case explained, refuted, undecided }

  private(set) var operations: [Operation]
  /// The operation at whose return the history fails.
  private(set) var culprit: Operation?
  /// Whether everything that returned before the culprit can be explained.
  private(set) var isCulpritFirst = false

  private let consistency: Consistency
  private let initial: ValueDigest
  private let examine: ([Operation]) -> Answer
  /// Set when an examination ran out of its budget; no more are tried after that.
  private var isExhausted = false

  init(
    _ operations: [Operation], _ consistency: Consistency, initial: ValueDigest,
    examine: @escaping ([Operation]) -> Answer
  ) {
    self.operations = operations
    self.consistency = consistency
    self.initial = initial
    self.examine = examine
  }

  mutating func run() {
    if consistency == .linearizable { cutAfterCulprit() }
    var chunk = operations.count / 2
    while chunk > 1 {
      _ = leaveOut(chunk)
      chunk /= 2
    }
    while leaveOut(1) {}
  }

  private mutating func isRefuted(_ part: [Operation]) -> Bool {
    if isExhausted { return false }
    let answer = examine(part)
    if answer == .undecided { isExhausted = true }
    return answer == .refuted
  }

  /// A history whose prefix cannot be explained cannot be explained itself, so bisection over the
  /// returns finds the shortest such prefix.
  private mutating func cutAfterCulprit() {
    let returns = operations.indices.filter { operations[$0].outcome == .ok }.sorted {
      (operations[$0].returned, $0) < (operations[$1].returned, $1)
    }
    var rank = [Int](repeating: .max, count: operations.count)
    for (i, operation) in returns.enumerated() { rank[operation] = i }
    var low = 0
    var high = returns.count - 1
    while low < high {
      let middle = (low + high) / 2
      if isRefuted(prefix(to: middle, rank, operations[returns[middle]].returned)) {
        high = middle
      } else {
        low = middle + 1
      }
    }
    guard !isExhausted, high >= 0 else { return }
    let last = operations[returns[high]]
    culprit = last
    isCulpritFirst = true
    operations = operations.indices.filter { i in
      operations[i].invoked <= last.returned && (rank[i] <= high || !operations[i].onlyLooks)
    }.map { operations[$0] }
  }

  /// The history as observed up to a return. Operations that had not returned by then have no
  /// answer.
  private func prefix(to last: Int, _ rank: [Int], _ time: Int64) -> [Operation] {
    operations.indices.compactMap { i in
      var operation = operations[i]
      guard operation.invoked <= time else { return nil }
      if rank[i] > last {
        if operation.onlyLooks { return nil }
        operation.outcome = .unknown
        operation.swapped = false
      }
      return operation
    }
  }

  /// Tries to leave out each run of `chunk` operations. Returns whether any run was left out.
  private mutating func leaveOut(_ chunk: Int) -> Bool {
    var isShorter = false
    var start = 0
    while start < operations.count, !isExhausted {
      let end = min(start + chunk, operations.count)
      let gone = Removal(operations, consistency, initial: initial)
        .removing(start..<end, keeping: culprit)
      let fewer = operations.indices.filter { !gone[$0] }
      if fewer.count < operations.count, isRefuted(fewer.map { operations[$0] }) {
        start = fewer.count { $0 < start }
        operations = fewer.map { operations[$0] }
        isShorter = true
      } else {
        start = end
      }
    }
    return isShorter
  }
}

/// Determines which operations must be left out together with given ones; see `Shortening`.
struct Removal {
  private let operations: [Operation]
  private let originals: [Operation]
  private let isRealTime: Bool
  private let initial: ValueDigest
  private var observers: [ValueDigest: [Int]] = [:]
  /// Refused swaps that did not report the value found.
  private var observersOfAnything: [Int] = []
  private var writers: [ValueDigest: Int] = [:]
  private let hasAppends: Bool
  /// The calls of writes that certainly took effect, ascending, and for each the earliest return
  /// among the writes called then or later.
  private var calls: [Int64] = []
  private var firstReturns: [Int64] = []

  init(_ originals: [Operation], _ consistency: Consistency, initial: ValueDigest) {
    self.originals = originals
    self.initial = initial
    operations = AppendResolution(originals, initial: initial)?.operations ?? originals
    hasAppends = operations.contains { $0.kind == .append }
    isRealTime = consistency == .linearizable
    for (i, operation) in operations.enumerated() {
      if let value = operation.writtenValue { writers[value, default: 0] += 1 }
      if let value = operation.neededValue { observers[value, default: []].append(i) }
      if operation.isRefused && operation.observed == .unobserved { observersOfAnything.append(i) }
    }
    let certain = operations.filter { $0.outcome == .ok && $0.writtenValue != nil }
      .sorted { $0.invoked < $1.invoked }
    calls = certain.map(\.invoked)
    firstReturns = certain.map(\.returned)
    for i in firstReturns.indices.dropLast().reversed() {
      firstReturns[i] = min(firstReturns[i], firstReturns[i + 1])
    }
  }

  /// For each operation, whether it is left out. If `kept` would have to be left out, no operation
  /// is.
  func removing(_ range: Range<Int>, keeping kept: Operation?) -> [Bool] {
    var gone = [Bool](repeating: false, count: operations.count)
    var writers = writers
    var queue: [Int] = []
    for i in range where originals[i] != kept && (operations[i].onlyLooks || !hasAppends) {
      gone[i] = true
      queue.append(i)
    }
    while let write = queue.popLast() {
      guard let value = operations[write].writtenValue else { continue }
      writers[value]! -= 1
      let hasWriter = writers[value]! > 0 || value == initial
      for i in observers[value] ?? [] where !gone[i] && i != write {
        if hasWriter && !mayExplain(write, i) { continue }
        gone[i] = true
        queue.append(i)
      }
      for i in observersOfAnything where !gone[i] && mayExplain(write, i) {
        gone[i] = true
      }
    }
    let losesKept = gone.indices.contains { gone[$0] && originals[$0] == kept }
    return losesKept ? [Bool](repeating: false, count: operations.count) : gone
  }

  /// Whether the write may be the last one before the observer in some order.
  private func mayExplain(_ write: Int, _ observer: Int) -> Bool {
    guard isRealTime else { return true }
    if operations[observer].end < operations[write].invoked { return false }
    let end = operations[write].end
    var low = 0
    var high = calls.count
    while low < high {
      let middle = (low + high) / 2
      if calls[middle] <= end { low = middle + 1 } else { high = middle }
    }
    return low == calls.count || firstReturns[low] >= operations[observer].invoked
  }
}

extension Operation {
  /// Whether the operation has no effect: a get, or a refused compare-and-swap.
  fileprivate var onlyLooks: Bool { kind.isRead || isRefused }

  /// The demanded value, or for a swap without an answer the value that it needs to take effect.
  fileprivate var neededValue: ValueDigest? {
    kind == .compareAndSwap && outcome != .ok ? expected : demandedValue
  }

  fileprivate var end: Int64 { outcome == .ok ? returned : .max }
}
