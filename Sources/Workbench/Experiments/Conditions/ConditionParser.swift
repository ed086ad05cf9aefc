import Configuration

/// The syntax tree of a condition. Values are in base units: nanoseconds, bytes, per second.
indirect enum ConditionTree: Sendable, Hashable {
  enum Comparison: String, Sendable {
    case less = "<"
    case atMost = "<="
    case greater = ">"
    case atLeast = ">="
    case equal = "=="
    case different = "!="
  }
  enum Operation: String, Sendable { case plus = "+", minus = "-", times = "*", over = "/" }

  case number(Double)
  case measure(Measure)
  case word(String)
  case arithmetic(Operation, ConditionTree, ConditionTree)
  case compare(Comparison, ConditionTree, ConditionTree)
  case all([ConditionTree])
  case any([ConditionTree])
  case not(ConditionTree)
}

/// Reads a condition: comparisons of measures, numbers and sums of them, joined by `and`, `or`,
/// `not`.
struct ConditionParser {
  /// A value while it is parsed: its tree, and the unit of a bare number beside it.
  private struct Value {
    var tree: ConditionTree
    var dimension: Dimension
    var scale: Double?
    /// Whether it is a number without a unit, which takes the unit of the other operand.
    var isBare = false
    var text: String
  }

  let vocabulary: ConditionVocabulary
  private var tokens: ArraySlice<ConditionLexer.Token>

  init(_ text: String, _ vocabulary: ConditionVocabulary) throws(ConditionError) {
    self.vocabulary = vocabulary
    tokens = try ConditionLexer.tokens(text)[...]
    guard tokens.count <= ConditionParser.mostTokens else {
      throw ConditionError(
        found: "\(tokens.count - 1) words, numbers and signs",
        allowed: "at most \(ConditionParser.mostTokens - 1) in one condition")
    }
  }

  /// The parser calls itself for each bracket and sign, and a thread's stack is limited.
  private static let mostTokens = 201

  mutating func condition() throws(ConditionError) -> ConditionTree {
    let tree = try disjunction()
    guard next == .end else {
      throw ConditionError(
        found: JSONValue.quoted(next.text), allowed: "and, or, or the end of the condition")
    }
    return tree
  }

  private var next: ConditionLexer.Token { tokens.first ?? .end }

  private mutating func takes(_ sign: String) -> Bool {
    guard next == .sign(sign) else { return false }
    tokens = tokens.dropFirst()
    return true
  }

  private mutating func takes(keyword: String) -> Bool {
    guard case .name(keyword, _, _, keyword) = next else { return false }
    tokens = tokens.dropFirst()
    return true
  }

  // MARK: Conditions

  private mutating func disjunction() throws(ConditionError) -> ConditionTree {
    var parts = [try conjunction()]
    while takes(keyword: "or") { parts.append(try conjunction()) }
    return parts.count == 1 ? parts[0] : .any(parts)
  }

  private mutating func conjunction() throws(ConditionError) -> ConditionTree {
    var parts = [try negation()]
    while takes(keyword: "and") { parts.append(try negation()) }
    return parts.count == 1 ? parts[0] : .all(parts)
  }

  private mutating func negation() throws(ConditionError) -> ConditionTree {
    takes(keyword: "not") ? .not(try negation()) : try comparison()
  }

  private mutating func comparison() throws(ConditionError) -> ConditionTree {
    // A parenthesis may hold a condition or a sum: a condition is tried first.
    if next == .sign("(") {
      let before = tokens
      tokens = tokens.dropFirst()
      if let tree = try? disjunction() {
        // Within the parenthesis a comparison was read, so that it cannot hold a sum.
        try closeParenthesis()
        if !startsOperator { return tree }
      }
      tokens = before
    }
    let left = try sum()
    guard case .sign(let sign) = next, let comparison = ConditionTree.Comparison(rawValue: sign)
    else {
      throw ConditionError(
        found: next == .end ? "\(left.text) alone" : JSONValue.quoted(next.text),
        allowed: "a comparison behind \(left.text): <, <=, ==, !=, >= or >")
    }
    tokens = tokens.dropFirst()
    if left.dimension == .word, case .name(let word, _, _, _) = next,
      !ConditionVocabulary.verdicts.contains(word),
      (try? vocabulary.measure(word, [], "", "")) == nil
    {
      throw ConditionError(
        found: JSONValue.quoted(word),
        allowed: "a verdict: " + ConditionVocabulary.verdicts.joined(separator: ", "),
        suggestion: nearest(to: word, among: ConditionVocabulary.verdicts))
    }
    let right = try sum()
    let (a, b) = try matched(left, right, sign)
    if left.dimension == .word, ![.equal, .different].contains(comparison) {
      throw ConditionError(found: sign, allowed: "== or != between verdicts")
    }
    return .compare(comparison, a.tree, b.tree)
  }

  private var startsOperator: Bool {
    guard case .sign(let sign) = next else { return false }
    return sign != ")"
  }

  // MARK: Values

  private mutating func sum() throws(ConditionError) -> Value {
    var left = try product()
    while case .sign(let sign) = next, ["+", "-"].contains(sign),
      let operation = ConditionTree.Operation(rawValue: sign)
    {
      tokens = tokens.dropFirst()
      let right = try product()
      try refuseWords(left, right)
      let (a, b) = try matched(left, right, sign)
      left = Value(
        tree: .arithmetic(operation, a.tree, b.tree), dimension: a.dimension,
        scale: a.scale ?? b.scale, isBare: a.isBare && b.isBare,
        text: "\(left.text) \(sign) \(right.text)")
    }
    return left
  }

  private mutating func product() throws(ConditionError) -> Value {
    var left = try primary()
    while case .sign(let sign) = next, ["*", "/"].contains(sign),
      let operation = ConditionTree.Operation(rawValue: sign)
    {
      tokens = tokens.dropFirst()
      let right = try primary()
      try refuseWords(left, right)
      let text = "\(left.text) \(sign) \(right.text)"
      if operation == .over, case .number(0) = right.tree {
        throw ConditionError(found: text, allowed: "a divisor other than 0")
      }
      let result: (Dimension, Double?)
      switch (operation, left.dimension, right.dimension) {
      case (_, let dimension, .number): result = (dimension, left.scale)
      case (.times, .number, let dimension): result = (dimension, right.scale)
      case (.over, let a, let b) where a == b: result = (.number, 1)
      default:
        throw ConditionError(
          found: text, allowed: "products with plain numbers, and quotients of values alike")
      }
      left = Value(
        tree: .arithmetic(operation, left.tree, right.tree), dimension: result.0, scale: result.1,
        isBare: left.isBare && right.isBare, text: text)
    }
    return left
  }

  private mutating func primary() throws(ConditionError) -> Value {
    if takes("(") {
      let value = try sum()
      try closeParenthesis()
      return value
    }
    if takes("-") {
      var value = try primary()
      try refuseWords(value, value)
      value.tree = .arithmetic(.minus, .number(0), value.tree)
      value.text = "-" + value.text
      return value
    }
    let token = next
    tokens = tokens.dropFirst()
    switch token {
    case .number(let digits, let unit): return try number(digits, unit)
    case .name(let before, let pins, let after, let text):
      if let statistic = Measure.Statistic(rawValue: before), next == .sign("(") {
        return try function(statistic)
      }
      if next == .sign("("), pins.isEmpty, after.isEmpty {
        let functions = Measure.Statistic.allCases.map(\.rawValue)
        throw ConditionError(
          found: JSONValue.quoted(before),
          allowed: "a function over the trials before (: " + functions.joined(separator: ", "),
          suggestion: nearest(to: before, among: functions))
      }
      if pins.isEmpty, ConditionVocabulary.verdicts.contains(before) {
        return Value(tree: .word(before), dimension: .word, text: text)
      }
      let measure = try vocabulary.measure(before, pins, after, text)
      let (dimension, scale) = vocabulary.kind(of: measure)
      return Value(
        tree: .measure(measure), dimension: dimension, scale: scale, text: text)
    default:
      throw ConditionError(
        found: token == .end ? "the end of the condition" : JSONValue.quoted(token.text),
        allowed: "a number or a metric, such as raft.throughput, here")
    }
  }

  private mutating func closeParenthesis() throws(ConditionError) {
    guard takes(")") else {
      throw ConditionError(
        found: next == .end ? "the end of the condition" : JSONValue.quoted(next.text),
        allowed: "a ) here")
    }
  }

  private mutating func function(_ statistic: Measure.Statistic) throws(ConditionError) -> Value {
    tokens = tokens.dropFirst()
    var value = try primary()
    guard case .measure(var measure) = value.tree, measure.name.source != .verdict, takes(")")
    else {
      throw ConditionError(
        found: "\(statistic.rawValue)(\(value.text)",
        allowed: "\(statistic.rawValue)(...) of one metric over the trials")
    }
    measure.statistic = statistic
    measure.text = "\(statistic.rawValue)(\(value.text))"
    value.tree = .measure(measure)
    value.text = measure.text
    return value
  }

  private func number(_ digits: String, _ unit: String) throws(ConditionError) -> Value {
    let text = digits + unit
    guard let number = Double(digits), number.isFinite else {
      throw ConditionError(
        found: JSONValue.quoted(text), allowed: "a number up to \(Double.greatestFiniteMagnitude)")
    }
    func value(_ size: Double, _ dimension: Dimension) -> Value {
      Value(tree: .number(number * size), dimension: dimension, text: text)
    }
    switch unit {
    case "":
      return Value(tree: .number(number), dimension: .number, scale: 1, isBare: true, text: text)
    case "%": return Value(tree: .number(number / 100), dimension: .number, scale: 1, text: text)
    case "/s": return value(1, .rate)
    default: break
    }
    if let unit = Unit.durations.first(where: { $0.name == unit }) {
      return value(Double(unit.size), .time)
    }
    if let unit = Unit.sizes.first(where: { $0.name == unit }) {
      return value(Double(unit.size), .size)
    }
    let units = (Unit.durations + Unit.sizes).map(\.name) + ["/s", "%"]
    throw ConditionError(
      found: JSONValue.quoted(text),
      allowed: "a number, or one with a unit: \(ConfigValue.list(units))",
      suggestion: nearest(to: unit, among: units))
  }

  private func refuseWords(_ values: Value...) throws(ConditionError) {
    guard let word = values.first(where: { $0.dimension == .word }) else { return }
    throw ConditionError(found: word.text, allowed: "numbers in a calculation")
  }

  /// Brings both sides to the same unit: a bare number takes the unit of the other side.
  private func matched(
    _ left: Value, _ right: Value, _ sign: String
  ) throws(ConditionError) -> (Value, Value) {
    var (left, right) = (left, right)
    if left.isBare, right.dimension != .word, !right.isBare {
      left = try scaled(left, as: right)
    } else if right.isBare, left.dimension != .word, !left.isBare {
      right = try scaled(right, as: left)
    }
    guard left.dimension == right.dimension else {
      throw ConditionError(
        found: "\(left.text) \(sign) \(right.text)",
        allowed: "\(left.dimension.meaning) beside \(left.text)")
    }
    return (left, right)
  }

  private func scaled(_ bare: Value, as other: Value) throws(ConditionError) -> Value {
    guard let scale = other.scale else {
      guard other.dimension != .number else { return bare }
      throw ConditionError(
        found: "\(bare.text) beside \(other.text)",
        allowed: "\(other.dimension.meaning) with its unit")
    }
    return Value(
      tree: scale == 1 ? bare.tree : .arithmetic(.times, bare.tree, .number(scale)),
      dimension: other.dimension, scale: scale, text: bare.text)
  }
}
