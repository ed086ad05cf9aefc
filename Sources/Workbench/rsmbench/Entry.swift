import Foundation

/// The version of the program, as manifests name it.
let version = "0.1.0"

/// Finds and runs the command that the user typed; turns an error into one line and an exit code.
enum Entry {
  static func start(_ words: [String]) async -> ExitCode {
    // If the reader of a pipe has gone (`| head`), `write` returns an error and the process lives
    // on.
    signal(SIGPIPE, SIG_IGN)
    do {
      return try await dispatch(words)
    } catch let error as UsageError {
      Console.log("rsmbench: \(oneLine(error.message))")
    } catch {
      Console.log("rsmbench: \(oneLine("\(error)"))")
    }
    return .usage
  }

  /// Makes a message safe to print. It may quote what the user typed, which must not break the line
  /// or reach the terminal as a control sequence.
  private static func oneLine(_ message: String) -> String {
    String(
      String.UnicodeScalarView(
        message.unicodeScalars.flatMap { scalar in
          scalar.properties.generalCategory == .control
            ? Array(scalar.escaped(asASCII: true).unicodeScalars) : [scalar]
        }))
  }

  private static func dispatch(_ words: [String]) async throws -> ExitCode {
    guard let first = words.first else {
      Console.log(Command.overview)
      return .usage
    }
    switch first {
    case "help" where words.count > 1: return try help(words.dropFirst())
    case "--help", "-h", "help":
      try Console.print(Command.overview, terminator: "")
      return .done
    case "--version":
      try Console.print("rsmbench \(version)")
      return .done
    default: break
    }
    let command = try command(named: first)
    let rest = Array(words.dropFirst())
    if rest.contains("--help") || rest.contains("-h") {
      try Console.print(command.help, terminator: "")
      return .done
    }
    let arguments = try Arguments(rest, flags: command.flags(), command: command.name)
    return try await command.execute(arguments)
  }

  private static func command(named name: String) throws(UsageError) -> Command {
    if let command = Command.all.first(where: { $0.name == name }) { return command }
    throw UsageError(
      "unknown command \"\(name)\"" + suggestion(for: name, among: Command.all.map(\.name))
        + "; see 'rsmbench --help'")
  }

  /// `rsmbench help run` is `rsmbench run --help`.
  private static func help(_ words: ArraySlice<String>) throws -> ExitCode {
    guard let name = words.first, words.count == 1 else {
      throw UsageError("help of one command at a time: found \"\(words.joined(separator: " "))\"")
    }
    try Console.print(command(named: name).help, terminator: "")
    return .done
  }
}
