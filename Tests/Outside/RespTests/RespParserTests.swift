import Primitives
import Replication
import Resp
import Testing

@Suite struct RespParserTests {
  /// The words of every command found in bytes that arrive in the given pieces, and the final
  /// error.
  private func parse(
    _ bytes: [UInt8], pieces: [Int], limits: RespLimits = RespLimits()
  ) -> (commands: [[[UInt8]]], error: RespProtocolError?) {
    var parser = RespParser(limits: limits)
    var buffer = bytes
    var commands: [[[UInt8]]] = []
    var start = 0
    for end in pieces + [bytes.count] {
      do {
        while let length = try parser.next(in: &buffer, from: start, to: end) {
          commands.append(
            parser.arguments.map {
              Array(buffer[(start + Int($0.start))...].prefix(Int($0.count)))
            })
          start += length
        }
      } catch {
        return (commands, error)
      }
    }
    return (commands, nil)
  }

  private func words(_ text: String, limits: RespLimits = RespLimits()) -> [[String]] {
    parse(Array(text.utf8), pieces: [], limits: limits).commands
      .map { $0.map { String(decoding: $0, as: UTF8.self) } }
  }

  private func error(_ text: String, limits: RespLimits = RespLimits()) -> RespProtocolError? {
    parse(Array(text.utf8), pieces: [], limits: limits).error
  }

  private let conversation =
    command("SET", "key", "value") + command("GET", "") + Array("*0\r\n*-1\r\nPING\r\n".utf8)
    + Array("  set \"a b\\x41\" 'it\\'s' \"\"\n\r\n".utf8) + command([[0, 13, 10, 255], [], [42]])

  @Test("Commands are the same wherever the bytes are split, once or at every byte")
  func cuts() {
    let whole = parse(conversation, pieces: [])
    #expect(whole.error == nil)
    #expect(
      whole.commands.map { $0.map { String(decoding: $0, as: UTF8.self) } }.prefix(6) == [
        ["SET", "key", "value"], ["GET", ""], [], [], ["PING"], ["set", "a bA", "it's", ""],
      ])
    #expect(whole.commands.suffix(2) == [[], [[0, 13, 10, 255], [], [42]]])
    for cut in 0...conversation.count {
      let parts = parse(conversation, pieces: [cut])
      #expect(parts.commands == whole.commands && parts.error == nil, "cut at \(cut)")
    }
    #expect(parse(conversation, pieces: Array(0..<conversation.count)).commands == whole.commands)
  }

  @Test(
    "Damaged bytes give the same commands and error for any split, and never trap",
    arguments: 0..<300 as Range<UInt64>)
  func damage(seed: UInt64) {
    var random = RandomStream(seed: seed)
    var limits = RespLimits()
    limits.maximumInlineByteCount = 200
    for _ in 0..<10 {
      var bytes = Traffic.some(&random, commands: 1 + random.below(5))
      Traffic.damage(&bytes, &random)
      let whole = parse(bytes, pieces: [], limits: limits)
      let single = parse(bytes, pieces: Array(0..<bytes.count), limits: limits)
      #expect(single.commands == whole.commands, "seed \(seed): \(text(bytes).debugDescription)")
      #expect(single.error == whole.error, "seed \(seed): \(text(bytes).debugDescription)")
    }
  }

  @Test("A line is words between blanks; quotes keep blanks, and escapes are those of C")
  func lines() {
    #expect(words("get  a\tb\r\n") == [["get", "a", "b"]])
    #expect(words("ping\n") == [["ping"]])
    #expect(words("\r\n\n   \r\n") == [[], [], []])
    #expect(words(#"a "x\n\r\t\b\a\x4a\q\"" b"# + "\n") == [["a", "x\n\r\t\u{8}\u{7}Jq\"", "b"]])
    #expect(words(#"'a\nb' 'it\'s' pre"fix"# + "\"\n") == [[#"a\nb"#, "it's", "prefix"]])
    #expect(words(#""" ''"# + "\n") == [["", ""]])
    for unbalanced in [#""abc"#, #"'abc"#, #""abc"d"#, #"'a'b"#, #""abc\"#] {
      #expect(error(unbalanced + "\n") == .unbalancedQuotes, "\(unbalanced)")
    }
  }

  @Test("Impossible lengths end the conversation; a null array is an empty command")
  func malformedLengths() {
    for count in ["x", "", "+1", " 1", "01", "1048577", "9999999999999999999999999", "1x"] {
      #expect(error("*\(count)\r\n") == .invalidMultibulkLength, "\(count)")
    }
    for count in ["x", "", "-1", "+1", "007", "9999999999999999999999999"] {
      #expect(error("*1\r\n$\(count)\r\n") == .invalidBulkLength, "\(count)")
    }
    #expect(error("*1\r\n$16777217\r\n") == .bulkTooBig(limit: 16 << 20))
    #expect(error("*1\r\n:5\r\n") == .expectedDollar(found: UInt8(ascii: ":")))
    #expect(error("*1\r\n$3\r\nabcd\r\n") == .unterminatedBulk)
    #expect(words("*-1\r\n*0\r\n*1\r\n$4\r\nPING\r\n") == [[], [], ["PING"]])
    // A missing part that may still arrive is not an error.
    for text in ["*", "*12", "*1\r", "*1\r\n$", "*1\r\n$2\r\na", "*1\r\n$2\r\nab\r"] {
      #expect(error(text) == nil && words(text) == [], "\(text)")
    }
  }

  @Test("A command is refused only beyond the limits")
  func limits() {
    var limits = RespLimits()
    limits.maximumArgumentCount = 3
    limits.maximumBulkByteCount = 10
    limits.maximumCommandByteCount = 40
    limits.maximumInlineByteCount = 12
    let ten = String(repeating: "v", count: 10)
    #expect(words(text(command("a", "b", "c")), limits: limits).count == 1)
    #expect(error("*4\r\n", limits: limits) == .invalidMultibulkLength)
    #expect(words(text(command("a", ten)), limits: limits) == [["a", ten]])
    #expect(error("*2\r\n$1\r\na\r\n$11\r\n", limits: limits) == .bulkTooBig(limit: 10))
    #expect(
      error(text(command(ten, ten, ten)), limits: limits) == .commandTooBig(limit: 40))
    #expect(words("12345678901\n", limits: limits) == [["12345678901"]])
    #expect(error("123456789012\n", limits: limits) == .inlineTooBig)
    #expect(error("123456789012", limits: limits) == .inlineTooBig)
    // An announced size allocates no memory.
    #expect(words("*1048576\r\n$16777216\r\n") == [])
  }
}
