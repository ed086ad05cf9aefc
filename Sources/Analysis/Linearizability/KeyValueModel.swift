import Histories

/// The model of one key of the key-value store. Its state is the digest of the key's value.
public struct KeyValueModel: SequentialModel {
  /// Whether all written values are different and of the same length. Then the last piece of a
  /// value identifies the operation that made it, and a value never returns once it was replaced.
  private let hasUniformValues: Bool
  public let initialState: ValueDigest

  /// - Parameters:
  ///   - initial: the key's value before all operations.
  ///   - hasUniformValues: whether all values that operations write or append, and the initial
  ///     value if there is one, are different and have the same length of at least 1 byte.
  public init(initial: ValueDigest = .absent, hasUniformValues: Bool = false) {
    initialState = initial
    self.hasUniformValues = hasUniformValues
  }

  /// One operation of a client on the key. Its values are represented by their digests.
  public struct Action: Sendable {
    public var kind: OperationKind
    /// Without an answer, `swapped` and `observed` say nothing.
    public var isAnswered: Bool
    /// Whether a compare-and-swap found the expected value.
    public var swapped: Bool
    /// The value that the operation writes or appends.
    public var argument: ValueDigest
    /// The value that a compare-and-swap expects.
    public var expected: ValueDigest
    /// The value that a read returned.
    public var observed: ValueDigest

    public init(_ operation: Operation) {
      kind = operation.kind
      isAnswered = operation.outcome == .ok
      swapped = operation.swapped
      argument = operation.argument
      expected = operation.expected
      observed = operation.observed
    }
  }

  public func apply(_ action: Action, to state: ValueDigest) -> ValueDigest? {
    switch action.kind {
    case .get:
      return !action.isAnswered || state == action.observed ? state : nil
    case .put:
      return action.argument
    case .delete:
      return .absent
    case .append:
      return state.appending(action.argument)
    case .compareAndSwap:
      let matches = state == action.expected
      guard action.isAnswered else { return matches ? action.argument : state }
      if action.swapped { return matches ? action.argument : nil }
      let seen = action.observed == .unobserved || state == action.observed
      return !matches && seen ? state : nil
    }
  }

  public func isReadOnly(_ action: Action) -> Bool {
    action.kind == .get
      || (action.kind == .compareAndSwap && action.isAnswered && !action.swapped)
  }

  public func demand(_ action: Action) -> ValueDigest? {
    guard action.isAnswered else { return nil }
    switch action.kind {
    case .get: return action.observed
    case .compareAndSwap:
      if action.swapped { return action.expected }
      return action.observed == .unobserved ? nil : action.observed
    case .put, .delete, .append: return nil
    }
  }

  public func effect(_ action: Action) -> ActionEffect<ValueDigest> {
    switch action.kind {
    case .get: .none
    case .put: .state(action.argument)
    case .delete: .state(.absent)
    case .append: .any
    case .compareAndSwap: action.isAnswered && !action.swapped ? .none : .state(action.argument)
    }
  }

  /// Only appends have the effect `any`, and an append never results in an absent value.
  public func mayReturn(to state: ValueDigest) -> Bool {
    !state.isAbsent && !(hasUniformValues && state.length > 0)
  }
}

extension TimedAction where Action == KeyValueModel.Action {
  public init(_ operation: Operation) {
    self.init(
      process: operation.client, action: KeyValueModel.Action(operation),
      invoked: operation.invoked,
      returned: operation.outcome == .ok ? operation.returned : .max)
  }
}
