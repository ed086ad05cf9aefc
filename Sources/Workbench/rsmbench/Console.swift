import Foundation

/// Results go to standard output, all other text to standard error. A result that cannot be written
/// is an error; a message that cannot be written is lost.
enum Console {
  /// - Throws: `OutputError` if not all of the text could be written.
  static func print(_ text: String, terminator: String = "\n") throws(OutputError) {
    var bytes = Array((text + terminator).utf8)[...]
    while !bytes.isEmpty {
      let written = bytes.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
      if written > 0 {
        bytes = bytes.dropFirst(written)
      } else if written == 0 || errno != EINTR {
        throw OutputError(code: errno)
      }
    }
  }

  static func log(_ text: String) {
    try? FileHandle.standardError.write(contentsOf: Data((text + "\n").utf8))
  }
}

/// Standard output is full, closed or a pipe without a reader.
struct OutputError: Error, CustomStringConvertible {
  /// The error number of the system.
  var code: Int32
  /// Where the results are, if they were written to files.
  var directory: String?

  var description: String {
    let reason = code == EBADF ? "it is closed" : String(cString: strerror(code))
    return "cannot write to standard output: \(reason)"
      + (directory.map { "; results are in \($0)" } ?? "")
  }
}

/// The text padded with blanks to a width: after it, or before it if `left`.
func pad(_ text: String, to width: Int, left: Bool = false) -> String {
  let blanks = String(repeating: " ", count: max(width - text.count, 0))
  return left ? blanks + text : text + blanks
}
