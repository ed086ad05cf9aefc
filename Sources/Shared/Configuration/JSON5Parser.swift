/// Reads JSON5 (json5.org, version 1.0.0): JSON with comments, trailing commas, unquoted keys,
/// single quotes, hexadecimal numbers, NaN and infinities.
///
/// Foundation's decoder is not used because on Linux it reports only "not valid JSON" without the
/// line, silently keeps the first of two equal keys, and does not keep the order of keys.
///
/// Deviation: escapes (`\u0061`) inside unquoted keys are refused, and so is nesting beyond 64
/// levels. (Test: "What JSON5 allows beyond JSON is read".)
package struct JSON5Parser {
  package struct SyntaxError: Error, Equatable {
    package var line: Int
    package var column: Int
    package var found: String
    package var allowed: String
  }

  static let deepest = 64

  private let scalars: [Unicode.Scalar]
  private var position = 0
  private var depth = 0

  package static func parse(_ text: String) throws(SyntaxError) -> JSONValue {
    var parser = JSON5Parser(scalars: Array(text.unicodeScalars))
    let value = try parser.document()
    return value
  }

  private init(scalars: [Unicode.Scalar]) { self.scalars = scalars }

  private mutating func document() throws(SyntaxError) -> JSONValue {
    try skipSpace()
    let value = try value()
    try skipSpace()
    guard peek == nil else { throw unexpected("the end of the file") }
    return value
  }

  // MARK: Scanning, shared with the extensions

  var peek: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

  mutating func next() -> Unicode.Scalar? {
    guard let scalar = peek else { return nil }
    position += 1
    return scalar
  }

  mutating func skip(_ scalar: Unicode.Scalar) -> Bool {
    guard peek == scalar else { return false }
    position += 1
    return true
  }

  mutating func skip(word: String) -> Bool {
    let word = Array(word.unicodeScalars)
    guard scalars[position...].starts(with: word) else { return false }
    let after = position + word.count
    if after < scalars.count, JSON5Parser.continuesIdentifier(scalars[after]) { return false }
    position = after
    return true
  }

  func error(_ found: String, _ allowed: String, at place: Int? = nil) -> SyntaxError {
    var line = 1
    var column = 1
    for scalar in scalars.prefix(place ?? position) {
      column += 1
      if scalar == "\n" { (line, column) = (line + 1, 1) }
    }
    return SyntaxError(line: line, column: column, found: found, allowed: allowed)
  }

  func unexpected(_ allowed: String) -> SyntaxError {
    guard let peek else { return error("the end of the file", allowed) }
    return error(JSONValue.quoted(String(Character(peek))), allowed)
  }

  mutating func skipSpace() throws(SyntaxError) {
    while let scalar = peek {
      if scalar.properties.isWhitespace || scalar == "\u{FEFF}" {
        position += 1
      } else if scalar == "/" {
        try skipComment()
      } else {
        return
      }
    }
  }

  private mutating func skipComment() throws(SyntaxError) {
    let start = position
    position += 1
    switch next() {
    case "/":
      while let scalar = peek, scalar != "\n" { _ = scalar; position += 1 }
    case "*":
      while true {
        guard let scalar = next() else {
          throw error("a comment that never ends", "*/ at its end", at: start)
        }
        if scalar == "*", skip("/") { return }
      }
    default:
      position = start
      throw unexpected("a value, or a comment: // or /* */")
    }
  }

  // MARK: Values

  private mutating func value() throws(SyntaxError) -> JSONValue {
    switch peek {
    case "{": return try nested { (parser) throws(SyntaxError) in try parser.object() }
    case "[": return try nested { (parser) throws(SyntaxError) in try parser.array() }
    case "\"", "'": return .string(try string())
    case "t" where skip(word: "true"): return .flag(true)
    case "f" where skip(word: "false"): return .flag(false)
    case "n" where skip(word: "null"): return .null
    case let scalar? where JSON5Parser.startsNumber(scalar): return try number()
    default: throw unexpected("a value: a number, a quoted text, true, false, null, [...] or {...}")
    }
  }

  private mutating func nested(
    _ body: (inout JSON5Parser) throws(SyntaxError) -> JSONValue
  ) throws(SyntaxError) -> JSONValue {
    guard depth < JSON5Parser.deepest else {
      throw error("more than \(JSON5Parser.deepest) levels of brackets", "fewer")
    }
    depth += 1
    position += 1
    let result = try body(&self)
    depth -= 1
    return result
  }

  private mutating func array() throws(SyntaxError) -> JSONValue {
    var values: [JSONValue] = []
    while true {
      try skipSpace()
      if skip("]") { return .array(values) }
      values.append(try value())
      try skipSpace()
      if skip("]") { return .array(values) }
      guard skip(",") else { throw unexpected("a comma or ]") }
    }
  }

  private mutating func object() throws(SyntaxError) -> JSONValue {
    var members: [JSONValue.Member] = []
    var seen: Set<String> = []
    while true {
      try skipSpace()
      if skip("}") { return .object(members) }
      let start = position
      let key = try key()
      guard seen.insert(key).inserted else {
        throw error("the key \(JSONValue.quoted(key)) a second time", "each key once", at: start)
      }
      try skipSpace()
      guard skip(":") else { throw unexpected("a colon after the key") }
      try skipSpace()
      members.append(JSONValue.Member(key, try value()))
      try skipSpace()
      if skip("}") { return .object(members) }
      guard skip(",") else { throw unexpected("a comma or }") }
    }
  }

  private mutating func key() throws(SyntaxError) -> String {
    if peek == "\"" || peek == "'" { return try string() }
    guard let first = peek, JSON5Parser.startsIdentifier(first) else {
      throw unexpected("a key or }")
    }
    var key = String.UnicodeScalarView()
    while let scalar = peek, JSON5Parser.continuesIdentifier(scalar) {
      key.append(scalar)
      position += 1
    }
    return String(key)
  }

  static func startsIdentifier(_ scalar: Unicode.Scalar) -> Bool {
    scalar == "_" || scalar == "$" || scalar.properties.isIDStart
  }

  static func continuesIdentifier(_ scalar: Unicode.Scalar) -> Bool {
    scalar == "$" || scalar.properties.isIDContinue
  }
}
