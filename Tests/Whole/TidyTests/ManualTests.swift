import Foundation
import Testing

/// README is a front door, and the manuals are beside the code they describe. `.ci/manuals` runs
/// their commands; the tests of Experiments read the examples of the experiment format.
@Suite("Manuals")
struct ManualTests {
  private let manuals: [Manual]

  init() throws { manuals = try Manual.all() }

  @Test("All manuals are found")
  func found() {
    #expect(
      Set(manuals.map(\.path)).isSuperset(of: [
        "README.md", "Sources/README.md", "Sources/Outside/README.md", "Tests/README.md",
        "experiments/README.md", "experiments/LIBRARY.md", "experiments/peers/README.md",
      ]))
  }

  @Test("README has at most 120 lines, and leads to every manual")
  func frontDoor() throws {
    let readme = try #require(manuals.first { $0.path == "README.md" })
    #expect(readme.lines.count <= 120)
    let others = manuals.map(\.path).filter { $0 != "README.md" }
    #expect(others.filter { !readme.links.contains($0) } == [])
  }

  @Test("Manuals name no missing file")
  func references() throws {
    let names = ["README.md", ".ci", "Sources", "Tests", "experiments"]
    var files = Set(names)
    for name in names.dropFirst() {
      let below = try FileManager.default.subpathsOfDirectory(
        atPath: SourceTree.root.appending(path: name).path)
      files.formUnion(below.map { "\(name)/\($0)" })
    }
    #expect(manuals.flatMap { $0.missing(among: files) } == [])
    let bad = Manual(
      path: "Sources/README.md",
      text: "[a](../nowhere.md) `Sources/None` `Raft/None.swift` [b](Outside/README.md) `a/b`")
    #expect(bad.missing(among: files).count == 3)
  }

  @Test("A block of commands that CI leaves out has a reason")
  func commands() {
    #expect(manuals.flatMap(\.unreasoned) == [])
    let bad = Manual(path: "a", text: "<!-- not run here -->\n```sh\na\n```\n")
    #expect(bad.unreasoned == ["a:1"])
    let far = Manual(path: "a", text: "<!-- not run here: it is far -->\n\n```sh\na\n```\n")
    #expect(far.unreasoned == ["a:1"])
  }
}
