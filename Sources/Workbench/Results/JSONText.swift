import Configuration

/// A JSON value that is written with its keys in the given order and with numbers as `DecimalText`
/// writes them, so that the same content gives the same bytes.
package enum JSONText: Sendable, Equatable, ExpressibleByStringLiteral, ExpressibleByBooleanLiteral
{
  case object([Member])
  case array([JSONText])
  case string(String)
  /// nil and numbers that are not finite become null.
  case number(Double?)
  case integer(Int)
  case unsigned(UInt64)
  case bool(Bool)
  case null

  package struct Member: Sendable, Equatable {
    var key: String
    var value: JSONText

    package init(_ key: String, _ value: JSONText) {
      self.key = key
      self.value = value
    }
  }

  package init(stringLiteral value: String) { self = .string(value) }
  package init(booleanLiteral value: Bool) { self = .bool(value) }

  package static func strings(_ texts: [String]) -> JSONText { .array(texts.map { .string($0) }) }

  /// Indented text that ends in a line feed.
  package var text: String {
    var output = ""
    write(to: &output, indentation: "")
    return output + "\n"
  }

  private func write(to output: inout String, indentation: String) {
    switch self {
    case .object(let members):
      let inner = indentation + "  "
      JSONText.block("{", "}", members, &output, indentation, isFlat: false) { member, output in
        output += JSONValue.quoted(member.key)
        output += ": "
        member.value.write(to: &output, indentation: inner)
      }
    case .array(let values):
      let inner = indentation + "  "
      let isFlat = values.allSatisfy(\.isScalar)
      JSONText.block("[", "]", values, &output, indentation, isFlat: isFlat) { value, output in
        value.write(to: &output, indentation: inner)
      }
    case .string(let text): output += JSONValue.quoted(text)
    case .number(let value):
      let text = DecimalText.text(value)
      output += text.isEmpty ? "null" : text
    case .integer(let value): output += String(value)
    case .unsigned(let value): output += String(value)
    case .bool(let value): output += value ? "true" : "false"
    case .null: output += "null"
    }
  }

  private var isScalar: Bool {
    switch self {
    case .object, .array: false
    default: true
    }
  }

  private static func block<Element>(
    _ open: String, _ close: String, _ elements: [Element], _ output: inout String,
    _ indentation: String, isFlat: Bool, _ write: (Element, inout String) -> Void
  ) {
    output += open
    for (index, element) in elements.enumerated() {
      if index > 0 { output += isFlat ? ", " : "," }
      if !isFlat { output += "\n" + indentation + "  " }
      write(element, &output)
    }
    if !isFlat && !elements.isEmpty { output += "\n" + indentation }
    output += close
  }
}
