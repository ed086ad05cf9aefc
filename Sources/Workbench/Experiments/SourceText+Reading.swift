import Configuration
import Foundation

/// Reads text files that people write.
extension SourceText {
  private static let mostBytes = 1 << 20

  /// - Parameter allowed: the expected content: `a readable experiment file`.
  package static func contents(of file: String, _ allowed: String) throws(ExperimentError) -> String
  {
    let bytes = try bytes(of: file, allowed, atMost: mostBytes)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw ExperimentError(
        file: file, path: "", found: "bytes that are not UTF-8 text", allowed: allowed)
    }
    return text
  }

  static func bytes(
    of file: String, _ allowed: String, atMost limit: Int
  ) throws(ExperimentError) -> [UInt8] {
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
    guard (attributes[.size] as? NSNumber)?.intValue ?? 0 <= limit else {
      throw refused("more than \(Quantity.text(Int64(limit), units: Unit.sizes))")
    }
    guard let bytes = FileManager.default.contents(atPath: path) else {
      throw refused("a file that cannot be read")
    }
    return Array(bytes)
  }
}
