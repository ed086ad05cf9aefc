import Foundation
import Histories
import HostTesting
import ProtocolList
import Synchronization
import Testing

extension RealProcesses {
  /// `rsmbench run` on real processes: it writes its files and leaves no process or other file.
  @Suite struct ClusterRunTests {
    private let space: Workspace

    init() throws { space = try Workspace() }

    @Test("A run on real processes writes the same files and columns as a simulated one")
    func sameFiles() async throws {
      let faults = #"faults: [{ at: "400ms", crash: "leader", for: "400ms" }],"#
      try space.write(live(faults, protocols: allProtocols), to: "live.json5")
      let run = try await space.runLive("live.json5", "--history")
      #expect(run.status == 0, "\(run.errors)")
      space.expectNothingLeft()
      let simulated = try await space.rsmbench(
        "run", "live.json5", "--runtime", "simulation", "--out", "simulated", "--history")
      #expect(simulated.status == 0)
      #expect(try space.names("results/live-1") == space.names("simulated/live-1"))
      for (name, table) in try space.tables("results/live-1") {
        let other = try space.bytes("simulated/live-1/\(name)")
        #expect(table.prefix { $0 != 10 } == other.prefix { $0 != 10 }, "\(name)")
      }
      #expect(
        try space.bytes("results/live-1/datapackage.json")
          == space.bytes("simulated/live-1/datapackage.json"))
      try expectSchema(of: "results/live-1")

      let trials = rows(try space.text("results/live-1/trials.csv"))
      #expect(
        trials.column("verdict")
          == Array(repeating: "linearizable", count: ProtocolKind.allCases.count))
      #expect(Set(trials.column("lost_writes")) == ["0"])
      // Both runtimes count the messages between nodes and to clients, because they run the same
      // protocols.
      let before = rows(try space.text("simulated/live-1/trials.csv"))
      for (real, virtual) in zip(trials, before) {
        let counts = [real, virtual].compactMap { $0["messages_per_op"].flatMap(Double.init) }
        #expect(counts.count == 2 && counts.allSatisfy { $0 > 0.5 }, "\(real)")
        #expect(counts[0] < counts[1] * 4 && counts[1] < counts[0] * 4, "\(counts)")
      }
    }

    @Test("Where the time of operations on real processes went adds up to their latency")
    func timeTrace() async throws {
      try space.write(live("trace: { every: 2 },", protocols: allProtocols), to: "live.json5")
      let run = try await space.runLive("live.json5")
      #expect(run.status == 0, "\(run.errors)")
      let table = rows(try space.text("results/live-1/breakdown.csv"))
      for kind in ProtocolKind.allCases {
        for operation in ["read", "write"] {
          let parts = table.filter { $0["protocol"] == kind.name && $0["operation"] == operation }
          let means = Dictionary(
            uniqueKeysWithValues: parts.map {
              ($0["part"] ?? "", Double($0["mean_us"] ?? "") ?? -1)
            })
          let total = try #require(means["total"], "\(kind.name) \(operation)")
          let sum = means.values.reduce(0, +) - total
          #expect(
            total > 0 && abs(sum - total) < total * 1e-6, "\(kind.name) \(operation): \(means)")
          #expect((means["client-wire"] ?? 0) > 0 && (means["processor"] ?? 0) > 0)
          // A write waits for another node, except that of a single server.
          let waitsForOthers = (means["node-wire"] ?? 0) > 0
          if operation == "write" {
            #expect(waitsForOthers == (kind != .unreplicated), "\(kind.name): \(means)")
          }
          let counts = parts.first.map { [$0["operations"], $0["forgotten"]] }
          let numbers = (counts ?? []).compactMap { $0.flatMap(Int.init) }
          #expect(
            numbers.count == 2 && numbers[0] > 20 && numbers[1] <= numbers[0] / 10, "\(numbers)")
        }
      }
    }

    @Test("All clients that only write are served equally, whichever replica answers them")
    func writersAreServedAlike() async throws {
      // A client that had to resend an operation would wait for seconds: the runs end long before.
      try space.write(live(protocols: allProtocols, duration: "1200ms"), to: "live.json5")
      let run = try await space.runLive(
        "live.json5", "--set", "workload.mix={put:1}", "--set", "workload.timeout=30s", "--history")
      #expect(run.status == 0, "\(run.errors)")
      for kind in ProtocolKind.allCases {
        let history = try JepsenHistory.operations(
          edn: space.text("results/live-1/history-\(kind.name)-1.edn"))
        let counts = (0..<4).map { client in
          history.count { $0.client == client && $0.outcome == .ok }
        }
        let mean = counts.reduce(0, +) / 4
        #expect(mean > 4 && counts.allSatisfy { $0 > mean / 4 }, "\(kind): \(counts)")
      }
    }

    /// Checks that every cell has the type and bounds that the schema gives its column.
    private func expectSchema(of run: String) throws {
      let package = try JSONSerialization.jsonObject(with: space.bytes("\(run)/datapackage.json"))
      let resources = try #require((package as? [String: Any])?["resources"] as? [[String: Any]])
      #expect(resources.count == 9)
      for resource in resources {
        let path = try #require(resource["path"] as? String)
        let schema = try #require(resource["schema"] as? [String: Any])
        let fields = try #require(schema["fields"] as? [[String: Any]])
        let table = rows(try space.text("\(run)/\(path)"))
        // The test's experiment has no expectations.
        #expect(table.isEmpty == (path == "expectations.csv"), "\(path)")
        for (row, field) in table.flatMap({ row in fields.map { (row, $0) } }) {
          let name = try #require(field["name"] as? String)
          let cell = try #require(row[name], "\(path) has no column \(name)")
          let constraints = field["constraints"] as? [String: Any] ?? [:]
          if cell.isEmpty {
            #expect(constraints["required"] as? Bool != true, "\(path): \(name) is empty")
            continue
          }
          if let allowed = constraints["enum"] as? [String] {
            #expect(allowed.contains(cell), "\(path): \(name) is \(cell)")
          }
          let minimum = constraints["minimum"] as? Double
          switch field["type"] as? String {
          case "integer": #expect(Int128(cell) != nil, "\(path): \(name) is \(cell)")
          case "number": #expect(Double(cell)?.isFinite == true, "\(path): \(name) is \(cell)")
          default: continue
          }
          if let minimum, let value = Double(cell) {
            #expect(value >= minimum, "\(path): \(name) is \(cell)")
          }
        }
      }
    }

    @Test(
      "Only the runner keeps processors awake, if permitted and unless told to let them sleep",
      arguments: [false, true])
    func processors(sleep: Bool) async throws {
      let device = "/dev/cpu_dma_latency"
      let isExpected = !sleep && access(device, W_OK) == 0
      try space.write(live(duration: "1s"), to: "live.json5")
      let data = space.data
      let holders = Mutex<[Bool]>([])
      let run = try await space.runLive(
        list: ["live.json5", "--quiet"] + (sleep ? ["--let-sleep"] : [])
      ) { process in
        var nodes: [LiveProcess] = []
        eventually {
          nodes = LiveProcess.all(naming: data).filter(\.isNode)
          return nodes.count == 3
        }
        let found = ([process.processIdentifier] + nodes.map(\.number)).map { number in
          let folder = "/proc/\(number)/fd"
          let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
          return names.contains {
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\($0)"))
              == device
          }
        }
        holders.withLock { $0 = found }
      }
      #expect(run.status == 0, "\(run.errors)")
      #expect(holders.withLock { $0 } == [isExpected, false, false, false])
      #expect(
        try space.text("results/live-1/manifest.json").contains(
          "\"processors_kept_awake\": \(isExpected)"))
      space.expectNothingLeft()
    }

    @Test(
      "Ctrl-C in the middle of a trial keeps the finished ones, and --resume continues from there")
    func interrupt() async throws {
      try space.write(
        live().replacing("trials: 1", with: "trials: 4"), to: "live.json5")
      let fragments = space.url("results/live-1/.trials").path
      let data = space.data
      let stopped = try await space.runLive("live.json5") { process in
        eventually {
          let names = (try? FileManager.default.contentsOfDirectory(atPath: fragments)) ?? []
          let nodes = LiveProcess.all(naming: data).filter(\.isNode)
          return names.contains("raft-1-1.json") && nodes.count == 3 || !process.isRunning
        }
        kill(process.processIdentifier, SIGINT)
      }
      #expect(stopped.status == 130)
      #expect(stopped.errorLines.last?.hasSuffix("--resume continues") == true)
      space.expectNothingLeft()
      let kept = rows(try space.text("results/live-1/trials.csv")).column("trial")
      #expect((1..<4).contains(kept.count))
      let resumed = try await space.runLive("live.json5", "--resume", "--quiet")
      #expect(resumed.status == 0)
      let trials = rows(try space.text("results/live-1/trials.csv"))
      #expect(trials.column("trial") == ["1", "2", "3", "4"])
      #expect(Set(trials.column("verdict")) == ["linearizable"])
      space.expectNothingLeft()
    }

    @Test(
      "However the run ends, its nodes end with it and their directory goes, even if stopped",
      arguments: [SIGTERM, SIGKILL], [false, true])
    func ended(signal: Int32, whilePaused: Bool) async throws {
      let pause = whilePaused ? #"faults: [{ at: "100ms", pause: "all" }],"# : ""
      try space.write(live(pause, duration: "60s"), to: "live.json5")
      let data = space.data
      let run = try await space.runLive("live.json5", "--quiet") { process in
        eventually {
          let nodes = LiveProcess.all(naming: data).filter(\.isNode)
          return nodes.count == 3 && (!whilePaused || nodes.allSatisfy { $0.state == "T" })
        }
        kill(process.processIdentifier, signal)
      }
      #expect(run.diedOfSignal == (signal == SIGKILL))
      if signal == SIGTERM { #expect(run.status == 130) }
      space.expectNothingLeft()
    }

    @Test("A run that is killed while it prepares a trial leaves no directory", arguments: 0..<4)
    func killedEarly(step: Int) async throws {
      try space.write(live(duration: "60s"), to: "live.json5")
      let data = space.data
      let run = try await space.runLive("live.json5", "--quiet") { process in
        // Without a pause, because the steps are less than a millisecond apart.
        while process.isRunning {
          let names = (try? FileManager.default.contentsOfDirectory(atPath: data)) ?? []
          if !names.isEmpty { break }
        }
        usleep(UInt32(step) * 500)
        kill(process.processIdentifier, SIGKILL)
      }
      #expect(run.diedOfSignal)
      space.expectNothingLeft()
    }

    @Test("If a directory cannot hold the logs, the run ends in one line and writes no file")
    func badDirectory() async throws {
      try space.write(live(), to: "live.json5")
      try space.write("", to: "data")
      let run = try await space.runLive("live.json5")
      #expect(run.status == 2)
      #expect(
        run.errors == "rsmbench: cannot make a directory in \(space.data): Not a directory\n")
      #expect(try space.names("results") == [])
    }

    @Test(
      "A disk without room for the logs ends the run in one line that names the reason",
      .enabled(if: Mount.isPossible, "needs the right to mount a small file system"))
    func fullDisk() async throws {
      try space.write(live(), to: "live.json5")
      let mount = try Mount(at: space.url("data"), size: "4m")
      let run = try await space.runLive("live.json5", "--quiet")
      #expect(run.status == 2)
      #expect(run.errorLines.count == 1)
      #expect(run.errors.contains("did not start: "))
      #expect(run.errors.contains("No space left on device"))
      #expect(try space.names("results") == [])
      space.expectNothingLeft()
      withExtendedLifetime(mount) {}
    }

    @Test(
      "A node killed by another process ends the run with an error, as no fault explains it")
    func killedByHand() async throws {
      try space.write(live(duration: "60s"), to: "live.json5")
      let data = space.data
      let run = try await space.runLive("live.json5", "--quiet") { _ in
        var victim: LiveProcess?
        eventually {
          let nodes = LiveProcess.all(naming: data).filter(\.isNode)
          // A node has the file once it is at work.
          victim = nodes.first { node in
            node.words.contains { FileManager.default.fileExists(atPath: $0 + "/synced") }
          }
          return victim != nil
        }
        if let victim { kill(victim.number, SIGKILL) }
      }
      #expect(run.status == 2)
      #expect(run.errorLines.count == 1)
      let pattern = #/rsmbench: node [012] (has ended, which no fault explains|did not start): /#
      #expect(run.errors.contains(pattern), "\(run.errors)")
      #expect(run.errors.hasSuffix(": killed by signal 9\n"), "\(run.errors)")
      space.expectNothingLeft()
    }
  }
}

/// A small file system in memory, unmounted with this object.
final class Mount {
  private let path: String

  init(at folder: URL, size: String) throws {
    path = folder.path
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try #require(Mount.run("mount", "-t", "tmpfs", "-o", "size=\(size)", "tmpfs", path))
  }

  deinit { _ = Mount.run("umount", path) }

  static let isPossible: Bool = {
    let folder = FileManager.default.temporaryDirectory.appending(path: "rsmbench-\(UUID())")
    defer { try? FileManager.default.removeItem(at: folder) }
    return (try? Mount(at: folder, size: "1m")) != nil
  }()

  private static func run(_ words: String...) -> Bool {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = words
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return false }
    process.waitUntilExit()
    return process.terminationStatus == 0
  }
}
