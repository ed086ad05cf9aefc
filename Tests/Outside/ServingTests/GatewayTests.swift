import Glibc
import RedisClients
import Replication
import Resp
import Testing
import Unreplicated

/// A gateway in front of one real node, spoken to as clients do, and as they should not.
@Suite struct GatewayTests {
  private func onStage(
    _ body: @escaping @Sendable (Stage) throws -> Void
  ) async throws {
    try await onThread {
      let stage = try Stage(UnreplicatedServer.self, replicas: 1)
      stage.startAll()
      try body(stage)
    }
  }

  @Test("A client sets and gets any bytes, empty ones too, and 10,000 commands at once")
  func values() async throws {
    try await onStage { stage in
      let client = try stage.client()
      let binary = (0...255).map { UInt8($0) }
      for (key, value) in [([], []), (binary, binary), (Array("k".utf8), [])] {
        try client.send(RedisClient.command([Array("SET".utf8), key, value]))
        #expect(try client.reply() == .ok)
        try client.send(RedisClient.command([Array("GET".utf8), key]))
        #expect(try client.reply() == .bulk(value))
      }
      let large = Array(repeating: UInt8(7), count: 2 << 20)
      try client.send(RedisClient.command([Array("SET".utf8), Array("large".utf8), large]))
      #expect(try client.reply() == .ok)
      try client.send(RedisClient.command("GET", "large") + RedisClient.command("PING"))
      #expect(try client.reply() == .bulk(large))
      #expect(try client.reply() == .status(Array("PONG".utf8)))
      try client.send((0..<10_000).flatMap { _ in RedisClient.command("INCR", "n") })
      for number in 1...10_000 { #expect(try client.reply() == .integer(Int64(number))) }
    }
  }

  @Test("A client that has closed its side still gets every answer, and then the end")
  func halfClosed() async throws {
    try await onStage { stage in
      let client = try stage.client()
      try client.send(
        RedisClient.command("SET", "a", "1") + RedisClient.command("INCR", "a")
          + Array("GET a\r\n*1\r\n$4\r\nPI".utf8))
      client.endOutput()
      #expect(try client.rest() == "+OK\r\n:2\r\n$1\r\n2\r\n")
    }
  }

  @Test("QUIT is answered, and the connection ends")
  func quit() async throws {
    try await onStage { stage in
      let client = try stage.client()
      try client.send(Array("SET a 1\r\nQUIT\r\nSET a 2\r\n".utf8))
      #expect(try client.rest() == "+OK\r\n+OK\r\n")
      #expect(try stage.client().ask("GET", "a") == .text("1"))
    }
  }

  @Test("A client that sends far too much is told why before the connection ends")
  func goodbye() async throws {
    try await onStage { stage in
      let client = try stage.client()
      try client.send(Array("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$50000000\r\n".utf8))
      try client.send(Array(repeating: 0, count: 50_000_000))
      client.endOutput()
      #expect(
        try client.rest()
          == "-ERR Protocol error: invalid bulk length, over the limit of 16777216 bytes\r\n")
      #expect(try stage.client().ask("EXISTS", "a") == .integer(0))
    }
  }

  @Test("What a client does not read holds back itself alone, and nothing of it is lost")
  func slowReader() async throws {
    try await onStage { stage in
      let slow = try stage.client(receiveBuffer: 4096)
      let payload = String(repeating: "e", count: 4000)
      let command = RedisClient.command("ECHO", payload)
      var pending = ArraySlice(command)
      var whole = 0
      var byteCount = 0
      // Until the connection has taken nothing for a second; without a bound that never comes.
      while byteCount < 64 << 20 {
        let sent = slow.sendSome(Array(pending))
        if sent > 0 {
          byteCount += sent
          pending = pending.dropFirst(sent)
          if pending.isEmpty {
            whole += 1
            pending = ArraySlice(command)
          }
        } else {
          var room = pollfd(fd: slow.descriptor, events: Int16(POLLOUT), revents: 0)
          if poll(&room, 1, 1_000) == 0 { break }
        }
      }
      #expect(byteCount < 64 << 20)
      let other = try stage.client()
      #expect(try other.ask("SET", "a", "1") == .ok)
      for _ in 0..<whole { #expect(try slow.reply() == .text(payload)) }
      try slow.send(Array(pending))
      #expect(try slow.reply() == .text(payload))
      #expect(try slow.ask("GET", "a") == .text("1"))
    }
  }

  @Test("Connections that end leave nothing: their sessions serve the next ones")
  func reuse() async throws {
    try await onStage { stage in
      for round in 0..<200 {
        let client = try stage.client()
        #expect(try client.ask("INCR", "n") == .integer(Int64(round + 1)))
        // Every other one leaves without waiting for its last answer.
        if round % 2 == 0 { try client.send(RedisClient.command("GET", "n")) }
      }
      let client = try stage.client()
      var clients = try client.info("clients")
      // The gateway sees the last ones go in its own time.
      while clients["connected_clients"] != "1" { clients = try client.info("clients") }
      #expect(Int(clients["cluster_sessions"] ?? "") ?? .max < 20)
      #expect(try client.info("stats")["total_connections_received"] == "201")
    }
  }

  @Test("Without a cluster every command says that its outcome is unknown, and others go on")
  func noCluster() async throws {
    try await onThread {
      let stage = try Stage(UnreplicatedServer.self, replicas: 1, timeout: .milliseconds(200))
      let client = try stage.client()
      for command in [["SET", "a", "1"], ["GET", "a"]] {
        try client.send(RedisClient.command(command.map { Array($0.utf8) }))
        #expect(
          try client.reply()
            == .error(Array("ERR outcome unknown: no answer from the cluster within 200ms".utf8)))
      }
      #expect(try client.ask("PING") == .status(Array("PONG".utf8)))
      #expect(try client.info("replication")["node0"] == "state=unreachable")
      stage.startAll()
      // A node needs a moment to start.
      while try client.ask("SET", "a", "2") != .ok {}
      #expect(try client.ask("GET", "a") == .text("2"))
    }
  }
}
