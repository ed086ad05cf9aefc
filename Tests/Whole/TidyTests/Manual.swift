import Foundation

/// A manual: README at the top, or a manual beside the code it describes.
struct Manual {
  var path: String
  var lines: [String]

  init(path: String, text: String) {
    self.path = path
    lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    if lines.last == "" { lines.removeLast() }
  }

  /// All manuals of the repository except those of test fixtures, which come from other projects.
  static func all() throws -> [Manual] {
    let root = SourceTree.root
    return try ["README.md", "Sources", "Tests", "experiments"].flatMap { name -> [Manual] in
      let path = root.appending(path: name).path
      guard name != "README.md" else {
        return [Manual(path: name, text: try SourceTree.text(name))]
      }
      return try FileManager.default.subpathsOfDirectory(atPath: path)
        .filter { $0.hasSuffix(".md") && !$0.contains("Fixtures/") }.sorted()
        .map { Manual(path: "\(name)/\($0)", text: try SourceTree.text("\(name)/\($0)")) }
    }
  }

  /// Lines outside of fenced blocks, numbered from 1.
  var prose: [(number: Int, text: String)] {
    var isInside = false
    return lines.enumerated().compactMap { index, line in
      if line.hasPrefix("```") { isInside.toggle() }
      return isInside || line.hasPrefix("```") ? nil : (index + 1, line)
    }
  }

  /// The texts between backticks.
  var quoted: [String] {
    prose.flatMap { _, text in
      text.split(separator: "`", omittingEmptySubsequences: false).enumerated()
        .filter { $0.offset % 2 == 1 }.map { String($0.element) }
    }
  }

  /// The targets of links within the repository, without the fragment.
  var links: [String] {
    prose.flatMap { _, text in
      text.components(separatedBy: "](").dropFirst().compactMap { rest -> String? in
        let target = rest.prefix { $0 != ")" && $0 != "#" }
        return target.isEmpty || target.contains("://") ? nil : String(target)
      }
    }
  }

  /// Files and folders that the manual names but the repository lacks.
  /// - Parameter files: paths of the repository, including folders.
  func missing(among files: Set<String>) -> [String] {
    let folder = path.split(separator: "/").dropLast().map(String.init)
    let linked = links.filter { target in
      var parts = folder
      for part in target.split(separator: "/") {
        if part == ".." { parts = parts.dropLast() } else { parts.append(String(part)) }
      }
      return !files.contains(parts.joined(separator: "/"))
    }
    let named = quoted.filter { text in
      guard !text.contains(" "), text.contains("/"), !text.contains("{") else { return false }
      let path = text.hasSuffix("/") ? String(text.dropLast()) : text
      let roots = ["Sources/", "Tests/", "experiments/", ".ci/"]
      if roots.contains(where: path.hasPrefix) { return !files.contains(path) }
      // `Module/File.swift` is a path below one of the floors.
      guard path.hasSuffix(".swift") else { return false }
      return !files.contains { $0.hasPrefix("Sources/") && $0.hasSuffix("/" + path) }
    }
    return (linked + named).map { "\(self.path) names \($0)" }
  }

  /// Blocks of commands that CI does not run (`.ci/manuals`) and that lack a reason. The reason
  /// must be on the line directly above, where the script looks for it.
  var unreasoned: [String] {
    lines.enumerated().compactMap { index, line in
      guard line.hasPrefix("<!-- not run here") else { return nil }
      let hasReason = line.hasPrefix("<!-- not run here: ") && line.hasSuffix(" -->")
      let isAbove = index + 1 < lines.count && lines[index + 1] == "```sh"
      return hasReason && isAbove ? nil : "\(path):\(index + 1)"
    }
  }
}
