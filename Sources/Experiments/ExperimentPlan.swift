import Foundation

/// A whole experiment file, resolved: the experiment and every point of its sweep. A plan exists only
/// when all of it is valid.
public struct ExperimentPlan: Sendable, Equatable {
  /// With a sweep: its first point, and the axes in `sweep`.
  public let experiment: Experiment
  /// At least one.
  public let points: [SweepPoint]
  /// The file after the overrides, from which points are resolved.
  private let source: JSONValue

  private static let mostBytes = 1 << 20

  /// Reads a file. Errors: unreadable or not valid; the caller prints them and exits with code 2.
  public static func read(
    file: String, overrides: [Override] = [], catalog: ProtocolCatalog
  ) throws(ExperimentError) -> ExperimentPlan {
    try read(
      text: contents(of: file), file: file, overrides: overrides, catalog: catalog)
  }

  /// Reads the text of a file; `file` is what errors call it.
  public static func read(
    text: String, file: String, overrides: [Override] = [], catalog: ProtocolCatalog
  ) throws(ExperimentError) -> ExperimentPlan {
    do {
      return try ExperimentPlan(
        source: overridden(parse(text, file), overrides), overrides: overrides, catalog: catalog)
    } catch {
      var error = error
      if error.file.isEmpty {
        let culprit = overrides.last { $0.concerns(error.path) }
        error.file = culprit?.argument ?? file
      }
      throw error
    }
  }

  private init(
    source: JSONValue, overrides: [Override], catalog: ProtocolCatalog
  ) throws(ExperimentError) {
    self.source = source
    let sweep = try Sweep(reading: source)
    if let axis = sweep.axes.first(where: { axis in overrides.contains { $0.path == axis.path } }) {
      throw ExperimentError(
        path: axis.path, found: "a value for what the experiment sweeps",
        allowed: "sweep={} beside it, to drop the sweep")
    }
    points = try sweep.points(of: source, catalog: catalog)
    var experiment = points[0].experiment
    experiment.sweep = sweep.axes
    self.experiment = experiment
  }

  /// The experiment with every default filled in: JSON with keys in a fixed order, ending in a new
  /// line. Reading it gives an equal experiment and equal points.
  ///
  /// What a sweep chooses a preset for, and faults that a sweep reaches into, are printed as the file
  /// has them: filled-in values would win over the preset, and entries would change their numbers.
  public var resolvedText: String {
    guard case .object(var members) = experiment.json else { return "" }
    for axis in experiment.sweep {
      let section = axis.path.prefix { $0 != "." && $0 != "[" }
      guard axis.path.hasSuffix(".preset") || section == "faults" else { continue }
      guard let index = members.firstIndex(where: { $0.key == section }) else { continue }
      guard case .object(let written) = source else { continue }
      members[index].value = written.first { $0.key == section }?.value ?? .null
    }
    return JSONValue.object(members).text() + "\n"
  }

  private static func parse(_ text: String, _ file: String) throws(ExperimentError) -> JSONValue {
    guard !text.utf8.allSatisfy({ $0 == 0x20 || (9...13).contains($0) }) else {
      throw ExperimentError(
        file: file, path: "", found: "an empty file",
        allowed: "an object, such as { name: \"hello\" }")
    }
    do {
      return try JSON5Parser.parse(text)
    } catch {
      throw ExperimentError(
        file: file, path: "line \(error.line), column \(error.column)", found: error.found,
        allowed: error.allowed)
    }
  }

  private static func overridden(
    _ tree: JSONValue, _ overrides: [Override]
  ) throws(ExperimentError) -> JSONValue {
    guard case .object = tree else { return tree }
    var tree = tree
    for override in overrides {
      do {
        tree = try ValuePath(override.path).setting(override.value, in: tree)
      } catch {
        var error = error
        error.file = override.argument
        throw error
      }
    }
    return tree
  }

  private static func contents(of file: String) throws(ExperimentError) -> String {
    func refused(_ found: String) -> ExperimentError {
      ExperimentError(file: file, path: "", found: found, allowed: "a readable experiment file")
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
