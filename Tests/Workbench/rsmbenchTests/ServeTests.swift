import Foundation
import Glibc
import HostTesting
import Primitives
import ProtocolList
import RedisClients
import Resp
import Sockets
import Testing

/// `rsmbench serve` with nodes that it starts: which data survive, and which files are left.
@Suite(.serialized, .ownThreads) struct ServeTests {
  @Test(
    "Kill the node in charge: the next answer is right, the node returns, Ctrl-C leaves no file",
    arguments: ProtocolKind.allCases.map(\.name))
  func failover(name: String) async throws {
    try await onThread {
      let server = try Server(try Workspace(), ["--protocol", name, "--replicas", "3"])
      let client = try server.client()
      #expect(try client.ask("SET", "a", "1") == .status(Array("OK".utf8)))
      var processes = Set(server.nodes.map(\.process))
      #expect(processes.count == server.nodes.count && !processes.contains(0))

      // The table at the start names the node that was in charge then. On a busy machine another
      // one may have taken charge since.
      #expect(server.nodes.contains { $0.isInCharge })
      let (before, leader) = try waitFor("a node in charge") {
        let states = try server.states(client)
        return states.firstIndex { $0["in_charge"] == "1" }.map { (states, $0) }
      }
      let process = try #require(before[leader]["process"].flatMap { pid_t($0) })
      #expect(process == server.nodes[leader].process)
      #expect(kill(process, SIGKILL) == 0)
      #expect(try client.ask("GET", "a") == .bulk(Array("1".utf8)))
      #expect(try server.client().ask("INCR", "a") == .integer(2))

      // The node runs again, as another process.
      let after = try waitFor("node \(leader) again") {
        let states = try server.states(client)
        return states[leader]["state"] == "up" && states[leader]["role"] != nil ? states : nil
      }
      let successor = try #require(after[leader]["process"].flatMap { pid_t($0) })
      #expect(successor != process && Server.isAlive(successor))
      processes.insert(successor)
      #expect(try client.ask("GET", "a") == .bulk(Array("2".utf8)))
      #expect(
        server.complaints.contains("rsmbench: node \(leader) has ended: killed by signal 9\n"))
      #expect(server.complaints.contains("is started again as process \(successor)\n"))

      #expect(server.end(SIGINT) == 0)
      #expect(try server.leftovers(of: Array(processes)) == [])
    }
  }

  @Test(
    "Many writes to few keys use little disk, and a restart has all the data",
    arguments: ProtocolKind.allCases.map(\.name))
  func bounded(name: String) async throws {
    try await onThread {
      let space = try Workspace()
      let arguments = [
        "--protocol", name, "--data", "kept", "--no-sync", "--set", "snapshotBytes=1048576",
      ]
      let value = String(repeating: "x", count: 64_000)
      var server = try Server(space, arguments)
      for life in 0..<2 {
        let client = try server.client()
        for number in 0..<400 {
          let key = "key \(number % 10)"
          let reply = try client.ask("SET", key, "\(life) \(number) \(value)")
          #expect(reply == .status(Array("OK".utf8)))
        }
        #expect(server.end(SIGINT) == 0)
        // 26 MB were written; only the current segment and the prepared next one are left.
        for node in server.nodes.indices {
          let path = space.url("kept/\(node)").path
          let names = try FileManager.default.contentsOfDirectory(atPath: path)
          #expect(names.filter { $0.hasSuffix(".snapshot") }.count <= 2, "node \(node): \(names)")
          #expect(names.filter { $0.hasSuffix(".log") }.count <= 2, "node \(node): \(names)")
        }
        server = try Server(space, arguments)
        for key in 0..<10 {
          let expected = "\(life) \(390 + key) \(value)"
          #expect(try server.client().ask("GET", "key \(key)") == .bulk(Array(expected.utf8)))
        }
      }
      #expect(server.end(SIGINT) == 0)
    }
  }

  @Test("A request to terminate ends the service like Ctrl-C")
  func terminate() async throws {
    try await onThread {
      let server = try Server(try Workspace(), ["--protocol", "raft"])
      #expect(try server.client().ask("PING") == .status(Array("PONG".utf8)))
      #expect(server.end(SIGTERM) == 0)
      #expect(try server.leftovers(of: server.nodes.map(\.process)) == [])
    }
  }

  @Test("A service killed by SIGKILL takes its nodes and their directory with it")
  func killed() async throws {
    try await onThread {
      let server = try Server(try Workspace(), ["--protocol", "primary-backup"])
      let processes = server.nodes.map(\.process)
      #expect(try server.leftovers(of: processes).count == processes.count + 1)
      #expect(server.end(SIGKILL) == SIGKILL)
      // The system ends the nodes and a guard removes the directory; neither is immediate.
      try eventually { try server.leftovers(of: processes) == [] }
      #expect(try server.leftovers(of: processes) == [])
    }
  }

  @Test("--data keeps data for the same protocol and size only, one service at a time")
  func data() async throws {
    try await onThread {
      let space = try Workspace()
      let arguments = ["--protocol", "raft", "--data", "kept/logs"]
      let server = try Server(space, arguments + ["--no-sync"])
      #expect(try server.client().ask("SET", "a", "1") == .status(Array("OK".utf8)))
      #expect(server.end(SIGINT) == 0)
      #expect(try server.leftovers(of: server.nodes.map(\.process)) == [])

      let other = ["serve", "--port", "0", "--data", "kept/logs", "--protocol"]
      for (words, reason) in [
        (["raft", "--replicas", "5"], "of raft with 3 replicas, not of raft with 5"),
        (["multi-paxos"], "of raft with 3 replicas, not of multi-paxos with 3"),
      ] {
        let refused = try space.finished(other + words)
        #expect(refused.status == 2 && refused.errors.contains(reason), "\(refused.errors)")
      }
      let again = try Server(space, arguments)
      let second = try space.finished(["serve", "--port", "0"] + arguments)
      #expect(second.status == 2)
      #expect(second.errors == "rsmbench: --data: kept/logs is in use by another process\n")
      #expect(try again.client().ask("GET", "a") == .bulk(Array("1".utf8)))
      #expect(again.end(SIGINT) == 0)
    }
  }

  @Test(
    "A lost or damaged log does not stop the start, and is replaced on request",
    arguments: ["raft", "multi-paxos", "viewstamped-replication"])
  func lostLog(name: String) async throws {
    try await onThread {
      let space = try Workspace()
      let arguments = ["--protocol", name, "--data", "kept", "--no-sync"]
      let first = try Server(space, arguments)
      #expect(try first.client().ask("SET", "a", "1") == .ok)
      #expect(first.end(SIGINT) == 0)
      try FileManager.default.removeItem(at: space.url("kept/1"))

      let second = try Server(space, arguments)
      #expect(second.complaints.contains("node 1 did not start: "))
      #expect(!second.complaints.contains("start: rsmbench: "))
      #expect(second.complaints.contains("kept/1: the log of this node is gone, although"))
      #expect(second.complaints.contains("'--replace 1' gives it a new log"))
      #expect(try second.client().ask("INCR", "a") == .integer(2))
      #expect(second.end(SIGINT) == 0)

      let third = try Server(space, arguments + ["--replace", "1"])
      let client = try third.client()
      // A replica that lacks something is a learner, or recovers.
      let whole = ["follower", "leader", "backup", "primary"]
      #expect(try eventually { try whole.contains(third.states(client)[1]["role"] ?? "") })
      #expect(third.end(SIGINT) == 0)
      // By now node 1 knows what the others know, so it makes a majority without one of them.
      try FileManager.default.removeItem(at: space.url("kept/0"))
      let fourth = try Server(space, arguments)
      #expect(try fourth.client().ask("GET", "a") == .text("2"))
      #expect(fourth.end(SIGINT) == 0)

      try Data("x".utf8).write(to: space.url("kept/2/node"))
      let refused = try space.finished(["serve", "--port", "0"] + arguments)
      #expect(refused.status == 2 && refused.errors.contains("did not start"), "\(refused.errors)")
      let many = try space.finished(
        ["serve", "--port", "0"] + arguments + ["--replace", "0", "--replace", "2"])
      #expect(many.status == 2)
      #expect(
        many.errors
          == "rsmbench: --replace: \(name) with 3 replicas survives the loss of 1\n",
        "\(many.errors)")
    }
  }

  @Test("Logs of another service are refused, and so are logs without a hosts file")
  func foreignLogs() async throws {
    try await onThread {
      let space = try Workspace()
      let words = ["--protocol", "raft", "--no-sync", "--data"]
      for name in ["one", "two"] {
        let server = try Server(space, words + [name])
        #expect(try server.client().ask("SET", "whose", name) == .ok)
        #expect(server.end(SIGINT) == 0)
      }
      let files = FileManager.default
      for node in 0..<2 {
        try files.removeItem(at: space.url("two/\(node)"))
        try files.copyItem(at: space.url("one/\(node)"), to: space.url("two/\(node)"))
      }
      let mixed = try space.finished(["serve", "--port", "0"] + words + ["two"])
      #expect(mixed.status == 2 && mixed.errors.contains("of cluster 'serve-"), "\(mixed.errors)")
      try Data().write(to: space.url("one/hosts.json5"))
      let empty = try space.finished(["serve", "--port", "0"] + words + ["one"])
      #expect(empty.status == 2)
      #expect(
        empty.errors
          == "rsmbench: --data: one holds logs, but one/hosts.json5 is missing or empty, which says "
          + "whose they are\n", "\(empty.errors)")
    }
  }

  @Test("A secret that other users can read or change is refused at the next start")
  func exposedSecret() async throws {
    try await onThread {
      let space = try Workspace()
      let arguments = ["--protocol", "unreplicated", "--no-sync", "--data", "kept"]
      let server = try Server(space, arguments)
      #expect(try server.client().ask("SET", "a", "1") == .ok)
      #expect(server.end(SIGINT) == 0)
      let hosts = space.url("kept/hosts.json5").path
      for mode in [0o644, 0o620] {
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: hosts)
        let refused = try space.finished(["serve", "--port", "0"] + arguments)
        #expect(refused.status == 2)
        #expect(
          refused.errors.hasPrefix("rsmbench: kept/hosts.json5: secret: found a file of user ")
            && refused.errors.contains(
              "with mode \(String(mode, radix: 8)), allowed a file of this"),
          "\(refused.errors)")
      }
      try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: hosts)
      let again = try Server(space, arguments)
      #expect(try again.client().ask("GET", "a") == .text("1"))
      #expect(again.end(SIGINT) == 0)
    }
  }

  @Test("Several gateways use nodes started separately, also while a node is missing")
  func hosts() async throws {
    try await onThread {
      let space = try Workspace()
      let addresses = try Endpoint.freeOnLoopback(3).map { "\"\($0)\"" }.joined(separator: ", ")
      try space.write(
        "{ cluster: \"test\", protocol: \"raft\", nodes: [\(addresses)] }", to: "hosts.json5")
      let nodes = try (0..<2).map { node in
        let process = Process()
        process.executableURL = Workspace.program
        process.arguments =
          ["node", "--hosts", "hosts.json5", "--node", "\(node)", "--data", "\(node)"]
        process.currentDirectoryURL = space.folder
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
      }
      defer {
        for node in nodes {
          kill(node.processIdentifier, SIGKILL)
          node.waitUntilExit()
        }
      }
      let servers = try (0..<2).map { _ in try Server(space, ["--hosts", "hosts.json5"]) }
      #expect(try servers[0].client().ask("SET", "a", "1") == .status(Array("OK".utf8)))
      let client = try servers[1].client()
      #expect(try client.ask("GET", "a") == .bulk(Array("1".utf8)))
      #expect(try servers[1].states(client)[2] == ["state": "unreachable"])
      for server in servers { #expect(server.end(SIGINT) == 0) }
      for node in nodes { #expect(node.isRunning) }
    }
  }

  @Test(
    "Without free descriptors it serves its connections without spinning, and takes others later")
  func descriptors() async throws {
    try await onThread {
      let server = try Server(
        try Workspace(), shell: "ulimit -n 40", ["--protocol", "unreplicated"])
      let first = try server.client()
      #expect(try first.ask("SET", "a", "1") == .status(Array("OK".utf8)))
      var others = try (0..<60).map { _ in try server.client() }
      #expect(try first.ask("INCR", "a") == .integer(2))
      let spent = try Self.processorTime(of: server.process.processIdentifier)
      sleep(2)
      #expect(try Self.processorTime(of: server.process.processIdentifier) - spent < 1)
      #expect(try first.ask("INCR", "a") == .integer(3))
      others.removeAll()
      #expect(try server.client().ask("INCR", "a") == .integer(4))
      #expect(server.end(SIGINT) == 0)
    }
  }

  /// Seconds of processor time used by a process.
  private static func processorTime(of process: pid_t) throws -> Double {
    let text = try String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
    let fields = try #require(text.split(separator: ")").last).split(separator: " ")
    let ticks = (Double(fields[11]) ?? 0) + (Double(fields[12]) ?? 0)
    return ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
  }

  @Test("A service that cannot start is refused in one line with exit code 2, and leaves no file")
  func refused() async throws {
    try await onThread {
      let space = try Workspace()
      try space.write("", to: "file")
      let taker = try Server(space, ["--protocol", "unreplicated"])
      defer { _ = taker.end(SIGINT) }
      for (arguments, words) in Self.refusals(taken: taker.port) {
        let before = try space.names()
        let outcome = try space.finished(["serve"] + arguments)
        #expect(outcome.status == 2 && !outcome.diedOfSignal, "\(arguments): \(outcome.status)")
        #expect(
          outcome.errorLines.count == 1 && outcome.errors.hasPrefix("rsmbench: ")
            && outcome.errors.contains(words), "\(arguments): \(outcome.errors)")
        #expect(outcome.output == "")
        #expect(try space.names() == before, "\(arguments) left something")
      }
    }
  }

  private static func refusals(taken: UInt16) -> [([String], String)] {
    let raft = ["--protocol", "raft"]
    return [
      (raft + ["--port", "\(taken)"], "cannot listen on 127.0.0.1:\(taken)"),
      (raft + ["--address", "localhost"], "--address: found \"localhost\", allowed a numeric"),
      (raft + ["--address", "203.0.113.1", "--port", "0"], "cannot listen on 203.0.113.1:0"),
      (raft + ["--port", "65536"], "--port"),
      (raft + ["--port", "-1"], "--port"),
      (raft + ["--replicas", "0"], "--replicas"),
      (raft + ["--replicas", "65"], "--replicas"),
      (["--protocol", "rafd"], "did you mean raft?"),
      ([], "serve needs --protocol P, or --hosts FILE"),
      (raft + ["extra"], "serve takes no argument besides its flags: found \"extra\""),
      (raft + ["--sync"], "--sync"),
      (raft + ["--set", "heartbeet=5ms"], "did you mean \"heartbeat\"?"),
      (raft + ["--set", "heartbeat=5"], "heartbeat"),
      (raft + ["--set", "heartbeat"], "--set: found \"heartbeat\", allowed OPTION=VALUE"),
      (raft + ["--port", "0", "--data", "file"], "--data: cannot write file/lock"),
      (raft + ["--data", ""], "--data: found \"\", allowed a directory"),
      (["--hosts", "absent.json5"], "absent.json5: found no such file"),
      (["--hosts", "file"], "file"), (raft + ["--hosts", "file"], "leave --protocol out"),
    ]
  }
}
