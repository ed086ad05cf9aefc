import Foundation
import Testing

@Suite struct ShardTests {
  let space: Workspace

  init() throws {
    space = try Workspace()
    let rule = "trials: { min: 2, max: 3, until: 'throughput ±0.1%' }"
    try space.write(
      tiny("sweep: { replicas: [1, 3] }, expect: ['throughput > 1']")
        .replacing("trials: 2", with: rule), to: "tiny.json5")
  }

  @Test("Shards give the bytes of one run in any order, and latest points at the merged run")
  func bytes() async throws {
    let whole = try await space.rsmbench("run", "tiny.json5", "--history", "--out", "one")
    #expect(whole.status == 0)
    for shard in ["2/2", "1/2"] {
      let run = try await space.rsmbench(
        "run", "tiny.json5", "--history", "--shard", shard, "--out", "parts")
      #expect(run.status == 0)
      #expect(run.output.isEmpty)
      #expect(run.errorLines.last?.hasPrefix("shard \(shard) is in parts/tiny-1-shard-") == true)
    }
    let merged = try await space.rsmbench(
      "merge", "parts/tiny-1-shard-1-of-2", "parts/tiny-1-shard-2-of-2", "--out", "joined")
    #expect(merged.status == 0)
    #expect(merged.output == whole.output)
    var (a, b) = (try space.files("one/tiny-1"), try space.files("joined/tiny-1"))
    a["manifest.json"] = nil
    b["manifest.json"] = nil
    #expect(a == b)
    #expect(a.keys.contains { $0.hasSuffix(".edn") })
    #expect(try space.names("joined") == ["latest", "tiny-1"])
    #expect(
      try FileManager.default.destinationOfSymbolicLink(atPath: space.url("one/latest").path)
        == "tiny-1")
    let missing = try await space.rsmbench("merge", "parts/tiny-1-shard-1-of-2", "--out", "m")
    #expect(missing.status == 2)
    #expect(missing.errorLines == ["rsmbench: shard 2 of 2 is missing: give all of them"])
    #expect(try !space.names().contains("m"))
  }

  @Test(
    "A plan has scripts that run and join its shards, with GNU parallel or a loop"
  )
  func plan() async throws {
    let plan = try await space.rsmbench("plan", "tiny.json5", "--shards", "2", "--out", "p")
    #expect(plan.status == 0)
    #expect(try space.names("p") == ["experiment.json5", "parallel.sh", "slurm.sh"])
    #expect(try space.text("p/slurm.sh").contains("#SBATCH --array=1-2\n"))
    // Stands for GNU parallel: runs the command with each word after ::: in place of {}.
    try space.write(
      """
      #!/bin/sh
      command=""
      while [ "$1" != "$RSMBENCH" ]; do shift; done
      while [ "$1" != ::: ]; do command="$command '$1'"; shift; done
      shift
      for word; do eval "$(echo "$command" | sed "s/{}/$word/")" || exit 1; done

      """, to: "parallel")
    let program = Workspace.program.path
    let script = Process()
    script.executableURL = URL(fileURLWithPath: "/bin/sh")
    script.arguments = [
      "-c", "chmod +x parallel && PATH=$PWD:$PATH sh p/parallel.sh > out 2> err",
    ]
    script.currentDirectoryURL = space.folder
    script.environment = ProcessInfo.processInfo.environment.merging(["RSMBENCH": program]) { $1 }
    try script.run()
    script.waitUntilExit()
    let errors = try space.text("err")
    #expect(script.terminationStatus == 0, "\(errors)")
    // One task of the array runs the Slurm script.
    let task = Process()
    task.executableURL = URL(fileURLWithPath: "/bin/sh")
    task.arguments = [space.url("p/slurm.sh").path]
    task.environment = ["SLURM_ARRAY_TASK_ID": "1", "RSMBENCH": program, "PATH": "/usr/bin:/bin"]
    try task.run()
    task.waitUntilExit()
    #expect(task.terminationStatus == 0)
    let whole = try await space.rsmbench("run", "p/experiment.json5", "--out", "one")
    #expect(whole.status == 0)
    #expect(try space.tables("one/tiny-1") == space.tables("p/results/tiny-1"))
    let again = try await space.rsmbench("plan", "tiny.json5", "--shards", "2", "--out", "p")
    #expect(again.status == 2)
    #expect(again.errors.contains("holds shards of an earlier plan"))
  }

  @Test(
    "An impossible shard is refused",
    arguments: ["3/2", "0/2", "2", "a/b", "1/2/3", ""])
  func refusals(text: String) async throws {
    let run = try await space.rsmbench("run", "tiny.json5", "--shard", text)
    #expect(run.status == 2)
    #expect(run.errorLines.count == 1)
    #expect(run.errors.contains("such as 2/3 for the second of three"))
    #expect(try space.names() == ["tiny.json5"])
  }

  @Test("More shards than units are refused, and a plan needs a number of shards")
  func planRefusals() async throws {
    let many = try await space.rsmbench("plan", "tiny.json5", "--shards", "3")
    #expect(many.status == 2)
    #expect(many.errors.contains("--shards: found 3, allowed up to 2"))
    let none = try await space.rsmbench("plan", "tiny.json5")
    #expect(
      none.errorLines == [
        "rsmbench: how many shards? Give their number, such as --shards 4"
      ])
    #expect(try space.names() == ["tiny.json5"])
  }
}
