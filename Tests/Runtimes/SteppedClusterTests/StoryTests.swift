import ProtocolTesting
import Replication
import Testing
import Unreplicated

/// How transcripts are compared with their files, which lie with the tests of the protocols.
@Suite("Transcripts") struct StoryTests {
  private typealias Plain = Story<UnreplicatedServer>

  private func story() -> Plain {
    Plain(
      "A title", replicas: 1,
      options: UnreplicatedServer.Options(OptionValues(UnreplicatedServer.Options.declared)),
      wording: Wording(
        message: { _ in nil }, record: { _ in "written" }, timer: { _ in "" }, status: { $0.role }))
  }

  @Test("A transcript has a title, sentences of at most 80 columns, and one line for each event")
  func form() {
    var story = story()
    story.say(String(repeating: "word ", count: 20))
    story.section("A part")
    story.propose(4, at: a)
    story.run()
    let lines = story.text.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.prefix(3) == ["A title", "=======", ""])
    #expect(lines.allSatisfy { $0.count <= 80 })
    #expect(
      story.text.hasSuffix(
        """

        A part
        ------

          client → A  x=4
          A disk      written
          A           commits entry 1: x=4
          client ← A  x=4 is done

        """))
  }

  @Test("Only the first lines that differ are shown, with their number")
  func differences() {
    #expect(Plain.firstDifference(told: "a\nb\n", plays: "a\nb\n") == nil)
    #expect(
      Plain.firstDifference(told: "a\nb\nc\n", plays: "a\nx\nc\n")
        == """
        line 2: the file says (-), the cluster plays (+)
        - b
        - c
        - 
        + x
        + c
        + 
        """)
    let longer = Plain.firstDifference(told: "a\n", plays: "a\nb\n")
    #expect(longer?.hasPrefix("line 2: ") == true)
  }

  @Test("A transcript that does not exist is an error with the command that writes it")
  func missing() {
    let found = story().difference(from: "None", beside: "/nowhere/SomeTests/A.swift")
    #expect(found?.contains("Scenarios/None.txt does not exist") == true)
    #expect(found?.contains("RSMBENCH_REWRITE_SCENARIOS=1 swift test --filter") == true)
  }
}
