import Foundation
import Testing

/// The scripts of `rsmbench plan` under the real job systems that they are written for.
@Suite struct JobSystemTests {
  private let space: Workspace

  init() throws {
    space = try Workspace()
    try space.write(tiny("sweep: { replicas: [1, 3] }, trace: { every: 5 }"), to: "tiny.json5")
  }

  private static let parallel: String? = {
    let version = Process()
    let output = Pipe()
    version.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    version.arguments = ["parallel", "--version"]
    version.standardOutput = output
    version.standardError = FileHandle.nullDevice
    guard (try? version.run()) != nil else { return nil }
    let text = output.fileHandleForReading.readDataToEndOfFile()
    version.waitUntilExit()
    let line = String(decoding: text, as: UTF8.self).split(separator: "\n").first.map(String.init)
    return line.flatMap { $0.hasPrefix("GNU parallel") ? $0 : nil }
  }()

  /// Writes a plan of three shards.
  private func plan() async throws {
    let plan = try await space.rsmbench("plan", "tiny.json5", "--shards", "3", "--out", "p")
    #expect(plan.status == 0)
  }

  /// Every file of the joined run but the manifest has the bytes of one run.
  private func compare(_ joined: String) async throws {
    let one = try await space.rsmbench("run", "p/experiment.json5", "--out", "one")
    #expect(one.status == 0)
    var (a, b) = (try space.files("one/tiny-1"), try space.files("\(joined)/tiny-1"))
    a["manifest.json"] = nil
    b["manifest.json"] = nil
    #expect(a.keys.sorted() == b.keys.sorted())
    for (name, bytes) in a where b[name] != bytes { Issue.record("\(name) differs") }
  }

  @Test(
    "Shards that GNU parallel runs, of which some had been begun, give the bytes of one run",
    .enabled(if: parallel != nil, "GNU parallel is not installed (Debian: parallel)"))
  func gnuParallel() async throws {
    try await plan()
    // The second shard has been run by hand before; its job finds nothing left to do.
    let before = try await space.rsmbench(
      "run", "p/experiment.json5", "--shard", "2/3", "--out", "p/shards")
    #expect(before.status == 0)
    let script = Process()
    script.executableURL = URL(fileURLWithPath: "/bin/sh")
    script.arguments = ["-c", "sh p/parallel.sh > out 2> err"]
    script.currentDirectoryURL = space.folder
    script.environment = ProcessInfo.processInfo.environment.merging([
      "RSMBENCH": Workspace.program.path, "JOBS": "2", "HOME": space.folder.path,
    ]) { $1 }
    try script.run()
    script.waitUntilExit()
    let errors = try space.text("err")
    #expect(script.terminationStatus == 0, "\(errors)")
    try await compare("p/results")
  }

  @Test(
    "The tasks of a Slurm array give the bytes of one run",
    .enabled(if: SlurmCluster.problem == nil, "\(SlurmCluster.problem ?? "")"))
  func slurm() async throws {
    try await plan()
    let cluster = try SlurmCluster(space)
    try #require(cluster.isReady, "Slurm does not start: \(cluster.messages)")
    try cluster.run("p/slurm.sh", environment: ["RSMBENCH": Workspace.program.path])
    let shards = try space.names("p/shards").map { "p/shards/\($0)" }
    #expect(shards.count == 3)
    let merged = try await space.rsmbench(list: ["merge"] + shards + ["--out", "joined"])
    #expect(merged.status == 0, "\(merged.errors)")
    try await compare("joined")
  }
}
