import Histories

/// Turns appends whose place in the order is known into operations of a register.
///
/// If an observed value ends in the piece that an append wrote, the append took effect on the value
/// before that piece, and on no other: it is a compare-and-swap from the one to the other. The same
/// holds for the append of every earlier piece of the value. An append whose piece is in no
/// observed value is a write of a value that no operation observed, because each value made from it
/// has the piece too.
///
/// This requires that a value splits into pieces in one way only: all arguments written to the key
/// are different and have the same length. It also requires the pieces of observed values, for
/// which `Operation.expected` of an append is a hint. A wrong hint does no harm, because the values
/// are composed again from the hints, and appends are resolved only if an observed value results.
/// The value that a refused swap expected proves nothing, because the key may never have had it.
struct AppendResolution {
  /// The operations in the given order. Appends whose value was observed are compare-and-swaps
  /// here. The others are writes, or stay appends if some observed value cannot be composed.
  private(set) var operations: [Operation]
  private var maker: [ValueDigest: Int] = [:]
  private var isObserved: [Bool]
  private let pieceLength: Int32
  private let initial: ValueDigest

  /// nil if there are no appends, or if a value may split into pieces in several ways.
  /// - Parameter initial: the key's value before all operations.
  init?(_ operations: [Operation], initial: ValueDigest) {
    guard let append = operations.first(where: { $0.kind == .append }),
      AppendResolution.haveUniformValues(operations, initial: initial)
    else { return nil }
    pieceLength = append.argument.length
    self.initial = initial
    self.operations = operations
    isObserved = [Bool](repeating: false, count: operations.count)
    for (i, operation) in operations.enumerated() {
      guard let value = AppendResolution.value(madeBy: operation) else { continue }
      guard value != initial, maker.updateValue(i, forKey: value) == nil else { return nil }
    }
    var isComplete = true
    for value in operations.compactMap(\.demandedValue) {
      if !observe(value) && !isImpossible(value) { isComplete = false }
    }
    for (i, operation) in operations.enumerated() where operation.demandedValue == nil {
      // A swap without an answer can be left out of any order if no operation observed its value.
      if operation.outcome == .unknown, !isObserved[i] { continue }
      if operation.comparedValues.contains(where: { !isKnown($0) }) { isComplete = false }
    }
    for (i, operation) in operations.enumerated() where operation.kind == .append {
      if isObserved[i] {
        self.operations[i].kind = .compareAndSwap
        self.operations[i].swapped = operation.outcome == .ok
        self.operations[i].expected = AppendResolution.base(of: operation)
        self.operations[i].argument = AppendResolution.appended(operation)
      } else if isComplete {
        self.operations[i].kind = .put
        self.operations[i].expected = .absent
        // No value has this length, and no other append has this hash.
        self.operations[i].argument = ValueDigest(hash: operation.argument.hash, length: .max)
      }
    }
  }

  /// Whether the initial value (if there is one) and all arguments written are different and have
  /// the same length, at least 1.
  static func haveUniformValues(_ operations: [Operation], initial: ValueDigest) -> Bool {
    var length = initial.isAbsent ? nil : initial.length
    var seen: Set<UInt64> = initial.isAbsent ? [] : [initial.hash]
    for operation in operations {
      switch operation.kind {
      case .get, .scan, .delete: continue
      case .compareAndSwap where operation.outcome == .ok && !operation.swapped: continue
      case .put where operation.argument.isAbsent: continue
      case .put, .append, .compareAndSwap: break
      }
      if length == nil { length = operation.argument.length }
      guard operation.argument.length == length, operation.argument.length > 0,
        seen.insert(operation.argument.hash).inserted
      else { return false }
    }
    return true
  }

  /// Marks the operations that made a value, piece by piece. Returns false if they are not known.
  private mutating func observe(_ value: ValueDigest) -> Bool {
    var makers: [Int] = []
    var value = value
    while value.length > 0, value != initial {
      guard let i = maker[value], makers.count < operations.count else { return false }
      if isObserved[i] { break }
      makers.append(i)
      switch operations[i].kind {
      case .append: value = AppendResolution.base(of: operations[i])
      case .compareAndSwap: value = operations[i].expected
      case .get, .scan, .put, .delete: value = .absent
      }
    }
    if value == .empty { return false }
    for i in makers { isObserved[i] = true }
    return true
  }

  /// Whether the value's length is not a multiple of the piece length, so that no pieces can form
  /// it.
  private func isImpossible(_ value: ValueDigest) -> Bool {
    value.length > 0 && value.length % pieceLength != 0
  }

  /// Whether a value that the key may never have had keeps its meaning when appends are resolved.
  private func isKnown(_ value: ValueDigest) -> Bool {
    if value.length <= 0 || value == initial || isImpossible(value) { return true }
    guard let i = maker[value] else { return false }
    return isObserved[i] || operations[i].kind != .append
  }

  /// The value to which an append was applied, according to its hint.
  static func base(of append: Operation) -> ValueDigest {
    append.expected.length > 0 ? append.expected : .absent
  }

  private static func appended(_ append: Operation) -> ValueDigest {
    base(of: append).appending(append.argument)
  }

  private static func value(madeBy operation: Operation) -> ValueDigest? {
    switch operation.kind {
    case .get, .scan, .delete: nil
    case .append: appended(operation)
    case .put: operation.argument.isAbsent ? nil : operation.argument
    case .compareAndSwap:
      operation.outcome == .ok && !operation.swapped ? nil : operation.argument
    }
  }
}
