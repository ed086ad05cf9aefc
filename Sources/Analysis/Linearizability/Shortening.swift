import Histories

/// Makes a counterexample of the operations of a key that were refuted: first the shortest prefix
/// that fails, then, from large pieces to single operations, whatever can be left out.
///
/// What is left must fail *because* the whole failed, so only such operations are left out that
/// every order of the whole can do without. That holds for operations that only looked. It holds
/// for a write together with all observers that it may explain: in any order of the whole, each of
/// the others has its value from another write, and still has it when this one is gone. An observer
/// that is a swap is left out as a write in turn. A write cannot explain what was over before its
/// call, nor an operation between which and itself some other write certainly took effect. Where
/// appends are left whose place is unknown, all writes stay.
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
  /// Set when an answer was not found: then nothing more is tried.
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

  /// A history whose prefix cannot be explained cannot be explained itself, so the shortest such
  /// prefix is found by bisection over the returns.
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

  /// What was seen up to a return. An operation that had not returned then is without an answer.
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

  /// Tries to leave out every `chunk` operations. Returns whether any were.
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

/// What must be left out together with some operations of a key; see `Shortening`.
struct Removal {
  private let operations: [Operation]
  private let originals: [Operation]
  private let isRealTime: Bool
  private let initial: ValueDigest
  private var observers: [ValueDigest: [Int]] = [:]
  /// Refusals that did not say what they found.
  private var observersOfAnything: [Int] = []
  private var writers: [ValueDigest: Int] = [:]
  private let hasAppends: Bool
  /// By call: certain writes, and the first return among those from each on.
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

  /// Whether each operation is left out; none, if `kept` would have to be.
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
  /// Takes no effect: a get, or a refused compare-and-swap.
  fileprivate var onlyLooks: Bool { kind.isRead || isRefused }

  /// The demanded value; of an open swap the one that it needs to have an effect.
  fileprivate var neededValue: ValueDigest? {
    kind == .compareAndSwap && outcome != .ok ? expected : demandedValue
  }

  fileprivate var end: Int64 { outcome == .ok ? returned : .max }
}
