import Configuration
import Experiments

extension Command {
  static let setFlag = Flag(
    name: "--set", value: "path=value", meaning: "replaces a value of the file; may be repeated",
    mayRepeat: true)
  static let runtimeFlag = Flag(
    name: "--runtime", value: "simulation|cluster",
    meaning: "replaces the file's runtime: virtual time, or real processes and disks")
  static let hostsFlag = Flag(
    name: "--hosts", value: "FILE",
    meaning: "runs on the nodes of this hosts file, which somebody else starts, with their protocol"
  )

  static let validate = Command(
    name: "validate", synopsis: "validate FILE [flags]",
    meaning: "Checks an experiment and prints it with every default filled in.",
    notes: """
      Nothing runs and nothing is written. What is valid but probably a mistake, such as timers that do not fit
      the network's round trips, is warned about on standard error, here and before a run. So is what
      memory a run needs, if that is 1 GB or more; a run that needs more than the machine has is refused.
      """,
    flags: { [setFlag, runtimeFlag, hostsFlag] },
    execute: { arguments in
      let plan = try readPlan(arguments, hosts: readHosts(arguments))
      let memory = try checkMemory(of: plan, jobs: usualJobs(of: plan), arguments)
      tell(plan.warnings)
      if let memory { Console.log(memory) }
      try Console.print(plan.resolvedText, terminator: "")
      return .done
    })

  static func tell(_ warnings: [ExperimentWarning]) {
    for warning in warnings { Console.log("warning: \(warning)") }
  }

  /// Reads the nodes from the file given by `--hosts`.
  static func readHosts(_ arguments: Arguments) throws -> HostsFile? {
    guard let file = arguments["--hosts"] else { return nil }
    guard arguments["--runtime"] != "simulation" else {
      throw UsageError("--hosts names real nodes: leave it out, or --runtime simulation")
    }
    return try HostsFile.read(file: file)
  }

  /// Reads the experiment named by a command's only positional argument, with the values that
  /// `--set` and `--runtime` replace.
  /// - Parameter overrides: the values that other flags replace.
  static func readPlan(
    _ arguments: Arguments, overrides: [Override] = [], hosts: HostsFile?
  ) throws -> ExperimentPlan {
    var overrides = try arguments.all("--set").map { try Override(set: $0) } + overrides
    let runtimes = ExperimentRuntime.allCases.map(\.rawValue)
    if let runtime = try arguments.choice("--runtime", of: runtimes) {
      overrides.append(.runtime(runtime))
    }
    guard let file = arguments.positional.first, !file.isEmpty else {
      throw UsageError("which experiment? Give a file, such as experiments/quickstart.json5")
    }
    guard arguments.positional.count == 1 else {
      throw UsageError(
        "one experiment at a time: found \"\(arguments.positional[1])\" behind \"\(file)\"")
    }
    return try ExperimentPlan.read(file: file, overrides: overrides, hosts: hosts)
  }
}
