import Histories

/// The consistency that an experiment requires of the answers to its clients.
public enum Consistency: String, Sendable, CaseIterable {
  /// Every operation takes effect at one instant between its invocation and its return
  /// (Herlihy & Wing 1990).
  case linearizable
  /// Per key: one order of all operations explains every answer and keeps each client's own order.
  /// This is coherence, not sequential consistency of the whole store (Lamport 1979), which does
  /// not compose from keys; a client that looks at one key at a time can rely on it.
  case sequential
  /// No value out of thin air: every observed value is the initial one or was written by an
  /// operation that may have taken effect and was invoked before the observer returned. Convergence
  /// cannot be seen in a history; keys with appends are not judged, because their values consist of
  /// several operations' pieces.
  case eventual
  /// Not checked.
  case none
}

/// The answer of a check.
public enum Verdict: Sendable, Equatable {
  /// The history satisfies the required consistency.
  case consistent(Consistency)
  case violated(Counterexample)
  /// The search ran out of its budget at this key.
  case undecided(key: UInt32, reason: String)

  public static let linearizable = Verdict.consistent(.linearizable)

  /// The worse of two verdicts: `violated` is worse than `undecided`, and `undecided` is worse than
  /// `consistent`.
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

/// Operations that cannot be explained together.
///
/// Of a scan it has one operation for each key that matters, with the value that the scan saw there
/// (`Operation.part`). Equal client and invocation tell that they are parts of one scan.
public struct Counterexample: Sendable, Equatable {
  /// The key of all operations, or one of their keys if scans contradict each other across keys.
  public var key: UInt32
  /// In order of invocation. If the fast check of registers found them, these operations are not
  /// linearizable even on their own. If the general search found them, they are the shortest
  /// failing prefix of the key's history, without the operations that the failure does not need.
  public var operations: [Operation]
  /// The operation whose answer cannot be explained, if a single one can be identified.
  public var culprit: Operation?
  /// One or two sentences for the reader of a report.
  public var explanation: String

  public init(key: UInt32, operations: [Operation], culprit: Operation?, explanation: String) {
    self.key = key
    self.operations = operations
    self.culprit = culprit
    self.explanation = explanation
  }
}

/// How much work a check of one history may do before it answers `undecided`. Work is counted and
/// not timed, so that the verdict is the same on every machine.
public struct SearchBudget: Sendable, Equatable {
  /// Distinct configurations (set of operations taken, state) that may be remembered; about 100 B
  /// each.
  public var configurations: Int
  /// The number of steps over entries of the history.
  public var steps: Int

  public init(configurations: Int = 2_000_000, steps: Int = 500_000_000) {
    self.configurations = configurations
    self.steps = steps
  }

  var isExhausted: Bool { configurations < 0 || steps < 0 }
}
