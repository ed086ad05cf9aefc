import Configuration
import Workloads

/// The points of an experiment: the product of all axes, the first axis slowest. Zipped axes count
/// as one, because their values vary together.
struct Sweep {
  static let mostPoints = 1000
  /// Trials over all points and protocols.
  static let mostTrials = 100_000
  /// Fields that a sweep cannot vary, because they hold for the whole run or are already a
  /// dimension of it.
  private static let fixed = [
    "format", "name", "description", "runtime", "protocols", "baseline", "target", "trials",
    "seed", "expect", "find", "sweep",
  ]
  private static let example =
    #"lists of values by path, such as { replicas: [3, 5], "workload.clients": [8, 64] }"#

  var axes: [SweepAxis] = []
  var search: Search?

  init(reading source: JSONValue) throws(ExperimentError) {
    guard case .object(let root) = source else { return }
    func value(_ key: String) -> JSONValue? {
      root.first { $0.key == key }.flatMap { $0.value == .null ? nil : $0.value }
    }
    if let value = value("sweep") {
      let node = ConfigValue(path: "sweep", value: value)
      for member in try Section.members(of: node, Sweep.example) where member.value != .null {
        let part = ConfigValue(path: "sweep.\(member.key)", value: member.value)
        if member.key == "zip" {
          try addZips(part)
        } else {
          try add(part, member.key, zip: nil)
        }
      }
    }
    if let value = value("find") {
      let node = ConfigValue(path: "find", value: value)
      let found = try Search(reading: node)
      let goal = ConfigValue.path("find", found.isMaximum ? "maximum" : "minimum")
      try checkOverlap(found.path, at: goal)
      search = found
    }
    var count = 1
    for group in groups {
      // Each factor is at most 1000, so the product is refused before it can overflow.
      count *= group[0].values.count
      try checkCount(count)
    }
    if let search { try checkCount(count * (try search.values().count)) }
  }

  private func checkCount(_ count: Int) throws(ExperimentError) {
    guard count > Sweep.mostPoints else { return }
    throw ExperimentError(
      path: "sweep", found: "\(count) points or more", allowed: "at most \(Sweep.mostPoints) points"
    )
  }

  /// Reads `zip: { a: [1, 2], b: [3, 4] }`, or a list of such objects.
  private mutating func addZips(_ node: ConfigValue) throws(ExperimentError) {
    let allowed =
      #"lists of equal length by path, such as { replicas: [3, 5], "workload.clients": [8, 64] }, or a "#
      + "list of such objects"
    var parts = [node]
    if case .array = node.value {
      parts = try node.elements(allowed, atMost: 16)
      guard !parts.isEmpty else { throw node.refused(allowed) }
    }
    for (index, part) in parts.enumerated() {
      let before = axes.count
      for member in try Section.members(of: part, allowed) where member.value != .null {
        try add(
          ConfigValue(path: "\(part.path).\(member.key)", value: member.value), member.key,
          zip: index)
      }
      let zipped = axes[before...]
      guard let first = zipped.first else { throw part.refused(allowed) }
      if let other = zipped.first(where: { $0.values.count != first.values.count }) {
        throw part.refused(
          "lists of equal length",
          found: "\(first.values.count) values of \(first.path) and \(other.values.count) of "
            + other.path)
      }
      let combinations = first.values.indices.map { index in zipped.map { $0.values[index] } }
      for (index, combination) in combinations.enumerated()
      where combinations.prefix(index).contains(combination) {
        throw part.refused("each combination once", found: "combination \(index + 1) a second time")
      }
    }
  }

  private mutating func add(_ node: ConfigValue, _ key: String, zip: Int?) throws(ExperimentError) {
    let path = try Sweep.path(key, node)
    let values = try node.elements("a list of values for \(key)")
    guard !values.isEmpty else { throw node.refused("at least one value") }
    for (index, value) in values.enumerated()
    where zip == nil && values.prefix(index).contains(where: { $0.value == value.value }) {
      throw value.refused("each value once")
    }
    try checkOverlap(path, at: node.path)
    axes.append(SweepAxis(path: path, values: values.map(\.value), zip: zip))
  }

  private func checkOverlap(_ path: String, at place: String) throws(ExperimentError) {
    guard let other = axes.first(where: { Sweep.overlap($0.path, path) }) else { return }
    throw ExperimentError(
      path: place, found: "a path that overlaps with \(other.path)",
      allowed: "paths of different values")
  }

  static func path(_ text: String, _ axis: ConfigValue) throws(ExperimentError) -> String {
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
    // A row's options may vary, but not which rows there are.
    if first == "protocols", steps.count > 2, steps.contains(.key("options")) { return text }
    // A run has one trace, which is kept beside its results.
    guard !text.hasPrefix("workload.trace") else {
      throw ExperimentError(
        path: axis.path, found: "a sweep over workload.trace",
        allowed: "one trace for all points")
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

  // MARK: Points

  /// Axes that vary together.
  private var groups: [[SweepAxis]] {
    var groups: [[SweepAxis]] = []
    for axis in axes {
      if let zip = axis.zip, groups.last?.first?.zip == zip {
        groups[groups.count - 1].append(axis)
      } else {
        groups.append([axis])
      }
    }
    return groups
  }

  /// Resolves and checks every point.
  func points(
    of source: JSONValue, hosts: HostsFile?, trace: OperationTrace?
  ) throws(ExperimentError) -> [SweepPoint] {
    var cells: [[JSONValue]] = [[]]
    for group in groups {
      cells = cells.flatMap { cell in
        group[0].values.indices.map { index in cell + group.map { $0.values[index] } }
      }
    }
    var paths = axes.map(\.path)
    if let search {
      let values = try search.values()
      cells = cells.flatMap { cell in values.map { cell + [$0] } }
      paths.append(search.path)
    }
    let places = try paths.map { (path) throws(ExperimentError) in try ValuePath(path) }
    var points: [SweepPoint] = []
    for cell in cells {
      let values = zip(paths, cell).map { SweepPoint.Value(path: $0, text: Sweep.text($1)) }
      do {
        var tree = source
        for (path, value) in zip(places, cell) { tree = try path.setting(value, in: tree) }
        let experiment = try Experiment(reading: tree, hosts: hosts, trace: trace)
        points.append(SweepPoint(values: values, experiment: experiment))
      } catch {
        var error = error
        // An error in a field that cannot be swept occurs at every point, so the point is not
        // named.
        let key = String(error.path.prefix { $0 != "." && $0 != "[" })
        if !values.isEmpty, !Sweep.fixed.contains(key) {
          error.found += " at " + place(of: values)
        }
        throw error
      }
    }
    try checkTrials(points)
    return points
  }

  /// `the sweep's point replicas=3 and find's value workload.clients=8`
  private func place(of values: [SweepPoint.Value]) -> String {
    func text(_ values: some Sequence<SweepPoint.Value>) -> String {
      values.map { "\($0.path)=\($0.text)" }.joined(separator: ", ")
    }
    let swept = axes.isEmpty ? [] : ["the sweep's point " + text(values.prefix(axes.count))]
    let found = search == nil ? [] : ["find's value " + text(values.suffix(1))]
    return (swept + found).joined(separator: " and ")
  }

  /// The values of each path as results show them, without repetition.
  static func texts(of points: [SweepPoint]) -> [(path: String, values: [String])] {
    points[0].values.indices.map { axis in
      var seen: Set<String> = []
      let texts = points.map { $0.values[axis].text }
      return (points[0].values[axis].path, texts.filter { seen.insert($0).inserted })
    }
  }

  private func checkTrials(_ points: [SweepPoint]) throws(ExperimentError) {
    let experiment = points[0].experiment
    // A search tries only some of its values, at most 24: first doublings, then halvings.
    let values = try search.map { (search) throws(ExperimentError) in
      Double(min(24, try search.values().count)) / Double(try search.values().count)
    }
    let total = Int(
      Double(points.count) * (values ?? 1) * Double(experiment.contenders.count * experiment.trials)
    )
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

extension [SweepAxis] {
  /// The axes as written in a file, in their order.
  var sweepJSON: JSONValue {
    var members: [JSONValue.Member] = []
    var zips: [JSONValue] = []
    for axis in self {
      guard let zip = axis.zip else {
        members.append(.init(axis.path, .array(axis.values)))
        continue
      }
      guard zip == zips.count else { continue }
      let together = filter { $0.zip == zip }.map { JSONValue.Member($0.path, .array($0.values)) }
      if zips.isEmpty { members.append(.init("zip", .null)) }
      zips.append(.object(together))
    }
    if let index = members.firstIndex(where: { $0.key == "zip" }) {
      members[index].value = zips.count == 1 ? zips[0] : .array(zips)
    }
    return .object(members)
  }
}
