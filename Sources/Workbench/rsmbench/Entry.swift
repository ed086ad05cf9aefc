import Foundation

/// The version of the program, as manifests name it.
let version = "0.1.0"

/// Finds the command that was typed and turns what goes wrong into one line and an exit code.
enum Entry {
  static func start(_ words: [String]) async -> ExitCode {
    // A reader that went away (`| head`) is an error of `write`, not the end of the process.
    signal(SIGPIPE, SIG_IGN)
    do {
      return try await dispatch(words)
    } catch let error as UsageError {
      Console.complain("rsmbench: \(oneLine(error.message))")
    } catch {
      Console.complain("rsmbench: \(oneLine("\(error)"))")
    }
    return .usage
  }

  /// What was typed may be part of a message: it must not break the line, nor reach the terminal as a
  /// control sequence.
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
      Console.complain(Command.overview)
      return .usage
    }
    switch first {
    case "--help", "-h", "help":
      Console.print(Command.overview, terminator: "")
      return .done
    case "--version":
      Console.print("rsmbench \(version)")
      return .done
    default: break
    }
    guard let command = Command.all.first(where: { $0.name == first }) else {
      throw UsageError(
        "unknown command \"\(first)\"" + suggestion(for: first, among: Command.all.map(\.name))
          + "; see 'rsmbench --help'")
    }
    let rest = Array(words.dropFirst())
    if rest.contains("--help") || rest.contains("-h") {
      Console.print(command.help, terminator: "")
      return .done
    }
    let arguments = try Arguments(rest, flags: command.flags(), command: command.name)
    return try await command.execute(arguments)
  }
}
