import Clients
import Configuration
import Replication
import Workloads

/// `workload.ask`, the replica that clients ask first, and `workload.groups`, by which clients
/// differ:
///
///     groups: [{ ask: 0, keys: [0, 499] }, { ask: "nearest", clientRate: "10/s" }]
enum ClientGroupSection {
  static let keyNames = ["ask", "keys", "clientRate"]
  private static let most = 100
  private static let words: [(name: String, rule: FirstAsked)] = [
    ("in-charge", .inCharge), ("nearest", .nearest), ("spread", .spread),
  ]

  static func ask(_ node: ConfigValue) throws(ExperimentError) -> FirstAsked {
    let allowed = ConfigValue.list(words.map(\.name)) + ", or the number of a replica"
    if let word = words.first(where: { node.value == .string($0.name) }) { return word.rule }
    guard case .integer(let number) = node.value, (0...14).contains(number) else {
      throw node.refused(allowed, suggestion: node.nearestName(among: words.map(\.name)))
    }
    return .replica(Int(number))
  }

  static func json(_ rule: FirstAsked) -> JSONValue {
    if case .replica(let number) = rule { return .integer(Int128(number)) }
    return .string(words.first { $0.rule == rule }?.name ?? "")
  }

  /// - Parameter spec: the workload without its groups.
  static func groups(
    _ node: ConfigValue, in spec: WorkloadSpec
  ) throws(ExperimentError) -> [ClientGroup] {
    let allowed = "a list of groups, such as [{ ask: 0 }, { keys: [0, 499] }]"
    var groups: [ClientGroup] = []
    for element in try node.elements(allowed, atMost: most) {
      guard case .object = element.value else { throw element.refused(allowed) }
      let section = try Section(element, path: element.path, known: keyNames)
      var group = ClientGroup()
      group.ask = try section["ask"].map(ask)
      group.clientRate = try section["clientRate"].map { node throws(ExperimentError) in
        try ClientRate.read(node, in: spec)
      }
      if let keys = section["keys"] {
        group.keys = try range(keys, of: spec.keys)
        let reason: String? =
          spec.trace != nil
          ? "a trace, which names the keys"
          : spec.arrival.isOpen
            ? "an open loop, in which any client may get the next operation"
            : spec.mix.insert > 0
              ? "inserts, which add keys for all"
              : spec.distribution == .latest
                ? "the distribution \"latest\", which is about all keys"
                : spec.distribution.isConflict
                  ? "the distribution conflict, which gives each client its own keys" : nil
        if let reason { throw keys.refused("no keys of a group beside \(reason)") }
      }
      groups.append(group)
    }
    guard groups.count <= spec.clients else {
      throw node.refused(
        "at most as many groups as clients (\(spec.clients))", found: "\(groups.count) groups")
    }
    return groups
  }

  private static func range(
    _ node: ConfigValue, of count: Int
  ) throws(ExperimentError) -> ClosedRange<Int> {
    let allowed = "the first and the last number of a key, from 0 to \(count - 1)"
    let ends = try node.elements(allowed)
    guard ends.count == 2 else { throw node.refused(allowed) }
    let first = try ends[0].integer(in: 0...count - 1)
    let last = try ends[1].integer(in: 0...count - 1)
    guard first <= last else { throw node.refused(allowed) }
    return first...last
  }

  static func json(_ groups: [ClientGroup]) -> JSONValue {
    .array(
      groups.map { group in
        var members: [JSONValue.Member] = []
        if let ask = group.ask { members.append(.init("ask", json(ask))) }
        if let keys = group.keys {
          members.append(
            .init(
              "keys",
              .array([.integer(Int128(keys.lowerBound)), .integer(Int128(keys.upperBound))])))
        }
        if let rate = group.clientRate { members.append(.init("clientRate", .rate(rate))) }
        return .object(members)
      })
  }

  /// Refuses replicas that a row lacks, and the nearest replica where no replica is nearer than
  /// others.
  static func check(
    _ section: Section, _ workload: WorkloadSpec, replicas: Int, hasPlaces: Bool
  ) throws(ExperimentError) {
    guard let node = section["workload"] else { return }
    func check(_ rule: FirstAsked?, _ path: String) throws(ExperimentError) {
      switch rule {
      case .nearest where !hasPlaces:
        throw ExperimentError(
          path: path, found: "\"nearest\"",
          allowed: "\"nearest\" only with network.places or a preset that has places")
      case .replica(let number) where number >= replicas:
        throw ExperimentError(
          path: path, found: "\(number)", allowed: "the number of a replica, 0...\(replicas - 1)")
      default: break
      }
    }
    try check(workload.ask, ConfigValue.path(node.path, "ask"))
    for (index, group) in workload.groups.enumerated() {
      try check(group.ask, "\(node.path).groups[\(index)].ask")
    }
  }
}
