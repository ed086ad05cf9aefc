import Configuration
import Foundation

/// Reads text files that people write.
extension SourceText {
  private static let mostBytes = 1 << 20

  /// - Parameter allowed: the expected content: `a readable experiment file`.
  package static func contents(of file: String, _ allowed: String) throws(ExperimentError) -> String
  {
    func refused(_ found: String) -> ExperimentError {
      ExperimentError(file: file, path: "", found: found, allowed: allowed)
    }
    let path = URL(fileURLWithPath: file).resolvingSymlinksInPath().path
    guard let attributes = try? FileManager.default.attributesOfItem(atPath: path) else {
      throw refused("no such file")
    }
    let type = attributes[.type] as? FileAttributeType
    guard type == .typeRegular else {
      throw refused(type == .typeDirectory ? "a directory" : "something that is not a file")
    }
    guard (attributes[.size] as? NSNumber)?.intValue ?? 0 <= mostBytes else {
      throw refused("more than 1MiB")
    }
    guard let bytes = FileManager.default.contents(atPath: path) else {
      throw refused("a file that cannot be read")
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw refused("bytes that are not UTF-8 text")
    }
    return text
  }
}
