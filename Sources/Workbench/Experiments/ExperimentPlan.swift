import Configuration
import Faults

/// A whole experiment file, resolved: the experiment and every point of its sweep. A plan exists
/// only if the whole file is valid.
package struct ExperimentPlan: Sendable, Equatable {
  /// With a sweep, the experiment of its first point, with the axes in `sweep`.
  package let experiment: Experiment
  /// At least one.
  package let points: [SweepPoint]
  /// The number of values that a search may try: this many consecutive points differ in nothing
  /// else.
  package let searchedValues: Int
  /// The file after the overrides, from which points are resolved.
  let source: JSONValue
  /// The folder of the file.
  let folder: String

  /// Reads a file. Throws if the file is unreadable or not valid; the caller prints the error and
  /// exits with code 2.
  ///
  /// - Parameter hosts: the nodes on which the experiment is to run, if the runner does not start
  ///   them. Their protocol, its options and their number of replicas replace the file's; the
  ///   runtime is the cluster; a fault that needs a process started by the runner is refused.
  package static func read(
    file: String, overrides: [Override] = [], hosts: HostsFile? = nil
  ) throws(ExperimentError) -> ExperimentPlan {
    try read(
      text: SourceText.contents(of: file, "a readable experiment file"), file: file,
      overrides: overrides, hosts: hosts)
  }

  /// Reads the text of a file; `file` is its name in errors.
  package static func read(
    text: String, file: String, overrides: [Override] = [], hosts: HostsFile? = nil
  ) throws(ExperimentError) -> ExperimentPlan {
    do {
      let tree = try SourceText.parse(text, example: "{ name: \"hello\" }")
      return try ExperimentPlan(
        source: overridden(tree, overrides), folder: folder(of: file), overrides: overrides,
        hosts: hosts)
    } catch {
      var error = error
      if error.file.isEmpty {
        let culprit = overrides.last { $0.concerns(error.path) }
        error.file = culprit?.argument ?? file
      }
      throw error
    }
  }

  /// - Parameter folder: to which names of files in the experiment are relative.
  private init(
    source: JSONValue, folder: String, overrides: [Override], hosts: HostsFile?
  ) throws(ExperimentError) {
    self.source = source
    self.folder = folder
    let section = try ExperimentPlan.trace(in: source)
    let trace = try section.map { (section) throws(ExperimentError) in try section.read(in: folder)
    }
    let sweep = try Sweep(reading: source)
    if hosts != nil { try HostsRules.check(sweep) }
    if let search = sweep.search, overrides.contains(where: { $0.path == search.path }) {
      throw ExperimentError(
        path: search.path, found: "a value for what the experiment searches",
        allowed: "find=null beside it, to drop the search")
    }
    if let axis = sweep.axes.first(where: { axis in overrides.contains { $0.path == axis.path } }) {
      throw ExperimentError(
        path: axis.path, found: "a value for what the experiment sweeps",
        allowed: "sweep={} beside it, to drop the sweep")
    }
    if trace != nil, let axis = sweep.axes.first(where: { $0.path == "workload" }) {
      throw ExperimentError(
        path: axis.path, found: "a sweep over workload with a trace",
        allowed: "a sweep over its fields, such as workload.clients")
    }
    points = try sweep.points(of: source, hosts: hosts, trace: trace)
    searchedValues = try sweep.search?.values().count ?? 1
    var experiment = points[0].experiment
    experiment.sweep = sweep.axes
    experiment.search = sweep.search
    let vocabulary = ConditionVocabulary(
      rows: experiment.contenders.map(\.name), sweep: Sweep.texts(of: points),
      faults: experiment.faults.timed.compactMap(\.name))
    if hosts != nil {
      // Conditions of the file may name rows that are not run.
      experiment.expect.removeAll { (try? Condition($0, vocabulary)) == nil }
    }
    for (index, text) in experiment.expect.enumerated() {
      _ = try Condition(
        reading: ConfigValue(path: "expect[\(index)]", value: .string(text)), vocabulary)
    }
    self.experiment = experiment
  }

  /// The experiment with every default filled in: JSON with keys in a fixed order, ending in a new
  /// line. Reading it gives an equal experiment and equal points.
  ///
  /// A field whose preset is swept, and faults and rows with swept fields, are printed as in the
  /// file: filled-in values would override the preset, and a sweep names entries of lists by their
  /// numbers, such as `faults[1]`, which filled-in entries would change.
  package var resolvedText: String { resolvedText(of: experiment) }

  func resolvedText(of experiment: Experiment) -> String {
    guard case .object(var members) = experiment.json else { return "" }
    let paths = experiment.sweep.map(\.path) + (experiment.search.map { [$0.path] } ?? [])
    for path in paths {
      let section = path.prefix { $0 != "." && $0 != "[" }
      guard path.hasSuffix(".preset") || ["faults", "protocols"].contains(section) else { continue }
      guard let index = members.firstIndex(where: { $0.key == section }) else { continue }
      guard case .object(let written) = source else { continue }
      members[index].value = written.first { $0.key == section }?.value ?? .null
    }
    return JSONValue.object(members).text() + "\n"
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
}
