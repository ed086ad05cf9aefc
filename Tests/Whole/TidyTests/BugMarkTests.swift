import Foundation
import Testing

/// A search for a known bug's name must find the lines that commit it.
@Suite struct BugMarkTests {
  @Test("Each known bug is marked with its name at the code that checks for it")
  func marks() throws {
    let cores = try SourceTree.files().filter { $0.path.hasPrefix("Sources/Protocols/") }
    #expect(BugMarkTests.unmarked(in: cores) == [])
    #expect(cores.flatMap(BugMarkTests.names).count > 40)
    #expect(cores.flatMap(BugMarkTests.unmarkedHooks) == [])

    let bugs = SourceFile(
      path: "Sources/Protocols/Raft/A.swift",
      text: "enum Bug: String, SwitchableBug {\n  case a = \"ack-early\"\n  case b = \"skip\"\n}\n")
    let hook = SourceFile(
      path: "Sources/Protocols/Raft/B.swift", text: "    // Bug: ack-early. Because.\n    if a {}\n"
    )
    let other = SourceFile(path: "Sources/Protocols/Chain/B.swift", text: "// Bug: skip.\n")
    #expect(BugMarkTests.unmarked(in: [bugs, hook, other]) == ["Raft: skip"])
    let hooks = SourceFile(
      path: "Sources/Protocols/Raft/C.swift",
      text: "// Bug: skip.\nlet a =\n  broken(.skip)\n\n\nif broken(.skip) {}\n")
    #expect(BugMarkTests.unmarkedHooks(hooks) == ["Sources/Protocols/Raft/C.swift:6"])
  }

  /// The bugs that a file declares, by their names in experiments.
  private static func names(_ file: SourceFile) -> [String] {
    file.lines.drop { !$0.contains("SwitchableBug") }.prefix { $0 != "}" }
      .filter { $0.contains(" case ") && $0.contains(" = \"") }
      .compactMap { $0.split(separator: "\"").dropFirst().first.map(String.init) }
  }

  /// The lines that switch a rule off and have no mark within the three lines above them.
  private static func unmarkedHooks(_ file: SourceFile) -> [String] {
    let lines = Array(file.lines)
    return lines.indices.filter { index in
      lines[index].contains("broken(.")
        && !lines[max(0, index - 3)...index].contains { $0.contains("// Bug: ") }
    }.map { "\(file.path):\($0 + 1)" }
  }

  private static func unmarked(in files: [SourceFile]) -> [String] {
    files.flatMap { file in
      names(file).filter { name in
        !files.contains {
          $0.module == file.module
            && $0.lines.contains { line in
              guard let mark = line.range(of: "// Bug: ") else { return false }
              return line[mark.upperBound...].split { ",. ".contains($0) }.contains { $0 == name }
            }
        }
      }.map { "\(file.module): \($0)" }
    }
  }
}
