/// The object that a history is checked against, as one client alone would see it.
public protocol SequentialModel: Sendable {
  associatedtype State: Hashable & Sendable
  /// An operation together with its answer, or with the knowledge that there was none.
  associatedtype Action: Sendable

  var initialState: State { get }

  /// The state after the action; nil if it could not have been answered so in this state. An action
  /// whose answer is unknown is legal in every state.
  func apply(_ action: Action, to state: State) -> State?

  /// Whether the action leaves every state as it is. Such an action is taken as soon as it is legal,
  /// which is sound because no other order needs it later, and is never undone on its own.
  func isReadOnly(_ action: Action) -> Bool
}

/// An action with its interval. Intervals are closed: equal times are concurrent.
public struct TimedAction<Action: Sendable>: Sendable {
  /// Whoever did it; only the check of program order looks at it.
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
  /// No order exists. `blocked` is the action that no order could take in time: the part of the
  /// history up to its return has no explanation, the part before its return has one.
  case refuted(blocked: Int)
  case outOfBudget
}

/// What a search has visited: the set of actions taken, as a 128-bit hash that is kept up by
/// exclusive-or, and the state. Nothing else decides what can follow. Two sets among 10⁷ share a hash
/// with probability below 10⁻²⁴.
struct Configuration<State: Hashable>: Hashable {
  var low: UInt64
  var high: UInt64
  var state: State

  mutating func toggle(_ action: Int) {
    low ^= Configuration.scramble(UInt64(action) &* 2 &+ 1)
    high ^= Configuration.scramble(UInt64(action) &* 2 &+ 2)
  }

  func hash(into hasher: inout Hasher) {
    hasher.combine(low)
    hasher.combine(state)
  }

  /// The output function of SplitMix64 (Steele, Lea & Flood 2014) on the given multiple of its step.
  private static func scramble(_ n: UInt64) -> UInt64 {
    var z = n &* 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
