import Configuration

/// Splits a condition into tokens.
struct ConditionLexer {
  enum Token: Equatable {
    /// A number and the unit after it.
    case number(String, unit: String)
    /// `raft.throughput`, with the sweep values given in brackets.
    case name(before: String, pins: [Measure.Pin], after: String, text: String)
    /// A comparison, an operator or a parenthesis.
    case sign(String)
    case end

    var text: String {
      switch self {
      case .number(let digits, let unit): digits + unit
      case .name(_, _, _, let text): text
      case .sign(let sign): sign
      case .end: "the end"
      }
    }
  }

  private var rest: Substring

  init(_ text: String) { rest = text[...] }

  static func tokens(_ text: String) throws(ConditionError) -> [Token] {
    var lexer = ConditionLexer(text)
    var tokens: [Token] = []
    repeat { tokens.append(try lexer.next()) } while tokens.last != .end
    return tokens
  }

  private mutating func next() throws(ConditionError) -> Token {
    rest = rest.drop { $0.isWhitespace }
    guard let first = rest.first else { return .end }
    if first.isASCII, first.isNumber { return number() }
    if first == "*", rest.dropFirst().first.map({ $0 == "." || $0 == "[" }) ?? false {
      return try name()
    }
    if ConditionLexer.isNameStart(first) { return try name() }
    for sign in [">=", "<=", "==", "!=", "≥", "≤", "<", ">", "+", "-", "*", "/", "(", ")"]
    where rest.hasPrefix(sign) {
      rest = rest.dropFirst(sign.count)
      return .sign(["≥": ">=", "≤": "<="][sign] ?? sign)
    }
    for (sign, word) in [("&", "and"), ("|", "or"), ("!", "not")] where rest.hasPrefix(sign) {
      throw ConditionError(found: String(rest.prefix { String($0) == sign }), allowed: word)
    }
    if first == "=" {
      throw ConditionError(found: "=", allowed: "== for equal, >= or <=")
    }
    throw ConditionError(
      found: JSONValue.quoted(String(first)), allowed: "a comparison, such as throughput >= 5000/s")
  }

  private mutating func number() -> Token {
    var digits = take { $0.isASCII && $0.isNumber }
    if rest.first == ".", rest.dropFirst().first?.isNumber ?? false {
      rest = rest.dropFirst()
      digits += "." + take { $0.isASCII && $0.isNumber }
    }
    digits += exponent()
    var unit = take { $0.isASCII && $0.isLetter }
    if rest.hasPrefix("%") {
      rest = rest.dropFirst()
      unit += "%"
    } else if unit.isEmpty, rest.hasPrefix("/s"),
      !(rest.dropFirst(2).first.map(ConditionLexer.isNamePart) ?? false)
    {
      rest = rest.dropFirst(2)
      unit = "/s"
    }
    return .number(digits, unit: unit)
  }

  /// The power of ten after a number: `e9`, `E-3`. A letter e without digits after it belongs to a
  /// unit instead.
  private mutating func exponent() -> String {
    guard rest.first == "e" || rest.first == "E" else { return "" }
    let sign = rest.dropFirst().prefix(1).filter { $0 == "+" || $0 == "-" }
    let power = rest.dropFirst(1 + sign.count).prefix { $0.isASCII && $0.isNumber }
    guard !power.isEmpty else { return "" }
    rest = rest.dropFirst(1 + sign.count + power.count)
    return "e\(sign)\(power)"
  }

  /// Letters, digits, `_`, `.` and `-`; a minus sign is therefore an operator only after a blank.
  private mutating func name() throws(ConditionError) -> Token {
    let start = rest
    var before = ""
    if rest.first == "*" {
      before = "*"
      rest = rest.dropFirst()
    }
    before += take(ConditionLexer.isNamePart)
    var pins: [Measure.Pin] = []
    var after = ""
    if rest.first == "[" {
      pins = try self.pins()
      guard rest.first == "." else {
        throw ConditionError(
          found: JSONValue.quoted(String(start.prefix(before.count + 1)) + "...]"),
          allowed: "a metric behind the bracket, such as raft[replicas=5].throughput")
      }
      rest = rest.dropFirst()
      after = take(ConditionLexer.isNamePart)
    }
    return .name(
      before: before, pins: pins, after: after,
      text: String(start.dropLast(rest.count)))
  }

  private mutating func pins() throws(ConditionError) -> [Measure.Pin] {
    let inside = rest.dropFirst()
    let allowed = "sweep values in brackets, such as [replicas=5, workload.clients=64]"
    guard let end = ConditionLexer.closing(inside) else {
      throw ConditionError(found: "a [ without its ]", allowed: allowed)
    }
    rest = inside[inside.index(after: end)...]
    var pins: [Measure.Pin] = []
    for part in inside[..<end].split(separator: ",") {
      // A path alone, such as faults[0].for, has no equals sign.
      guard let equals = part.firstIndex(of: "=") else {
        throw ConditionError(found: JSONValue.quoted(String(part)), allowed: allowed)
      }
      func trimmed(_ text: Substring) -> String {
        String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
      }
      pins.append(
        Measure.Pin(
          path: trimmed(part[..<equals]), value: trimmed(part[part.index(after: equals)...])))
    }
    return pins
  }

  /// The bracket that closes the one just opened; paths such as `faults[0].for` have brackets of
  /// their own.
  private static func closing(_ text: Substring) -> Substring.Index? {
    var depth = 1
    for index in text.indices {
      if text[index] == "[" { depth += 1 }
      if text[index] == "]" {
        depth -= 1
        if depth == 0 { return index }
      }
    }
    return nil
  }

  private mutating func take(_ belongs: (Character) -> Bool) -> String {
    let part = rest.prefix(while: belongs)
    rest = rest.dropFirst(part.count)
    return String(part)
  }

  private static func isNameStart(_ character: Character) -> Bool {
    character.isASCII && character.isLetter || character == "_"
  }

  private static func isNamePart(_ character: Character) -> Bool {
    character.isASCII && (character.isLetter || character.isNumber)
      || ["_", ".", "-"].contains(character)
  }
}

/// The error in a condition; errors give the place of the whole text.
struct ConditionError: Error {
  var found: String
  var allowed: String
  var suggestion: String?
}
