import ClusterControl
import Foundation
import HostTesting
import Primitives
import RedisClients
import Replication
import Resp
import Sockets
import Testing
import Unreplicated

/// A real Redis server that ends with this object.
final class RedisServer {
  static let program = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    .map { "\($0)/redis-server" }.first { FileManager.default.isExecutableFile(atPath: $0) }

  private var process: ChildProcess
  let port: UInt16

  /// - Parameter settings: of `redis.conf`, as arguments.
  init(_ settings: [String] = []) throws {
    port = try Endpoint.freeOnLoopback(1)[0].port
    process = try ChildProcess(
      program: try #require(RedisServer.program),
      arguments: [
        "--port", "\(port)", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
        "--databases", "1",
      ] + settings)
    // It needs a moment to listen; a server that has ended never does.
    while (try? client()) == nil {
      let hasEnded = process.hasEnded()
      try #require(!hasEnded, "redis-server has ended")
    }
  }

  func client() throws -> RedisClient { try RedisClient(port: port) }
}

/// Every byte of every reply equals that of Redis.
@Suite(.enabled(if: RedisServer.program != nil, "redis-server is not installed"))
struct RedisComparisonTests {
  private static let names = [
    "GET", "SET", "SETNX", "GETSET", "GETDEL", "DEL", "EXISTS", "APPEND", "STRLEN", "INCR", "DECR",
    "INCRBY", "DECRBY", "MGET", "MSET", "PING", "ECHO", "SELECT", "AUTH", "NOSUCHCOMMAND",
    "MSETNX", "UNLINK", "TOUCH", "TYPE", "TTL", "PTTL", "PERSIST", "EXPIRETIME", "PEXPIRETIME",
    "GETRANGE", "SUBSTR", "DBSIZE", "FLUSHALL", "FLUSHDB", "ROLE", "MULTI", "EXEC", "EXEC",
    "DISCARD", "UNWATCH", "RESET", "INCRBYFLOAT",
  ]
  private static let decimals = [
    "0", "1", "-1", "10", "1.5", "-2.25", "0.1", "1e3", "+5", "5.", "text", "", " 1", "1e", "-.5",
  ]
  private static let values = [
    "", "0", "1", "-1", "10", " 1", "01", "+1", "1.5", "9223372036854775807",
    "-9223372036854775808", "9223372036854775808", "text", "a longer text with blanks\r\n\0\u{1}",
    "NX", "XX", "GET", "nx", "default",
  ]

  /// Usually a sensible command, with its words in order.
  private static func words(_ random: inout RandomStream, _ keys: [String]) -> [String] {
    let name = names[random.below(names.count)]
    func key(_ random: inout RandomStream) -> String { keys[random.below(keys.count)] }
    func value(_ random: inout RandomStream) -> String { values[random.below(values.count)] }
    let spelled = random.chance(0.3) ? name.lowercased() : name
    if name == "INCRBYFLOAT" {
      return [spelled, "a decimal \(random.below(3))", decimals[random.below(decimals.count)]]
    }
    if random.chance(0.15) {
      return [spelled] + (0..<random.below(5)).map { _ in value(&random) }
    }
    switch name {
    case "GET", "GETDEL", "STRLEN", "INCR", "DECR", "TYPE", "TTL", "PTTL", "PERSIST", "EXPIRETIME",
      "PEXPIRETIME":
      return [spelled, key(&random)]
    case "GETRANGE", "SUBSTR":
      return [spelled, key(&random)] + (0..<2).map { _ in "\(random.below(30) - 15)" }
    case "DBSIZE", "ROLE", "MULTI", "EXEC", "DISCARD", "UNWATCH", "RESET": return [spelled]
    case "FLUSHALL", "FLUSHDB":
      return [spelled] + [[], ["ASYNC"], ["sync"], ["now"]][random.below(4)]
    case "SET":
      let options = ["NX", "XX", "GET", "nx", "KEEPTTL", "wrong"]
      return [spelled, key(&random), value(&random)]
        + (0..<random.below(3)).map { _ in options[random.below(options.count)] }
    case "SETNX", "GETSET", "APPEND", "INCRBY", "DECRBY":
      return [spelled, key(&random), value(&random)]
    case "DEL", "EXISTS", "MGET", "UNLINK", "TOUCH":
      return [spelled] + (0...random.below(4)).map { _ in key(&random) }
    case "MSET", "MSETNX":
      return [spelled] + (0...random.below(3)).flatMap { _ in [key(&random), value(&random)] }
    case "SELECT": return [spelled, ["0", "16", "-1", "x"][random.below(4)]]
    default: return [spelled] + (0..<random.below(3)).map { _ in value(&random) }
    }
  }

  /// All replies to the bytes, which end with an ECHO of this mark.
  private static func replies(_ client: RedisClient, _ bytes: [UInt8], mark: String) throws
    -> [UInt8]
  {
    try client.send(bytes + RedisClient.command("ECHO", mark))
    var received: [UInt8] = []
    let end = Array("$\(mark.utf8.count)\r\n\(mark)\r\n".utf8)
    while received.suffix(end.count) != ArraySlice(end) {
      let piece = try client.receive()
      try #require(!piece.isEmpty, "closed after \(String(decoding: received, as: UTF8.self))")
      received += piece
    }
    return received
  }

  @Test("Beyond the limit of memory the same commands are refused, alone and in transactions")
  func outOfMemory() async throws {
    try await onThread {
      let stage = try Stage(UnreplicatedServer.self, replicas: 1, maxMemory: 1)
      stage.startAll()
      let redis = try RedisServer(["--maxmemory", "1"])
      let (ours, theirs) = (try stage.client(), try redis.client())
      // Nodes report now and then.
      while try ours.ask("APPEND", "a", "") == .integer(0) {}
      _ = try ours.ask("DEL", "a")
      let commands: [[String]] = [
        ["SET", "a", "1"], ["SET", "a"], ["GET", "a"], ["DEL", "a"], ["GETDEL", "a"],
        ["UNLINK", "a"], ["FLUSHALL"], ["MSET", "a", "1"], ["INCRBYFLOAT", "a", "1"],
        ["PERSIST", "a"], ["NOSUCHCOMMAND"], ["MULTI", "DEL a", "EXEC"],
        ["MULTI", "PING", "DISCARD"], ["WATCH a", "MULTI", "EXEC"], ["MULTI", "SET a", "RESET"],
        ["SCAN", "0"], ["DBSIZE"], ["CONFIG", "GET", "maxmemory"],
      ]
      for (number, words) in commands.enumerated() {
        // Those of a transaction go as lines.
        let bytes =
          words.contains("MULTI")
          ? Array((words.joined(separator: "\r\n") + "\r\n").utf8)
          : RedisClient.command(words.map { Array($0.utf8) })
        let (mine, wanted) = (
          try Self.replies(ours, bytes, mark: "mark \(number)"),
          try Self.replies(theirs, bytes, mark: "mark \(number)")
        )
        #expect(
          String(decoding: mine, as: UTF8.self) == String(decoding: wanted, as: UTF8.self),
          "\(words)")
      }
    }
  }

  @Test("Random commands, one by one and in pipelines, in both versions of the protocol")
  func commands() async throws {
    try await onThread {
      let stage = try Stage(UnreplicatedServer.self, replicas: 1)
      stage.startAll()
      let redis = try RedisServer()
      for seed in 0..<40 as Range<UInt64> {
        var random = RandomStream(seed: seed)
        let clients = try [stage.client(), redis.client()]
        if seed % 2 == 1 { for client in clients { try greet(client) } }
        let keys = ["", "a key of more than fifteen bytes\0", "k0", "k1", "k2"].map {
          "\(seed):\($0)"
        }
        for round in 0..<20 {
          let pipeline = (0...random.below(8)).map { _ in Self.words(&random, keys) }
          // An open transaction would take the mark as one of its commands.
          let bytes = (pipeline + [["EXEC"]]).flatMap {
            RedisClient.command($0.map { Array($0.utf8) })
          }
          let answers = try clients.map {
            String(decoding: try Self.replies($0, bytes, mark: "end \(round)"), as: UTF8.self)
          }
          #expect(answers[0] == answers[1], "seed \(seed): \(pipeline)")
        }
      }
    }
  }

  /// Requests version 3. The greeting's reply names the server, which differs.
  private func greet(_ client: RedisClient) throws {
    try client.send(RedisClient.command("HELLO", "3"))
    let greeting = try Self.replies(client, [], mark: "greeted")
    #expect(greeting.starts(with: Array("%7\r\n".utf8)))
  }

  private static let streams = [
    "PING\r\n", "ping\n", "\r\n\r\nPING\r\n", "*0\r\nPING\r\n", "*-1\r\nPING\r\n",
    "set a 'x y'\r\nget a\r\n", "set b \"\\x41\\n\"\r\nget b\r\n", "get \"a\r\n", "get 'a'b\r\n",
    "*x\r\n", "*1\r\nPING\r\n", "*1\r\n$x\r\n", "*1\r\n$-5\r\n", "*99999999999\r\n",
    "*1\r\n$4\r\nPING\r\nQUIT\r\nPING\r\n", "get\r\n", "*1\r\n$0\r\n\r\n", "echo \"\"\r\n",
    "POST / HTTP/1.1\r\nPING\r\n",
  ]

  @Test("Lines, empty commands and malformed bytes get Redis' replies, up to the connection's end")
  func ends() async throws {
    try await onThread {
      let stage = try Stage(UnreplicatedServer.self, replicas: 1)
      stage.startAll()
      let redis = try RedisServer()
      for stream in Self.streams {
        let answers = try [stage.client(), redis.client()].map { client in
          try client.send(Array(stream.utf8))
          client.endOutput()
          return try client.rest()
        }
        #expect(answers[0] == answers[1], "\(stream.debugDescription)")
      }
    }
  }

  /// Commands of one connection, one by one; `>` marks a command of another connection.
  private static let conversations = [
    """
    SET a 1 | WATCH a | MULTI | INCR a | EXEC | GET a | WATCH a | > SET a 9 | MULTI | INCR a | EXEC | GET a
    WATCH b c | > SET c 1 | UNWATCH | MULTI | GET c | EXEC | WATCH d | > SET d 1 | MULTI | PING | EXEC
    WATCH a | DISCARD | MULTI | WATCH a | MULTI | SET x 1 | EXEC | EXEC | DISCARD
    """,
    """
    MULTI | FOO | GET | SET q 1 | EXEC | GET q | MULTI | SET q x | INCR q | GET q | INCRBY q y | EXEC
    MULTI | SET q 1 | DISCARD | GET q | MULTI | EXEC | MULTI | PING hi | ECHO x | SELECT 1 | AUTH x | EXEC
    MULTI | HELLO 9 | MSETNX q 1 r 2 | MSETNX s 1 t 2 | GETRANGE s 0 -1 | DBSIZE | SCAN 7 FOO | EXEC
    MULTI | CLIENT GETNAME x | EXEC | MULTI | CLIENT SETNAME | EXEC | MULTI | CLIENT NO-EVICT a b | EXEC
    MULTI | CLIENT ID x | EXEC | MULTI | CLIENT INFO x | EXEC | MULTI | CONFIG GET | EXEC
    MULTI | COMMAND COUNT x | EXEC | SCAN -1 TYPE hash | SCAN - TYPE hash | SCAN -18446744073709551616
    MULTI | CLIENT SETNAME me | CLIENT GETNAME | RESET | CLIENT GETNAME | EXEC | WATCH | MULTI x | EXEC x
    """,
    """
    FLUSHALL | SCAN 0 | SET one 1 | SCAN 0 | SCAN 0 MATCH o?e COUNT 100 | SCAN 0 MATCH t* | KEYS o[a-n]e
    KEYS * | KEYS x | SCAN 0 TYPE string | SCAN 0 TYPE hash | SCAN x | SCAN -x | SCAN 0 COUNT 0 | SCAN 0 COUNT
    SCAN 0 COUNT y | SCAN 18446744073709551616 | DBSIZE | TYPE one | TYPE none | TTL one | PTTL none
    """,
    """
    WAIT 0 0 | WAIT x 0 | WAIT 0 x | WAIT 0 -1 | ROLE | CONFIG GET save | CONFIG GET sav? SAVE | CONFIG GET
    CONFIG GET nothing* | CLIENT NO-EVICT on | CLIENT NO-EVICT maybe | CLIENT NO-EVICT | CLIENT INFO x
    CLIENT LIST FOO | CLIENT LIST ID x | CLIENT LIST ID 99999 | CLIENT LIST TYPE foo | CLIENT LIST TYPE
    CLIENT LIST TYPE replica | COMMAND INFO nope | COMMAND LIST x | COMMAND COUNT x | COMMAND DOCS nope
    """,
  ]

  @Test("Transactions, scans and questions about the server get Redis' replies")
  func conversations() async throws {
    try await onThread {
      let stage = try Stage(UnreplicatedServer.self, replicas: 1)
      stage.startAll()
      let redis = try RedisServer()
      for text in Self.conversations {
        let clients = try [stage.client(), redis.client()]
        let others = try [stage.client(), redis.client()]
        let lines = text.split { "|\n".contains($0) }.map { $0.split(separator: " ") }
        for (number, line) in lines.enumerated() {
          let isOther = line[0] == ">"
          let words = line.dropFirst(isOther ? 1 : 0).map { Array($0.utf8) }
          let answers = try (isOther ? others : clients).map {
            try $0.send(RedisClient.command(words))
            return try $0.reply()
          }
          #expect(answers[0] == answers[1], "\(number): \(line.joined(separator: " "))")
        }
      }
    }
  }

  @Test("COMMAND states the positions of the keys", arguments: [2, 3])
  func commandFacts(version: Int) async throws {
    try await onThread {
      let stage = try Stage(UnreplicatedServer.self, replicas: 1)
      stage.startAll()
      let redis = try RedisServer()
      // Redis lists the subcommands of three commands, and has a note on SET.
      let clients = try [stage.client(), redis.client()]
      if version == 3 { for client in clients { try greet(client) } }
      let names = RespCommandName.allCases.filter {
        ![.client, .command, .config, .set].contains($0)
      }
      for name in names {
        let bytes = RedisClient.command("COMMAND", "INFO", name.rawValue.uppercased())
        let answers = try clients.map { try Self.replies($0, bytes, mark: "end") }
        #expect(answers[0] == answers[1], "\(name)")
      }
    }
  }
}
