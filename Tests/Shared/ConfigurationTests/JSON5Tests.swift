import Foundation
import Replication
import Testing

@testable import Configuration

@Test("The additions of JSON5 to JSON are read")
func beyondJSON() throws {
  let text = """
    \u{FEFF}// comment
    { a: .5, 'b': +5, "c": 0x1F, $d_1: -Infinity, é: [1, 2,], /* x */ f: 'it\\'s \\x41\\
    B', g: 5., h: 1E3, i: "\\ud83d\\ude00", }
    """
  let expected: [(String, JSONValue)] = [
    ("a", .number(0.5)), ("b", .integer(5)), ("c", .integer(31)), ("$d_1", .number(-.infinity)),
    ("é", .array([.integer(1), .integer(2)])), ("f", .string("it's AB")), ("g", .number(5)),
    ("h", .number(1000)), ("i", .string("😀")),
  ]
  #expect(try JSON5Parser.parse(text) == .object(expected.map { .init($0.0, $0.1) }))
}

@Test(
  "Text that is not JSON5 is refused",
  arguments: [
    "01", "1.2.3", "--1", "0x", "+-1", ".", "e5", "1e", "tru", "'a", "\"\\u12\"", "'\\ud800'",
    "{a}", "{1:2}", "[,]", "[1,,2]", "{,}", "/", "/* ", "nulls", "'\\1'", "1 2", "{a:1,,}",
  ])
func notJSON5(text: String) {
  #expect(throws: JSON5Parser.SyntaxError.self) { try JSON5Parser.parse(text) }
}

@Test("Durations are exact decimals")
func durations() throws {
  let cases: [(String, Int64)] = [
    ("250us", 250_000), ("0.1s", 100_000_000), ("1.5ms", 1_500_000), ("2m", 120_000_000_000),
    ("7ns", 7), ("0s", 0), ("0.000000001s", 1), ("-500ms", -500_000_000),
    ("9223372036.854775807s", .max), ("9223372037s", .max),
  ]
  for (text, nanoseconds) in cases {
    let quantity = try #require(Quantity(text))
    #expect(quantity.count(in: Unit.durations) == .exact(nanoseconds), "\(text)")
  }
  #expect(Quantity("1.5ns")?.count(in: Unit.durations) == .notWhole)
  #expect(Quantity("1h")?.count(in: Unit.durations) == .unknownUnit)
  #expect(Quantity("1.5KiB")?.count(in: Unit.sizes) == .exact(1536))
  for text in ["", "s", ".5s", "1.s", "+1s", "--1s", "1e3"] {
    #expect(Quantity(text)?.count(in: Unit.durations) != .exact(1000), "\(text)")
  }
}

@Test("The nearest name is suggested only if it is near")
func nearestNames() {
  #expect(editDistance("clents", "clients") == 1)
  #expect(editDistance("trails", "trials") == 1)
  #expect(nearest(to: "clents", among: ["clients", "keys"]) == "clients")
  #expect(nearest(to: "banana", among: ["clients", "keys"]) == nil)
}
