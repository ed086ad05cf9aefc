import Replication
import Resp
import StateMachines
import Testing

/// Tests MULTI, EXEC, DISCARD and WATCH with a session and a real store.
@Suite struct RespTransactionTests {
  @Test("The commands of a transaction are one store request, answered as one array")
  func one() {
    var client = Conversation()
    client.send(
      command("MULTI") + command("SET", "a", "1") + command("INCR", "a") + command("PING")
        + command("MGET", "a", "b") + command("INCRBY", "a", "x") + command("EXEC")
        + command("GET", "a"))
    #expect(
      client.received()
        == "+OK\r\n" + String(repeating: "+QUEUED\r\n", count: 5)
        + "*5\r\n+OK\r\n:2\r\n+PONG\r\n*2\r\n$1\r\n2\r\n$-1\r\n"
        + "-ERR value is not an integer or out of range\r\n$1\r\n2\r\n")
    #expect(client.requests.count == 2)
    guard case .transaction(let sequence) = client.requests[0] else {
      Issue.record("\(client.requests[0])")
      return
    }
    #expect(sequence.count == 4)
  }

  @Test("A transaction has no effect before its end, nor after DISCARD or RESET")
  func nothing() {
    var client = Conversation()
    for end in ["DISCARD", "RESET"] {
      _ = client.ask("MULTI")
      #expect(client.ask("SET", "a", "1") == "+QUEUED\r\n")
      #expect(client.ask(end) == (end == "RESET" ? "+RESET\r\n" : "+OK\r\n"))
      #expect(client.ask("EXEC") == "-ERR EXEC without MULTI\r\n")
    }
    _ = client.ask("MULTI")
    _ = client.ask("SET", "a", "1")
    #expect(client.ask("QUIT") == "+OK\r\n" && client.session.shouldClose)
    #expect(client.requests.isEmpty)
  }

  @Test(
    "A command that cannot be executed discards its transaction",
    arguments: [
      ["FOO"], ["GET"], ["SET", "a", "1", "EX", "10"], ["EXPIRE", "a", "1"], ["INFO"], ["TIME"],
      ["WAIT", "0", "0"], ["CLIENT", "LIST"], ["CLIENT", "ID", "x"], ["CLIENT", "SETNAME"],
      ["CLIENT", "INFO", "x"], ["CLIENT", "NO-EVICT"], ["CLIENT", "NONE"], ["CONFIG", "GET"],
      ["CONFIG", "NONE", "x"], ["COMMAND", "COUNT", "x"], ["COMMAND", "NONE"],
    ])
  func spoilt(words: [String]) {
    var client = Conversation()
    _ = client.ask("MULTI")
    _ = client.ask("SET", "a", "1")
    client.send(command(words.map { Array($0.utf8) }))
    #expect(client.received().hasPrefix("-ERR "))
    #expect(client.ask("SET", "b", "1") == "+QUEUED\r\n")
    #expect(
      client.ask("EXEC")
        == "-EXECABORT Transaction discarded because of previous errors.\r\n")
    #expect(client.requests.isEmpty)
    // The next transaction is not affected.
    client.send(command("MULTI") + command("SET", "a", "1") + command("EXEC"))
    #expect(client.received() == "+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n")
  }

  @Test("A transaction is refused at the command that makes it too long")
  func tooLong() {
    var limits = RespLimits()
    limits.maximumTransactionByteCount = 1000
    var client = Conversation(limits: limits)
    _ = client.ask("MULTI")
    #expect(client.ask("SET", "a", String(repeating: "x", count: 800)) == "+QUEUED\r\n")
    #expect(
      client.ask("SET", "a", String(repeating: "x", count: 200))
        == "-ERR the transaction is too long\r\n")
    #expect(client.ask("EXEC").hasPrefix("-EXECABORT"))
    limits.maximumKeyCount = 3
    client = Conversation(limits: limits)
    _ = client.ask("MULTI")
    #expect(client.ask("MGET", "a", "b") == "+QUEUED\r\n")
    #expect(client.ask("MGET", "a", "b") == "-ERR the transaction is too long\r\n")
    #expect(client.requests.isEmpty)
  }

  @Test("A watched key with another value undoes the transaction, however often it is repeated")
  func watch() {
    var client = Conversation()
    for value in [nil, "1"] {
      for watches in [["a", "b"], ["b", "a", "b"]] {
        client.store = KeyValueStore()
        if let value { _ = client.store.apply(.put(Key("a"), value: bytes(value))) }
        client.send(command((["WATCH"] + watches).map { Array($0.utf8) }) + command("MULTI"))
        _ = client.ask("SET", "b", "mine")
        #expect(client.ask("EXEC") == "*1\r\n+OK\r\n")
        // The watched keys have been forgotten.
        client.send(command("MULTI") + command("GET", "b") + command("EXEC"))
        #expect(client.received().hasSuffix("*1\r\n$4\r\nmine\r\n"))
        client.send(command((["WATCH"] + watches).map { Array($0.utf8) }) + command("MULTI"))
        _ = client.store.apply(.put(Key("a"), value: bytes("theirs")))
        _ = client.ask("SET", "b", "again")
        #expect(client.ask("EXEC").hasSuffix("*-1\r\n"))
        #expect(client.store[Key("b")] == bytes("mine"))
      }
    }
    for forgets in ["UNWATCH", "RESET"] {
      client.send(command("WATCH", "a") + command(forgets) + command("SET", "a", "x"))
      client.send(command("MULTI") + command("GET", "a") + command("EXEC"))
      #expect(client.received().hasSuffix("*1\r\n$1\r\nx\r\n"))
    }
    _ = client.ask("MULTI")
    #expect(client.ask("WATCH", "a") == "-ERR WATCH inside MULTI is not allowed\r\n")
    #expect(client.ask("EXEC") == "*0\r\n")
  }

  @Test("If the watched values are unknown, the transaction has no effect")
  func unknownValues() {
    var limits = RespLimits()
    limits.maximumWatchedByteCount = 3
    var client = Conversation(limits: limits)
    _ = client.store.apply(.put(Key("a"), value: bytes("1234")))
    #expect(client.ask("WATCH", "a") == "-ERR the watched values are too long\r\n")
    client.send(command("MULTI") + command("SET", "a", "1") + command("EXEC"))
    #expect(client.received() == "+OK\r\n+QUEUED\r\n*-1\r\n")
    client.session.feed(command("WATCH", "b"))
    #expect(client.session.next(into: &client.output) == .store(.get(Key("b"))))
    client.session.fail("ERR outcome unknown", into: &client.output)
    client.send(command("MULTI") + command("PING") + command("EXEC"))
    #expect(client.received().hasSuffix("*-1\r\n"))
  }

  @Test("A transaction whose outcome is unknown is answered so once")
  func unknownOutcome() {
    var client = Conversation()
    client.session.feed(
      command("MULTI") + command("INCR", "a") + command("PING") + command("EXEC")
        + command("PING"))
    #expect(client.session.next(into: &client.output) != nil)
    client.session.fail("ERR outcome unknown", into: &client.output)
    client.settle()
    #expect(
      client.received()
        == "+OK\r\n+QUEUED\r\n+QUEUED\r\n-ERR outcome unknown\r\n+PONG\r\n")
  }

  @Test("A too long answer undoes the transaction, and the client is told")
  func longAnswer() {
    var client = Conversation()
    let large = Array(repeating: UInt8(1), count: 17 << 20)
    _ = client.store.apply(.put(Key("a"), value: large))
    client.send(
      command("MULTI") + command("DEL", "b") + command("GETDEL", "a") + command("SET", "a", "1")
        + command("EXEC"))
    #expect(client.received().utf8.count > large.count)
    _ = client.store.apply(.put(Key("a"), value: large))
    client.send(
      command("MULTI") + command("GET", "a") + command("GETDEL", "a") + command("EXEC"))
    #expect(
      client.received().hasSuffix(
        "-EXECABORT Transaction discarded: the answer is longer than 33554432 bytes\r\n"))
    #expect(client.store[Key("a")] == large)
  }
}
