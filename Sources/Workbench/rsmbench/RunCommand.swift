import Configuration
import Experiments
import Faults
import Foundation
import LoadDriving
import Report
import Results
import Runner

extension Command {
  static let run = Command(
    name: "run", synopsis: "run FILE [flags]",
    meaning: "Runs an experiment, prints the comparison and writes its results to DIR/NAME-SEED/.",
    notes: """
      Nothing runs and nothing is written until the whole file and its sweep have been found valid. Ctrl-C and
      SIGTERM end the run within a second and keep the trials that are finished; --resume goes on from there.
      A second one ends the program at once. A run's directory belongs to one process at a time. A violation,
      and a crash of a protocol's code, end with the command that replays that trial. What the experiment
      expects is tried at the end: if a condition does not hold, the exit code is 1. In the simulation
      the same seed gives the same CSV files to the last byte, whatever --jobs is. In the cluster runtime
      trials run one at a time, since they would take each other's processors. An experiment's targets are
      servers of others, which have to run already; they are looked for first. What is written to them lies
      under keys that begin with "rsmbench-" and stays there.
      """,
    flags: {
      [
        Flag(
          name: "--out", value: "DIR", meaning: "where the run's directory goes (default results)"),
        runtimeFlag, hostsFlag,
        Flag(
          name: "--data", value: "DIR",
          meaning: "where the nodes of a cluster keep their logs during a trial (default the run's "
            + "directory): whose disk is measured; refused in the simulation and with --hosts, "
            + "where this program starts no node"),
        Flag(name: "--seed", value: "N", meaning: "replaces the file's seed"),
        Flag(name: "--trials", value: "N", meaning: "replaces the file's number of trials"),
        Flag(
          name: "--jobs", value: "N",
          meaning: "simulated trials that run at a time (default one per core)"
        ),
        setFlag,
        Flag(
          name: "--history", meaning: "also writes every trial's history in Jepsen's EDN format"),
        Flag(name: "--resume", meaning: "continues an interrupted run"),
        Flag(
          name: "--shard", value: "K/N",
          meaning: "runs the Kth of N parts only, to be joined by 'rsmbench merge'; see 'plan'"),
        Flag(name: "--force", meaning: "overwrites a run that is there"),
        Flag(
          name: "--let-sleep",
          meaning:
            "lets processors without work sleep during trials in real time (default: kept awake "
            + "where /dev/cpu_dma_latency may be opened; the manifest says whether); refused in the "
            + "simulation, where all time is virtual"),
        Flag(name: "--quiet", meaning: "no progress and no warnings on standard error"),
        Flag(
          name: "--format", value: "table|json", meaning: "how to print the result (default table)"),
      ]
    },
    execute: { try RunRequest($0).run() })
}

/// The options of one `rsmbench run`.
struct RunRequest {
  let plan: ExperimentPlan
  /// The nodes to run on; `nil` if the runner starts its own nodes, or simulates.
  let hosts: HostsFile?
  let output: String
  /// The directory of the cluster nodes' logs; `nil` for the run's own directory.
  let data: String?
  let existing: RunDirectory.Existing
  /// The part of the run to make; `nil` for the whole run.
  let shard: Shard?
  let jobs: Int
  let writesHistories: Bool
  let letsSleep: Bool
  let isQuiet: Bool
  /// A line for the user about the memory that the run needs.
  let memory: String?
  let format: String
  let replay: Replay

  init(_ arguments: Arguments) throws {
    var overrides: [Override] = []
    if let seed = try arguments.integer("--seed", in: UInt64.min...UInt64.max) {
      overrides.append(.seed(seed))
    }
    if let trials = try arguments.integer("--trials", in: 1...10_000) {
      overrides.append(.trials(trials))
    }
    let jobs = try arguments.integer("--jobs", in: 1...1_024)
    replay = Replay(arguments)
    format = try arguments.choice("--format", of: ["table", "json"]) ?? "table"
    guard !(arguments.has("--resume") && arguments.has("--force")) else {
      throw UsageError("--resume continues a run and --force starts it again: give one of them")
    }
    existing = arguments.has("--resume") ? .resume : arguments.has("--force") ? .overwrite : .refuse
    output = try arguments.directory("--out") ?? "results"
    shard = try arguments["--shard"].map(Shard.init(typed:))
    data = try arguments.directory("--data")
    writesHistories = arguments.has("--history")
    letsSleep = arguments.has("--let-sleep")
    isQuiet = arguments.has("--quiet")
    hosts = try Command.readHosts(arguments)
    plan = try Command.readPlan(arguments, overrides: overrides, hosts: hosts)
    if plan.experiment.runtime == .cluster, let jobs, jobs > 1 {
      throw UsageError(
        "--jobs: found \(jobs), allowed 1 in the cluster runtime, where trials would take each "
          + "other's processors")
    }
    try RunRequest.refuseUnusedFlags(arguments, runtime: plan.experiment.runtime)
    self.jobs = jobs ?? Command.usualJobs(of: plan)
    memory = try Command.checkMemory(of: plan, jobs: self.jobs, arguments)
  }

  /// Refuses flags without an effect on this run, because their user expects an effect.
  private static func refuseUnusedFlags(
    _ arguments: Arguments, runtime: ExperimentRuntime
  ) throws(UsageError) {
    if runtime == .simulation, arguments.has("--data") {
      throw UsageError(
        "--data: found a directory, allowed only in the cluster runtime: the simulation has no "
          + "disk whose speed counts, and the file's \"disk\" models one")
    }
    if runtime == .simulation, arguments.has("--let-sleep") {
      throw UsageError(
        "--let-sleep: allowed only in the cluster runtime, because the simulation's time is "
          + "virtual")
    }
    if arguments.has("--hosts"), arguments.has("--data") {
      throw UsageError(
        "--data: allowed only without --hosts, because each of those nodes was started with its "
          + "own --data")
    }
  }

  /// For a plan that the command line did not name as a file. The run replaces an existing one.
  /// - Parameter file: the file that the user wrote, for errors.
  init(_ plan: ExperimentPlan, file: String, output: String, isQuiet: Bool) throws {
    self.plan = plan
    self.output = output
    self.isQuiet = isQuiet
    shard = nil
    hosts = nil
    data = nil
    existing = .overwrite
    jobs = Command.usualJobs(of: plan)
    writesHistories = false
    letsSleep = false
    format = "table"
    let words = try Arguments(["--", file], flags: [], command: "run")
    replay = Replay(words)
    memory = try Command.checkMemory(of: plan, jobs: jobs, words)
  }

  /// The result of a run, finished or interrupted.
  struct Result {
    let outline: RunOutline
    let directory: String
    let trials: [FinishedTrial]
    let manifest: Manifest

    var isComplete: Bool { manifest.isComplete }
  }

  func run() throws -> ExitCode {
    let result = try perform()
    let outcome = RunOutcome(
      plan: plan, outline: result.outline, trials: result.trials, replay: replay, format: format)
    // The results of a shard are shown only after all shards are merged.
    if shard == nil { try outcome.show(result.directory) }
    guard result.isComplete else {
      let manifest = result.manifest
      Console.log(
        "rsmbench: interrupted; \(manifest.trialsFinished) of \(manifest.trialsPlanned) trials are "
          + "kept in \(result.directory), --resume continues")
      return .interrupted
    }
    if !isQuiet {
      Console.log(
        shard.map { "shard \($0) is in \(result.directory)" }
          ?? "results are in \(result.directory)")
    }
    return shard == nil ? outcome.exitCode : .done
  }

  /// Runs the missing trials and writes the files of the run.
  func perform() throws -> Result {
    let started = Date()
    let outline = RunOutline(plan)
    try TargetTrialRunner.check(plan.experiment.targets)
    let isStopped = StopFlag()
    let interruption = Interruption { isStopped.set() }
    defer { interruption.end() }
    let keptFiles = try plan.keptFiles()
    let directory = try RunDirectory(
      in: output, outline: outline, experiment: plan.storedText, version: version,
      shard: shard, existing: existing)
    for file in keptFiles { try directory.write(file.bytes, to: file.name) }
    let warnings = plan.warnings
    if !isQuiet {
      Command.tell(warnings)
      if let memory { Console.log(memory) }
    }
    let session = RunSession(
      plan: plan, directory: directory, request: self, isStopped: isStopped)
    let processors = WakefulProcessors(isWanted: plan.experiment.runtime == .cluster && !letsSleep)
    session.runTrials(jobs: jobs)
    for note in session.notes { Console.log("rsmbench: \(note)") }
    if let error = session.failure {
      if directory.finishedBefore.isEmpty, session.finished.isEmpty { directory.discard() }
      throw error
    }

    let trials = (directory.finishedBefore + session.finished).sorted { $0.place < $1.place }
    let manifest = Manifest(
      outline: outline, finished: trials, shard: shard, runtime: plan.experiment.runtime.rawValue,
      targets: plan.experiment.targets, version: version, gitRevision: GitRevision.ofProgram,
      warnings: warnings.map(\.description), startedAt: started,
      wallTime: Date().timeIntervalSince(started),
      processorsKeptAwake: processors.areAwake)
    if shard == nil {
      try directory.writeResults(trials, manifest: manifest)
      if !trials.isEmpty { try Report.write(of: directory.path) }
      if manifest.isComplete { try directory.finish() }
    } else {
      try directory.writeShard(manifest)
    }
    return Result(
      outline: outline, directory: directory.path, trials: trials, manifest: manifest)
  }
}

/// The trials of a run as shown at its end.
struct RunOutcome {
  let plan: ExperimentPlan
  let outline: RunOutline
  let trials: [FinishedTrial]
  let replay: Replay
  let format: String

  /// - Parameter directory: the directory of the results, named in the error if they cannot be
  ///   printed.
  func show(_ directory: String) throws(OutputError) {
    guard !trials.isEmpty else { return }
    do throws(OutputError) {
      try show()
    } catch {
      throw OutputError(code: error.code, directory: directory)
    }
  }

  /// The exit code of a complete run. The table lists failed expectations together; JSON output
  /// has them row by row, so they are printed here as well.
  var exitCode: ExitCode {
    let failed = ExpectedCondition.all(outline, trials).filter { !$0.holds }
    if format == "json" {
      for expectation in failed {
        Console.log("rsmbench: expectation failed: \(expectation.text)")
      }
    }
    return failed.isEmpty ? ExitCode(trials.map(\.verdict.word)) : .violated
  }

  private func show() throws(OutputError) {
    let table = ResultTable(outline: outline, trials: trials) { trial in
      replay.command(plan, trial.place, seed: trial.seed)
    }
    if format == "json" {
      try Console.print(table.json)
    } else {
      let terminal = Terminal.standardOutput
      try Console.print(
        table.text(width: terminal.width, usesColor: terminal.usesColor), terminator: "")
    }
  }
}

extension RunOutline {
  init(_ plan: ExperimentPlan) {
    let experiment = plan.experiment
    self.init(
      name: experiment.name, seed: experiment.seed, protocols: experiment.contenders.map(\.name),
      trials: experiment.trials, sweepPaths: plan.points[0].values.map(\.path),
      points: plan.points.map { $0.values.map(\.text) },
      baseline: experiment.baseline.flatMap { name in
        experiment.contenders.firstIndex { $0.name == name }
      }, expect: experiment.expect, leastTrials: experiment.stopping?.least,
      stopping: experiment.stopping?.until ?? [], search: SearchOutline(plan),
      faults: experiment.faults.timed.compactMap(\.name),
      traces: plan.points.contains { $0.experiment.traceEvery != nil })
  }
}

extension ExitCode {
  /// The worst verdict decides the code.
  init(_ verdicts: [TrialVerdict.Word]) {
    self =
      verdicts.contains(.violated)
      ? .violated : verdicts.contains(.undecided) ? .undecided : .done
  }
}

extension Shard {
  /// `2/3`
  init(typed text: String) throws(UsageError) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
    guard parts.count == 2, let number = parts[0], let count = parts[1],
      (1...10_000).contains(count),
      (1...count).contains(number)
    else {
      throw UsageError(
        "--shard: found \"\(text)\", allowed a part and their number, such as 2/3 for the second of three"
      )
    }
    self.init(number: number, count: count)
  }
}
