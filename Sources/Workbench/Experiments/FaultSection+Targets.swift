import Configuration
import Faults
import Replication

/// Targets, partitions and chaos.
extension FaultSection {
  /// Reads a name, a number, `authority:0`, or a list of them.
  func target(_ node: ConfigValue) throws(ExperimentError) -> FaultTarget {
    guard case .array = node.value else { return try oneTarget(node) }
    var targets: [FaultTarget] = []
    for element in try node.elements("a list of targets", atMost: 64) {
      let target = try oneTarget(element)
      let mayRepeat: [FaultTarget] = [.random, .follower]
      guard !targets.contains(target) || mayRepeat.contains(target) else {
        throw element.refused("each target once")
      }
      targets.append(target)
    }
    guard !targets.isEmpty else { throw node.refused("at least one target") }
    return .several(targets)
  }

  private func oneTarget(_ node: ConfigValue) throws(ExperimentError) -> FaultTarget {
    let names = FaultTarget.named.map(\.name)
    let allowed =
      "a replica number 0...\(replicas - 1), " + names.joined(separator: ", ")
      + ", authority:0, or a list of these"
    if case .integer(let value) = node.value {
      guard let number = Int(exactly: value), (0..<replicas).contains(number) else {
        throw node.refused(allowed)
      }
      return .replica(number)
    }
    guard case .string(let name) = node.value else { throw node.refused(allowed) }
    let prefix = "authority:"
    if name.hasPrefix(prefix) {
      guard let number = Int(name.dropFirst(prefix.count)), (0..<authority).contains(number) else {
        throw node.refused(
          authority == 0
            ? "a replica: no protocol of the experiment has an authority"
            : "authority:0 to authority:\(authority - 1)")
      }
      return .authorityNode(number)
    }
    guard let target = FaultTarget.named.first(where: { $0.name == name })?.target else {
      throw node.refused(allowed, suggestion: nearest(to: name, among: names))
    }
    if target == .authority, authority == 0 {
      throw node.refused("a replica: no protocol of the experiment has an authority")
    }
    if target == .follower { try need(2, for: node) }
    if target == .minority { try need(3, for: node) }
    return target
  }

  private func need(_ count: Int, for node: ConfigValue) throws(ExperimentError) {
    guard replicas < count else { return }
    throw node.refused(
      "this only with at least \(count) replicas; an experiment's smallest protocol here has "
        + "\(replicas)")
  }

  func shape(_ node: ConfigValue, _ section: Section) throws(ExperimentError) -> PartitionShape {
    switch node.value {
    case .array: return try groups(node)
    case .object: return try shape(inObject: node, section)
    default: break
    }
    let name = try node.choice(of: PartitionShape.names)
    let takesTarget = name == "isolate" || name == "one-way"
    try refuse(takesTarget ? nil : section["target"], with: name)
    try refuse(name == "one-way" ? nil : section["direction"], with: name)
    try need(name == "majority-ring" ? 3 : 2, for: node)
    let target = try section["target"].map(self.target)
    switch name {
    case "isolate": return .isolate(target ?? .leader)
    case "minority-with-leader": return .minorityWithLeader
    case "majority-ring": return .majorityRing
    case "bridge": return .bridge
    default: return .oneWay(target ?? .leader, try direction(section))
    }
  }

  /// Reads `{ isolate: TARGET }`, `{ "one-way": TARGET }`, `{ clients: TARGET }` or `{ groups: [[0,
  /// "clients"], [1, 2]] }`.
  private func shape(
    inObject node: ConfigValue, _ section: Section
  ) throws(ExperimentError) -> PartitionShape {
    let inner = try Section(
      node, path: node.path, known: ["isolate", "one-way", "clients", "groups"])
    try refuse(section["target"], with: "a partition that names its target itself")
    if inner["one-way"] == nil { try refuse(section["direction"], with: "this partition") }
    switch (inner["isolate"], inner["one-way"], inner["clients"], inner["groups"]) {
    case (let isolated?, nil, nil, nil):
      try need(2, for: node)
      return .isolate(try target(isolated))
    case (nil, let hit?, nil, nil):
      try need(2, for: node)
      return .oneWay(try target(hit), try direction(section))
    case (nil, nil, let hit?, nil): return .clients(try target(hit))
    case (nil, nil, nil, let list?): return try groups(list)
    default: throw node.refused("exactly one of isolate, one-way, clients and groups")
    }
  }

  private func refuse(_ node: ConfigValue?, with shape: String) throws(ExperimentError) {
    guard let node else { return }
    throw node.refused("nothing here with \(shape)")
  }

  private func direction(_ section: Section) throws(ExperimentError) -> OneWayDirection {
    try section["direction"]?.choice(of: OneWayDirection.self) ?? .inbound
  }

  private func groups(_ node: ConfigValue) throws(ExperimentError) -> PartitionShape {
    let allowed =
      "groups of replica numbers 0...\(replicas - 1), such as [[0], [1, 2]], and \"clients\" in one of them"
    var groups: [[Int]] = []
    var clients: Int?
    for group in try node.elements(allowed) {
      var numbers: [Int] = []
      for member in try group.elements(allowed) {
        if case .string(let word) = member.value {
          guard word == "clients" else {
            throw member.refused(allowed, suggestion: nearest(to: word, among: ["clients"]))
          }
          guard clients == nil else { throw member.refused("clients in one group") }
          clients = groups.count
          continue
        }
        let number = try member.integer(in: 0...(replicas - 1))
        guard !numbers.contains(number) else {
          throw member.refused("each replica once in a group")
        }
        numbers.append(number)
      }
      guard !numbers.isEmpty || clients == groups.count else {
        throw group.refused("at least one replica in each group")
      }
      groups.append(numbers)
    }
    // A group of all replicas cuts no link, except that clients may be with others.
    let whole = groups.firstIndex { $0.count == replicas }
    guard !groups.isEmpty, whole == nil || (clients != nil && clients != whole) else {
      throw node.refused("at least two sides: " + allowed)
    }
    return .groups(groups, clients: clients)
  }

  /// Chaos lasts for the whole measured interval by default.
  /// - Parameter earlier: the faults to which times may refer.
  func chaos(
    _ entry: ConfigValue, after earlier: [TimedFault]
  ) throws(ExperimentError) -> Chaos {
    let section = try Section(entry, path: entry.path, known: ["chaos", "from", "until"])
    let node = try section.required("chaos", "{ mtbf, mttr, kinds }")
    let fields = try Section(node, path: node.path, known: ["mtbf", "mttr", "kinds"])
    let range = Interval.milliseconds(1)...Interval.hour
    let from = try section["from"].map { (node) throws(ExperimentError) in
      try moment(node, after: earlier)
    }
    let until = try section["until"].map { (node) throws(ExperimentError) in
      try time(node, after: earlier)
    }
    if let node = section["until"], let until, until > duration {
      throw node.refused("a time up to the end of the trial (duration is \(duration))")
    }
    let chaos = Chaos(
      meanTimeBetween: try fields["mtbf"]?.interval(in: range) ?? .seconds(4),
      meanTimeToRepair: try fields["mttr"]?.interval(in: range) ?? .milliseconds(500),
      kinds: try kinds(fields), from: from ?? warmUp, until: until ?? duration)
    guard chaos.from < chaos.until else {
      throw ExperimentError(
        path: ConfigValue.path(entry.path, section["until"] == nil ? "from" : "until"),
        found: "from \(chaos.from) until \(chaos.until)", allowed: "until after from")
    }
    return chaos
  }

  private func refusal(_ kind: ChaosKind) -> String? {
    FaultTable.refusal(of: kind, by: injector)
  }

  private func kinds(_ chaos: Section) throws(ExperimentError) -> [ChaosKind] {
    let possible = ChaosKind.allCases.filter { refusal($0) == nil }.map(\.rawValue)
    let allowed = "a list of " + ConfigValue.list(possible)
    guard let node = chaos["kinds"] else {
      let kinds: [ChaosKind] = [.crash, .pause, .partition, .slowDisk]
      guard let reason = kinds.lazy.compactMap(refusal).first else {
        return kinds
      }
      throw ExperimentError(
        path: ConfigValue.path(chaos.path, "kinds"),
        found: "the default " + ConfigValue.list(kinds.map(\.rawValue)),
        allowed: "\(allowed) (\(reason))")
    }
    var kinds: [ChaosKind] = []
    for element in try node.elements(allowed) {
      let kind = try element.choice(of: ChaosKind.self)
      if let reason = refusal(kind) {
        throw element.refused(ConfigValue.list(possible) + " (\(reason))")
      }
      guard !kinds.contains(kind) else { throw element.refused("each kind once") }
      kinds.append(kind)
    }
    guard !kinds.isEmpty else { throw node.refused(allowed) }
    return kinds
  }
}
