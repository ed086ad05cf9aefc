import Foundation
import HostTesting
import Primitives
import Sockets
import Testing

/// `rsmbench run` on real servers of other systems.
@Suite(.serialized, .ownThreads) struct TargetRunTests {
  private let space: Workspace

  init() throws { space = try Workspace() }

  /// Runs an experiment and returns the rows of its trials.
  /// - Parameter settings: the arguments of `--set`.
  private func run(
    _ target: String, workload: String = "clients: 8, keys: 20, timeout: '10s'",
    settings: [String] = [],
    meanwhile: @escaping @Sendable (Process) -> Void = { _ in }
  ) async throws -> (outcome: Outcome, trials: [[String: String]]) {
    try space.write(
      """
      {
        name: "peer", runtime: "cluster", protocols: [], target: \(target),
        workload: { \(workload) }, warmUp: "100ms", duration: "2s", trials: 1,
      }
      """, to: "peer.json5")
    let outcome = try await space.rsmbench(
      list: ["run", "peer.json5", "--force", "--history", "--quiet"]
        + settings.flatMap { ["--set", $0] },
      meanwhile: meanwhile)
    let trials = (try? space.text("results/peer-1/trials.csv")).map(rows) ?? []
    return (outcome, trials)
  }

  private func number(_ row: [String: String], _ column: String) -> Double {
    row[column].flatMap(Double.init) ?? -1
  }

  @Test(
    "Redis is a row of the comparison with any connections and operations",
    .enabled(if: PeerServer.hasRedis, "redis-server or redis-cli is not installed"),
    arguments: ["1", "3", "\"per-client\""])
  func redis(connections: String) async throws {
    let server = try PeerServer.redis()
    #expect(PeerServer.ask(server.endpoint, "set", "key1", "mine") == "OK")
    let (outcome, trials) = try await run(
      "{ redis: \"\(server.endpoint)\" }",
      workload: "keys: 20, connections: \(connections), timeout: '1s', "
        + "mix: { get: 4, put: 3, append: 1, delete: 1, readModifyWrite: 1 }",
      settings: ["duration=1s", "sweep.workload.clients=[1, 16]"])
    #expect(outcome.status == 0)
    #expect(outcome.errors == "")
    #expect(trials.column("protocol") == ["redis", "redis"])
    #expect(Set(trials.column("verdict")) == ["linearizable"])
    for row in trials {
      #expect(number(row, "throughput") > 0)
      #expect(row["lost_writes"] == "0" && row["failed"] == "0")
      // Metrics that only the project's own nodes report are empty.
      for column in ["messages_per_op", "bytes_per_op", "fsyncs_per_op", "busiest_node_share"] {
        #expect(row[column] == "")
      }
    }
    #expect(rows(try space.text("results/peer-1/resources.csv")).isEmpty)
    #expect(!(try space.text("results/peer-1/summary.csv")).lowercased().contains("nan"))
    // No other key was changed, and no two trials used the same keys.
    #expect(PeerServer.ask(server.endpoint, "get", "key1") == "mine")
    let keys = PeerServer.ask(server.endpoint, "keys", "*").split(separator: "\n")
    #expect(keys.allSatisfy { $0 == "key1" || $0.hasPrefix("rsmbench-") })
    #expect(Set(keys.compactMap { $0.split(separator: "-").dropFirst().first }).count == 2)
  }

  @Test(
    "etcd is a row of the comparison, beside one of the project's protocols",
    .enabled(if: PeerServer.hasEtcd, "etcd is not installed"))
  func etcd() async throws {
    let server = try PeerServer.etcd()
    let (outcome, trials) = try await run(
      "{ etcd: \"\(server.endpoint)\" }",
      workload: "clients: 8, keys: 20, timeout: '10s', mix: { get: 4, put: 3, delete: 1 }",
      settings: ["duration=4s", "protocols=[\"unreplicated\"]"])
    #expect(outcome.status == 0)
    #expect(trials.column("protocol") == ["unreplicated", "etcd"])
    #expect(trials.column("verdict") == ["linearizable", "linearizable"])
    #expect(trials.column("failed") == ["0", "0"])
    let etcd = try #require(trials.last)
    #expect(number(etcd, "throughput") > 0)
    #expect(number(etcd, "read_p50_us") > 0 && number(etcd, "write_p50_us") > 0)
    let history = try space.text("results/peer-1/history-etcd-1.edn")
    #expect(history.contains(":delete"))
    let nodes = rows(try space.text("results/peer-1/resources.csv"))
    #expect(!nodes.isEmpty && nodes.allSatisfy { $0["protocol"] == "unreplicated" })
  }

  @Test(
    "A Redis that loses acknowledged writes is detected",
    .enabled(if: PeerServer.hasRedis, "redis-server or redis-cli is not installed"))
  func flushed() async throws {
    let server = try PeerServer.redis()
    let endpoint = server.endpoint
    let (outcome, trials) = try await run(
      "{ redis: \"\(endpoint)\" }",
      workload:
        "clients: 4, keys: 20, timeout: '10s', mix: { get: 9, put: 1 }, distribution: \"uniform\"",
      settings: ["duration=4s"],
      meanwhile: { process in
        eventually { !process.isRunning || PeerServer.ask(endpoint, "dbsize") == "20" }
        _ = PeerServer.ask(endpoint, "flushall")
      })
    #expect(outcome.status == 1)
    #expect(trials.column("verdict") == ["violated"])
    #expect(outcome.output.lowercased().contains("violated"))
  }

  @Test(
    "A killed Redis leaves operations unknown and failed, and the run finishes",
    .enabled(if: PeerServer.hasRedis, "redis-server or redis-cli is not installed"))
  func killed() async throws {
    let server = try PeerServer.redis()
    let (endpoint, victim) = (server.endpoint, server.process.processIdentifier)
    let (outcome, trials) = try await run(
      "{ redis: \"\(endpoint)\" }", workload: "clients: 16, keys: 20, timeout: '10s'",
      meanwhile: { process in
        eventually { !process.isRunning || PeerServer.ask(endpoint, "dbsize") == "20" }
        kill(victim, SIGKILL)
      })
    #expect(outcome.status == 0)
    let row = try #require(trials.first)
    #expect(row["verdict"] == "linearizable")
    // At most one per client: the operation under way at that moment.
    #expect((0...16).contains(number(row, "unknown")))
    #expect(number(row, "failed") > 0 && number(row, "acknowledged") >= 0)
    #expect(number(row, "availability") < 1)
    #expect(
      outcome.errors.contains(
        "redis did not answer every read after the trial: lost writes are not counted"))
  }

  @Test(
    "A replica refuses writes, which count as failed, and the first reason is shown",
    .enabled(if: PeerServer.hasRedis, "redis-server or redis-cli is not installed"))
  func readOnly() async throws {
    let server = try PeerServer.redis("--replicaof", "127.0.0.1", "1")
    let (outcome, trials) = try await run("{ name: \"replica\", redis: \"\(server.endpoint)\" }")
    #expect(outcome.status == 0)
    let row = try #require(trials.first)
    #expect(row["protocol"] == "replica" && row["verdict"] == "linearizable")
    // The operation under way when the trial ends is unknown: at most one per client.
    let (failed, unknown) = (number(row, "failed"), number(row, "unknown"))
    #expect(failed > 0 && (0...8).contains(unknown))
    #expect(number(row, "read_p50_us") > 0)
    // No write was answered, so their waiting time is a lower bound of every percentile.
    let latencies = rows(try space.text("results/peer-1/latency.csv"))
    let writes = latencies.filter { $0["operation"] == "put" }
    #expect(!writes.isEmpty && writes.allSatisfy { $0["is_lower_bound"] == "true" })
    #expect(writes.allSatisfy { (failed...failed + unknown).contains(number($0, "censored")) })
    #expect(outcome.errors.contains("requests by errors, the first one READONLY"))
  }

  @Test(
    "With wait a write counts once a replica has it, and is unknown while the replica is stopped",
    .enabled(if: PeerServer.hasRedis, "redis-server or redis-cli is not installed"))
  func wait() async throws {
    let primary = try PeerServer.redis("--repl-diskless-sync-delay", "0")
    let (host, port) = (primary.endpoint.host, "\(primary.endpoint.port)")
    let target = "{ redis: \"\(primary.endpoint)\", wait: 1 }"
    let alone = try await run(target)
    #expect(alone.outcome.status == 2)
    #expect(
      alone.outcome.errors
        == "rsmbench: target redis: the server at \(primary.endpoint) will not do as redis: "
        + "0 of 1 replicas have acknowledged\n")

    let replica = try PeerServer.redis("--replicaof", host, port)
    eventually { PeerServer.ask(primary.endpoint, "wait", "1", "100") == "1" }
    let good = try await run(target)
    #expect(good.outcome.status == 0)
    let row = try #require(good.trials.first)
    #expect(row["verdict"] == "linearizable" && row["failed"] == "0")
    #expect(number(row, "throughput") > 0 && number(row, "write_p50_us") > 0)

    let (endpoint, number) = (primary.endpoint, replica.process.processIdentifier)
    let stalled = try await run(
      target, workload: "clients: 8, keys: 20, timeout: \"200ms\"",
      meanwhile: { process in
        // The keys of earlier runs are still there.
        let before = Int(PeerServer.ask(endpoint, "dbsize")) ?? 0
        eventually {
          !process.isRunning || (Int(PeerServer.ask(endpoint, "dbsize")) ?? 0) != before
        }
        kill(number, SIGSTOP)
      })
    kill(number, SIGCONT)
    #expect(stalled.outcome.status == 0)
    let late = try #require(stalled.trials.first)
    #expect(late["verdict"] == "linearizable")
    #expect(self.number(late, "unknown") > 0)
  }

  /// The error of a run for a target that it cannot drive.
  private func complaint(_ target: String) async throws -> String {
    let (outcome, trials) = try await run(target)
    #expect(outcome.status == 2)
    #expect(outcome.output == "" && trials.isEmpty && outcome.errorLines.count == 1)
    // No run was begun.
    #expect(try !space.names().contains("results"))
    return outcome.errors
  }

  @Test("A missing target is reported before a trial runs")
  func nobody() async throws {
    let endpoint = try Endpoint.freeOnLoopback(1)[0]
    for kind in ["redis", "etcd"] {
      #expect(
        try await complaint("{ \(kind): \"\(endpoint)\" }")
          == "rsmbench: target \(kind): nothing listens at \(endpoint): start the server first\n")
    }
  }

  @Test(
    "A Redis that wants a password, or is configured as etcd, is named in the error",
    .enabled(if: PeerServer.hasRedis, "redis-server or redis-cli is not installed"))
  func wrongRedis() async throws {
    let open = try PeerServer.redis()
    let guarded = try PeerServer.redis("--requirepass", "secret")
    #expect(
      try await complaint("{ redis: \"\(guarded.endpoint)\" }").hasPrefix(
        "rsmbench: target redis: the server at \(guarded.endpoint) asks for a password, which "
          + "targets do not have: NOAUTH"))
    for server in [open, guarded] {
      #expect(
        try await complaint("[{ redis: \"\(open.endpoint)\" }, { etcd: \"\(server.endpoint)\" }]")
          == "rsmbench: target etcd: \(server.endpoint) speaks RESP, not HTTP: is it a redis?\n")
    }
  }

  @Test(
    "An etcd that is configured as redis is named in the error",
    .enabled(if: PeerServer.hasEtcd, "etcd is not installed"))
  func wrongEtcd() async throws {
    let server = try PeerServer.etcd()
    #expect(
      try await complaint("{ redis: \"\(server.endpoint)\" }")
        == "rsmbench: target redis: \(server.endpoint) speaks HTTP, not RESP: is it an etcd?\n")
  }
}
