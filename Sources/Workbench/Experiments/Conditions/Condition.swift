import Configuration

/// A condition on measured values: `raft.write_outage_ms < 500`, `*.verdict == linearizable`, `p99
/// < 10ms and availability > 0.999`.
///
/// `ROW.METRIC` is the mean over the trials of a row; `*.METRIC` or `METRIC` alone stands for every
/// row in turn, and in a sweep for every point, unless brackets name one:
/// `raft[replicas=5].throughput < raft[replicas=3].throughput`. `median(...)`, `min(...)`,
/// `max(...)`, `low(...)` and `high(...)` (ends of the 95 % interval) replace the mean.
package struct Condition: Sendable, Hashable {
  package let text: String
  let tree: ConditionTree

  init(_ text: String, _ vocabulary: ConditionVocabulary) throws(ConditionError) {
    self.text = text
    var parser = try ConditionParser(text, vocabulary)
    tree = try parser.condition()
  }

  /// Reads a condition from a text outside any file, such as the value of a flag.
  ///
  /// - Parameter source: the text's name in errors: `--fail-if`.
  package init(
    _ text: String, _ vocabulary: ConditionVocabulary, source: String
  ) throws(ExperimentError) {
    do {
      try self.init(text, vocabulary)
    } catch {
      throw error.at("", file: source)
    }
  }

  init(reading node: ConfigValue, _ vocabulary: ConditionVocabulary) throws(ExperimentError) {
    let text = try node.string(#"a condition in quotes, such as "p99 < 10ms""#)
    do {
      try self.init(text, vocabulary)
    } catch {
      throw error.at(node.path, file: "")
    }
  }

  /// The measures in it, each once, in the order of the text.
  package var measures: [Measure] {
    var found: [Measure] = []
    func collect(_ tree: ConditionTree) {
      switch tree {
      case .measure(let measure): if !found.contains(measure) { found.append(measure) }
      case .number, .word: break
      case .arithmetic(_, let a, let b), .compare(_, let a, let b):
        collect(a)
        collect(b)
      case .all(let parts), .any(let parts): parts.forEach(collect)
      case .not(let part): collect(part)
      }
    }
    collect(tree)
    return found
  }

  /// A measured value: a number in base units, or a verdict.
  package enum Value: Sendable, Equatable {
    case number(Double)
    case word(String)
  }

  /// - Parameter value: the value of a measure; nil if it has none.
  /// - Returns: nil if the condition cannot be decided because a value is missing.
  package func holds(_ value: (Measure) -> Value?) -> Bool? { ConditionTree.holds(tree, value) }
}

extension ConditionTree {
  fileprivate static func holds(
    _ tree: ConditionTree, _ value: (Measure) -> Condition.Value?
  ) -> Bool? {
    switch tree {
    case .compare(let comparison, let left, let right):
      guard let a = self.value(left, value), let b = self.value(right, value) else { return nil }
      switch (a, b) {
      case (.number(let a), .number(let b)): return compare(comparison, a, b)
      default: return (a == b) == (comparison == .equal)
      }
    case .all(let parts):
      let results = parts.map { holds($0, value) }
      return results.contains(false) ? false : results.contains(nil) ? nil : true
    case .any(let parts):
      let results = parts.map { holds($0, value) }
      return results.contains(true) ? true : results.contains(nil) ? nil : false
    case .not(let part): return holds(part, value).map { !$0 }
    case .number, .measure, .word, .arithmetic: return nil
    }
  }

  private static func value(
    _ tree: ConditionTree, _ value: (Measure) -> Condition.Value?
  ) -> Condition.Value? {
    switch tree {
    case .number(let number): return .number(number)
    case .word(let word): return .word(word)
    case .measure(let measure): return value(measure)
    case .arithmetic(let operation, let left, let right):
      guard case .number(let a)? = self.value(left, value),
        case .number(let b)? = self.value(right, value)
      else { return nil }
      let result: Double =
        switch operation {
        case .plus: a + b
        case .minus: a - b
        case .times: a * b
        case .over: a / b
        }
      return result.isFinite ? .number(result) : nil
    case .compare, .all, .any, .not: return nil
    }
  }

  /// Values that differ only by rounding are equal.
  private static func compare(_ comparison: Comparison, _ a: Double, _ b: Double) -> Bool {
    let areEqual = (a - b).magnitude <= 1e-12 * max(a.magnitude, b.magnitude)
    return switch comparison {
    case .less: a < b && !areEqual
    case .atMost: a < b || areEqual
    case .greater: a > b && !areEqual
    case .atLeast: a > b || areEqual
    case .equal: areEqual
    case .different: !areEqual
    }
  }
}

extension ConditionError {
  func at(_ path: String, file: String) -> ExperimentError {
    ExperimentError(
      file: file, path: path, found: found, allowed: allowed, suggestion: suggestion)
  }
}
