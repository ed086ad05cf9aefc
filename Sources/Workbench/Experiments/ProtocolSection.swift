import Configuration
import Replication

/// `protocols`, `replicas`, `tolerates` and `options`.
struct ProtocolSection {
  static let defaultProtocols = ["raft", "multi-paxos", "primary-backup", "chain-replication"]

  var size = ClusterSize.replicas(3)
  var choices: [ProtocolChoice] = []
  /// Replicas that every replicated protocol of the experiment has.
  var fewestReplicas = 1

  /// - Parameters:
  ///   - mayBeEmpty: whether `protocols: []` makes sense, because there is something else to compare.
  ///   - hosts: what runs instead of what the file names, which has to be valid all the same.
  init(
    reading root: Section, catalog: ProtocolCatalog, mayBeEmpty: Bool, hosts: HostsFile?
  ) throws(ExperimentError) {
    size = try Self.size(root)
    let names = try Self.names(root, catalog, mayBeEmpty: mayBeEmpty)
    let overrides = try Self.overrides(root["options"], catalog)
    var replicated: [Int] = []
    for entry in names.compactMap({ catalog[$0] }) {
      let replicas = Self.replicas(of: entry, size)
      guard replicas <= ProtocolChoice.mostReplicas else {
        throw ExperimentError(
          path: "tolerates", found: "\(replicas) replicas of \(entry.name)",
          allowed: "up to \(ProtocolChoice.mostReplicas)")
      }
      if !entry.isBaseline { replicated.append(replicas) }
      choices.append(
        ProtocolChoice(entry, replicas: replicas, overrides: overrides[entry.name] ?? [:]))
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

  private static func replicas(of entry: ProtocolCatalog.Entry, _ size: ClusterSize) -> Int {
    switch size {
    case .replicas(let count): entry.isBaseline ? 1 : count
    case .tolerates(let failures): entry.description.replicasPerFailure * failures + 1
    }
  }

  private static func names(
    _ root: Section, _ catalog: ProtocolCatalog, mayBeEmpty: Bool
  ) throws(ExperimentError) -> [String] {
    guard let node = root["protocols"] else {
      return defaultProtocols.filter(catalog.names.contains)
    }
    let allowed = "a list of " + Node.list(catalog.names)
    var names: [String] = []
    for element in try node.elements(allowed) {
      let name = try element.choice(of: catalog.names)
      guard !names.contains(name) else { throw element.refused("each protocol once") }
      names.append(name)
    }
    guard !names.isEmpty || mayBeEmpty else { throw node.refused(allowed) }
    return names
  }

  /// Options of protocols that do not take part are checked too, so that choosing fewer protocols on
  /// the command line needs no other change.
  private static func overrides(
    _ node: Node?, _ catalog: ProtocolCatalog
  ) throws(ExperimentError) -> [String: [String: OptionValue]] {
    let section = try Section(node, path: "options", known: catalog.names)
    var result: [String: [String: OptionValue]] = [:]
    for entry in catalog.entries {
      guard let node = section[entry.name] else { continue }
      result[entry.name] = try entry.overrides(reading: node)
    }
    return result
  }
}
