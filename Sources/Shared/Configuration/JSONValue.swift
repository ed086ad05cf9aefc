/// A JSON5 value. Objects keep the order of the file, so that errors, sweeps and printing follow
/// it. Integers are exact: a seed may be any `UInt64`, which a `Double` cannot hold.
package enum JSONValue: Sendable, Equatable {
  package struct Member: Sendable, Equatable {
    package var key: String
    package var value: JSONValue

    package init(_ key: String, _ value: JSONValue) {
      self.key = key
      self.value = value
    }
  }

  /// A value typed on a command line. It is read as JSON5, and as a plain text if it is not valid
  /// JSON5, so that `5s` needs no quotes.
  package init(typed text: String) { self = (try? JSON5Parser.parse(text)) ?? .string(text) }

  case null
  case flag(Bool)
  case integer(Int128)
  /// Any other number; JSON5 also has NaN and the infinities.
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([Member])

  /// An array with one value per line, ending in a new line.
  package static func lines(_ values: [JSONValue]) -> String {
    "[\n" + values.map { "  \($0.compactText)" }.joined(separator: ",\n") + "\n]\n"
  }

  /// The value in JSON on one line. Numbers that JSON cannot express are written as in JSON5.
  package var compactText: String {
    switch self {
    case .null: return "null"
    case .flag(let value): return value ? "true" : "false"
    case .integer(let value): return "\(value)"
    case .number(let value):
      if value.isNaN { return "NaN" }
      return value.isInfinite ? (value < 0 ? "-Infinity" : "Infinity") : "\(value)"
    case .string(let text): return JSONValue.quoted(text)
    case .array(let values):
      return "[" + values.map(\.compactText).joined(separator: ", ") + "]"
    case .object(let members):
      if members.isEmpty { return "{}" }
      let parts = members.map { "\(JSONValue.quoted($0.key)): \($0.value.compactText)" }
      return "{ " + parts.joined(separator: ", ") + " }"
    }
  }

  /// The value in JSON over several lines: an array or object stays on one line if it fits in
  /// `width`.
  package func text(width: Int = 100, indentation: Int = 0, prefix: Int = 0) -> String {
    let compact = compactText
    if indentation > 0, indentation + prefix + compact.count < width { return compact }
    let inner = String(repeating: " ", count: indentation + 2)
    let outer = String(repeating: " ", count: indentation)
    switch self {
    case .array(let values) where !values.isEmpty:
      let lines = values.map {
        inner + $0.text(width: width, indentation: indentation + 2)
      }
      return "[\n" + lines.joined(separator: ",\n") + "\n\(outer)]"
    case .object(let members) where !members.isEmpty:
      let lines = members.map { member in
        let key = JSONValue.quoted(member.key) + ": "
        return inner + key
          + member.value.text(width: width, indentation: indentation + 2, prefix: key.count)
      }
      return "{\n" + lines.joined(separator: ",\n") + "\n\(outer)}"
    default: return compact
    }
  }

  /// The text as a JSON string, in quotes.
  package static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      default: append(scalar, to: &result)
      }
    }
    return result + "\""
  }

  /// The text on one line: line breaks and terminal control characters are written as escapes.
  static func inOneLine(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars { append(scalar, to: &result) }
    return result
  }

  private static func append(_ scalar: Unicode.Scalar, to text: inout String) {
    switch scalar {
    case "\n": text += "\\n"
    case "\r": text += "\\r"
    case "\t": text += "\\t"
    case _
    where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
      || scalar.value == 0x2028 || scalar.value == 0x2029:
      let digits = String(scalar.value, radix: 16)
      text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    default: text.unicodeScalars.append(scalar)
    }
  }
}
