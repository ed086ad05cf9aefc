/// A value of Clojure's data notation, EDN (github.com/edn-format/edn).
public indirect enum Edn: Hashable, Sendable {
  case null
  case boolean(Bool)
  case integer(Int64)
  /// The digits of a whole number that needs more than 64 bits.
  case large(String)
  case double(Double)
  case string(String)
  case character(String)
  /// Without its colon.
  case keyword(String)
  case symbol(String)
  /// A vector or a list.
  case sequence([Edn])
  case set([Edn])
  /// In the order of the text.
  case map([Entry])
  /// A tag, without its `#`, and the value that it marks.
  case tagged(String, Edn)

  public struct Entry: Hashable, Sendable {
    public let key: Edn
    public let value: Edn
    public init(_ key: Edn, _ value: Edn) {
      self.key = key
      self.value = value
    }
  }

  /// The value in a map whose key is this keyword, or a string or symbol with the same name; nil if
  /// there is no such key, or if this is not a map.
  public subscript(_ keyword: String) -> Edn? {
    guard case .map(let entries) = self else { return nil }
    let wanted = Edn.keyword(keyword)
    for entry in entries where entry.key == wanted { return entry.value }
    return entries.first { $0.key.name == keyword }?.value
  }

  /// The name of a keyword, a string or a symbol, without its namespace.
  var name: String? {
    switch self {
    case .keyword(let text), .string(let text), .symbol(let text):
      if let slash = text.utf8.lastIndex(of: UInt8(ascii: "/")) {
        String(text[text.utf8.index(after: slash)...])
      } else {
        text
      }
    default: nil
    }
  }
}

extension Edn: CustomStringConvertible {
  /// EDN text, in which strings are not escaped.
  public var description: String {
    switch self {
    case .null: "nil"
    case .boolean(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .large(let digits), .symbol(let digits): digits
    case .double(let value): "\(value)"
    case .string(let text): "\"\(text)\""
    case .character(let text): "\\\(text)"
    case .keyword(let text): ":\(text)"
    case .sequence(let values): "[" + values.map(\.description).joined(separator: " ") + "]"
    case .set(let values): "#{" + values.map(\.description).joined(separator: " ") + "}"
    case .map(let entries):
      "{" + entries.map { "\($0.key) \($0.value)" }.joined(separator: ", ") + "}"
    case .tagged(let tag, let value): "#\(tag) \(value)"
    }
  }

  /// The text, with its middle left out if it is long.
  var shortText: String { Edn.shortened(description) }

  static func shortened(_ text: String) -> String {
    text.utf8.count <= 64 || text.count <= 64 ? text : text.prefix(24) + " ... " + text.suffix(35)
  }
}

/// An error in the text of a history, with its line.
public struct HistoryError: Error, Equatable, CustomStringConvertible {
  /// Counted from 1.
  public let line: Int
  public let message: String

  init(line: Int, message: String) {
    self.line = line
    self.message = message
  }

  init(line: Int32, message: String) { self.init(line: Int(line), message: message) }

  public var description: String { "line \(line): \(message)" }
}
