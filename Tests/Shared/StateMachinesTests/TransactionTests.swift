import Primitives
import Replication
import StateMachines
import Testing
import WireFormat

@Suite struct TransactionTests {
  let a = Key("a")
  let b = Key("b")

  private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

  @Test("A failed condition skips exactly the next commands that it names")
  func conditions() throws {
    let commands: [KeyValueCommand] = [
      .put(a, value: [1]), .require(a, value: [2], orSkip: 2), .put(a, value: [3]),
      .require(b, value: nil, orSkip: 9), .require(b, value: nil, orSkip: 1), .put(b, value: [4]),
      .require(b, value: [4], orSkip: 5), .increment(Key("n"), by: 1),
    ]
    let expected: [KeyValueResponse] = [
      .done, .number(0), .skipped, .skipped, .number(1), .done, .number(1), .number(1),
    ]
    for command in [
      KeyValueCommand.sequence(KeyValueSequence(commands)),
      .transaction(KeyValueSequence(commands)),
    ] {
      var store = KeyValueStore()
      #expect(store.apply(command) == .sequence(expected))
      #expect(store[a] == [1] && store[b] == [4])
      var fromBytes = KeyValueStore()
      var reader = WireReader(command.encoded())
      #expect(try fromBytes.apply(reading: &reader) == .sequence(expected))
      #expect(fromBytes.snapshot() == store.snapshot())
      #expect(try WireReader.decode(KeyValueCommand.self, from: command.encoded()) == command)
    }
    // More commands to skip than the sequence has.
    var store = KeyValueStore()
    #expect(
      store.apply(.sequence([.require(a, value: [], orSkip: .max), .clear]))
        == .sequence([.number(0), .skipped]))
  }

  @Test("A transaction whose answer is too long has no effect, whatever its commands did before")
  func undone() {
    var store = KeyValueStore()
    let half = Array(repeating: UInt8(1), count: KeyValueStore.maximumAnswerByteCount / 2)
    let others = (0..<20).map { Key("other \($0)") }
    for key in others { _ = store.apply(.put(key, value: bytes("7"))) }
    _ = store.apply(.put(a, value: half))
    let before = store.snapshot()
    let changes: [KeyValueCommand] = [
      .put(others[0], value: [9]), .put(b, value: [9]), .delete(others[1]),
      .append(others[2], value: [9]), .increment(others[3], by: 2),
      .compareAndSwap(others[4], expected: bytes("7"), value: [9]),
      .putIfAbsent(Key("new"), value: [9]), .putIfPresent(others[5], value: [9]),
      .addDecimal(others[6], .zero), .get(a), .put(a, value: half + [1]),
    ]
    let tooLong: [KeyValueCommand] = [.get(a), .get(a)]
    for middle in [[], [KeyValueCommand.clear, .put(a, value: half), .put(b, value: [1])]] {
      #expect(
        store.apply(.transaction(KeyValueSequence(changes + middle + tooLong)))
          == .refused(.answerTooLong))
      #expect(store.snapshot() == before)
    }
    // A transaction whose answer fits is carried out.
    #expect(
      store.apply(.transaction([.get(a), .get(a), .delete(a)]))
        == .sequence([.value(half), .value(half), .number(1)]))
  }

  @Test("A walk over the keys finds every key that stays, whatever is added or removed meanwhile")
  func scan() {
    for seed in 0..<100 as Range<UInt64> {
      var random = RandomStream(seed: seed)
      var store = KeyValueStore()
      for number in 0..<random.below(200) { _ = store.apply(.put(Key("k\(number)"), value: [])) }
      var staying = Set((0..<200).map { Key("k\($0)") }.filter { store[$0] != nil })
      var met: Set<Key> = []
      var cursor: UInt64 = 0
      var pages = 0
      repeat {
        let command = KeyValueCommand.scan(from: cursor, count: 7, pattern: bytes("*"))
        guard case .page(let next, let keys) = store.query(command) else {
          Issue.record("no page")
          return
        }
        cursor = next
        met.formUnion(keys.map { Key($0) })
        for _ in 0..<random.below(8) {
          let key = Key("k\(random.below(300))")
          if random.chance(0.6) {
            staying.remove(key)
            _ = store.apply(.delete(key))
          } else {
            _ = store.apply(.put(key, value: []))
          }
        }
        pages += 1
      } while cursor != 0 && pages < 1000
      #expect(cursor == 0 && staying.isSubset(of: met), "seed \(seed)")
    }
  }

  @Test("Keys with consecutive numbers are read at once, until the answer has no more room")
  func consecutive() throws {
    var store = KeyValueStore()
    let half = [UInt8](repeating: 7, count: KeyValueStore.maximumAnswerByteCount / 2)
    for (name, value) in [("k9", half), ("k11", half), ("k12", [1]), ("other9", [2])] {
      _ = store.apply(.put(Key(name), value: value))
    }
    let command = KeyValueCommand.consecutive(names: bytes("k"), first: 8, count: 4)
    let expected = KeyValueResponse.sequence(
      [.value(nil), .value(half), .value(nil), .value(half)])
    #expect(store.query(command) == expected && store.apply(command) == expected)
    #expect(command.isReadOnly)
    let longer = KeyValueCommand.consecutive(names: bytes("k"), first: 8, count: 5)
    #expect(store.query(longer) == expected)
    #expect(try WireReader.decode(KeyValueCommand.self, from: longer.encoded()) == longer)
    #expect(longer.encoded().count == longer.encodedByteCount)
    var reader = WireReader(longer.encoded())
    #expect(try KeyValueStore.isReadOnly(reading: &reader) && reader.isAtEnd)
  }

  @Test("Consecutive keys are refused in a sequence, and if there are too many")
  func consecutiveRefusals() {
    let inner = KeyValueCommand.consecutive(names: bytes("k"), first: 0, count: 1)
    let many = KeyValueCommand.consecutive(
      names: bytes("k"), first: 0, count: UInt32(KeyValueSequence.maximumCount) + 1)
    let last = KeyValueCommand.consecutive(names: bytes("k"), first: .max, count: 1)
    #expect(throws: WireError.malformed("consecutive keys within a sequence")) {
      try WireReader.decode(KeyValueCommand.self, from: KeyValueCommand.sequence([inner]).encoded())
    }
    for command in [.transaction([inner]), many, last] {
      #expect(throws: WireError.self) {
        try WireReader.decode(KeyValueCommand.self, from: command.encoded())
      }
    }
  }

  @Test("Positions count from either end, and positions past an end mean the end")
  func range() {
    var store = KeyValueStore()
    _ = store.apply(.put(a, value: bytes("Hello")))
    for (first, last, expected) in [
      (0, 0, "H"), (0, -1, "Hello"), (1, 3, "ell"), (-3, -2, "ll"), (3, 1, ""), (-100, 1, "He"),
      (4, 100, "o"), (5, 9, ""), (-1, -5, ""), (.min, .max, "Hello"), (.max, .min, ""),
      (-100, -100, "H"),
    ] as [(Int64, Int64, String)] {
      #expect(
        store.query(.range(a, first: first, last: last)) == .value(bytes(expected)),
        "\(first)...\(last)")
    }
    #expect(store.query(.range(b, first: 0, last: -1)) == .value([]))
  }

  @Test(
    "Patterns match whole texts",
    arguments: [
      ("*", ""), ("*", "abc"), ("a*c", "abbbc"), ("a?c", "abc"), ("a[bx]c", "abc"),
      ("*a*b*", "xaxbx"),
      ("a[^x]c", "abc"), ("a[a-c]c", "abc"), ("a[c-a]c", "abc"), ("a\\*c", "a*c"), ("[\\]]", "]"),
      ("\\", "\\"), ("a[b", "ab"), ("**", "a"), ("a**b", "ab"),
    ])
  func matches(pattern: String, text: String) {
    #expect(GlobPattern.matches(bytes(pattern), bytes(text)))
  }

  @Test(
    "Other texts do not match",
    arguments: [
      ("", "a"), ("a", ""), ("a", "b"), ("a*c", "abbb"), ("a?c", "ac"), ("a[bx]c", "adc"),
      ("?", ""),
      ("a[^b]c", "abc"), ("a[a-c]c", "adc"), ("a\\*c", "abc"), ("*a*b", "xbxa"), ("[a]", ""),
      ("[]", "a"),
    ])
  func differs(pattern: String, text: String) {
    #expect(!GlobPattern.matches(bytes(pattern), bytes(text)))
  }

  @Test("A pattern of many stars takes at most the product of both lengths in steps")
  func manyStars() {
    let pattern = bytes(String(repeating: "a*", count: 500) + "b")
    #expect(!GlobPattern.matches(pattern, Array(repeating: UInt8(ascii: "a"), count: 20_000)))
  }
}

@Suite struct DecimalFractionTests {
  private func number(_ text: String) -> DecimalFraction? {
    DecimalFraction(spelledBy: Array("x\(text)".utf8), in: 1..<text.utf8.count + 1)
  }

  private func spelled(_ text: String) -> String? {
    number(text).map { String(decoding: $0.spelling, as: UTF8.self) }
  }

  @Test(
    "Numbers are spelled without trailing zeros",
    arguments: [
      ("0", "0"), ("-0", "0"), ("1", "1"), ("-1.50", "-1.5"), (".5", "0.5"), ("5.", "5"),
      ("+7", "7"),
      ("1e3", "1000"), ("1.25E-2", "0.0125"), ("1e-17", "0.00000000000000001"), ("1e-18", "0"),
      ("5e-18", "0.00000000000000001"), ("4.9e-18", "0"), ("1e20", "100000000000000000000"),
      ("0.1", "0.1"), ("3.0000000000000000000000000000000000000000000000000001", "3"),
      ("0e99999", "0"), ("000000000000000000000000000000000000000000000000001", "1"),
    ])
  func spelling(text: String, expected: String) { #expect(spelled(text) == expected) }

  @Test(
    "Text that is not a number, or too large a number, is refused",
    arguments: [
      "", "-", ".", "e5", "1e", "1e+", "1.2.3", " 1", "1 ", "x", "nan", "inf", "0x10", "1e21",
      "1e400",
      "100000000000000000001", "1,5",
    ])
  func refused(text: String) { #expect(number(text) == nil) }

  @Test("Sums are exact, and refused beyond 10^20")
  func sums() throws {
    func sum(_ a: String, _ b: String) throws -> DecimalFraction? {
      let (a, b) = (try #require(number(a)), try #require(number(b)))
      return a.adding(b)
    }
    #expect(try sum("0.1", "0.2") == number("0.3"))
    #expect(try sum("1e20", "1e-17") == nil)
    #expect(try sum("-1e20", "1e20") == .zero)
    for text in ["0", "-1.5", "1e20", "-1e20"] {
      let value = try #require(number(text))
      #expect(try WireReader.decode(DecimalFraction.self, from: value.encoded()) == value)
    }
    #expect(throws: WireError.self) {
      try WireReader.decode(DecimalFraction.self, from: Array(repeating: 0x7F, count: 16))
    }
  }
}
