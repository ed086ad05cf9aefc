import Histories

/// The reason why the operations of one key, treated as those of a register, cannot be explained.
struct RegisterContradiction {
  private enum Reason {
    case order(RegisterChains.Violation)
    case programOrder(ProgramOrderCheck.Violation)
  }

  private let chains: RegisterChains
  private let operations: [KeyedOperation]
  private let reason: Reason

  /// The answer of the fast check; nil if the operations are not those of a register with unique
  /// values.
  /// - Parameters:
  ///   - history: the operations to which `KeyedOperation.index` refers.
  ///   - initial: the register's value before all operations.
  static func answer(
    _ operations: [KeyedOperation], _ history: [Operation], _ consistency: Consistency,
    initial: ValueDigest
  ) -> ConsistencyCheck.KeyAnswer? {
    var chains = RegisterChains()
    var isRegister = true
    let reason: Reason? = history.withUnsafeBufferPointer { history in
      operations.withUnsafeBufferPointer { operations in
        switch chains.build(operations, history: history, initial: initial) {
        case .unsuited:
          isRegister = false
          return nil
        case .violated(let violation): return .order(violation)
        case .ready: break
        }
        if consistency == .sequential {
          return ProgramOrderCheck.violation(in: chains, operations).map(Reason.programOrder)
        }
        var zones = Zones()
        return zones.violation(in: chains, operations).map(Reason.order)
      }
    }
    guard isRegister else { return nil }
    guard let reason else { return .explained }
    return .contradiction(
      RegisterContradiction(chains: chains, operations: operations, reason: reason))
  }

  /// - Parameter originals: the operations as recorded, with appends.
  func counterexample(_ key: UInt32, originals: [Operation]) -> Counterexample {
    operations.withUnsafeBufferPointer { operations in
      originals.withUnsafeBufferPointer { originals in
        var evidence = RegisterEvidence(
          key: key, chains: chains, operations: operations, history: originals)
        return switch reason {
        case .order(let violation): evidence.counterexample(violation)
        case .programOrder(let violation): evidence.counterexample(violation)
        }
      }
    }
  }
}
