import Foundation

/// Results go to standard output, everything else to standard error. Where those cannot be written, such as to
/// a full disk, the text is lost; the program goes on.
enum Console {
  static func print(_ text: String, terminator: String = "\n") {
    try? FileHandle.standardOutput.write(contentsOf: Data((text + terminator).utf8))
  }

  static func complain(_ text: String) {
    try? FileHandle.standardError.write(contentsOf: Data((text + "\n").utf8))
  }
}

/// The text with blanks behind it, or before it, up to a width.
func pad(_ text: String, to width: Int, left: Bool = false) -> String {
  let blanks = String(repeating: " ", count: max(width - text.count, 0))
  return left ? blanks + text : text + blanks
}
