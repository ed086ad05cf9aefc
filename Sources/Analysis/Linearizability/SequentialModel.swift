import Primitives

/// The sequential specification of the object that a history is checked against.
public protocol SequentialModel: Sendable {
  associatedtype State: Hashable & Sendable
  /// An operation together with its answer, or with the fact that it has none.
  associatedtype Action: Sendable

  var initialState: State { get }

  /// The state after the action; nil if its answer is impossible in this state. An action without
  /// an answer is legal in every state.
  func apply(_ action: Action, to state: State) -> State?

  /// Whether the action leaves every state as it is. Such an action is taken as soon as it is legal
  /// and is never undone on its own. This is sound because any order in which it comes later stays
  /// valid if it comes now.
  func isReadOnly(_ action: Action) -> Bool

  /// The only state in which the action can have been answered as it was; nil if there may be
  /// others, and for an action without an answer.
  func demand(_ action: Action) -> State?

  /// The effect of the action on the state, independent of the state before.
  func effect(_ action: Action) -> ActionEffect<State>

  /// Whether actions whose effect is `any` can lead to this state again after it has been left.
  func mayReturn(to state: State) -> Bool
}

/// What is known about the state after an action if the state before is not known.
public enum ActionEffect<State: Hashable & Sendable>: Sendable {
  /// The state stays as it is.
  case none
  /// The given state, or the state before if the action may have no effect.
  case state(State)
  /// Any state.
  case any
}

/// Defaults: a model without its own implementations is searched without look-ahead.
extension SequentialModel {
  public func demand(_ action: Action) -> State? { nil }
  public func effect(_ action: Action) -> ActionEffect<State> { .any }
  public func mayReturn(to state: State) -> Bool { true }
}

/// An action with its interval. Intervals are closed: equal times are concurrent.
public struct TimedAction<Action: Sendable>: Sendable {
  /// The client that invoked it; only the check of program order uses it.
  public var process: UInt32
  public var action: Action
  public var invoked: Int64
  /// `Int64.max` for an action without an answer: it may take effect at any later time, or never.
  public var returned: Int64

  public var isOpen: Bool { returned == .max }

  public init(process: UInt32, action: Action, invoked: Int64, returned: Int64) {
    self.process = process
    self.action = action
    self.invoked = invoked
    self.returned = returned
  }
}

/// The answer of a search over one object.
public enum SearchResult: Sendable, Equatable {
  /// The positions of the actions in an order that explains every answer; open actions that are
  /// missing never took effect.
  case explained(order: [Int])
  /// No order exists. `blocked` is an action that no order could take in time: the history up to
  /// its return has no explanation. If the model names no demands, the history before that return
  /// has an explanation; otherwise the search looks ahead, and may give up before that return.
  case refuted(blocked: Int)
  case outOfBudget
}

/// A configuration of a search: the set of actions taken, as a 128-bit hash that is updated by
/// exclusive-or, and the state. These two alone decide which actions can follow. Two sets among 10⁷
/// share a hash with probability below 10⁻²⁴.
struct Configuration<State: Hashable>: Hashable {
  var low: UInt64
  var high: UInt64
  var state: State

  mutating func toggle(_ action: Int) {
    low ^= RandomStream.splitMix64(at: UInt64(action) &* 2 &+ 1)
    high ^= RandomStream.splitMix64(at: UInt64(action) &* 2 &+ 2)
  }

  func hash(into hasher: inout Hasher) {
    hasher.combine(low)
    hasher.combine(state)
  }
}
