import Glibc
import HostTesting
import RedisClients
import Replication
import Resp
import Serving
import Testing
import Unreplicated

/// A gateway before one real node, with well-behaved and ill-behaved clients.
@Suite struct GatewayTests {
  private func onStage(
    limits: RespLimits = RespLimits(), memory: Int = GatewayLimits.memory,
    patience: Interval = .seconds(60), maxMemory: Int = 0,
    _ body: @escaping @Sendable (Stage) throws -> Void
  ) async throws {
    try await onThread {
      let stage = try Stage(
        UnreplicatedServer.self, replicas: 1, limits: limits, memory: memory, patience: patience,
        maxMemory: maxMemory)
      stage.startAll()
      try body(stage)
    }
  }

  @Test("A client sets and gets any bytes, including empty ones, and 10,000 commands at once")
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

  @Test("A client that has closed its sending side still gets every answer, and then the end")
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

  @Test("Beyond its limit of memory a service refuses what may need more, and answers the rest")
  func maxMemory() async throws {
    // A process has more than one byte allocated, so that the limit is passed from the start.
    try await onStage(maxMemory: 1) { stage in
      let client = try stage.client()
      let refusal = "OOM command not allowed when used memory > 'maxmemory'."
      // The first reports may be under way.
      while try client.ask("SET", "a", "1") == .ok {}
      #expect(try client.ask("SET", "b", "1") == .error(Array(refusal.utf8)))
      #expect(try client.ask("APPEND", "a", "1") == .error(Array(refusal.utf8)))
      #expect(try client.ask("MULTI") == .ok)
      #expect(try client.ask("DEL", "a") == .error(Array(refusal.utf8)))
      #expect(
        try client.ask("EXEC")
          == .error(Array("EXECABORT Transaction discarded because of previous errors.".utf8)))
      #expect(try client.ask("GET", "b") == .bulk(nil))
      #expect(try client.ask("DEL", "b") == .integer(0))
      #expect(
        try client.ask("CONFIG", "GET", "maxmemory") == .array([.text("maxmemory"), .text("1")]))
      guard case .bulk(let info?) = try client.ask("INFO", "memory") else { return }
      #expect(String(decoding: info, as: UTF8.self).contains("maxmemory:1\r\n"))
    }
  }

  @Test("A client that says nothing for too long is closed, and one that waits for nothing as well")
  func idle() async throws {
    try await onThread {
      let stage = try Stage(
        UnreplicatedServer.self, replicas: 1, idleLimit: .milliseconds(300))
      stage.startAll()
      let silent = try stage.client()
      let (half, once) = (try stage.client(), try stage.client())
      try half.send(Array("*1\r\n$4\r\nPI".utf8))
      try once.send(RedisClient.command("SET", "a", "1"))
      #expect(try once.rest() == "+OK\r\n")
      #expect(try silent.rest() == "" && half.rest() == "")
      #expect(try stage.client().ask("GET", "a") == .text("1"))
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

  @Test("A client that sends far too much gets an error before the connection ends")
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

  @Test("A client that does not read blocks only itself, and loses no reply")
  func slowReader() async throws {
    var limits = RespLimits()
    limits.maximumUnreadByteCount = 4 << 20
    try await onStage(limits: limits) { stage in
      let slow = try stage.client(receiveBuffer: 4096)
      let payload = String(repeating: "e", count: 4000)
      let command = RedisClient.command("ECHO", payload)
      var pending = ArraySlice(command)
      var whole = 0
      var byteCount = 0
      // Until the connection has accepted no byte for a second; without a bound that would never
      // happen.
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

  @Test("A client that writes 64 MiB before it reads gets every answer")
  func writesFirst() async throws {
    try await onStage { stage in
      let client = try stage.client(receiveBuffer: 4096)
      let payload = String(repeating: "e", count: 1 << 20)
      let pipeline = RedisClient.command("ECHO", payload) + RedisClient.command("SET", "a", payload)
      for _ in 0..<32 { try client.send(pipeline) }
      for _ in 0..<32 {
        #expect(try client.reply() == .text(payload))
        #expect(try client.reply() == .ok)
      }
      #expect(try client.ask("GET", "a") == .text(payload))
    }
  }

  @Test("A client that sends too much and reads nothing gets an error and is closed")
  func neverReads() async throws {
    var limits = RespLimits()
    limits.maximumUnreadByteCount = 4 << 20
    try await onStage(limits: limits, patience: .milliseconds(300)) { stage in
      let client = try stage.client(receiveBuffer: 4096)
      let payload = String(repeating: "e", count: 64 << 10)
      // Blocks until the gateway discards the received bytes.
      for _ in 0..<512 { try client.send(RedisClient.command("ECHO", payload)) }
      var error: [UInt8]?
      while error == nil {
        switch try client.reply() {
        case .error(let text): error = text
        case let reply: #expect(reply == .text(payload))
        }
      }
      let text = String(decoding: error ?? [], as: UTF8.self)
      #expect(text.contains("bytes wait, and no reply has been read for 300ms"), "\(text)")
      client.endOutput()
      #expect(try client.rest() == "")
      #expect(try stage.client().ask("PING") == .status(Array("PONG".utf8)))
    }
  }

  @Test("Endless commands share a memory bound: others are served, and they are closed at last")
  func unfinished() async throws {
    try await onStage(memory: 4 << 20, patience: .milliseconds(300)) { stage in
      let greedy = try (0..<8).map { _ in try stage.client() }
      let begin = Array("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$8000000\r\n".utf8)
      for client in greedy { try client.send(begin + Array(repeating: 0, count: 1 << 20)) }
      let other = try stage.client()
      #expect(try other.ask("SET", "b", "1") == .ok)
      // Each connection sends as much as it may.
      var buffers = try Int(other.info("clients")["client_buffers"] ?? "") ?? 0
      while buffers > 0 {
        #expect(buffers <= (4 << 20) + 8 * (256 << 10))
        for client in greedy { _ = client.sendSome(Array(repeating: 0, count: 64 << 10)) }
        buffers = try Int(other.info("clients")["client_buffers"] ?? "") ?? 0
      }
      #expect(try other.ask("GET", "a") == .bulk(nil))
    }
  }

  @Test("INFO, CLIENT LIST and DBSIZE report the actual state")
  func truth() async throws {
    try await onStage { stage in
      let client = try stage.client()
      for number in 0..<3 { #expect(try client.ask("SET", "k\(number)", "v") == .ok) }
      #expect(try client.ask("DBSIZE") == .integer(3))
      // The node reports its number of keys five times a second.
      while try client.info("keyspace")["db0"] != "keys=3,expires=0,avg_ttl=0" {}
      let memory = try client.info("memory")
      #expect(Int(memory["used_memory"] ?? "") ?? 0 > 10_000)
      let stats = try client.info("stats")
      #expect(Int(stats["total_commands_processed"] ?? "") ?? 0 >= 5)
      #expect(Int(stats["total_net_input_bytes"] ?? "") ?? 0 > 100)
      #expect(try client.ask("CLIENT", "SETNAME", "me") == .ok)
      let other = try stage.client()
      #expect(try other.ask("MULTI") == .ok)
      guard case .bulk(let list?) = try client.ask("CLIENT", "LIST"),
        case .bulk(let own?) = try client.ask("CLIENT", "INFO")
      else {
        Issue.record("no list")
        return
      }
      let lines = String(decoding: list, as: UTF8.self).split(separator: "\n")
      #expect(lines.count == 2 && lines[0].contains("name=me") && lines[1].contains("multi=0"))
      #expect(String(decoding: own, as: UTF8.self).hasPrefix("id=1 addr=127.0.0.1:"))
      guard case .array(let time?) = try client.ask("TIME"), case .bulk(let seconds?) = time[0]
      else {
        Issue.record("no time")
        return
      }
      #expect(Int(String(decoding: seconds, as: UTF8.self)) ?? 0 > 1_700_000_000)
      #expect(try client.ask("WAIT", "1", "0") == .integer(0))
    }
  }

  @Test("Connections that end leave no sessions: the next ones reuse them")
  func reuse() async throws {
    try await onStage { stage in
      for round in 0..<200 {
        let client = try stage.client()
        #expect(try client.ask("INCR", "n") == .integer(Int64(round + 1)))
        // Every other client leaves without waiting for its last answer.
        if round % 2 == 0 { try client.send(RedisClient.command("GET", "n")) }
      }
      let client = try stage.client()
      var clients = try client.info("clients")
      // The gateway notices the last ends only after some time.
      while clients["connected_clients"] != "1" { clients = try client.info("clients") }
      #expect(Int(clients["cluster_sessions"] ?? "") ?? .max < 20)
      #expect(try client.info("stats")["total_connections_received"] == "201")
    }
  }

  @Test("Without a cluster every command's outcome is unknown, and the connection stays usable")
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
