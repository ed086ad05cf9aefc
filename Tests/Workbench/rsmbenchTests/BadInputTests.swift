import Foundation
import Testing

/// A wrong command or file gives one line on standard error and exit code 2, and writes no file.
@Suite struct BadInputTests {
  private let space: Workspace

  init() throws {
    space = try Workspace()
    try space.write(tiny(), to: "tiny.json5")
    try space.write("", to: "empty.json5")
    try space.write("{ name: ", to: "cut.json5")
    try FileManager.default.createDirectory(
      at: space.url("folder"), withIntermediateDirectories: true)
  }

  private func refused(
    _ arguments: [String], _ parts: [String], location: SourceLocation = #_sourceLocation
  ) async throws {
    let before = try space.files("")
    let outcome = try await space.rsmbench(list: arguments)
    let name = arguments.joined(separator: " ")
    #expect(
      !outcome.diedOfSignal && outcome.status == 2, "\(name): \(outcome.status)",
      sourceLocation: location)
    #expect(
      outcome.errorLines.count == 1 && outcome.errors.hasSuffix("\n"),
      "\(name): \(outcome.errors)", sourceLocation: location)
    #expect(outcome.errors.hasPrefix("rsmbench: "), sourceLocation: location)
    #expect(outcome.output == "", sourceLocation: location)
    for part in parts {
      #expect(
        outcome.errors.contains(part), "\(name): \(outcome.errors)", sourceLocation: location)
    }
    #expect(try space.files("") == before, "\(name) wrote something", sourceLocation: location)
    #expect(
      try space.names() == ["cut.json5", "empty.json5", "folder", "tiny.json5"],
      sourceLocation: location)
  }

  @Test(
    "A value that the format does not allow is refused with its place and the allowed values",
    arguments: [
      ("trails=5", #"trails: found an unknown key"#, #"did you mean "trials"?"#),
      ("workload.clents=5", "workload.clents: found an unknown key", #"mean "clients"?"#),
      ("workload.clients=many", #"workload.clients: found "many""#, "allowed a whole number"),
      ("workload.clients=0", "workload.clients: found 0", "1...100000"),
      ("duration=5", "duration: found 5", "a duration with a unit"),
      ("workload.valueSize=128", "workload.valueSize: found 128", "a size with a unit"),
      ("network.loss=1.5", "network.loss: found 1.5", "a number from 0 to 1"),
      (#"protocols=["rafd"]"#, #"protocols[0]: found "rafd""#, #"did you mean "raft"?"#),
      ("options.raft.heartbeet=5ms", "options.raft.heartbeet", #"did you mean "heartbeat"?"#),
      ("options.raft.unsafeBug=ack-erly", "options.raft.unsafeBug", #"did you mean "ack-early"?"#),
      ("replicas=0", "replicas: found 0", "1...64"),
      (#"faults=[{at:"400ms",crash:3}]"#, "faults[0].crash: found 3", "0...2"),
      (#"faults=[{at:"400ms",crash:"leeder"}]"#, "faults[0].crash", #"did you mean "leader"?"#),
      (#"faults=[{at:"400ms","add-replica":3}]"#, "add-replica", "cannot be injected"),
      (#"faults=[{at:"9s",crash:0}]"#, "faults[0].at: found", "before the end of the trial"),
      (#"target={redis:"[::1]:6379"}"#, "target: found", "only with runtime"),
      ("check=strict", #"check: found "strict""#, #""linearizable""#),
      ("name=a/b", #"name: found "a/b""#, "letters, digits"),
      ("faults[0].at=1s", "faults[0].at", "before [0]"),
      (#"faults=[{at:"400ms",kill:0}]"#, "faults[0].kill: found an unknown key", #"mean "crash"?"#),
      ("workload.mix={read:1}", "workload.mix.read: found", #"did you mean "get"?"#),
      ("workload.mix={update:1}", "workload.mix.update: found", #"did you mean "put"?"#),
      ("duration=2h", #"duration: found "2h""#, "a duration from 1ms to"),
      ("a..b=1", "a..b", "a path that cannot be read"),
      ("clients", #"--set: found "clients""#, "path=value"),
      ("=5", #"--set: found "=5""#, "path=value"),
    ])
  func values(setting: String, place: String, allowed: String) async throws {
    try await refused(["run", "tiny.json5", "--set", setting], ["--set", place, allowed])
  }

  @Test("A file that cannot be read, or is not an experiment, is refused by name")
  func files() async throws {
    try await refused(["run", "absent.json5"], ["absent.json5: found no such file"])
    try await refused(["run", "folder"], ["folder: found a directory"])
    try await refused(["run", "empty.json5"], ["empty.json5: found an empty file"])
    try await refused(["run", "cut.json5"], ["cut.json5: line 1, column 9: found the end"])
    try await refused(["run", "/dev/null"], ["/dev/null: found something that is not a file"])
    try await refused(["run", "tiny.json5/x"], ["tiny.json5/x: found"])
    try await refused(["run", ""], ["which experiment?"])
    try space.write(tiny("sweep: { 'workload.clents': [1] },"), to: "cut.json5")
    try await refused(
      ["run", "cut.json5"], ["cut.json5: workload.clents: found an unknown key", "\"clients\"?"])
    try await refused(["validate", "absent.json5"], ["absent.json5: found no such file"])
  }

  @Test("An output directory that cannot be used is refused before anything runs")
  func output() async throws {
    try await refused(
      ["run", "tiny.json5", "--out", "tiny.json5"], ["tiny.json5 exists and is not a directory"])
    try await refused(
      ["run", "tiny.json5", "--out", "tiny.json5/deep/er"], ["is not a directory"])
    try await refused(
      ["run", "tiny.json5", "--out", "/proc/none"], ["cannot create the directory /proc/none"])
    try await refused(["run", "tiny.json5", "--out", ""], ["--out: found \"\""])
    try await refused(
      ["run", "tiny.json5", "--out", String(repeating: "x", count: 300)], ["name is too long"])
    try await refused(["run", "tiny.json5", "--resume", "--force"], ["give one of them"])
  }

  @Test("A directory with other content is left alone, even with --force")
  func foreignDirectory() async throws {
    try FileManager.default.createDirectory(
      at: space.url("out/tiny-1"), withIntermediateDirectories: true)
    try space.write("mine", to: "out/tiny-1/thesis.txt")
    for flag in ["--force", "--resume", "--quiet"] {
      let run = try await space.rsmbench("run", "tiny.json5", "--out", "out", flag)
      #expect(run.status == 2)
      #expect(
        run.errors == """
          rsmbench: out/tiny-1 holds files but no run; choose another --out, or empty it first

          """)
      #expect(try space.names("out/tiny-1") == ["thesis.txt"])
    }
  }

  @Test("Control characters in arguments neither break the line nor reach the terminal")
  func controlCharacters() async throws {
    try await refused(["run", "no\nfile\u{1B}[31m"], [#"no\nfile\u001b[31m: found no such file"#])
    try await refused(["ru\nn"], [#"unknown command "ru\nn""#])
    try await refused(["run", "tiny.json5", "--set", "trails\n=5"], [#"trails\n: found"#])
  }

  @Test("A wrong flag or command is named, with the nearest valid one")
  func usage() async throws {
    try await refused(["run"], ["which experiment?"])
    try await refused(["run", "tiny.json5", "cut.json5"], ["one experiment at a time"])
    try await refused(["run", "tiny.json5", "--sed", "1"], ["--sed", "did you mean --seed?"])
    try await refused(["run", "tiny.json5", "--seed"], ["--seed needs a value: --seed N"])
    try await refused(["run", "tiny.json5", "--seed=1", "--seed=2"], ["--seed is given twice"])
    try await refused(["run", "tiny.json5", "--quiet=yes"], ["--quiet takes no value"])
    try await refused(["run", "tiny.json5", "--jobs", "0"], ["--jobs: found \"0\"", "from 1"])
    try await refused(["run", "tiny.json5", "--trials", "0"], ["--trials: found \"0\"", "from 1"])
    try await refused(["run", "tiny.json5", "--trials", "2.5"], ["--trials: found \"2.5\""])
    try await refused(["run", "tiny.json5", "--seed", "-1"], ["--seed: found \"-1\"", "from 0"])
    try await refused(
      ["run", "tiny.json5", "--seed", "18446744073709551616"], ["--seed: found \"1844"])
    try await refused(
      ["run", "tiny.json5", "--format", "xml"], ["--format: found \"xml\"", "table, json"])
    try await refused(["run", "tiny.json5", "--runtime", "moon"], ["--runtime: found \"moon\""])
    try await refused(
      ["run", "tiny.json5", "--runtime", "cluster", "--jobs", "2"], ["--jobs: found 2, allowed 1"])
    try await refused(
      ["run", "tiny.json5", "--data", "logs"],
      ["--data: found a directory, allowed only in the cluster runtime"])
    try await refused(
      ["run", "tiny.json5", "--let-sleep"], ["--let-sleep: allowed only in the cluster runtime"])
    try await refused(
      ["validate", "tiny.json5", "--runtime", "cluster", "--set", "network.loss=0.1"],
      ["--set network.loss=0.1: network: found", "this machine's own network"])
    try await refused(
      ["run", "tiny.json5", "--hosts", "absent.json5"],
      ["absent.json5: found no such file, allowed a readable hosts file"])
    try await refused(
      ["run", "tiny.json5", "--hosts", "tiny.json5"],
      ["tiny.json5: name: found an unknown key, allowed cluster, protocol, options, nodes"])
    try await refused(
      ["run", "tiny.json5", "--hosts", "absent.json5", "--runtime", "simulation"],
      ["--hosts names real nodes"])
    try await refused(["rum", "tiny.json5"], ["unknown command \"rum\"", "did you mean run?"])
    for name in ["fuzz", "replay"] {
      try await refused([name], ["unknown command \"\(name)\"; see 'rsmbench --help'"])
      try await refused(["help", name], ["unknown command \"\(name)\""])
    }
    try await refused(["help", "run", "list"], ["help of one command at a time"])
    try await refused(["serve"], ["serve needs --protocol P, or --hosts FILE"])
    try await refused(["serve", "--protocol", "rafd"], ["--protocol: found \"rafd\""])
    try await refused(
      ["serve", "--protocol", "raft", "--set", "heartbeet=1ms"],
      ["options.heartbeet", "did you mean \"heartbeat\"?"])
    try await refused(
      ["serve", "--protocol", "raft", "--address", "here"], ["--address: found \"here\""])
    try await refused(
      ["serve", "--protocol", "raft", "--hosts", "tiny.json5"], ["--hosts names the nodes"])
    try await refused(["node"], ["node needs --hosts FILE"])
    try await refused(["node", "x"], ["node takes no argument"])
    try await refused(["list"], ["list what?"])
    try await refused(["list", "bug"], ["no list \"bug\"", "did you mean bugs?"])
    try await refused(["list", "bugs", "faults"], ["one list at a time"])
    try await refused(["bench", "--filter", "nothing"], ["no benchmark's name contains"])
    try await refused(["validate", "tiny.json5", "--out", "x"], ["unknown flag --out"])
  }
}
