/// Parses the JSON5 files that users write.
package enum SourceText {
  /// - Parameter example: an example of the object that this kind of file contains.
  package static func parse(_ text: String, example: String) throws(ExperimentError) -> JSONValue {
    guard !text.utf8.allSatisfy({ $0 == 0x20 || (9...13).contains($0) }) else {
      throw ExperimentError(
        path: "", found: "an empty file", allowed: "an object, such as \(example)")
    }
    do {
      return try JSON5Parser.parse(text)
    } catch {
      throw ExperimentError(
        path: "line \(error.line), column \(error.column)", found: error.found,
        allowed: error.allowed)
    }
  }
}
