import Primitives
import Replication
import Resp
import StateMachines
import Testing
import WireFormat

@Suite struct RespSessionTests {
  @Test("A pipeline becomes one store command, and is answered in order")
  func pipeline() {
    var client = Conversation()
    client.send(
      command("SET", "a", "1") + command("PING") + command("INCR", "a") + command("FOO")
        + command("MGET", "a", "b") + command("ECHO", "x"))
    #expect(
      client.received() == "+OK\r\n+PONG\r\n:2\r\n"
        + "-ERR unknown command 'FOO', with args beginning with: \r\n"
        + "*2\r\n$1\r\n2\r\n$-1\r\n$1\r\nx\r\n")
    #expect(client.requests.count == 1)
    // A pipeline of reads is read-only.
    client.send(command("GET", "a") + command("EXISTS", "a") + command("STRLEN", "a"))
    #expect(client.requests.last?.isReadOnly == true)
  }

  @Test("10,000 commands at once become chunks of bounded size")
  func chunks() {
    var client = Conversation()
    client.send((0..<10_000).flatMap { _ in command("INCR", "n") })
    #expect(client.received() == (1...10_000).map { ":\($0)\r\n" }.joined())
    #expect(client.requests.count == 10)
    let value = String(repeating: "v", count: 100_000)
    client.send((0..<6).flatMap { command("SET", "k\($0)", value) })
    #expect(client.received() == String(repeating: "+OK\r\n", count: 6))
    #expect(client.requests.count == 12)
  }

  @Test("Beyond the memory limit commands that may need more, or their transaction, are refused")
  func outOfMemory() {
    var client = Conversation()
    _ = client.ask("SET", "a", "1")
    client.session.interpreter.isOutOfMemory = true
    let refusal = "-OOM command not allowed when used memory > 'maxmemory'.\r\n"
    for words in [["SET", "a", "2"], ["INCR", "a"], ["MSETNX", "b", "1"], ["GETSET", "a", "2"]] {
      client.send(command(words.map { Array($0.utf8) }))
      #expect(client.received() == refusal, "\(words)")
    }
    #expect(client.ask("SET", "a").hasPrefix("-ERR wrong number of arguments"))
    #expect(client.ask("GET", "a") == "$1\r\n1\r\n" && client.ask("DEL", "b") == ":0\r\n")
    #expect(client.ask("MULTI") == "+OK\r\n" && client.ask("GET", "a") == refusal)
    #expect(client.ask("EXEC").hasPrefix("-EXECABORT"))
    client.session.interpreter.isOutOfMemory = false
    #expect(client.ask("INCR", "a") == ":2\r\n")
  }

  @Test("Commands whose answer was not kept fail, and are not sent to the store again")
  func notKept() {
    var session = RespSession(connection: 1)
    var output = WireWriter()
    let said = "-\(KeyValueResponse.Refusal.notKept.respText)\r\n"
    session.feed(command("GETDEL", "a") + command("PING") + command("INCR", "n"))
    guard case .store = session.next(into: &output) else {
      Issue.record("no request")
      return
    }
    session.complete(.refused(.notKept), into: &output)
    #expect(text(output.bytes()) == said + "+PONG\r\n" + said)
    #expect(session.next(into: &output) == nil && session.isIdle)
    output.removeAll()
    session.feed(command("MULTI") + command("GETDEL", "a") + command("EXEC"))
    while case .store? = session.next(into: &output) {
      session.complete(.refused(.notKept), into: &output)
    }
    #expect(text(output.bytes()) == "+OK\r\n+QUEUED\r\n" + said)
  }

  @Test("Commands wait while one is outstanding, and the session wants no more at its limit")
  func waiting() {
    var session = RespSession(connection: 1)
    var output = WireWriter()
    session.feed(command("SET", "a", "1"))
    #expect(session.next(into: &output) == .store(.put(Key("a"), value: bytes("1"))))
    #expect(session.waiting == .store && !session.isIdle)
    session.feed(command("PING") + command("GET", "a"))
    #expect(session.next(into: &output) == nil)
    #expect(output.count == 0 && session.wantsInput)
    session.feed(bytes("*1\r\n$2000000\r\n"))
    session.feed(Array(repeating: 0, count: session.limits.maximumWaitingByteCount))
    #expect(!session.wantsInput)
    session.complete(.done, into: &output)
    #expect(session.next(into: &output) == .store(.get(Key("a"))))
    #expect(text(output.bytes()) == "+OK\r\n+PONG\r\n")
    session.complete(.value(nil), into: &output)
    #expect(text(output.bytes()) == "+OK\r\n+PONG\r\n$-1\r\n")
  }

  @Test("INFO is answered at its place in a pipeline, also as a quoted line")
  func info() {
    var client = Conversation()
    client.send(
      command("SET", "a", "1") + bytes("\"IN\\x46O\" server 'x y'\r\n") + command("INFO")
        + command("GET", "a"))
    #expect(
      client.received()
        == "+OK\r\n$16\r\nabout server+x y\r\n$6\r\nabout \r\n$1\r\n1\r\n")
  }

  @Test("If the store fails, waiting commands get the error, and the session continues")
  func failure() {
    var session = RespSession(connection: 1)
    var output = WireWriter()
    session.feed(command("PING") + command("SET", "a", "1") + command("PING") + command("GET", "a"))
    #expect(session.next(into: &output) != nil)
    session.fail("ERR outcome unknown", into: &output)
    #expect(
      text(output.bytes()) == "+PONG\r\n-ERR outcome unknown\r\n+PONG\r\n-ERR outcome unknown\r\n")
    #expect(session.isIdle)
    output.removeAll()
    session.feed(command("GET", "a"))
    #expect(session.next(into: &output) == .store(.get(Key("a"))))
    // An answer that does not fit the question counts as an error.
    session.complete(.number(1), into: &output)
    #expect(text(output.bytes()).hasPrefix("-ERR the store gave an answer that does not fit"))
    // No command waits, so no reply is sent.
    output.removeAll()
    session.complete(.done, into: &output)
    session.fail("ERR", into: &output)
    session.inform(.prose("text"), into: &output)
    #expect(output.count == 0)
  }

  @Test("QUIT is answered after all earlier commands, and no later command is executed")
  func quit() {
    var client = Conversation()
    client.send(command("SET", "a", "1") + command("QUIT") + command("SET", "a", "2"))
    #expect(client.received() == "+OK\r\n+OK\r\n")
    #expect(client.session.shouldClose && !client.session.wantsInput)
    client.send(command("SET", "a", "3"))
    #expect(client.received() == "" && client.store[Key("a")] == bytes("1"))
  }

  @Test("Malformed bytes end the conversation after the earlier replies")
  func protocolError() {
    var client = Conversation()
    client.send(command("SET", "a", "1") + bytes("*1\r\n!\r\n") + command("SET", "a", "2"))
    #expect(client.received() == "+OK\r\n-ERR Protocol error: expected '$', got '!'\r\n")
    #expect(client.session.shouldClose)
    #expect(client.store[Key("a")] == bytes("1"))
  }

  @Test("A web page cannot make a browser send commands")
  func browser() {
    for first in ["POST / HTTP/1.1\r\n", "GET /\r\nHost: 127.0.0.1\r\n"] {
      var client = Conversation()
      client.send(bytes(first + "Content-Length: 9\r\n\r\nSET a 1\r\n"))
      #expect(client.session.shouldClose)
      #expect(client.store[Key("a")] == nil)
    }
  }

  @Test(
    "If the store's answer ends early, the rest is asked again; a too long answer alone fails")
  func longAnswers() {
    var session = RespSession(connection: 1)
    var output = WireWriter()
    let a = KeyValueCommand.get(Key("a"))
    let b = KeyValueCommand.get(Key("b"))
    session.feed(
      command("INCR", "n") + command("GET", "a") + command("PING") + command("MGET", "a", "b")
        + command("GET", "b"))
    let increment = KeyValueCommand.increment(Key("n"), by: 1)
    #expect(session.next(into: &output) == .store(.sequence([increment, a, a, b, b])))
    session.complete(.sequence([.number(1), .value([65])]), into: &output)
    #expect(session.next(into: &output) == .store(.sequence([a, b, b])))
    // Half of an answer is invalid: the command is asked alone, and then fails.
    #expect(!session.isIdle)
    session.complete(.sequence([.value([65])]), into: &output)
    #expect(session.next(into: &output) == .store(b))
    session.complete(.value([66]), into: &output)
    #expect(session.next(into: &output) == nil && session.isIdle)
    #expect(
      text(output.bytes()) == ":1\r\n$1\r\nA\r\n+PONG\r\n"
        + "-ERR the answer is longer than 33554432 bytes\r\n$1\r\nB\r\n")
  }

  @Test(
    "A conversation gives the same replies for any split of its bytes, and never traps",
    arguments: 0..<300 as Range<UInt64>)
  func pieces(seed: UInt64) {
    var random = RandomStream(seed: seed)
    var bytes = Traffic.some(&random, commands: 1 + random.below(20))
    if random.chance(0.5) { Traffic.damage(&bytes, &random) }
    var limits = RespLimits()
    limits.chunkCommandCount = 1 + random.below(4)
    var whole = Conversation()
    whole.send(bytes)
    var parts = Conversation(limits: limits)
    var start = 0
    while start < bytes.count {
      let end = min(start + 1 + random.below(10), bytes.count)
      parts.send(Array(bytes[start..<end]))
      start = end
    }
    #expect(parts.received() == whole.received(), "seed \(seed): \(text(bytes).debugDescription)")
    #expect(parts.session.shouldClose == whole.session.shouldClose, "seed \(seed)")
    #expect(parts.store.snapshot() == whole.store.snapshot(), "seed \(seed)")
  }

  @Test("A buffer of received bytes keeps their order")
  func input() {
    var random = RandomStream(seed: 1)
    var input = RespInput()
    var expected: [UInt8] = []
    for _ in 0..<2_000 {
      let piece = (0..<random.below(200)).map { _ in UInt8(random.below(256)) }
      input.append([1] + piece + [2], in: 1..<piece.count + 1)
      expected += piece
      let taken = random.below(expected.count + 1)
      input.consume(taken)
      expected.removeFirst(taken)
      #expect(Array(input.bytes[input.start..<input.end]) == expected)
    }
    #expect(input.bytes.count < 64 << 10)
  }
}
