import CLinux
import Experiments
import Foundation
import ProtocolList
import Replication
import Runner
import Serving
import Synchronization

extension Command {
  static let serve = Command(
    name: "serve", synopsis: "serve --protocol P [flags]",
    meaning: "Serves a replicated key-value store to Redis clients, until Ctrl-C.",
    notes: """
      One process per replica, on loopback; a node that ends is started again from its log. Every command is
      ordered by the protocol: what is acknowledged survives the loss of a minority of the nodes (with
      primary-backup and chain-replication, of all but one replica). A pipeline of one connection takes
      effect at one moment.

      commands: GET SET [NX|XX] [GET] SETNX GETSET GETDEL GETRANGE DEL UNLINK EXISTS TOUCH TYPE APPEND STRLEN
      INCR DECR INCRBY DECRBY INCRBYFLOAT MGET MSET MSETNX, TTL PTTL PERSIST, SCAN KEYS DBSIZE FLUSHALL
      FLUSHDB, MULTI EXEC DISCARD WATCH UNWATCH, PING ECHO TIME ROLE WAIT INFO COMMAND, SELECT 0 CLIENT HELLO
      AUTH RESET QUIT, CONFIG GET. A transaction is one entry of the log; WATCH compares values, up to 1 MiB
      of them. INCRBYFLOAT computes in decimals, up to 10^20. Refused: expiry (SET EX, EXPIRE, GETEX), lists,
      sets, hashes, sorted sets and streams, scripts (EVAL), PUBLISH and SUBSCRIBE, CONFIG SET, and INFO,
      TIME, WAIT and CLIENT LIST inside MULTI. A client may write 80 MiB before it reads its replies; one that
      then reads none for 5 s is told so and closed. INFO says who is in charge, and which process each node is.

      Ctrl-C and SIGTERM stop the service and its nodes: exit code 0. What goes wrong gives one line, and
      exit code 2. However it ends, no node stays behind.

      With --hosts the nodes run already ('rsmbench node') and this is a gateway to them; start as many as you
      like. Nodes listen to those only that know the secret of the hosts file, which a service draws at its
      first start. Redis clients show nothing, and traffic is not encrypted: on anything but loopback, use a
      private network, WireGuard or SSH tunnels.
      """,
    flags: {
      [
        Flag(
          name: "--protocol", value: "P",
          meaning: "one of \(ProtocolKind.allCases.map(\.name).joined(separator: ", "))"),
        Flag(name: "--replicas", value: "N", meaning: "how many replicas (default 3)"),
        Flag(
          name: "--port", value: "PORT",
          meaning: "where Redis clients connect (default 6379; 0 chooses one)"),
        Flag(
          name: "--address", value: "ADDRESS",
          meaning: "the address to listen on (default 127.0.0.1)"),
        Flag(
          name: "--data", value: "DIR",
          meaning: "where the nodes keep their logs, for this and later starts (default: a new "
            + "directory that is removed in the end)"),
        Flag(
          name: "--replace", value: "N",
          meaning: "node N has lost its log, or it is damaged: N begins a new one, and takes part "
            + "once it has learnt everything from the others", mayRepeat: true),
        Flag(
          name: "--maxmemory", value: "SIZE",
          meaning: "refuses commands that may need memory while the node in charge has more than "
            + "this allocated, as Redis does; reads and DEL go on. Looked at every 200 ms; for "
            + "example 2GiB (default: no limit)"),
        Flag(
          name: "--timeout", value: "SECONDS",
          meaning: "closes the connection of a client that says nothing for so long (default 0: "
            + "never); one whose machine is gone is closed after 4 minutes in any case"),
        Flag(
          name: "--session-expiry", value: "TIME",
          meaning: "after how long without an update the replicas forget a client of theirs, which "
            + "bounds their memory, at least 50s (default 1h)"),
        Flag(
          name: "--no-sync",
          meaning: "never waits for the disk: a loss of power may take what was acknowledged"),
        Flag(
          name: "--set", value: "OPTION=VALUE",
          meaning: "sets an option of the protocol ('rsmbench list options')", mayRepeat: true),
        hostsFlag,
      ]
    },
    execute: { try serve($0) })

  private static func serve(_ arguments: Arguments) throws -> ExitCode {
    guard arguments.positional.isEmpty else {
      throw UsageError(
        "serve takes no argument besides its flags: found \"\(arguments.positional[0])\"")
    }
    var request = ServeRequest(version: version)
    request.port = try arguments.integer("--port", in: UInt16.min...UInt16.max) ?? 6379
    request.address = arguments["--address"] ?? "127.0.0.1"
    guard request.hasValidAddress else {
      throw UsageError(
        "--address: found \"\(request.address)\", allowed a numeric address, such as 127.0.0.1")
    }
    request.idleLimit = .seconds(try arguments.integer("--timeout", in: 0...1_000_000) ?? 0)
    request.maxMemory = try arguments.byteCount("--maxmemory") ?? 0
    let chosen = try arguments.choice("--protocol", of: ProtocolKind.self)
    let expiry = try arguments["--session-expiry"].map {
      try SessionExpiry.read($0, flag: "--session-expiry", timeout: RespGateway.timeout)
    }
    let ours = [
      "--protocol", "--replicas", "--data", "--no-sync", "--set", "--replace", "--session-expiry",
    ]
    if arguments.has("--hosts"), let flag = ours.first(where: { arguments.has($0) }) {
      throw UsageError("--hosts names the nodes and what they run: leave \(flag) out")
    }
    if let hosts = try readHosts(arguments) {
      request.nodes = .running(hosts)
    } else {
      guard let chosen else { throw UsageError("serve needs --protocol P, or --hosts FILE") }
      let replicas = try arguments.integer("--replicas", in: 1...64) ?? 3
      guard arguments["--data"] != "" else {
        throw UsageError("--data: found \"\", allowed a directory")
      }
      request.nodes = .own(
        OwnNodes(
          kind: chosen, replicas: replicas, settings: arguments.all("--set"),
          data: arguments["--data"], syncs: !arguments.has("--no-sync"),
          replaced: try arguments.integers("--replace", in: 0...72),
          sessionExpiry: expiry.flatMap(SessionExpiry.text)))
    }
    // Every client needs a descriptor for its connection.
    _ = linux_raise_descriptor_limit()
    let isStopped = StopFlag()
    let interruption = Interruption { isStopped.set() }
    defer { interruption.end() }
    var failure: OutputError?
    try request.run(
      until: { isStopped.isSet },
      announce: { line in
        do throws(OutputError) {
          try Console.print(line)
        } catch {
          failure = error
          isStopped.set()
        }
      },
      tell: { Console.log("rsmbench: \($0)") })
    if let failure { throw failure }
    return .done
  }
}

/// A flag that is set once, by any thread, to stop the work.
final class StopFlag: Sendable {
  private let value = Atomic<Bool>(false)

  var isSet: Bool { value.load(ordering: .relaxed) }
  func set() { value.store(true, ordering: .relaxed) }
}
