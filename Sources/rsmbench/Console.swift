import Foundation

/// Results go to standard output, everything else to standard error.
enum Console {
  static func print(_ text: String, terminator: String = "\n") {
    FileHandle.standardOutput.write(Data((text + terminator).utf8))
  }

  static func complain(_ text: String) {
    FileHandle.standardError.write(Data((text + "\n").utf8))
  }
}

/// The text with blanks behind it, or before it, up to a width.
func pad(_ text: String, to width: Int, left: Bool = false) -> String {
  let blanks = String(repeating: " ", count: max(width - text.count, 0))
  return left ? blanks + text : text + blanks
}
