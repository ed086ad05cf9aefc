import Foundation

extension Story {
  /// Compares the story with `Scenarios/<name>.txt` beside the test. With
  /// `RSMBENCH_REWRITE_SCENARIOS=1` the file is written anew instead.
  /// - Returns: what went wrong: a broken invariant, or the first lines that differ and the command
  ///   that rewrites the file; `nil` if the file tells the same.
  public func difference(from name: String, beside test: String = #filePath) -> String? {
    if let problem { return "\(name): \(problem)" }
    let folder = URL(filePath: test).deletingLastPathComponent()
    let file = folder.appending(path: "Scenarios/\(name).txt")
    if ProcessInfo.processInfo.environment["RSMBENCH_REWRITE_SCENARIOS"] == "1" {
      do {
        try FileManager.default.createDirectory(
          at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
        return nil
      } catch {
        return "\(file.path) cannot be written: \(error)"
      }
    }
    let tests = folder.lastPathComponent
    let command = "RSMBENCH_REWRITE_SCENARIOS=1 swift test --filter '\(tests).*ScenarioTests'"
    guard let data = FileManager.default.contents(atPath: file.path) else {
      return "\(file.path) does not exist. To write it: \(command)"
    }
    let told = String(decoding: data, as: UTF8.self)
    guard let change = Story.firstDifference(told: told, plays: text) else { return nil }
    return "\(name).txt, \(change)\nTo write the file anew: \(command)"
  }

  /// The first lines in which two texts differ, with their number; `nil` if they are equal.
  public static func firstDifference(told: String, plays: String) -> String? {
    guard told != plays else { return nil }
    let old = told.split(separator: "\n", omittingEmptySubsequences: false)
    let new = plays.split(separator: "\n", omittingEmptySubsequences: false)
    var first = 0
    while first < min(old.count, new.count), old[first] == new[first] { first += 1 }
    func some(_ lines: [Substring], _ mark: String) -> String {
      lines.dropFirst(first).prefix(4).map { "\n\(mark) \($0)" }.joined()
    }
    return "line \(first + 1): the file says (-), the cluster plays (+)"
      + some(old, "-") + some(new, "+")
  }
}
