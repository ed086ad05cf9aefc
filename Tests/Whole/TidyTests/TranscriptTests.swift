import Foundation
import Testing

/// The transcripts of protocols, `Scenarios/*.txt`, beside the tests that play them.
@Suite struct TranscriptTests {
  @Test("Every transcript is compared with a story that a test beside it plays")
  func told() throws {
    let transcripts = try FileManager.default.subpathsOfDirectory(
      atPath: SourceTree.root.appending(path: "Tests").path
    ).filter { $0.hasSuffix(".txt") && $0.contains("/Scenarios/") }.map { "Tests/\($0)" }
    let files = try SourceTree.files()
    #expect(transcripts.count >= 25)
    #expect(TranscriptTests.untold(transcripts, in: files) == [])

    let test = SourceFile(path: "Tests/P/RaftTests/A.swift", text: "s.difference(from: \"1-A\")\n")
    #expect(TranscriptTests.untold(["Tests/P/RaftTests/Scenarios/1-A.txt"], in: [test]) == [])
    for stray in ["Tests/P/RaftTests/Scenarios/1-B.txt", "Tests/P/ChainTests/Scenarios/1-A.txt"] {
      #expect(TranscriptTests.untold([stray], in: [test]) == [stray])
    }
  }

  /// The transcripts that no test of their module names.
  private static func untold(_ transcripts: [String], in files: [SourceFile]) -> [String] {
    transcripts.filter { path in
      let parts = path.split(separator: "/")
      let name = parts[parts.count - 1].dropLast(4)
      return !files.contains { file in
        file.path.hasPrefix(parts.dropLast(2).joined(separator: "/") + "/")
          && file.lines.contains { $0.contains("from: \"\(name)\"") }
      }
    }
  }
}
