/// Parsing of texts and numbers.
extension JSON5Parser {
  mutating func string() throws(SyntaxError) -> String {
    let start = self
    let quote = next()
    var text = String.UnicodeScalarView()
    while let scalar = next() {
      switch scalar {
      case quote: return String(text)
      case "\n", "\r": throw start.error("a text without its closing quote", "one on the same line")
      case "\\":
        if let escaped = try escape() { text.append(escaped) }
      default: text.append(scalar)
      }
    }
    throw start.error("a text without its closing quote", "one on the same line")
  }

  /// Parses the rest of an escape after its backslash; `nil` for a line continuation.
  private mutating func escape() throws(SyntaxError) -> Unicode.Scalar? {
    let before = self
    switch next() {
    case "b": return "\u{8}"
    case "f": return "\u{C}"
    case "n": return "\n"
    case "r": return "\r"
    case "t": return "\t"
    case "v": return "\u{B}"
    case "0": return "\0"
    case "x": return Unicode.Scalar(UInt8(try hexadecimal(digits: 2)))
    case "u": return try unicodeEscape(before)
    case "\r":
      _ = skip("\n")
      return nil
    case "\n", "\u{2028}", "\u{2029}": return nil
    case let scalar? where !("1"..."9").contains(scalar): return scalar
    default: throw before.unexpected("an escape such as \\n or \\u00e9")
    }
  }

  private mutating func unicodeEscape(
    _ before: JSON5Parser
  ) throws(SyntaxError) -> Unicode.Scalar {
    let first = try hexadecimal(digits: 4)
    if let scalar = Unicode.Scalar(first) { return scalar }
    if first < 0xDC00, skip("\\"), skip("u") {
      let second = try hexadecimal(digits: 4)
      if (0xDC00...0xDFFF).contains(second),
        let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
      {
        return scalar
      }
    }
    throw before.error("half of a surrogate pair", "both halves")
  }

  private mutating func hexadecimal(digits: Int) throws(SyntaxError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<digits {
      guard let digit = peek.flatMap({ Character($0).hexDigitValue }), peek?.isASCII == true else {
        throw unexpected("\(digits) hexadecimal digits")
      }
      value = value << 4 + UInt32(digit)
      _ = next()
    }
    return value
  }

  static func startsNumber(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "0"..."9", "+", "-", ".", "I", "N": true
    default: false
    }
  }

  mutating func number() throws(SyntaxError) -> JSONValue {
    let start = self
    let negative = skip("-")
    let sign = negative ? "-" : skip("+") ? "+" : ""
    if skip(word: "Infinity") { return .number(negative ? -.infinity : .infinity) }
    if skip(word: "NaN") { return .number(.nan) }
    var digits = ""
    while let scalar = peek, JSON5Parser.continuesNumber(scalar, after: digits.last) {
      digits.unicodeScalars.append(scalar)
      _ = next()
    }
    guard let value = JSON5Parser.number(digits, negative: negative) else {
      throw start.error(
        JSONValue.quoted(sign + String(digits.prefix(40))),
        "a number; durations and sizes are quoted texts with a unit, such as \"20ms\"")
    }
    return value
  }

  /// Letters belong to the token too, so that `20ms` is one wrong number and not a missing comma.
  private static func continuesNumber(_ scalar: Unicode.Scalar, after last: Character?) -> Bool {
    if scalar == "+" || scalar == "-" { return last == "e" || last == "E" }
    return scalar == "." || continuesIdentifier(scalar)
  }

  private static func number(_ digits: String, negative: Bool) -> JSONValue? {
    if digits.hasPrefix("0x") || digits.hasPrefix("0X") {
      guard digits.count > 2, digits.dropFirst(2).allSatisfy({ $0.isASCII && $0.isHexDigit })
      else { return nil }
      guard let value = Int128(digits.dropFirst(2), radix: 16) else { return .number(.infinity) }
      return .integer(negative ? -value : value)
    }
    let bytes = Array(digits.utf8)
    let isDigit = { (byte: UInt8) in (48...57).contains(byte) }
    guard bytes.contains(where: isDigit), bytes.first != 0x65, bytes.first != 0x45 else {
      return nil
    }
    if bytes.count > 1, bytes[0] == 48, isDigit(bytes[1]) { return nil }
    if bytes.allSatisfy(isDigit), let value = Int128(digits) {
      return .integer(negative ? -value : value)
    }
    // Swift's conversion of a number requires digits on both sides of the point.
    guard bytes.allSatisfy({ isDigit($0) || [43, 45, 46, 69, 101].contains($0) }) else {
      return nil
    }
    let mantissa = digits.prefix { $0 != "e" && $0 != "E" }
    let exponent = digits.dropFirst(mantissa.count)
    guard mantissa != "." else { return nil }
    let padded =
      (mantissa.hasPrefix(".") ? "0" : "") + mantissa + (mantissa.hasSuffix(".") ? "0" : "")
    guard let value = Double(padded + exponent) else { return nil }
    return .number(negative ? -value : value)
  }
}
