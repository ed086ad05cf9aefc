import Histories

/// One key of the key-value store, from the digests in its operations.
public struct KeyValueModel: SequentialModel {
  public init() {}

  public struct Action: Sendable {
    public var kind: OperationKind
    public var isAnswered: Bool
    public var swapped: Bool
    public var argument: ValueDigest
    public var expected: ValueDigest
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

  public var initialState: ValueDigest { .absent }

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
}

extension TimedAction where Action == KeyValueModel.Action {
  public init(_ operation: Operation) {
    self.init(
      process: operation.client, action: KeyValueModel.Action(operation),
      invoked: operation.invoked,
      returned: operation.outcome == .ok ? operation.returned : .max)
  }
}
