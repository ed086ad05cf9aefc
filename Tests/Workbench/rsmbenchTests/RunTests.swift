import Foundation
import Histories
import Linearizability
import ProtocolList
import Testing

/// `rsmbench run`: its files, flags and output.
@Suite struct RunTests {
  private let space: Workspace

  init() throws {
    space = try Workspace()
    try space.write(tiny(), to: "tiny.json5")
  }

  private let resultFiles = [
    "datapackage.json", "differences.csv", "distribution.csv", "expectations.csv",
    "experiment.json5", "faults.csv", "latency.csv", "manifest.json", "report.html",
    "resources.csv", "summary.csv", "timeline.csv", "trials.csv",
  ]

  @Test(
    "A run writes the documented files; a second one is refused; --force repeats it to the byte")
  func filesAndForce() async throws {
    let first = try await space.rsmbench("run", "tiny.json5")
    #expect(first.status == 0)
    #expect(first.output.contains("linearizable"))
    #expect(first.errorLines.last == "results are in results/tiny-1")
    #expect(try space.names() == ["results", "tiny.json5"])
    #expect(try space.names("results/tiny-1") == resultFiles)
    let before = try space.files("results/tiny-1")

    let second = try await space.rsmbench("run", "tiny.json5")
    #expect(second.status == 2)
    #expect(second.output == "")
    #expect(second.errorLines.count == 1)
    #expect(second.errors.hasPrefix("rsmbench: results/tiny-1 holds a finished run; use --force"))
    #expect(try space.files("results/tiny-1") == before)

    try space.write("mine", to: "results/tiny-1/notes.txt")
    let third = try await space.rsmbench("run", "tiny.json5", "--force")
    #expect(third.status == 0)
    #expect(try space.names("results/tiny-1") == (resultFiles + ["notes.txt"]).sorted())
    #expect(try space.text("results/tiny-1/notes.txt") == "mine")
    for name in resultFiles where name != "manifest.json" {
      #expect(try space.bytes("results/tiny-1/\(name)") == before[name], "\(name) differs")
    }
  }

  @Test("The same seed gives the same files for every --jobs; another seed gives other files")
  func seedsAndJobs() async throws {
    for jobs in ["1", "2"] {
      let run = try await space.rsmbench("run", "tiny.json5", "--jobs", jobs, "--out", "j\(jobs)")
      #expect(run.status == 0)
    }
    #expect(try space.tables("j1/tiny-1") == space.tables("j2/tiny-1"))
    #expect(
      try space.text("j1/tiny-1/experiment.json5") == space.text("j2/tiny-1/experiment.json5"))

    let other = try await space.rsmbench("run", "tiny.json5", "--seed=7", "--trials", "1")
    #expect(other.status == 0)
    let trials = rows(try space.text("results/tiny-7/trials.csv"))
    #expect(trials.column("seed") == ["7", "7"])
    #expect(trials.column("trial") == ["1", "1"])
    let (one, seven) = (try space.text("j1/tiny-1/latency.csv"), "results/tiny-7/latency.csv")
    #expect(try !one.hasPrefix(space.text(seven)))
  }

  @Test("A failed expectation gives exit code 1, with the figures found")
  func expectations() async throws {
    let run = try await space.rsmbench(
      "run", "tiny.json5", "--set", "expect=['raft.throughput > 1/s', 'raft.p99 < 1ns']", "--set",
      "baseline=raft")
    #expect(run.status == 1)
    #expect(run.output.contains("holds   raft.throughput > 1/s: raft.throughput "))
    #expect(run.output.contains("FAILED  raft.p99 < 1ns: raft.p99 "))
    #expect(run.output.contains("Differences from raft\n"))
    let table = rows(try space.text("results/tiny-1/expectations.csv"))
    #expect(table.column("holds") == ["true", "false"])
    let json = try await space.rsmbench(
      "run", "tiny.json5", "--force", "--quiet", "--format", "json", "--set",
      "expect=['raft.p99 < 1ns']")
    #expect(json.status == 1)
    #expect(json.errorLines == ["rsmbench: expectation failed: raft.p99 < 1ns"])
  }

  @Test("--set and sweeps change the trials, and the resolved experiment shows it")
  func setAndSweep() async throws {
    let run = try await space.rsmbench(
      "run", "tiny.json5", "--set", "sweep.replicas=[1, 3]", "--set", "workload.clients=3",
      "--set", "name=swept", "--trials", "1", "--out", "a/b")
    #expect(run.status == 0)
    let trials = rows(try space.text("a/b/swept-1/trials.csv"))
    #expect(trials.column("replicas") == ["1", "1", "3", "3"])
    #expect(trials.column("protocol").suffix(2) == ["raft", "chain-replication"])
    #expect(Set(trials.column("verdict")) == ["linearizable"])
    #expect(try space.text("a/b/swept-1/experiment.json5").contains(#""clients": 3"#))
  }

  @Test("tolerates gives each protocol the replicas that it needs")
  func tolerates() async throws {
    let run = try await space.rsmbench("run", "tiny.json5", "--set", "tolerates=1", "--quiet")
    #expect(run.status == 0)
    let nodes = rows(try space.text("results/tiny-1/resources.csv")).filter {
      $0["trial"] == "1" && $0["role"] == "replica"
    }
    #expect(nodes.count { $0["protocol"] == "raft" } == 3)
    #expect(nodes.count { $0["protocol"] == "chain-replication" } == 2)
  }

  @Test("--history writes histories that read back and are linearizable")
  func histories() async throws {
    let run = try await space.rsmbench("run", "tiny.json5", "--history")
    #expect(run.status == 0)
    let names = try space.names("results/tiny-1").filter { $0.hasPrefix("history-") }
    #expect(
      names == [
        "history-chain-replication-1.edn", "history-chain-replication-2.edn",
        "history-raft-1.edn", "history-raft-2.edn",
      ])
    for name in names {
      let history = try JepsenHistory.operations(edn: space.text("results/tiny-1/\(name)"))
      #expect(history.count > 20)
      #expect(ConsistencyCheck().verdict(of: history).name == "linearizable")
    }
  }

  @Test("--quiet leaves standard error empty, and --format json prints JSON alone")
  func quietAndJSON() async throws {
    let run = try await space.rsmbench("run", "tiny.json5", "--quiet", "--format", "json")
    #expect(run.status == 0)
    #expect(run.errors == "")
    let value = try JSONSerialization.jsonObject(with: Data(run.output.utf8))
    #expect(value is [String: Any] || value is [Any])
    for name in ["manifest.json", "datapackage.json", "experiment.json5"] {
      let bytes = try space.bytes("results/tiny-1/\(name)")
      #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: bytes) }
    }
  }

  @Test("Losing the node in charge is an outage, and a lone server returns with its restart")
  func outage() async throws {
    try space.write(
      tiny(#"replicas: 3, faults: [{ at: "500ms", crash: "leader", for: "600ms" }],"#),
      to: "crash.json5")
    let run = try await space.rsmbench(
      "run", "crash.json5", "--set", "protocols=\(allProtocols)", "--set", "duration=2s",
      "--trials",
      "1")
    #expect(run.status == 0)
    let faults = rows(try space.text("results/tiny-1/faults.csv"))
    #expect(faults.column("protocol") == ProtocolKind.allCases.map(\.name))
    for fault in faults {
      let outage = try #require(fault["write_outage_ms"].flatMap(Double.init))
      #expect(fault["start_ms"] == "500")
      #expect(fault["end_ms"] == "1100")
      let kind = try #require(fault["protocol"].flatMap(ProtocolKind.init(rawValue:)))
      #expect(outage > (kind.isBaseline ? 600 : 50))
    }
    let trials = rows(try space.text("results/tiny-1/trials.csv"))
    #expect(Set(trials.column("verdict")) == ["linearizable"])
    #expect(Set(trials.column("lost_writes")) == ["0"])
  }
}
