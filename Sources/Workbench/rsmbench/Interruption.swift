import Dispatch
import Foundation

/// Turns the first Ctrl-C (or a request to terminate) into a call, and the second into the end.
final class Interruption {
  private let sources: [any DispatchSourceSignal]

  init(_ stop: @escaping @Sendable () -> Void) {
    sources = [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler {
        stop()
        // From now on the signal does what it does by default.
        signal(number, SIG_DFL)
      }
      source.resume()
      return source
    }
  }

  /// Signals end the program again.
  func end() {
    for source in sources { source.cancel() }
    signal(SIGINT, SIG_DFL)
    signal(SIGTERM, SIG_DFL)
  }
}

/// The revision of the sources this program was built from.
enum GitRevision {
  /// `unknown` where the program does not lie in a checkout, or there is no git.
  static var ofProgram: String {
    guard let program = Bundle.main.executableURL?.resolvingSymlinksInPath() else {
      return "unknown"
    }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [
      "git", "-C", program.deletingLastPathComponent().path, "describe", "--always", "--dirty",
      "--abbrev=40", "--exclude=*",
    ]
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return "unknown" }
    let bytes = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    let text = String(decoding: bytes, as: UTF8.self).trimmingCharacters(
      in: .whitespacesAndNewlines)
    return process.terminationStatus == 0 && !text.isEmpty ? text : "unknown"
  }
}
