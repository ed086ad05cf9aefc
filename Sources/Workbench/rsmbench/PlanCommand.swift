import Configuration
import Experiments
import Foundation
import Report
import Results

extension Command {
  static let plan = Command(
    name: "plan", synopsis: "plan FILE --shards N [flags]",
    meaning:
      "Writes what spreads an experiment over machines: job scripts for Slurm and GNU parallel.",
    notes: """
      DIR gets the resolved experiment.json5, slurm.sh (a job array: sbatch DIR/slurm.sh) and parallel.sh (GNU
      parallel). Each job is 'run --shard K/N', goes on from where it was interrupted, and needs nothing of
      the others. 'merge DIR/shards/*' then joins them into the bytes that one run would have written;
      parallel.sh does it itself. The scripts call this program by its path, or the one in $RSMBENCH.
      """,
    flags: {
      [
        Flag(name: "--shards", value: "N", meaning: "how many parts, 1 to 1000"),
        Flag(name: "--out", value: "DIR", meaning: "where to write (default NAME-SEED-plan)"),
        setFlag, runtimeFlag,
      ]
    },
    execute: { arguments in
      guard let count = try arguments.integer("--shards", in: 1...1_000) else {
        throw UsageError("how many shards? Give their number, such as --shards 4")
      }
      let plan = try readPlan(arguments, hosts: nil)
      tell(plan.warnings)
      let outline = RunOutline(plan)
      let units = outline.unitCount
      guard count <= units else {
        throw UsageError(
          "--shards: found \(count), allowed up to \(units), the parts of this experiment that can run apart"
        )
      }
      let folder = try arguments.directory("--out") ?? outline.directoryName(nil) + "-plan"
      let scripts = JobScripts(
        outline: outline, shards: count, folder: URL(fileURLWithPath: folder).path,
        program: JobScripts.thisProgram)
      try PlanFolder(folder).write(
        [
          ("experiment.json5", Array(plan.storedText.utf8)),
          ("slurm.sh", Array(scripts.slurm.utf8)), ("parallel.sh", Array(scripts.parallel.utf8)),
        ] + plan.keptFiles().map { ($0.name, $0.bytes) })
      try Console.print(
        """
        \(count) shards of \(outline.name), seed \(outline.seed), in \(folder)
          Slurm:         sbatch \(folder)/slurm.sh, and when it is done
                         rsmbench merge \(folder)/shards/*
          GNU parallel:  \(folder)/parallel.sh
          by hand:       rsmbench run \(folder)/experiment.json5 --shard 1/\(count) --out \(folder)/shards
        """)
      return .done
    })

  static let merge = Command(
    name: "merge", synopsis: "merge DIR... [flags]",
    meaning: "Joins the shards of a run, prints the comparison and writes DIR/NAME-SEED/.",
    notes: """
      Give the directories that 'run --shard' wrote, all of one run: the CSV files are those of a run in one
      go, to the last byte. What does not belong together, is there twice, is missing or unfinished is refused
      by name. Exit codes are those of 'run'.
      """,
    flags: {
      [
        Flag(
          name: "--out", value: "DIR", meaning: "where the run's directory goes (default results)"),
        Flag(name: "--force", meaning: "overwrites a run that is there"),
        Flag(
          name: "--format", value: "table|json", meaning: "how to print the result (default table)"),
        Flag(name: "--quiet", meaning: "does not say where the results are"),
      ]
    },
    execute: { arguments in
      guard !arguments.positional.isEmpty else {
        throw UsageError("which shards? Give the directories that 'run --shard' wrote")
      }
      let format = try arguments.choice("--format", of: ["table", "json"]) ?? "table"
      let started = Date()
      let merge = try RunMerge(arguments.positional)
      let plan = try ExperimentPlan.read(
        text: merge.experiment, file: "\(arguments.positional[0])/experiment.json5")
      let keptFiles = try plan.keptFiles()
      let directory = try RunDirectory(
        in: arguments.directory("--out") ?? "results", outline: merge.outline,
        experiment: merge.experiment, version: merge.version,
        existing: arguments.has("--force") ? .overwrite : .refuse)
      let manifest = Manifest(
        outline: merge.outline, finished: merge.trials,
        runtime: plan.experiment.runtime.rawValue, targets: plan.experiment.targets,
        version: merge.version, gitRevision: GitRevision.ofProgram,
        warnings: plan.warnings.map(\.description), startedAt: started,
        wallTime: Date().timeIntervalSince(started))
      for file in keptFiles { try directory.write(file.bytes, to: file.name) }
      try merge.write(to: directory, manifest: manifest)
      if !merge.trials.isEmpty { try Report.write(of: directory.path) }
      try directory.finish()
      let outcome = RunOutcome(
        plan: plan, outline: merge.outline, trials: merge.trials,
        replay: Replay(file: "\(directory.path)/experiment.json5"), format: format)
      try outcome.show(directory.path)
      if !arguments.has("--quiet") { Console.log("results are in \(directory.path)") }
      return outcome.exitCode
    })
}

/// The scripts that run the shards of an experiment on existing job systems.
struct JobScripts {
  let outline: RunOutline
  let shards: Int
  /// The folder of the scripts. The scripts name it themselves, because Slurm runs copies of them
  /// elsewhere.
  let folder: String
  let program: String

  static var thisProgram: String {
    (Bundle.main.executableURL ?? URL(fileURLWithPath: CommandLine.arguments[0]))
      .resolvingSymlinksInPath().path
  }

  private var head: String {
    """
    set -eu
    here=${RSMBENCH_PLAN:-\(Replay.quoted(folder))}
    rsmbench=${RSMBENCH:-\(Replay.quoted(program))}
    """
  }

  /// A job array with one task per shard.
  var slurm: String {
    """
    #!/bin/sh
    #SBATCH --job-name=\(outline.directoryName(nil))
    #SBATCH --array=1-\(shards)
    #SBATCH --ntasks=1
    #SBATCH --cpus-per-task=1
    #SBATCH --requeue
    # A directory that was moved is named by RSMBENCH_PLAN, another program by RSMBENCH.
    \(head)
    exec "$rsmbench" run "$here/experiment.json5" --shard "$SLURM_ARRAY_TASK_ID/\(shards)" \\
      --out "$here/shards" --jobs "${SLURM_CPUS_PER_TASK:-1}" --resume --quiet

    """
  }

  var parallel: String {
    """
    #!/bin/sh
    # Runs all shards with GNU parallel and joins them. JOBS says how many at a time (default one per core);
    # further arguments go to parallel, such as --sshlogin host1,host2 where all hosts see this directory.
    \(head)
    parallel --halt soon,fail=1 --jobs "${JOBS:-100%}" "$@" \\
      "$rsmbench" run "$here/experiment.json5" --shard '{}/\(shards)' --out "$here/shards" --jobs 1 \\
      --resume --quiet ::: $(seq \(shards))
    exec "$rsmbench" merge "$here"/shards/\(outline.directoryName(nil))-shard-*-of-\(shards) \\
      --out "$here/results"

    """
  }
}

/// A new directory, or one that holds an earlier plan.
private struct PlanFolder {
  let path: String

  init(_ path: String) { self.path = path }

  func write(_ files: [(name: String, bytes: [UInt8])]) throws {
    let manager = FileManager.default
    if let there = try? manager.contentsOfDirectory(atPath: path) {
      let known = files.map(\.name) + ["shards", "results"]
      if let other = there.sorted().first(where: { !known.contains($0) }) {
        throw UsageError(
          "--out: \(path) holds \(other), which is of no plan: give another directory")
      }
      if there.contains("shards") {
        throw UsageError("--out: \(path) holds shards of an earlier plan: give another directory")
      }
    }
    do {
      try manager.createDirectory(atPath: path, withIntermediateDirectories: true)
      for (name, bytes) in files {
        let file = "\(path)/\(name)"
        try Data(bytes).write(to: URL(fileURLWithPath: file), options: .atomic)
        if name.hasSuffix(".sh") {
          try manager.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file)
        }
      }
    } catch {
      throw UsageError("--out: cannot write \(path)")
    }
  }
}
