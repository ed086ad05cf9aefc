import Configuration
import Results

/// The facts about a run in `experiment.json5` and `manifest.json`.
struct RunFacts {
  static let fileNames = ["experiment.json5", "manifest.json"]

  /// The resolved experiment, as the file has it.
  var experimentText: String
  private var experiment: JSONValue
  private var manifest: JSONValue

  init(directory: String) throws(ReportError) {
    let path = FileStore.join(directory, "experiment.json5")
    experimentText = String(decoding: try RunData.bytes(path), as: UTF8.self)
    experiment = try RunFacts.parse(experimentText, path)
    let manifestPath = FileStore.join(directory, "manifest.json")
    manifest = try RunFacts.parse(
      String(decoding: try RunData.bytes(manifestPath), as: UTF8.self), manifestPath)
    guard manifest["name"]?.plain != nil, manifest["seed"]?.plain != nil else {
      throw ReportError("\(manifestPath): found no name and seed, allowed the manifest of a run")
    }
  }

  private static func parse(_ text: String, _ path: String) throws(ReportError) -> JSONValue {
    do throws(JSON5Parser.SyntaxError) {
      return try JSON5Parser.parse(text)
    } catch {
      throw ReportError(
        "\(path): line \(error.line): found \(error.found), allowed \(error.allowed)")
    }
  }

  var name: String { manifest["name"]?.plain ?? "" }
  var seed: String { manifest["seed"]?.plain ?? "" }
  var description: String { experiment["description"]?.plain ?? "" }
  var runtime: String { manifest["runtime"]?.plain ?? "" }
  var isRealTime: Bool { runtime != "simulation" }
  var trialsPlanned: String { manifest["trials_planned"]?.plain ?? "" }
  var trialsFinished: String { manifest["trials_finished"]?.plain ?? "" }
  var isComplete: Bool { manifest["complete"] == .flag(true) }

  var warnings: [String] {
    guard case .array(let values) = manifest["warnings"] else { return [] }
    return values.compactMap(\.plain)
  }

  /// A value of the experiment by its path, such as `workload.arrival.open`.
  func setting(_ path: String) -> String? {
    path.split(separator: ".").reduce(Optional(experiment)) { $0?[String($1)] }?.plain
  }

  /// The rows of `protocols`: names, or objects with a name.
  var rows: [JSONValue] {
    guard case .array(let rows) = experiment["protocols"] else { return [] }
    return rows
  }

  func options(of kind: String) -> JSONValue? { experiment["options"]?[kind] }

  /// The conditions that the experiment expects to hold.
  var expected: [String] {
    guard case .array(let values) = experiment["expect"] else { return [] }
    return values.compactMap(\.plain)
  }

  /// Whether faults are drawn at random or take disks away: such an experiment asks first whether
  /// anything goes wrong.
  var asksForSafety: Bool {
    guard case .array(let faults) = experiment["faults"] else { return false }
    return faults.contains { $0["chaos"] != nil || $0["disk"]?.plain == "lost" }
  }

  /// Every value of the experiment by its path, in the order of the file.
  var settings: [(path: String, value: String)] { RunFacts.leaves(experiment, "") }

  private static func leaves(_ value: JSONValue, _ path: String) -> [(String, String)] {
    guard case .object(let members) = value else { return [(path, value.compactText)] }
    return members.flatMap { member in
      leaves(member.value, path.isEmpty ? member.key : "\(path).\(member.key)")
    }
  }

  /// A fact of the manifest, such as `host`.
  func manifest(_ key: String) -> String { manifest[key]?.plain ?? "" }
}

extension JSONValue {
  subscript(key: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.last { $0.key == key }?.value
  }

  /// A text, a number, a flag or any other value on one line; `nil` for null.
  var plain: String? {
    switch self {
    case .null: nil
    case .string(let text): text
    case .object(let members):
      members.map { "\($0.key) \($0.value.plain ?? "none")" }.joined(separator: ", ")
    case .array(let values): values.map { $0.plain ?? "none" }.joined(separator: ", ")
    default: compactText
    }
  }
}
