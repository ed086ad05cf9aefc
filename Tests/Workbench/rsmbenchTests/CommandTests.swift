import Foundation
import Testing

/// `validate`, `list`, `bench` and the help.
@Suite struct CommandTests {
  private let space: Workspace

  init() throws { space = try Workspace() }

  @Test("The text that validate prints validates to the same text, and no file is written")
  func validate() async throws {
    let fields = """
      replicas: 5, disk: "none", network: { preset: "wan-aws-5", loss: 0.001 },
      options: { raft: { electionTimeout: ["1s", "2s"] } }, sweep: { "workload.clients": [1, 2] },
      faults: [
        { at: "200ms", partition: { "one-way": "leader" }, direction: "out", for: "100ms" },
        { chaos: { mtbf: "100ms", mttr: "20ms", kinds: ["crash", "link"] }, until: "400ms" },
      ],
      """
    try space.write(tiny(fields), to: "first.json5")
    let first = try await space.rsmbench("validate", "first.json5", "--set", "seed=9")
    #expect(first.status == 0)
    #expect(
      first.errors.contains("warning: options.chain-replication.failureTimeout: 200ms is too short")
    )
    try space.write(first.output, to: "second.json5")
    let second = try await space.rsmbench("validate", "second.json5")
    #expect(second.output == first.output)
    #expect(second.errors == first.errors)
    #expect(try space.names() == ["first.json5", "second.json5"])
  }

  @Test(
    "Each list is a table, and JSON with the same rows",
    arguments: ["protocols", "options", "faults", "workloads", "networks", "bugs", "columns"])
  func list(topic: String) async throws {
    let table = try await space.rsmbench("list", topic)
    #expect(table.status == 0)
    let json = try await space.rsmbench("list", topic, "--format", "json")
    let value = try JSONSerialization.jsonObject(with: Data(json.output.utf8))
    let objects = try #require(value as? [[String: String]])
    let lines = table.output.split(separator: "\n").dropFirst()
    #expect(objects.count == lines.count)
    for (line, object) in zip(lines, objects) {
      for text in object.values where !text.isEmpty { #expect(line.contains(text)) }
    }
    #expect(table.errors + json.errors == "")
  }

  @Test("A fault is listed with exactly the runtimes that accept its example")
  func faultRuntimes() async throws {
    let list = try await space.rsmbench("list", "faults", "--format", "json")
    let value = try JSONSerialization.jsonObject(with: Data(list.output.utf8))
    let rows = try #require(value as? [[String: String]]).filter {
      // These rows describe parts of a fault.
      $0["kind"] != "targets" && $0["kind"] != "at"
    }
    #expect(rows.count >= 10)
    for row in rows {
      let example = try #require(row["example"])
      try space.write(
        "{ replicas: 3, protocols: ['raft'], faults: [\(example)] }", to: "fault.json5")
      let runtimes = try #require(row["runtime"]).split(separator: ",").map {
        $0.trimmingPrefix(" ")
      }
      for runtime in ["simulation", "cluster"] {
        let outcome = try await space.rsmbench("validate", "fault.json5", "--runtime", runtime)
        let isListed = runtimes.contains { $0 == runtime }
        #expect(outcome.status == (isListed ? 0 : 2), "\(example) in \(runtime)")
      }
    }
  }

  @Test("The help names every command and every flag of run")
  func help() async throws {
    let overview = try await space.rsmbench("--help")
    #expect(overview.status == 0)
    #expect(overview.errors == "")
    for word in ["run FILE", "validate FILE", "list protocols|options", "bench", "130"] {
      #expect(overview.output.contains(word))
    }
    let run = try await space.rsmbench("run", "--help")
    #expect(run.status == 0)
    let flags = [
      "--out DIR", "--runtime", "--hosts FILE", "--seed N", "--trials N", "--jobs N",
      "--set path=value",
      "--history", "--resume", "--force", "--quiet", "--format table|json",
    ]
    for flag in flags { #expect(run.output.contains(flag)) }
    for command in ["run", "validate", "list", "check", "bench", "serve", "node"] {
      let help = try await space.rsmbench("help", command)
      #expect(help.status == 0 && help.errors == "")
      #expect(help.output == (try await space.rsmbench(command, "--help").output))
    }
    for command in ["validate", "list", "bench"] {
      #expect(try await space.rsmbench(command, "--help").output.hasPrefix("usage: rsmbench "))
    }
    let version = try await space.rsmbench("--version")
    #expect(version.output.contains(#/^rsmbench \d+\.\d+\.\d+\n$/#))
    // Without a command the program prints its help.
    let bare = try await space.rsmbench()
    #expect(bare.status == 2)
    #expect(bare.errors.hasPrefix(overview.output))
  }

  @Test("Benchmarks print a list of name, value and unit")
  func bench() async throws {
    let run = try await space.rsmbench("bench", "--filter", "histogram", "--format", "json")
    #expect(run.status == 0)
    let value = try JSONSerialization.jsonObject(with: Data(run.output.utf8))
    let figures = try #require(value as? [[String: Any]])
    #expect(figures.count == 1)
    #expect(figures.first?.keys.sorted() == ["name", "unit", "value"])
    #expect(figures.first?["name"] as? String == "histogram.record")
    #expect(figures.first?["unit"] as? String == "ns")
    #expect((figures.first?["value"] as? Double ?? 0) > 0)
  }
}
