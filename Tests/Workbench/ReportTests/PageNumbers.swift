import Foundation

/// The numbers that a reader of a page sees, each with the file and columns that the element around
/// it names in `data-of`.
struct PageNumbers {
  struct Number {
    var text: String
    var value: Double
    var decimals: Int
    /// Empty for a number whose element names no columns.
    var source: String
    /// The text around the number.
    var context: String
  }

  private(set) var numbers: [Number] = []

  private struct Element {
    var name: Substring
    var source: String
    var isSkipped: Bool
  }

  /// Elements that end where another of the group begins, or where the table, list or row ends.
  private static let implied: [Substring: [Substring]] = [
    "td": ["td", "th"], "th": ["td", "th"], "tr": ["td", "th", "tr"], "li": ["li"],
    "tbody": ["td", "th", "tr", "thead"], "option": ["option"],
  ]
  private static let void: Set<Substring> = ["input", "br", "wbr", "meta"]
  /// Elements without data: scripts, the sentences on how to read a chart, scales, names of faults,
  /// the choice of axes, conditions, definitions of words, the experiment itself, and the number of
  /// nodes, which is that of the rows of resources.csv.
  private static let skipped = [
    "<script", "<style", "<pre", "<nav", "<option", "class=how", "class=\"tick\"",
    "class=\"axis\"", "class=\"faultname\"", "id=\"run\"", "class=legend", "class=question",
    "<code", "class=words", "class=k",
  ]

  init(_ page: String) {
    var stack: [Element] = []
    let body = page.components(separatedBy: "<body>").last ?? ""
    for part in body.split(separator: "<", omittingEmptySubsequences: true) {
      guard let end = part.firstIndex(of: ">") else { continue }
      let tag = part[..<end]
      let text = String(part[part.index(after: end)...])
      let isScript = stack.last.map { $0.name == "script" } ?? false
      if tag.hasPrefix("/") {
        if let open = stack.lastIndex(where: { $0.name == tag.dropFirst() }) {
          stack.removeSubrange(open...)
        }
      } else if isScript {
        continue
      } else {
        let name = tag.prefix { $0.isLetter || $0.isNumber }
        while let last = stack.last, PageNumbers.implied[name]?.contains(last.name) ?? false {
          stack.removeLast()
        }
        if !tag.hasSuffix("/"), !PageNumbers.void.contains(name) {
          let source = tag.firstMatch(of: /data-of="([^"]*)"/).map { String($0.1) }
          let isSkipped = PageNumbers.skipped.contains { ("<" + tag).contains($0) }
          stack.append(
            Element(
              name: name, source: source ?? stack.last?.source ?? "",
              isSkipped: isSkipped || stack.last?.isSkipped ?? false))
        }
      }
      guard let last = stack.last, !last.isSkipped else { continue }
      add(text, last.source)
    }
  }

  /// Numbers that belong to the words and not to the run.
  private static let phrases = [
    "95 % interval", "5 % level", "fewer than 10 operations", "differs from 1", "exactly 1",
    "\u{A0}%", "within 5 % of it", "at which 99 % or more",
  ]
  /// Words beside a number that counts rows or trials.
  private static let counted: Set<String> = [
    "of", "trials", "trial", "protocols", "sweep", "windows", "faults", "measures", "comparisons",
    "rows", "row", "more", "numbers", "never", "metastable", "cut", "ratios", "nodes", "node",
    "replicas", "expectations",
  ]

  private mutating func add(_ text: String, _ source: String) {
    var text = text
    for phrase in PageNumbers.phrases { text = text.replacing(phrase, with: " ") }
    let marks = CharacterSet(charactersIn: "(),;:·≥×↑@").union(.whitespacesAndNewlines)
    let words = text.split(whereSeparator: { $0.isWhitespace }).map {
      $0.trimmingCharacters(in: marks).replacing("/s", with: "")
    }
    for (place, word) in words.enumerated() {
      guard word.wholeMatch(of: /[+-]?\d[\d,]*(\.\d+)?/) != nil else { continue }
      let plain = word.replacing(",", with: "")
      guard let value = Double(plain) else { continue }
      let next = words.dropFirst(place + 1).first
      let before = place > 0 ? words[place - 1] : ""
      // A seed, or a swept value.
      if before == "seed" || before == "=" { continue }
      let isCount = next.map(PageNumbers.counted.contains) ?? false || before == "of"
      if isCount, value == value.rounded() { continue }
      let decimals = plain.split(separator: ".").dropFirst().first?.count ?? 0
      numbers.append(
        Number(
          text: word, value: value, decimals: decimals, source: source,
          context: words[max(0, place - 4)..<min(words.count, place + 4)].joined(separator: " ")))
    }
  }

  /// The numbers that are no cell of the columns that they are said to be from. A number may have
  /// fewer digits than the cell, and the unit may be another one: µs as ms, ms as s, shares as
  /// percent, operations per window as operations per second.
  func missing(from files: [String: String]) -> [Number] {
    let tables = files.filter { $0.key.hasSuffix(".csv") }.mapValues(PageNumbers.columns)
    var windows: Set<Double> = []
    for length in tables["timeline.csv"]?["window_ms"] ?? [] { windows.insert(1000 / length) }
    var sorted: [String: [Double]] = [:]
    return numbers.filter { number in
      guard !number.source.hasPrefix("ratio"), number.source != "manifest.json" else {
        return false
      }
      let cells =
        sorted[number.source]
        ?? PageNumbers.cells(number.source, tables, windows).sorted()
      sorted[number.source] = cells
      var half = 0.5000001
      for _ in 0..<number.decimals { half /= 10 }
      let at = cells.partitioningIndex { $0 >= number.value - half }
      return at == cells.count || cells[at] > number.value + half
    }
  }

  private static func columns(_ text: String) -> [String: [Double]] {
    let lines = text.split(whereSeparator: { $0 == "\r\n" || $0 == "\n" })
      .map { fields(String($0)) }
    var columns: [String: [Double]] = [:]
    for line in lines.dropFirst() {
      for (name, cell) in zip(lines[0], line) {
        // Figures that were found stand inside of texts.
        for number in cell.split(whereSeparator: { !"0123456789.+-eE".contains($0) }) {
          if let value = Double(number) { columns[name, default: []].append(value) }
        }
      }
    }
    return columns
  }

  private static func fields(_ line: String) -> [String] {
    var fields = [""]
    var isQuoted = false
    for letter in line {
      if letter == "\"" {
        isQuoted.toggle()
      } else if letter == ",", !isQuoted {
        fields.append("")
      } else {
        fields[fields.count - 1].append(letter)
      }
    }
    return fields
  }

  private static func cells(
    _ source: String, _ tables: [String: [String: [Double]]], _ windows: Set<Double>
  ) -> [Double] {
    var cells: [Double] = []
    var file = ""
    for word in source.split(separator: " ").map(String.init) {
      if word.hasSuffix(".csv") {
        file = word
        continue
      }
      for (name, values) in tables[file] ?? [:]
      where name == word || name.hasPrefix(word + "_") || word == "*" {
        for factor in factors(name, windows) { cells += values.map { $0 * factor } }
      }
    }
    return cells
  }

  private static func factors(_ column: String, _ windows: Set<Double>) -> [Double] {
    if column.contains("_us") || column.contains("_ms") { return [1, 0.001] }
    if column.contains("share") || column.contains("availability") || column.contains("uptime") {
      return [100]
    }
    return column == "ok" ? [1] + windows : [1]
  }
}

extension [Double] {
  /// The first index whose element fulfils a condition that all later ones fulfil too.
  fileprivate func partitioningIndex(_ holds: (Double) -> Bool) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if holds(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
