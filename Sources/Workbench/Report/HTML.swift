/// A piece of a page. Interpolated texts are escaped, so that text from a file can never become
/// markup; only other pieces are inserted unchanged.
struct HTML: Equatable, ExpressibleByStringInterpolation, ExpressibleByStringLiteral {
  private(set) var text: String

  init() { text = "" }
  init(stringLiteral value: String) { text = value }
  init(stringInterpolation: StringInterpolation) { text = stringInterpolation.text }
  /// Only for markup that this module has written itself.
  init(markup: String) { text = markup }

  struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var text = ""

    init(literalCapacity: Int, interpolationCount: Int) { text.reserveCapacity(literalCapacity) }

    mutating func appendLiteral(_ literal: String) { text += literal }
    mutating func appendInterpolation(_ piece: HTML) { text += piece.text }
    mutating func appendInterpolation(_ piece: HTML?) { if let piece { text += piece.text } }
    mutating func appendInterpolation(_ number: Int) { text += String(number) }
    mutating func appendInterpolation(_ words: String) { text += HTML.escaped(words) }
  }

  static func += (left: inout HTML, right: HTML) { left.text += right.text }

  /// A path such as `workload.valueSize`, which a narrow column may break after its dots.
  static func breakable(_ path: String) -> HTML {
    path.split(separator: ".", omittingEmptySubsequences: false)
      .map { "\(String($0))" as HTML }.joined(".<wbr>")
  }

  /// The attribute that says from which file and columns the numbers of an element are.
  /// - Parameter columns: a file and columns; a name stands for the mean, the ends of the interval
  ///   and the pooled value of a metric in `summary.csv`. Empty for an element without numbers.
  static func source(_ columns: String) -> HTML {
    columns.isEmpty ? "" : " data-of=\"\(columns)\""
  }

  var isEmpty: Bool { text.isEmpty }

  private static func escaped(_ words: String) -> String {
    let special: [UInt8] = Array("&<>\"'".utf8)
    guard words.utf8.contains(where: { special.contains($0) || $0 < 32 }) else { return words }
    var text = ""
    for scalar in words.unicodeScalars {
      switch scalar {
      case "&": text += "&amp;"
      case "<": text += "&lt;"
      case ">": text += "&gt;"
      case "\"": text += "&quot;"
      case "'": text += "&#39;"
      case "\n", "\t": text.unicodeScalars.append(scalar)
      // HTML does not allow control characters.
      case _ where scalar.value < 32: text += "\u{FFFD}"
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text
  }
}

extension Sequence<HTML> {
  func joined(_ separator: HTML = "") -> HTML {
    HTML(markup: map(\.text).joined(separator: separator.text))
  }
}

/// A table of cells, the first of which names the row.
struct HTMLTable {
  var caption: HTML
  var headings: [String]
  var rows: [[String]]
  /// The file and columns of its numbers; empty if the element around it says so.
  var source = ""

  /// Optional closing tags are left out, because these tables are most of a page.
  var html: HTML {
    let head = headings.map { "<th scope=col>\($0)" as HTML }.joined()
    let body = rows.map { row in
      let first: HTML = row.first.map { "<th scope=row>\($0)" } ?? ""
      return "<tr>\(first)\(row.dropFirst().map { "<td>\($0)" as HTML }.joined())" as HTML
    }.joined("\n")
    return """
      <div class=scroll tabindex=0 role=region aria-label="Table"><table class=data\(HTML.source(source))>\
      <caption>\(caption)</caption><thead><tr>\(head)</thead><tbody>
      \(body)</tbody></table></div>
      """
  }

  /// The table below a chart, closed until the reader opens it.
  func details(titled title: HTML = "The numbers") -> HTML {
    "<details><summary>\(title)</summary>\(html)</details>"
  }
}
