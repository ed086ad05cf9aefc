import Foundation

/// The abilities of an output stream.
package struct Terminal: Sendable, Equatable {
  /// Whether lines can be redrawn.
  package var isInteractive: Bool
  package var usesColor: Bool
  /// The width in columns.
  package var width: Int

  package init(isInteractive: Bool, usesColor: Bool, width: Int) {
    self.isInteractive = isInteractive
    self.usesColor = usesColor
    self.width = width
  }

  package static var standardOutput: Terminal { Terminal(STDOUT_FILENO) }
  package static var standardError: Terminal { Terminal(STDERR_FILENO) }

  private init(_ descriptor: Int32) {
    var size = winsize()
    let hasSize = ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
    self.init(
      isTerminal: isatty(descriptor) == 1, columns: hasSize ? Int(size.ws_col) : nil,
      environment: ProcessInfo.processInfo.environment)
  }

  /// `NO_COLOR` (no-color.org) counts if it is set and not empty. Without a terminal a line has 100
  /// columns, unless `COLUMNS` says otherwise.
  init(isTerminal: Bool, columns: Int?, environment: [String: String]) {
    isInteractive = isTerminal && environment["TERM"] != "dumb"
    usesColor = isInteractive && (environment["NO_COLOR"] ?? "").isEmpty
    width = columns ?? environment["COLUMNS"].flatMap { Int($0) } ?? 100
  }
}
