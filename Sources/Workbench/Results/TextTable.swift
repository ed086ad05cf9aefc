/// Aligned columns of text for a terminal. A table wider than the terminal is cut into several,
/// each of which repeats the key columns.
struct TextTable {
  enum Alignment { case left, right }

  struct Heading {
    var text: String
    var alignment = Alignment.right
  }

  var headings: [Heading]
  /// The number of leading columns that name the row.
  var keyCount: Int
  var rows: [[String]] = []

  private static let gap = "  "

  /// Lines have no trailing blanks, and each ends in a line feed.
  func render(width: Int) -> String {
    let widths = headings.indices.map { column in
      rows.reduce(headings[column].text.count) { max($0, $1[column].count) }
    }
    return parts(widths, width).map { render($0, widths) }.joined(separator: "\n")
  }

  private func parts(_ widths: [Int], _ width: Int) -> [[Int]] {
    let keys = Array(0..<keyCount)
    let gap = TextTable.gap.count
    let keyWidth = keys.reduce(0) { $0 + widths[$1] + gap } - gap
    var parts: [[Int]] = []
    var part: [Int] = []
    var used = keyWidth
    for column in keyCount..<headings.count {
      let needed = gap + widths[column]
      if used + needed > width, !part.isEmpty {
        parts.append(keys + part)
        part = []
        used = keyWidth
      }
      part.append(column)
      used += needed
    }
    return parts + [keys + part]
  }

  private func render(_ columns: [Int], _ widths: [Int]) -> String {
    func line(_ cells: [String]) -> String {
      var line = columns.map { column in
        let blank = String(repeating: " ", count: max(0, widths[column] - cells[column].count))
        return headings[column].alignment == .left ? cells[column] + blank : blank + cells[column]
      }.joined(separator: TextTable.gap)
      while line.last == " " { line.removeLast() }
      return line + "\n"
    }
    return ([headings.map(\.text)] + rows).map(line).joined()
  }
}
