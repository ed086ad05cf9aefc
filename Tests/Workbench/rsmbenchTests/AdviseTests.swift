import Foundation
import Testing

@Suite("rsmbench advise")
struct AdviseTests {
  @Test("A mistake gives one line and exit code 2, and no trial runs")
  func mistakes() async throws {
    let space = try Workspace()
    try space.write("{ reads: 7 }", to: "bad.json5")
    try space.write("{ rate: \"150000/s\", valueSize: \"1MiB\" }", to: "large.json5")
    for (words, message) in [
      ([], "what is needed?"), (["none.json5"], "none.json5: found no such file"),
      (["bad.json5"], "bad.json5: reads: found 7"), (["bad.json5", "x"], "one file at a time"),
      (["bad.json5", "--out", ""], "bad.json5: reads"),
      (["bad.json5", "--format", "csv"], "--format: found \"csv\""),
      (["large.json5"], "large.json5: "),
    ] {
      let outcome = try await space.rsmbench(list: ["advise"] + words)
      #expect(outcome.status == 2 && outcome.output == "", "\(words)")
      #expect(outcome.errorLines.count == 1, "\(outcome.errors)")
      #expect(outcome.errors.hasPrefix("rsmbench: \(message)"), "\(outcome.errors)")
    }
    #expect(try space.names().filter { !$0.hasPrefix(".") } == ["bad.json5", "large.json5"])
  }
}
