import Foundation
import ProtocolList
import Testing

extension RealProcesses {
  /// A shorter soak experiment.
  @Suite struct SoakTests {
    private let space: Workspace

    init() throws { space = try Workspace() }

    private static var soak: String {
      URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(
          path: "experiments/soak.json5"
        ).path
    }

    @Test(
      "Replicas are killed repeatedly under load, and no acknowledged write is lost",
      arguments: ProtocolKind.allCases.map(\.name))
    func soak(name: String) async throws {
      let run = try await space.runLive(
        SoakTests.soak, "--quiet", "--set", "workload.clients=4", "--set",
        "workload.thinkTime=10ms", "--set", #"protocols=["\#(name)"]"#, "--set", "duration=4s",
        "--set", #"faults=[{chaos:{mtbf:"250ms",mttr:"200ms",kinds:["crash"]}}]"#)
      #expect(run.status == 0)
      // A note would report that a key could not be read back.
      #expect(run.errors == "")
      space.expectNothingLeft()
      let trials = rows(try space.text("results/soak-1/trials.csv"))
      #expect(trials.column("verdict") == ["linearizable"])
      #expect(trials.column("lost_writes") == ["0"])
      #expect(trials.column("safety_violations") == ["0"])
      // The number depends on the machine, so the test only demands that it is not zero.
      let answered = try #require(trials.first?["acknowledged"].flatMap(Int.init))
      #expect(answered > 0)
      let kills = rows(try space.text("results/soak-1/faults.csv"))
      #expect(!kills.isEmpty && Set(kills.column("kind")) == ["crash"])
      // The kills are summarised in one row, which is continued in a second table if it is too wide
      // for one. The output shows the soak's metric.
      let summaries = run.output.split(separator: "\n").count { $0.hasPrefix("crash random") }
      #expect((1...2).contains(summaries))
      #expect(run.output.contains("lost writes"))
    }
  }
}
