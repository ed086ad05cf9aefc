/// Reads EDN. It never traps, and refuses nesting deeper than 200 levels.
public struct EdnReader {
  private let bytes: [UInt8]
  private var offset = 0
  private var depth = 0
  private var line = 1
  /// The closing bracket of the sequence whose elements are read one by one; see `enterSequence`.
  private var enclosing: UInt8?

  public init(_ bytes: [UInt8]) {
    self.bytes = bytes
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { offset = 3 }
  }

  public init(_ text: String) { self.init(Array(text.utf8)) }

  /// All values of the text, each with the line it starts in.
  public static func values(_ text: String) throws(HistoryError) -> [(line: Int, value: Edn)] {
    var reader = EdnReader(text)
    var values: [(line: Int, value: Edn)] = []
    while let value = try reader.next() { values.append(value) }
    return values
  }

  /// Enters the next value if it is a sequence, so that `next` returns its elements one by one.
  mutating func enterSequence() throws(HistoryError) {
    try skipBlank()
    guard offset < bytes.count else { return }
    switch bytes[offset] {
    case UInt8(ascii: "["): enclosing = UInt8(ascii: "]")
    case UInt8(ascii: "("): enclosing = UInt8(ascii: ")")
    default: return
    }
    offset += 1
  }

  /// The next value and the line it starts in; nil at the end.
  public mutating func next() throws(HistoryError) -> (line: Int, value: Edn)? {
    try skipBlank()
    if offset < bytes.count, bytes[offset] == enclosing {
      offset += 1
      enclosing = nil
      try skipBlank()
    }
    guard offset < bytes.count else {
      if enclosing != nil { throw fail("a closing bracket is missing") }
      return nil
    }
    let line = line
    return (line, try value())
  }

  private func fail(_ message: String) -> HistoryError {
    HistoryError(line: line, message: message)
  }

  /// Skips white space, commas, comments and discarded values.
  private mutating func skipBlank() throws(HistoryError) {
    while offset < bytes.count {
      switch bytes[offset] {
      case 10:
        line += 1
        offset += 1
      case 9, 11, 12, 13, 32, UInt8(ascii: ","):
        offset += 1
      case UInt8(ascii: ";"):
        while offset < bytes.count, bytes[offset] != 10 { offset += 1 }
      case UInt8(ascii: "#")
      where offset + 1 < bytes.count && bytes[offset + 1] == UInt8(ascii: "_"):
        offset += 2
        _ = try value()
      default:
        return
      }
    }
  }

  private mutating func value() throws(HistoryError) -> Edn {
    depth += 1
    defer { depth -= 1 }
    guard depth <= 200 else { throw fail("nested too deeply") }
    try skipBlank()
    guard offset < bytes.count else { throw fail("a value is missing at the end") }
    let first = bytes[offset]
    switch first {
    case UInt8(ascii: "{"):
      offset += 1
      return try map()
    case UInt8(ascii: "["):
      offset += 1
      return .sequence(try elements(until: UInt8(ascii: "]")))
    case UInt8(ascii: "("):
      offset += 1
      return .sequence(try elements(until: UInt8(ascii: ")")))
    case UInt8(ascii: "\""):
      offset += 1
      return .string(try string())
    case UInt8(ascii: ":"):
      offset += 1
      return .keyword(try token())
    case UInt8(ascii: "\\"):
      offset += 1
      return .character(try token())
    case UInt8(ascii: "#"):
      offset += 1
      if offset < bytes.count, bytes[offset] == UInt8(ascii: "{") {
        offset += 1
        return .set(try elements(until: UInt8(ascii: "}")))
      }
      let tag = try token()
      return .tagged(tag, try value())
    default:
      return atom(try token())
    }
  }

  private mutating func elements(until end: UInt8) throws(HistoryError) -> [Edn] {
    var found: [Edn] = []
    while true {
      try skipBlank()
      guard offset < bytes.count else { throw fail("a closing bracket is missing") }
      if bytes[offset] == end {
        offset += 1
        return found
      }
      found.append(try value())
    }
  }

  private mutating func map() throws(HistoryError) -> Edn {
    let flat = try elements(until: UInt8(ascii: "}"))
    guard flat.count % 2 == 0 else { throw fail("a map has a key without a value") }
    return .map(stride(from: 0, to: flat.count, by: 2).map { Edn.Entry(flat[$0], flat[$0 + 1]) })
  }

  private mutating func string() throws(HistoryError) -> String {
    var content: [UInt8] = []
    while offset < bytes.count {
      let byte = bytes[offset]
      offset += 1
      switch byte {
      case UInt8(ascii: "\""):
        return String(decoding: content, as: UTF8.self)
      case UInt8(ascii: "\\"):
        try escape(into: &content)
      default:
        if byte == 10 { line += 1 }
        content.append(byte)
      }
    }
    throw fail("a string does not end")
  }

  private mutating func escape(into content: inout [UInt8]) throws(HistoryError) {
    guard offset < bytes.count else { throw fail("a string does not end") }
    let escaped = bytes[offset]
    offset += 1
    switch escaped {
    case UInt8(ascii: "n"): content.append(10)
    case UInt8(ascii: "t"): content.append(9)
    case UInt8(ascii: "r"): content.append(13)
    case UInt8(ascii: "b"): content.append(8)
    case UInt8(ascii: "f"): content.append(12)
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(escaped)
    case UInt8(ascii: "u"):
      let digits = bytes[offset..<min(offset + 4, bytes.count)]
      guard digits.count == 4,
        let code = UInt32(String(decoding: digits, as: UTF8.self), radix: 16),
        let scalar = Unicode.Scalar(code)
      else { throw fail("\\u must be followed by four hexadecimal digits of a character") }
      offset += 4
      content.append(contentsOf: String(Character(scalar)).utf8)
    default:
      throw fail("unknown escape in a string")
    }
  }

  private mutating func token() throws(HistoryError) -> String {
    let start = offset
    while offset < bytes.count, !EdnReader.endsToken(bytes[offset]) { offset += 1 }
    guard offset > start else {
      throw fail(
        offset < bytes.count
          ? "found \"\(Character(Unicode.Scalar(bytes[offset])))\" where a value should be"
          : "a value is missing at the end")
    }
    return String(decoding: bytes[start..<offset], as: UTF8.self)
  }

  private static func endsToken(_ byte: UInt8) -> Bool {
    switch byte {
    case 0...32, UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "\""), UInt8(ascii: "{"),
      UInt8(ascii: "}"), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "("),
      UInt8(ascii: ")"):
      true
    default:
      false
    }
  }

  private func atom(_ token: String) -> Edn {
    switch token {
    case "nil": return .null
    case "true": return .boolean(true)
    case "false": return .boolean(false)
    default: break
    }
    let first = token.utf8.first ?? 0
    let isNumeric =
      (48...57).contains(first)
      || (token.utf8.count > 1 && (first == UInt8(ascii: "-") || first == UInt8(ascii: "+")))
    guard isNumeric else { return .symbol(token) }
    let digits = token.hasSuffix("N") || token.hasSuffix("M") ? String(token.dropLast()) : token
    if let integer = Int64(digits) { return .integer(integer) }
    let isWhole = digits.utf8.dropFirst().allSatisfy { (48...57).contains($0) }
    if isWhole, digits.utf8.count > 1 { return .large(digits) }
    if let double = Double(digits) { return .double(double) }
    return .symbol(token)
  }
}
