import Foundation
import HostTesting
import Primitives
import Sockets
import Testing

extension RealProcesses {
  /// `rsmbench node`, started by hand, and `rsmbench run --hosts` with the nodes that run there.
  @Suite struct NodeTests {
    private let space: Workspace
    private let addresses: [String]

    init() throws {
      space = try Workspace()
      addresses = try Endpoint.freeOnLoopback(3).map(\.description)
      try space.write(hosts(), to: "hosts.json5")
      try space.write(live(#"check: "linearizable","#), to: "live.json5")
    }

    private func hosts(cluster: String = "three", protocol name: String = "raft") -> String {
      let list = addresses.map { "\"\($0)\"" }.joined(separator: ", ")
      return #"{ cluster: "\#(cluster)", protocol: "\#(name)", nodes: [\#(list)] }"#
    }

    /// Starts a node and waits until it has opened its log and listens.
    private func start(_ node: Int, _ flags: String...) throws -> BackgroundProgram {
      let program = try BackgroundProgram(
        space,
        ["node", "--hosts", "hosts.json5", "--node", "\(node)", "--data", "\(node)"] + flags,
        errors: "\(node).errors")
      let endpoint = try #require(Endpoint(addresses[node]))
      eventually { !program.isRunning || isListening(endpoint.port) }
      #expect(program.isRunning, "\(program.errors)")
      return program
    }

    /// Whether a process listens at a port of this host, according to `/proc/net/tcp`: the second
    /// column ends in the port, the fourth is the state.
    private func isListening(_ port: UInt16) -> Bool {
      guard let file = FileHandle(forReadingAtPath: "/proc/net/tcp") else { return false }
      defer { try? file.close() }
      let text = String(decoding: (try? file.readToEnd()) ?? Data(), as: UTF8.self)
      let hex = String(port, radix: 16, uppercase: true)
      let suffix = ":" + String(repeating: "0", count: 4 - hex.count) + hex
      return text.split(separator: "\n").contains { line in
        let words = line.split(separator: " ")
        return words.count > 3 && words[1].hasSuffix(suffix) && words[3] == "0A"
      }
    }

    private func expectRefusal(
      _ arguments: [String], _ part: String, _ location: SourceLocation = #_sourceLocation
    ) async throws {
      let refused = try await space.rsmbench(list: arguments)
      #expect(refused.status == 2, sourceLocation: location)
      #expect(refused.errorLines.count == 1, "\(refused.errors)", sourceLocation: location)
      #expect(refused.errors.contains(part), "\(refused.errors)", sourceLocation: location)
    }

    @Test(
      "Nodes started by hand serve several runs, end on SIGTERM and continue from their logs"
    )
    func severalRuns() async throws {
      var logSizes: [Int] = []
      for life in 0..<2 {
        let nodes = try (0..<3).map { try start($0) }
        for repetition in 0..<2 {
          let name = "out-\(life)-\(repetition)"
          let run = try await space.rsmbench(
            "run", "live.json5", "--hosts", "hosts.json5", "--out", name)
          #expect(run.status == 0, "\(run.errors)")
          let trials = rows(try space.text("\(name)/live-1/trials.csv"))
          #expect(trials.column("verdict") == ["linearizable"])
          // The messages of earlier runs are not counted again.
          let messages = try #require(trials.first?["messages_per_op"].flatMap(Double.init))
          #expect((1...8).contains(messages))
          let usage = rows(try space.text("\(name)/live-1/resources.csv"))
          #expect(usage.count == 3)
          logSizes.append(try #require(usage.first?["log_entries"].flatMap(Int.init)))
        }
        for node in nodes { #expect(node.end(by: life == 0 ? SIGTERM : SIGINT) == 0) }
        for node in nodes { #expect(!node.errors.contains("rsmbench: "), "\(node.errors)") }
      }
      #expect(logSizes == logSizes.sorted() && Set(logSizes).count == 4, "\(logSizes)")
    }

    @Test(
      "Only nodes that allow faults get them, and only nodes that the runner started are killed")
    func faults() async throws {
      try space.write(
        live(#"faults: [{ at: "400ms", partition: "isolate", for: "500ms" }],"#), to: "cut.json5")
      let run = ["run", "cut.json5", "--hosts", "hosts.json5", "--quiet"]
      do {
        let nodes = try [start(0, "--allow-faults"), start(1), start(2, "--allow-faults")]
        try await expectRefusal(run, "rsmbench: node 1 was not started with --allow-faults\n")
        #expect(try space.names("results") == [])
        for node in nodes { #expect(node.end(by: SIGTERM) == 0) }
      }
      let nodes = try (0..<3).map { try start($0, "--allow-faults") }
      let outcome = try await space.rsmbench(list: run)
      #expect(outcome.status == 0, "\(outcome.errors)")
      let faults = rows(try space.text("results/live-1/faults.csv"))
      #expect(faults.column("kind") == ["partition"])
      let outage = try #require(faults.first?["write_outage_ms"].flatMap(Double.init))
      #expect(outage > 20)
      for kind in ["crash", "pause"] {
        try space.write(
          live(#"faults: [{ at: "400ms", \#(kind): "leader", for: "500ms" }],"#), to: "kill.json5")
        try await expectRefusal(
          ["run", "kill.json5", "--hosts", "hosts.json5"],
          "the runner did not start these processes")
      }
      for kind in ["error", "full", "bitRot"] {
        try space.write(
          live(#"faults: [{ at: "400ms", disk: "leader", \#(kind): true, for: "500ms" }],"#),
          to: "kill.json5")
        try await expectRefusal(
          ["run", "kill.json5", "--hosts", "hosts.json5"],
          "allowed slow or stall (the runner could not start the node again)")
      }
      for node in nodes { #expect(node.end(by: SIGTERM) == 0) }
    }

    @Test("The faults of a killed runner end with it")
    func abandonedFaults() async throws {
      try space.write(
        live(
          #"faults: [{ at: "300ms", partition: { groups: [[0], [1], [2]] } }],"#, duration: "60s"),
        to: "cut.json5")
      let nodes = try (0..<3).map { try start($0, "--allow-faults") }
      let killed = try await space.rsmbench(
        list: ["run", "cut.json5", "--hosts", "hosts.json5", "--out", "cut", "--quiet"]
      ) { process in
        usleep(1_500_000)
        kill(process.processIdentifier, SIGKILL)
      }
      #expect(killed.diedOfSignal)
      let run = try await space.rsmbench("run", "live.json5", "--hosts", "hosts.json5")
      #expect(run.status == 0, "\(run.errors)")
      withExtendedLifetime(nodes) {}
    }

    @Test("Nodes of another cluster or protocol are refused by name")
    func otherCluster() async throws {
      let nodes = try (0..<3).map { try start($0) }
      try space.write(hosts(cluster: "other"), to: "other.json5")
      try await expectRefusal(
        ["run", "live.json5", "--hosts", "other.json5", "--quiet"],
        #"of cluster "three", not of "other""#)
      #expect(nodes.contains { $0.errors.contains(#"not of "other""#) })
      try space.write(hosts(protocol: "multi-paxos"), to: "paxos.json5")
      try await expectRefusal(
        [
          "run", "live.json5", "--hosts", "paxos.json5", "--quiet", "--set",
          #"protocols=["multi-paxos"]"#,
        ], #"cluster "three" runs raft, not multi-paxos"#)
      #expect(try space.names("results") == [])
    }

    @Test("A node that cannot start as told says so in one line: exit code 2")
    func badNodes() async throws {
      let node = try start(0)
      func arguments(_ number: String, _ data: String, _ file: String = "hosts.json5") -> [String] {
        ["node", "--hosts", file, "--node", number, "--data", data]
      }
      // Its own directory is in use; its port is taken; the directory is another node's; or another
      // cluster's.
      try await expectRefusal(arguments("0", "0"), "another process")
      try await expectRefusal(arguments("0", "fresh"), "Address already in use")
      #expect(node.end(by: SIGTERM) == 0)
      try await expectRefusal(arguments("1", "0"), "node")
      try space.write(hosts(cluster: "other"), to: "other.json5")
      try await expectRefusal(arguments("0", "0", "other.json5"), "three")
      try await expectRefusal(arguments("3", "3"), "from 0 to 2")
      try await expectRefusal(arguments("0", "hosts.json5"), "hosts.json5")
      try await expectRefusal(arguments("0", "0", "missing.json5"), "missing.json5")
      try space.write("{ cluster: ", to: "cut.json5")
      try await expectRefusal(arguments("0", "0", "cut.json5"), "cut.json5")
      try await expectRefusal(["node", "--hosts", "hosts.json5", "--node", "0"], "--data")
    }

    @Test("A directory for logs is refused for nodes that were started with their own")
    func ownLogs() async throws {
      try await expectRefusal(
        ["run", "live.json5", "--hosts", "hosts.json5", "--data", "logs"],
        "--data: allowed only without --hosts")
      #expect(try !space.names().contains("results"))
    }

    @Test("Missing nodes are named, and the run can simply be started again")
    func absent() async throws {
      let node = try start(0)
      try await expectRefusal(
        ["run", "live.json5", "--hosts", "hosts.json5", "--quiet"],
        "node 1 at \(addresses[1]) does not answer")
      #expect(try space.names("results") == [])
      withExtendedLifetime(node) {}
    }
  }
}
