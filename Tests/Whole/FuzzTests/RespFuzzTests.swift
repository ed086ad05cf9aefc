import Primitives
import Replication
import Resp
import StateMachines
import Testing
import WireFormat

/// Well-formed requests of a Redis client.
enum RespCorpus {
  static func command(_ words: String...) -> [UInt8] {
    var bytes = Array("*\(words.count)\r\n".utf8)
    for word in words { bytes += Array("$\(word.utf8.count)\r\n\(word)\r\n".utf8) }
    return bytes
  }

  static let commands: [[UInt8]] = [
    command("SET", "a", "1"), command("GET", "a"), command("set", "b", "x y", "NX"),
    command("SET", "a", "2", "XX", "GET"), command("SET", "a", "3", "EX", "10"),
    command("DEL", "a", "b"), command("EXISTS", "a", "a"), command("APPEND", "a", "tail"),
    command("INCR", "n"), command("DECRBY", "n", "9223372036854775807"),
    command("INCRBY", "n", "-5"),
    command("MGET", "a", "b", "n"), command("MSET", "a", "1", "b", "2"), command("STRLEN", "a"),
    command("SETNX", "c", ""), command("GETSET", "a", "new"), command("GETDEL", "a"),
    command("PING"), command("PING", "hello"), command("ECHO", "hi"), command("INFO"),
    command("INFO", "server"), command("COMMAND"), command("COMMAND", "DOCS"), command("HELLO"),
    command("HELLO", "3"), command("HELLO", "2", "SETNAME", "me"), command("CLIENT", "ID"),
    command("CLIENT", "SETNAME", "you"), command("CLIENT", "GETNAME"), command("SELECT", "0"),
    command("MULTI"), command("EXEC"), command("DISCARD"), command("WATCH", "a", "b"),
    command("UNWATCH"), command("RESET"), command("MSETNX", "a", "1", "d", "2"),
    command("INCRBYFLOAT", "n", "1.5e2"), command("GETRANGE", "a", "-3", "1"), command("DBSIZE"),
    command("SCAN", "0", "MATCH", "[a-c]*", "COUNT", "2"), command("KEYS", "*"), command("TIME"),
    command("TYPE", "a"), command("TTL", "a"), command("FLUSHALL"),
    command("COMMAND", "INFO", "get"),
    command("CLIENT", "LIST", "ID", "7"), command("WAIT", "1", "0"), command("ROLE"),
    Array("multi\r\n\"e\\x78ec\"\r\n".utf8),
    command("CONFIG", "GET", "save"), command("NOSUCH", "x"), command("QUIT"), command("GET"),
    Array("PING\r\n".utf8), Array("set inline \"a \\x41\\n\" \r\n".utf8),
    Array("get 'in\\'line'\n".utf8), Array("\r\n".utf8), Array("info \"a\\\"b\"\r\n".utf8),
    Array("*0\r\n".utf8), Array("*-1\r\n".utf8),
  ]

  static let replies: [[UInt8]] = [
    "+OK\r\n", "-ERR no\r\n", ":42\r\n", ":-9223372036854775808\r\n", "$5\r\nhello\r\n", "$-1\r\n",
    "$0\r\n\r\n", "*0\r\n", "*-1\r\n", "*3\r\n:1\r\n$1\r\na\r\n*1\r\n+x\r\n",
    "*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
  ].map { Array($0.utf8) }

  /// A pipeline, usually damaged.
  static func stream(of parts: [[UInt8]], _ random: inout RandomStream) -> [UInt8] {
    var bytes: [UInt8] = []
    for _ in 0...random.below(8) { bytes += parts[random.below(parts.count)] }
    if random.chance(0.85) {
      Mutation.apply(to: &bytes, other: parts[random.below(parts.count)], random: &random)
    }
    return bytes
  }

  /// The positions at which the network cuts it.
  static func cuts(of bytes: [UInt8], _ random: inout RandomStream) -> [Int] {
    var cuts: [Int] = []
    var position = 0
    let longest = 1 << random.below(8)
    while position < bytes.count {
      position = min(bytes.count, position + 1 + random.below(longest))
      cuts.append(position)
    }
    return cuts
  }

  static func limits(_ random: inout RandomStream) -> RespLimits {
    var limits = RespLimits()
    guard random.chance(0.5) else { return limits }
    limits.maximumArgumentCount = 4
    limits.maximumBulkByteCount = 40
    limits.maximumCommandByteCount = 90
    limits.maximumInlineByteCount = 30
    limits.chunkCommandCount = 3
    limits.chunkByteCount = 64
    limits.maximumKeyCount = 2
    return limits
  }
}

/// A server with one connection.
private struct Server {
  var session: RespSession
  var store = KeyValueStore()
  var output = WireWriter()

  init(limits: RespLimits) { session = RespSession(connection: 7, limits: limits) }

  mutating func take(_ bytes: [UInt8], _ range: Range<Int>) {
    session.feed(bytes, in: range)
    while let request = session.next(into: &output) {
      switch request {
      case .store(let command):
        let response = command.isReadOnly ? store.query(command) : store.apply(command)
        session.complete(response, into: &output)
      case .question: session.inform(.prose("about the server"), into: &output)
      }
    }
  }
}

@Suite("Fuzzing: RESP")
struct RespFuzzTests {
  @Test("Any bytes from a client get the same well-formed answers, however they are cut")
  func commands() throws {
    let run = FuzzRun("RespFuzzTests/commands", label: 0x4E, permille: 150)
    var replyCount = 0
    try run.forEachInput { random in
      let bytes = RespCorpus.stream(of: RespCorpus.commands, &random)
      let limits = RespCorpus.limits(&random)
      var whole = Server(limits: limits)
      whole.take(bytes, 0..<bytes.count)
      var cut = Server(limits: limits)
      var start = 0
      for end in RespCorpus.cuts(of: bytes, &random) {
        cut.take(bytes, start..<end)
        start = end
      }
      let answer = whole.output.bytes()
      guard answer == cut.output.bytes(), whole.session.isClosing == cut.session.isClosing else {
        return "\(text(answer)) at once, \(text(cut.output.bytes())) in parts, to \(text(bytes))"
      }
      guard whole.session.input.bytes.count <= 4 * bytes.count + 256 else {
        return "\(whole.session.input.bytes.count) bytes of buffer for \(bytes.count)"
      }
      guard let count = RespFuzzTests.replyCount(of: answer) else {
        return "no replies: \(text(answer))"
      }
      replyCount += count
      return nil
    }
    #expect(run.inputCount < 1000 || replyCount > run.inputCount)
  }

  /// The number of replies in the bytes; nil if the bytes are not whole replies.
  private static func replyCount(of answer: [UInt8]) -> Int? {
    var parser = RespReplyParser()
    var position = 0
    var count = 0
    do throws(RespProtocolError) {
      while try parser.next(in: answer, from: &position, to: answer.count) != nil { count += 1 }
    } catch {
      // A client that said HELLO 3 may get types of RESP3, which this parser does not know.
      return "_%=".utf8.contains { error == .invalidReply($0) } ? count : nil
    }
    return position == answer.count ? count : nil
  }

  @Test("Any bytes from a server give the same values or the same error, however they are cut")
  func replies() throws {
    let run = FuzzRun("RespFuzzTests/replies", label: 0x4F, permille: 50)
    var valueCount = 0
    try run.forEachInput { random in
      let bytes = RespCorpus.stream(of: RespCorpus.replies, &random)
      let limits = RespCorpus.limits(&random)
      let whole = RespFuzzTests.values(in: bytes, cuts: [bytes.count], limits)
      let cut = RespFuzzTests.values(
        in: bytes, cuts: RespCorpus.cuts(of: bytes, &random), limits)
      valueCount += whole.values.count
      guard whole.values == cut.values, (whole.error == nil) == (cut.error == nil) else {
        return "\(whole) at once, \(cut) in parts, of \(text(bytes))"
      }
      return nil
    }
    #expect(run.inputCount < 1000 || valueCount > run.inputCount)
  }

  private static func values(
    in bytes: [UInt8], cuts: [Int], _ limits: RespLimits
  ) -> (values: [RespValue], error: RespProtocolError?) {
    var parser = RespReplyParser(limits: limits)
    var values: [RespValue] = []
    var start = 0
    do throws(RespProtocolError) {
      for end in cuts {
        while let value = try parser.next(in: bytes, from: &start, to: end) { values.append(value) }
      }
    } catch {
      return (values, error)
    }
    return (values, nil)
  }
}

private func text(_ bytes: [UInt8]) -> String {
  String(decoding: bytes.prefix(2000), as: UTF8.self).debugDescription
}
