import Histories

/// What an experiment asks of the answers that its clients saw.
public enum Consistency: String, Sendable, CaseIterable {
  /// Every operation takes effect at one instant between its invocation and its return
  /// (Herlihy & Wing 1990).
  case linearizable
  /// Per key: one order of all operations explains every answer and keeps each client's own order.
  /// This is coherence, not sequential consistency of the whole store (Lamport 1979), which does
  /// not compose from keys; it is what a reader who looks at one key at a time can rely on.
  case sequential
  /// Nothing out of thin air: every observed value is the initial one or was written by an
  /// operation that did not certainly fail and was invoked before the observer returned.
  /// Convergence cannot be seen in a history; keys with appends are not judged, since their values
  /// are made of parts.
  case eventual
  /// Not checked.
  case none
}

/// The answer of a check.
public enum Verdict: Sendable, Equatable {
  /// The history keeps the promise.
  case consistent(Consistency)
  case violated(Counterexample)
  /// The search ran out of its budget at this key.
  case undecided(key: UInt32, reason: String)

  public static let linearizable = Verdict.consistent(.linearizable)

  /// The worse of two: what is violated is worse than what is undecided.
  public func worse(_ other: Verdict) -> Verdict {
    switch (self, other) {
    case (.violated, _): self
    case (_, .violated): other
    case (.undecided, _): self
    default: other
    }
  }

  /// The word in `trials.csv`: the level that holds, `unchecked`, `violated` or `undecided`.
  public var name: String {
    switch self {
    case .consistent(.none): "unchecked"
    case .consistent(let level): level.rawValue
    case .violated: "violated"
    case .undecided: "undecided"
    }
  }
}

/// Operations of one key that cannot be explained together.
public struct Counterexample: Sendable, Equatable {
  public var key: UInt32
  /// In order of invocation. From the fast check of registers these few are not linearizable even
  /// alone; from the general search they are the shortest prefix of the key's history that fails.
  public var operations: [Operation]
  /// The operation whose answer cannot be explained, if one can be singled out.
  public var culprit: Operation?
  /// One or two sentences for a person.
  public var explanation: String

  public init(key: UInt32, operations: [Operation], culprit: Operation?, explanation: String) {
    self.key = key
    self.operations = operations
    self.culprit = culprit
    self.explanation = explanation
  }
}

/// How much work a check of one history may do before it answers `undecided`. Work is counted, not
/// timed, so that the verdict is the same on every machine.
public struct SearchBudget: Sendable, Equatable {
  /// Distinct configurations (set of operations taken, state) that may be remembered; about 100 B
  /// each.
  public var configurations: Int
  /// Entries of the history that may be looked at.
  public var steps: Int

  public init(configurations: Int = 2_000_000, steps: Int = 500_000_000) {
    self.configurations = configurations
    self.steps = steps
  }

  var isExhausted: Bool { configurations < 0 || steps < 0 }
}
