/// An error in an experiment file or argument, as one line of text. The caller prints it and exits
/// with code 2; at that point no trial has run and no file was written.
package struct ExperimentError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The file, or the command line argument that set the value.
  package var file: String
  /// `workload.mix.get`, `faults[1].at`, `line 3, column 8`; empty if the error concerns the whole
  /// file.
  package var path: String
  package var found: String
  package var allowed: String
  /// The nearest known name, if a name looks misspelt.
  package var suggestion: String?

  package init(
    file: String = "", path: String, found: String, allowed: String, suggestion: String? = nil
  ) {
    self.file = file
    self.path = path
    self.found = found
    self.allowed = allowed
    self.suggestion = suggestion
  }

  package var description: String {
    let place = [file, path].filter { !$0.isEmpty }.map { $0 + ": " }.joined()
    let hint = suggestion.map { "; did you mean \"\($0)\"?" } ?? ""
    return JSONValue.inOneLine("\(place)found \(found), allowed \(allowed)\(hint)")
  }
}

/// Names that other tools use for things that have a different name here.
private let synonyms = [
  "kill": ["crash"], "stop": ["pause", "crash"], "restart": ["crash"], "read": ["get"],
  "update": ["put"], "write": ["put"], "set": ["put"], "range": ["scan"],
  "rmw": ["readModifyWrite"], "zipf": ["zipfian"],
  "operationcount": ["operations"], "recordcount": ["keys"], "target": ["clientRate"],
]

/// The known name that is a synonym of `text`, or else the one that needs the fewest edits, if they
/// are few enough to suggest a misspelling.
package func nearest(to text: String, among known: [String]) -> String? {
  if let meant = synonyms[text.lowercased()]?.first(where: known.contains) { return meant }
  let text = String(text.prefix(64))
  let ranked = known.map { name in
    (name: name, distance: editDistance(text.lowercased(), name.lowercased()))
  }
  guard let best = ranked.min(by: { $0.distance < $1.distance }) else { return nil }
  // A known name can be refused for another reason than its spelling.
  guard best.name != text else { return nil }
  return best.distance <= max(1, min(text.count, best.name.count) / 3) ? best.name : nil
}

/// The smallest number of insertions, deletions, replacements and swaps of neighbours that turn `a`
/// into `b` (the optimal string alignment distance).
func editDistance(_ a: String, _ b: String) -> Int {
  let a = Array(a)
  let b = Array(b)
  var rows = [Array(0...b.count)]
  for i in a.indices {
    var row = [i + 1]
    for j in b.indices {
      var cost = min(rows[i][j + 1] + 1, row[j] + 1, rows[i][j] + (a[i] == b[j] ? 0 : 1))
      if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
        cost = min(cost, rows[i - 1][j - 1] + 1)
      }
      row.append(cost)
    }
    rows.append(row)
  }
  return rows[a.count][b.count]
}
