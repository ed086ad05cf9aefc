import Histories
import Testing

@Suite struct EdnTests {
  private func one(_ text: String) throws -> Edn {
    let values = try EdnReader.values(text)
    #expect(values.count == 1)
    return try #require(values.first).value
  }

  @Test("Every kind of value is read")
  func values() throws {
    #expect(try one("nil") == .null)
    #expect(try one("true") == .boolean(true))
    #expect(try one("-42") == .integer(-42))
    #expect(try one("7N") == .integer(7))
    #expect(try one("1.5") == .double(1.5))
    #expect(try one("\"a\\n\\\"\\u00e9\"") == .string("a\n\"é"))
    #expect(try one(":key/word") == .keyword("key/word"))
    #expect(try one("symbol") == .symbol("symbol"))
    #expect(try one("\\c") == .character("c"))
    #expect(
      try one("[1 (2) #{3}]")
        == .sequence([.integer(1), .sequence([.integer(2)]), .set([.integer(3)])]))
    #expect(try one("#inst \"x\"") == .tagged("inst", .string("x")))
    #expect(try one("{:a 1, :b nil}")["a"] == .integer(1))
    #expect(try one("{:a 1, :b nil}")["b"] == .null)
    #expect(try one("{:a 1}")["c"] == nil)
  }

  @Test("Comments, commas and discarded values are skipped, and lines are counted")
  func blank() throws {
    let values = try EdnReader.values("; one\n 1,\n #_ [2 3] 4 ; end")
    #expect(values.map(\.value) == [.integer(1), .integer(4)])
    #expect(values.map(\.line) == [2, 3])
  }

  @Test(
    "Text that is not EDN is refused with its line",
    arguments: ["{:a}", "\n[1", "\"x", ")", ":", "#", "\"\\q\"", "\"\\u12\"", "#_"])
  func errors(text: String) {
    #expect(throws: HistoryError.self) { try EdnReader.values(text) }
    #expect(throws: HistoryError.self) {
      try EdnReader.values(String(repeating: "[", count: 100_000))
    }
  }
}
