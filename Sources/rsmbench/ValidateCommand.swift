import Experiments
import ProtocolList

extension Command {
  static let setFlag = Flag(
    name: "--set", value: "path=value", meaning: "replaces a value of the file; may be repeated",
    mayRepeat: true)

  static let validate = Command(
    name: "validate", synopsis: "validate FILE [--set path=value]...",
    meaning: "Checks an experiment and prints it with every default filled in.",
    notes: "Nothing runs and nothing is written.",
    flags: { [setFlag] },
    execute: { arguments in
      let overrides = try arguments.all("--set").map { try Override(set: $0) }
      let plan = try readPlan(arguments, overrides: overrides)
      Console.print(plan.resolvedText, terminator: "")
      return .done
    })

  /// Reads the experiment that a command's only positional argument names.
  static func readPlan(
    _ arguments: Arguments, overrides: [Override]
  ) throws -> ExperimentPlan {
    guard let file = arguments.positional.first, !file.isEmpty else {
      throw UsageError("which experiment? Give a file, such as experiments/quickstart.json5")
    }
    guard arguments.positional.count == 1 else {
      throw UsageError(
        "one experiment at a time: found \"\(arguments.positional[1])\" behind \"\(file)\"")
    }
    return try ExperimentPlan.read(file: file, overrides: overrides, catalog: .all)
  }
}

extension ProtocolCatalog {
  /// Every protocol of the list.
  static let all = ProtocolCatalog(
    ProtocolKind.allCases.map { Entry($0.description, options: $0.options) })
}
