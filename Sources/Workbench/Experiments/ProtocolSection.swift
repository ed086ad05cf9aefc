import Configuration
import ProtocolList
import Replication

/// `protocols`, `replicas`, `tolerates` and `options`.
struct ProtocolSection {
  var size = ClusterSize.replicas(3)
  var choices: [ProtocolChoice] = []
  /// Replicas that every replicated protocol of the experiment has.
  var fewestReplicas = 1

  /// - Parameters:
  ///   - mayBeEmpty: whether `protocols: []` makes sense, because there is something else to
  ///     compare.
  ///   - hosts: what runs instead of what the file names, which has to be valid all the same.
  init(
    reading root: Section, mayBeEmpty: Bool, hosts: HostsFile?
  ) throws(ExperimentError) {
    size = try Self.size(root)
    let overrides = try Self.overrides(root["options"])
    var replicated: [Int] = []
    for kind in try Self.kinds(root, mayBeEmpty: mayBeEmpty) {
      let replicas = Self.replicas(of: kind, size)
      guard replicas <= ProtocolChoice.mostReplicas else {
        throw ExperimentError(
          path: "tolerates", found: "\(replicas) replicas of \(kind.name)",
          allowed: "up to \(ProtocolChoice.mostReplicas)")
      }
      if !kind.isBaseline { replicated.append(replicas) }
      choices.append(
        ProtocolChoice(kind, replicas: replicas, overrides: overrides[kind] ?? [:]))
    }
    fewestReplicas = replicated.min() ?? 1
    if let hosts {
      size = .replicas(hosts.choice.replicas)
      choices = [hosts.choice]
      fewestReplicas = hosts.choice.replicas
    }
  }

  private static func size(_ root: Section) throws(ExperimentError) -> ClusterSize {
    guard let failures = root["tolerates"] else {
      return .replicas(try root["replicas"]?.integer(in: 1...ProtocolChoice.mostReplicas) ?? 3)
    }
    guard root["replicas"] == nil else {
      throw failures.refused("one of replicas and tolerates", found: "both")
    }
    return .tolerates(try failures.integer(in: 0...(ProtocolChoice.mostReplicas / 2)))
  }

  private static func replicas(of kind: ProtocolKind, _ size: ClusterSize) -> Int {
    switch size {
    case .replicas(let count): kind.replicas(asked: count)
    case .tolerates(let failures): kind.replicas(tolerating: failures)
    }
  }

  private static func kinds(
    _ root: Section, mayBeEmpty: Bool
  ) throws(ExperimentError) -> [ProtocolKind] {
    guard let node = root["protocols"] else { return ProtocolKind.replicated }
    let allowed = "a list of " + Node.list(ProtocolKind.names)
    var kinds: [ProtocolKind] = []
    for element in try node.elements(allowed) {
      let kind = try element.choice(of: ProtocolKind.self)
      guard !kinds.contains(kind) else { throw element.refused("each protocol once") }
      kinds.append(kind)
    }
    guard !kinds.isEmpty || mayBeEmpty else { throw node.refused(allowed) }
    return kinds
  }

  /// Options of protocols that do not take part are checked too, so that choosing fewer protocols
  /// on the command line needs no other change.
  private static func overrides(
    _ node: Node?
  ) throws(ExperimentError) -> [ProtocolKind: [String: OptionValue]] {
    let section = try Section(node, path: "options", known: ProtocolKind.names)
    var result: [ProtocolKind: [String: OptionValue]] = [:]
    for kind in ProtocolKind.allCases {
      guard let node = section[kind.name] else { continue }
      result[kind] = try kind.overrides(reading: node)
    }
    return result
  }
}
