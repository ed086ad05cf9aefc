import StateMachines

/// Reads JSON (RFC 8259) without building a tree. Every function returns `nil` or false if the text
/// has another form; reading must then stop.
struct JSONReader {
  let bytes: [UInt8]
  private var position = 0
  private var depth = 0

  /// Deeper texts are refused.
  static var maximumDepth: Int { 32 }

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// Whether only blanks are left.
  var isAtEnd: Bool {
    mutating get {
      skipBlanks()
      return position == bytes.count
    }
  }

  /// - Parameter member: reads the member's value; false stops the reading.
  mutating func object(_ member: (String, inout JSONReader) -> Bool) -> Bool {
    guard open(UInt8(ascii: "{")) else { return false }
    defer { depth -= 1 }
    if take(UInt8(ascii: "}")) { return true }
    repeat {
      guard let key = string(), take(UInt8(ascii: ":")),
        member(String(decoding: bytes[key], as: UTF8.self), &self)
      else { return false }
    } while take(UInt8(ascii: ","))
    return take(UInt8(ascii: "}"))
  }

  /// - Parameter element: reads the element with the given index; false stops the reading.
  mutating func array(_ element: (Int, inout JSONReader) -> Bool) -> Bool {
    guard open(UInt8(ascii: "[")) else { return false }
    defer { depth -= 1 }
    if take(UInt8(ascii: "]")) { return true }
    var index = 0
    repeat {
      guard element(index, &self) else { return false }
      index += 1
    } while take(UInt8(ascii: ","))
    return take(UInt8(ascii: "]"))
  }

  /// The position of a string's characters; escapes are not decoded.
  mutating func string() -> Range<Int>? {
    skipBlanks()
    guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { return nil }
    var end = position + 1
    while end < bytes.count, bytes[end] != UInt8(ascii: "\"") {
      guard bytes[end] >= 0x20 else { return nil }
      end += bytes[end] == UInt8(ascii: "\\") ? 2 : 1
    }
    guard end < bytes.count else { return nil }
    let text = position + 1..<end
    position = end + 1
    return text
  }

  /// An integer, which may be in quotes.
  mutating func integer() -> Int64? {
    let range = string() ?? word()
    return range.flatMap { DecimalInteger.parse(bytes, in: $0) }
  }

  mutating func skipValue() -> Bool {
    skipBlanks()
    guard position < bytes.count else { return false }
    switch bytes[position] {
    case UInt8(ascii: "{"): return object { _, reader in reader.skipValue() }
    case UInt8(ascii: "["): return array { _, reader in reader.skipValue() }
    case UInt8(ascii: "\""): return string() != nil
    default: return word() != nil
    }
  }

  /// A number, `true`, `false` or `null`. Only its characters are checked, which is enough to skip
  /// it.
  private mutating func word() -> Range<Int>? {
    skipBlanks()
    let start = position
    while position < bytes.count, JSONReader.isOfWord(bytes[position]) { position += 1 }
    return position > start ? start..<position : nil
  }

  private static func isOfWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "E"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
      true
    default: false
    }
  }

  private mutating func open(_ bracket: UInt8) -> Bool {
    guard depth < JSONReader.maximumDepth, take(bracket) else { return false }
    depth += 1
    return true
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    skipBlanks()
    guard position < bytes.count, bytes[position] == byte else { return false }
    position += 1
    return true
  }

  private mutating func skipBlanks() {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x09, 0x0A, 0x0D: position += 1
      default: return
      }
    }
  }
}
