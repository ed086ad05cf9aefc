import Foundation

/// A source file of the repository, with its path from the root.
struct SourceFile {
  var path: String
  var lines: [String]

  init(path: String, text: String) {
    self.path = path
    lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    // A text ends with a newline, after which there is no further line.
    if lines.last == "" { lines.removeLast() }
  }

  /// The name without folders.
  var name: String { path.split(separator: "/").last.map(String.init) ?? "" }

  /// The folder below `Sources` or `Tests`; empty for a file elsewhere.
  var floor: String { folder(1) }

  /// The target: the folder below the floor's folder.
  var module: String { folder(2) }

  private func folder(_ depth: Int) -> String {
    let folders = path.split(separator: "/").dropLast()
    return folders.count > depth ? String(folders[depth]) : ""
  }

  var isTest: Bool { path.hasPrefix("Tests/") }

  /// Lines without comments and without the contents of string literals, numbered from 1.
  var code: [(number: Int, text: String)] {
    lines.enumerated().map { ($0.offset + 1, SourceFile.withoutProse($0.element)) }
  }

  /// The modules that the file imports.
  var imports: [String] {
    code.compactMap { line in
      // `import struct Foundation.Date` imports a part, which counts as the whole module.
      let kinds: Set<Substring> = ["struct", "class", "enum", "protocol", "func", "var", "let"]
      let words = line.text.split(separator: " ").filter { !kinds.contains($0) }
      guard let keyword = words.firstIndex(of: "import"), keyword + 1 < words.count,
        words[..<keyword].allSatisfy({ $0.hasPrefix("@") || $0 == "public" || $0 == "internal" })
      else { return nil }
      return words[keyword + 1].split(separator: ".").first.map(String.init)
    }
  }

  private static func withoutProse(_ line: String) -> String {
    var code = ""
    var isQuoted = false
    var previous: Character = " "
    for character in line {
      if character == "\"", previous != "\\" {
        isQuoted.toggle()
        code.append(character)
      } else if !isQuoted {
        if character == "/", previous == "/" { return String(code.dropLast()) }
        code.append(character)
      }
      previous = character
    }
    return code
  }
}

/// The repository on the disk.
enum SourceTree {
  static var root: URL {
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
  }

  /// All Swift files below `Sources` and `Tests`, in order of their paths.
  static func files() throws -> [SourceFile] {
    try ["Sources", "Tests"].flatMap { folder in
      try FileManager.default.subpathsOfDirectory(atPath: root.appending(path: folder).path)
        .filter { $0.hasSuffix(".swift") }.sorted()
        .map { SourceFile(path: "\(folder)/\($0)", text: try text("\(folder)/\($0)")) }
    }
  }

  /// All paths `Sources/Floor/Module`.
  static func moduleFolders() throws -> [String] {
    func folders(_ path: String) throws -> [String] {
      try FileManager.default.contentsOfDirectory(atPath: root.appending(path: path).path)
        .filter { !$0.hasSuffix(".md") }.map { "\(path)/\($0)" }.sorted()
    }
    return try folders("Sources").flatMap(folders)
  }

  static func text(_ path: String) throws -> String {
    try String(contentsOf: root.appending(path: path), encoding: .utf8)
  }

  /// The names at the top level of the repository.
  static func topLevel() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: root.path).sorted()
  }
}
