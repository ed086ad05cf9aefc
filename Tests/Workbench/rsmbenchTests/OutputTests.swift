import Foundation
import Testing

/// Results that cannot be printed, and the output for a violation.
@Suite struct OutputTests {
  private let space: Workspace

  init() throws {
    space = try Workspace()
    try space.write(tiny(), to: "tiny.json5")
    try space.write("{}", to: "sound.json5")
  }

  /// Runs a line of shell in the workspace; `R` is the program.
  private func shell(_ line: String) throws -> (status: Int32, errors: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", line]
    process.currentDirectoryURL = space.folder
    process.environment = ["R": Workspace.program.path, "PATH": "/usr/bin:/bin"]
    let errors = Pipe()
    process.standardOutput = FileHandle.nullDevice
    process.standardError = errors
    try process.run()
    let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, text)
  }

  private static let ways = [
    ("> /dev/full", "No space left on device"), (">&-", "it is closed"),
  ]

  @Test("A full or closed standard output is an error of every command", arguments: ways)
  func commands(way: String, reason: String) throws {
    for command in [
      "list columns", "list bugs --format json",
      "validate sound.json5", "--help", "--version",
      "help run", "run --help", "bench --filter histogram.record",
      "serve --protocol unreplicated --replicas 1 --port 0",
    ] {
      let (status, errors) = try shell("\"$R\" \(command) \(way)")
      #expect(status == 2, "\(command)")
      #expect(errors == "rsmbench: cannot write to standard output: \(reason)\n", "\(command)")
    }
  }

  @Test("A run whose table cannot be printed keeps its results and says where", arguments: ways)
  func run(way: String, reason: String) async throws {
    for format in ["table", "json"] {
      let (status, errors) = try shell(
        "\"$R\" run tiny.json5 --quiet --out \(format) --format \(format) \(way)")
      #expect(status == 2)
      #expect(
        errors == "rsmbench: cannot write to standard output: \(reason); results are in "
          + "\(format)/tiny-1\n")
    }
    let whole = try await space.rsmbench("run", "tiny.json5", "--out", "whole", "--quiet")
    #expect(whole.status == 0)
    #expect(
      try space.files("table/tiny-1").keys.sorted() == space.files("whole/tiny-1").keys.sorted())
    #expect(try space.tables("table/tiny-1") == space.tables("whole/tiny-1"))
  }

  @Test("A violation ends with the command that replays its trial, and the replay shows it again")
  func replay() async throws {
    try space.write(
      """
      {
        name: "broken", protocols: ["unreplicated", "raft"],
        options: { raft: { unsafeBug: "read-without-quorum", checkQuorum: false } },
        workload: { clients: 6, keys: 2, thinkTime: "2ms", timeout: "300ms" },
        faults: [{ at: "500ms", partition: "isolate", for: "900ms" }],
        warmUp: "200ms", duration: "2s", trials: 2,
        sweep: { "workload.clients": [2, 8], "workload.valueSize": ["16B", "64B"] },
      }
      """, to: "it's.json5")
    let run = try await space.rsmbench("run", "it's.json5", "--quiet", "--set", "duration=1900ms")
    #expect(run.status == 1)
    let blocks = run.output.split(separator: "VIOLATED\n").last?.split(separator: "\n") ?? []
    let line = try #require(blocks.last)
    let command = try #require(line.wholeMatch(of: #/  to replay: rsmbench (.*)/#)?.1)
    #expect(blocks.contains { $0.hasPrefix("  in charge: node ") })
    #expect(blocks.contains { $0.hasPrefix("  faults: partition isolate leader (node ") })
    let (status, errors) = try shell("\"$R\" \(command) --quiet")
    #expect(status == 1 && errors == "")
    let folder = try #require(try space.names("replay").first)
    let again = try #require(rows(try space.text("replay/\(folder)/trials.csv")).first)
    let all = rows(try space.text("results/broken-1/trials.csv"))
    // The replayed trial is equal to the last digit, except for its number and the columns of the
    // sweep.
    let same = all.filter { row in again.allSatisfy { $0.key == "trial" || row[$0.key] == $0.value }
    }
    #expect(same.count == 1 && same.first?["verdict"] == "violated")
    #expect(same.first?["trial"] == "2" && same.first?["workload.clients"] == "8")
  }
}
