/// Rows of texts as aligned columns that fit a width: cells that are too long continue on further
/// lines.
package enum WrappedTable {
  private static let gap = 2
  private static let narrowest = 10

  /// - Parameter width: in characters; nil for one line per row, however long.
  package static func render(_ rows: [[String]], width: Int?) -> String {
    guard let columns = rows.first?.indices else { return "" }
    var widths = columns.map { column in rows.map { $0[column].count }.max() ?? 0 }
    if let width {
      let room = max(width - gap * (widths.count - 1), 0)
      while widths.reduce(0, +) > room,
        let widest = widths.indices.max(by: { widths[$0] < widths[$1] }),
        widths[widest] > narrowest
      {
        widths[widest] -= 1
      }
    }
    return rows.map { row in
      let cells = columns.map { wrap(row[$0], widths[$0]) }
      let height = cells.map(\.count).max() ?? 0
      return (0..<height).map { line in
        var text = ""
        for column in columns {
          let cell = line < cells[column].count ? cells[column][line] : ""
          text += cell
          if column < columns.count - 1 {
            text += String(repeating: " ", count: widths[column] + gap - cell.count)
          }
        }
        while text.last == " " { text.removeLast() }
        return text + "\n"
      }.joined()
    }.joined()
  }

  /// Breaks at blanks; a word that is longer than a line is cut.
  private static func wrap(_ text: String, _ width: Int) -> [String] {
    guard text.count > width else { return [text] }
    var lines: [String] = []
    var line = ""
    for word in text.split(separator: " ") {
      var rest = word
      if !line.isEmpty, line.count + 1 + rest.count <= width {
        line += " " + rest
        continue
      }
      if !line.isEmpty { lines.append(line) }
      while rest.count > width {
        lines.append(String(rest.prefix(width)))
        rest = rest.dropFirst(width)
      }
      line = String(rest)
    }
    return line.isEmpty ? lines : lines + [line]
  }
}
