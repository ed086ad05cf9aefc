/// A command of the program.
struct Command: Sendable {
  var name: String
  var synopsis: String
  var meaning: String
  /// Paragraphs below the flags in the command's own help.
  var notes = ""
  var flags: @Sendable () -> [Flag]
  var execute: @Sendable (Arguments) async throws -> ExitCode

  static let all: [Command] = [
    .run, .report, .advise, .validate, .plan, .merge, .compare, .list, .check, .bench, .serve,
    .node,
  ]

  var help: String {
    var text = "usage: rsmbench \(synopsis)\n\n\(meaning)\n"
    let flags = flags()
    if !flags.isEmpty {
      text += "\n"
      let rows = flags.map { flag in
        (flag.name + (flag.value.map { " \($0)" } ?? ""), flag.meaning)
      }
      text += table(rows)
    }
    if !notes.isEmpty { text += "\n\(notes)\n" }
    return text
  }

  static var overview: String {
    """
    rsmbench compares replication protocols: throughput, latency and availability under faults, each
    beside a verdict on the correctness of the very operations it counts.

    usage: rsmbench COMMAND ...

    \(table(all.map { ($0.synopsis, $0.meaning) }))
    'rsmbench COMMAND --help' says more of a command. 'rsmbench --version' names the version.

    exit codes
      0    done, and every verdict is as asked
      1    a history violates the consistency that was asked for, or an expectation does not hold
      2    bad usage, or a bad file
      3    a check gave up undecided
      130  interrupted; finished trials are kept

    """
  }
}

/// The exit codes of the program.
enum ExitCode: Int32 {
  case done = 0
  case violated = 1
  case usage = 2
  case undecided = 3
  case interrupted = 130
}

/// Two columns; if a first cell is too wide, the second goes on a line of its own.
func table(_ rows: [(String, String)]) -> String {
  let width = min(rows.map(\.0.count).max() ?? 0, 30)
  return rows.map { left, right in
    left.count > width
      ? "  \(left)\n  \(String(repeating: " ", count: width))  \(right)\n"
      : "  \(left)\(String(repeating: " ", count: width - left.count))  \(right)\n"
  }.joined()
}
