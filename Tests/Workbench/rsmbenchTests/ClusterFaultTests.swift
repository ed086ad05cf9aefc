import Foundation
import ProtocolList
import Testing

extension RealProcesses {
  /// Faults on real processes, and the violations of a broken protocol under them.
  @Suite struct ClusterFaultTests {
    private let space: Workspace

    init() throws { space = try Workspace() }

    private static let everyKind = [
      #"{ at: "400ms", crash: "leader", disk: "torn", for: "300ms" }"#,
      #"{ at: "1100ms", pause: "leader", for: "300ms" }"#,
      #"{ at: "1800ms", partition: "isolate", for: "300ms" }"#,
      """
      { at: "2400ms", link: "all", loss: 0.05, duplicate: 0.05, reorder: 0.1, corrupt: 0.01, latency: "1ms",
        bandwidth: "50Mbps", for: "300ms" }
      """,
      #"{ at: "2900ms", disk: "tail", stall: true, for: "200ms" }"#,
      #"{ at: "3200ms", disk: "random", slow: "5ms", for: "200ms" }"#,
      #"{ at: "3300ms", clock: "leader", jump: "-1s" }"#,
      #"{ at: "3400ms", clock: "coordinator", drift: 0.05, for: "300ms" }"#,
      #"{ at: "3500ms", "slow-cpu": "minority", factor: 5, for: "200ms" }"#,
      #"{ at: "3800ms", disk: "leader", error: true, for: "300ms" }"#,
      #"{ at: "4500ms", disk: "random", full: true, for: "300ms" }"#,
    ]

    @Test(
      "Every protocol stays correct under every kind of fault, one after the other",
      arguments: ProtocolKind.replicated.map(\.name))
    func everyKind(name: String) async throws {
      let faults = ClusterFaultTests.everyKind
      try space.write(
        live(
          "faults: [\(faults.joined(separator: ", "))],", protocols: #"["\#(name)"]"#,
          duration: "5500ms"), to: "live.json5")
      let run = try await space.runLive("live.json5", "--quiet")
      #expect(run.status == 0, "\(run.errors)")
      #expect(run.errors == "")
      space.expectNothingLeft()
      let trials = rows(try space.text("results/live-1/trials.csv"))
      #expect(trials.column("verdict") == ["linearizable"])
      #expect(trials.column("lost_writes") == ["0"])
      let happened = rows(try space.text("results/live-1/faults.csv"))
      #expect(happened.count == faults.count)
      #expect(happened.column("node").allSatisfy { !$0.isEmpty })
    }

    @Test(
      "A flipped bit in a log stops its replica from starting, which the run reports and survives"
    )
    func bitRot() async throws {
      let faults =
        #"faults: [{ at: "400ms", disk: 1, bitRot: true }, { at: "700ms", crash: 1, for: "200ms" }],"#
      try space.write(live(faults), to: "live.json5")
      let run = try await space.runLive("live.json5", "--quiet")
      #expect(run.status == 0, "\(run.errors)")
      #expect(run.errorLines.count == 1)
      #expect(run.errors.contains("raft, trial 1: node 1 did not start again: "), "\(run.errors)")
      #expect(rows(try space.text("results/live-1/trials.csv")).column("lost_writes") == ["0"])
      space.expectNothingLeft()
    }

    @Test(
      "A protocol without one of its safety rules is caught on real processes: exit code 1",
      arguments: BrokenProtocol.all.filter { ["raft", "primary-backup"].contains($0.name) })
    func broken(broken: BrokenProtocol) async throws {
      try space.write(broken.experiment(broken.options), to: "broken.json5")
      let run = try await space.runLive(
        "broken.json5", "--quiet", "--runtime", "cluster", "--trials", "1")
      #expect(run.status == 1, "\(run.errors)")
      #expect(run.output.contains("VIOLATED"))
      space.expectNothingLeft()
      let sound = broken.options.replacing(#/unsafeBug: "[^"]*"/#, with: #"unsafeBug: "none""#)
      try space.write(broken.experiment(sound), to: "sound.json5")
      let again = try await space.runLive(
        "sound.json5", "--quiet", "--runtime", "cluster", "--trials", "1", "--out", "sound")
      #expect(again.status == 0, "\(again.errors)")
    }

    @Test(
      "A fault that cannot be injected into real processes is refused before any starts",
      arguments: ["transfer-leadership", "add-replica", "remove-replica"])
    func refused(kind: String) async throws {
      try space.write(live(#"faults: [{ at: "400ms", "\#(kind)": 1 }],"#), to: "live.json5")
      let run = try await space.runLive("live.json5")
      #expect(run.status == 2)
      #expect(run.errorLines.count == 1 && run.errors.contains("cannot be injected"))
      #expect(try space.names() == ["live.json5"])
    }
  }
}
