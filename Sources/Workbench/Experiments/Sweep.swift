import Configuration

/// The product of all axes, the first axis slowest.
struct Sweep {
  static let mostPoints = 1000
  /// Trials over all points and protocols.
  static let mostTrials = 100_000
  /// What a sweep cannot vary: it is the same for the whole run, or already a dimension of it.
  private static let fixed = [
    "format", "name", "description", "runtime", "protocols", "baseline", "target", "trials",
    "seed", "expect", "sweep",
  ]

  var axes: [SweepAxis] = []

  init(reading source: JSONValue) throws(ExperimentError) {
    guard case .object(let root) = source,
      let value = root.first(where: { $0.key == "sweep" })?.value, value != .null
    else { return }
    let node = Node(path: "sweep", value: value)
    let allowed =
      #"lists of values by path, such as { replicas: [3, 5], "workload.clients": [8, 64] }"#
    var count = 1
    for member in try Section.members(of: node, allowed) where member.value != .null {
      let axis = Node(path: "sweep.\(member.key)", value: member.value)
      let path = try Sweep.path(member.key, axis)
      let values = try axis.elements("a list of values for \(member.key)")
      guard !values.isEmpty else { throw axis.refused("at least one value") }
      for (index, value) in values.enumerated()
      where values.prefix(index).contains(where: { $0.value == value.value }) {
        throw value.refused("each value once")
      }
      if let other = axes.first(where: { Sweep.overlap($0.path, path) }) {
        throw ExperimentError(
          path: axis.path, found: "a path that overlaps with \(other.path)",
          allowed: "paths of different values")
      }
      axes.append(SweepAxis(path: path, values: values.map(\.value)))
      // Each factor is at most 1000, so this does not overflow before it is refused.
      count *= values.count
      guard count <= Sweep.mostPoints else {
        throw node.refused("at most \(Sweep.mostPoints) points", found: "\(count) points or more")
      }
    }
  }

  private static func path(_ text: String, _ axis: Node) throws(ExperimentError) -> String {
    let steps: [ValuePath.Step]
    do {
      steps = try ValuePath(text).steps
    } catch {
      throw ExperimentError(path: axis.path, found: error.found, allowed: error.allowed)
    }
    guard case .key(let first)? = steps.first else { return text }
    guard Experiment.keyNames.contains(first) else {
      throw ExperimentError(
        path: axis.path, found: "an unknown key",
        allowed: Experiment.keyNames.filter { !fixed.contains($0) }.joined(separator: ", "),
        suggestion: nearest(to: first, among: Experiment.keyNames))
    }
    guard !fixed.contains(first) else {
      throw ExperimentError(
        path: axis.path, found: "a sweep over \(first)",
        allowed: "a sweep over anything but " + fixed.joined(separator: ", "))
    }
    return text
  }

  private static func overlap(_ a: String, _ b: String) -> Bool {
    a == b || a.hasPrefix(b + ".") || b.hasPrefix(a + ".") || a.hasPrefix(b + "[")
      || b.hasPrefix(a + "[")
  }

  /// Every point, resolved and checked.
  func points(
    of source: JSONValue, hosts: HostsFile?
  ) throws(ExperimentError) -> [SweepPoint] {
    var cells: [[JSONValue]] = [[]]
    for axis in axes {
      cells = cells.flatMap { cell in axis.values.map { cell + [$0] } }
    }
    let paths = try axes.map { (axis) throws(ExperimentError) in try ValuePath(axis.path) }
    var points: [SweepPoint] = []
    for cell in cells {
      let values = zip(axes, cell).map {
        SweepPoint.Value(path: $0.path, text: Sweep.text($1))
      }
      do {
        var tree = source
        for (path, value) in zip(paths, cell) { tree = try path.setting(value, in: tree) }
        let experiment = try Experiment(reading: tree, hosts: hosts)
        points.append(SweepPoint(values: values, experiment: experiment))
      } catch {
        var error = error
        let place = values.map { "\($0.path)=\($0.text)" }.joined(separator: ", ")
        // What cannot be swept is wrong at every point.
        let key = String(error.path.prefix { $0 != "." && $0 != "[" })
        if !values.isEmpty, !Sweep.fixed.contains(key) {
          error.found += " at the sweep's point \(place)"
        }
        throw error
      }
    }
    try checkTrials(points)
    return points
  }

  /// The values of each path as results show them, each once.
  static func texts(of points: [SweepPoint]) -> [(path: String, values: [String])] {
    points[0].values.indices.map { axis in
      var seen: Set<String> = []
      let texts = points.map { $0.values[axis].text }
      return (points[0].values[axis].path, texts.filter { seen.insert($0).inserted })
    }
  }

  private func checkTrials(_ points: [SweepPoint]) throws(ExperimentError) {
    let experiment = points[0].experiment
    let total = points.count * experiment.contenders.count * experiment.trials
    guard total <= Sweep.mostTrials else {
      throw ExperimentError(
        path: "trials",
        found: "\(experiment.trials) trials of \(experiment.contenders.count) "
          + "\(experiment.targets.isEmpty ? "protocols" : "protocols and targets") at \(points.count) points",
        allowed: "at most \(Sweep.mostTrials) trials in all")
    }
  }

  private static func text(_ value: JSONValue) -> String {
    if case .string(let text) = value { return text }
    return value.compactText
  }
}
