import Configuration
import Experiments
import Results

extension Command {
  static let compare = Command(
    name: "compare", synopsis: "compare DIR DIR [...] [--fail-if EXPR]",
    meaning: "Compares finished runs with the first one: differences with 95 % intervals.",
    notes: """
      Give directories of runs, of one machine and version or of several. Rows of the same name and swept
      values are compared; trials with the same seeds are paired, others are not. EXPR is a condition as in
      an experiment's 'expect': METRIC or new.METRIC is the later run, base.METRIC the first one, and
      change.METRIC the relative change: 'change.throughput < -5%', 'high(change.throughput) < 0' (worse for
      sure), 'p99 > 1.1 * base.p99'. If it holds in a row of a later run the exit code is 1, and 3 if a value
      is missing.
      """,
    flags: {
      [
        Flag(
          name: "--fail-if", value: "EXPR",
          meaning: "exit code 1 if this holds in any row; may be repeated", mayRepeat: true),
        Flag(name: "--format", value: "table|json", meaning: "how to print (default table)"),
      ]
    },
    execute: { arguments in
      let paths = arguments.positional
      guard paths.count > 1 else {
        throw UsageError(
          "compare what? Give two directories of runs or more, such as before/x-1 after/x-1")
      }
      let format = try arguments.choice("--format", of: ["table", "json"]) ?? "table"
      let conditions = try arguments.all("--fail-if").map {
        try Condition($0, RunDifference.vocabulary, source: "--fail-if \($0)")
      }
      let base = try StoredRun(paths[0])
      let differences = try paths.dropFirst().map { path in
        RunDifference(base: base, new: try StoredRun(path))
      }
      if let other = differences.first(where: { !$0.hasRows }) {
        throw UsageError(
          "\(other.new.path) has no row in common with \(base.path): the same names and swept values"
        )
      }
      let width = Terminal.standardOutput.width
      for (index, difference) in differences.enumerated() {
        let text = format == "json" ? difference.json : difference.text(width: width)
        try Console.print((index > 0 && format == "table" ? "\n" : "") + text, terminator: "")
      }
      return try judge(differences, conditions)
    })

  private static func judge(
    _ differences: [RunDifference], _ conditions: [Condition]
  ) throws -> ExitCode {
    var code = ExitCode.done
    for condition in conditions {
      for difference in differences {
        for finding in difference.findings(condition) {
          let place = "\(difference.new.path), \(finding.place): \(finding.found)"
          if finding.holds == true {
            Console.log("rsmbench: \(condition.text) in \(place)")
            code = .violated
          } else {
            Console.log("rsmbench: cannot say whether \(condition.text) in \(place)")
            if code == .done { code = .undecided }
          }
        }
      }
    }
    return code
  }
}
