import Configuration
import ProtocolList
import Replication

/// `protocols`, `replicas`, `tolerates` and `options`.
///
/// An entry of `protocols` is a protocol's name, or a configuration of one with a name of its own:
///
///     protocols: ["raft",
///                 { name: "raft-5", protocol: "raft", replicas: 5, options: { preVote: false } }]
///
/// A configuration's `options` override those that `options` gives to all rows of the protocol.
struct ProtocolSection {
  private static let mostRows = 64
  private static let rowKeys = ["name", "protocol", "replicas", "options"]

  var size = ClusterSize.replicas(3)
  var choices: [ProtocolChoice] = []
  /// The `options` given to all rows of a protocol: one entry per protocol that takes part.
  var shared: [ProtocolChoice] = []
  /// The fewest replicas of any replicated protocol of the experiment.
  var fewestReplicas = 1
  /// The most authority nodes of any protocol of the experiment.
  var mostAuthorityNodes: Int {
    choices.map { $0.kind.membership(replicas: $0.replicas).authority.count }.max() ?? 0
  }

  /// - Parameters:
  ///   - mayBeEmpty: whether `protocols: []` makes sense, because there are other rows to compare.
  ///   - hosts: the nodes that replace the protocols of the file, which must be valid all the same.
  init(
    reading root: Section, mayBeEmpty: Bool, hosts: HostsFile?
  ) throws(ExperimentError) {
    size = try Self.size(root)
    let options = try Section(root["options"], path: "options", known: ProtocolKind.names)
    // Options of protocols that do not take part are checked too, so that choosing fewer protocols
    // on the command line needs no other change.
    for kind in ProtocolKind.allCases {
      _ = try options[kind.name].map { (node) throws(ExperimentError) in
        try kind.overrides(reading: node)
      }
    }
    for row in try Self.rows(root, mayBeEmpty: mayBeEmpty) {
      try add(row, sharedOptions: options[row.kind.name])
    }
    fewestReplicas = choices.filter { !$0.kind.isBaseline }.map(\.replicas).min() ?? 1
    if let hosts {
      size = .replicas(hosts.choice.replicas)
      choices = [hosts.choice]
      shared = choices
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

  // MARK: Rows

  private struct Row {
    var kind: ProtocolKind
    var name: String
    var replicas: Int?
    var options: ConfigValue?

    func choice(
      _ count: Int, _ overrides: [String: OptionValue], own: [String]
    ) -> ProtocolChoice {
      var choice = ProtocolChoice(kind, replicas: count, overrides: overrides)
      choice.name = name
      choice.ownReplicas = replicas
      choice.ownOptions = choice.settings.filter { own.contains($0.name) }
      return choice
    }
  }

  private static func rows(_ root: Section, mayBeEmpty: Bool) throws(ExperimentError) -> [Row] {
    guard let node = root["protocols"] else {
      return ProtocolKind.replicated.map { Row(kind: $0, name: $0.name) }
    }
    let allowed =
      "a list of " + ConfigValue.list(ProtocolKind.names)
      + #", or configurations such as { name: "raft-2", protocol: "raft", options: {} }"#
    var rows: [Row] = []
    for element in try node.elements(allowed, atMost: mostRows) {
      let row = try row(element)
      if rows.contains(where: { $0.name == row.name }) {
        throw element.refused(
          "each name once: a second configuration of \(row.kind.name) needs a name of its own, such as "
            + "{ name: \"\(row.kind.name)-2\", protocol: \"\(row.kind.name)\", options: {} }")
      }
      rows.append(row)
    }
    guard !rows.isEmpty || mayBeEmpty else { throw node.refused(allowed) }
    return rows
  }

  private static func row(_ node: ConfigValue) throws(ExperimentError) -> Row {
    switch node.value {
    case .string:
      let kind = try node.choice(of: ProtocolKind.self)
      return Row(kind: kind, name: kind.name)
    case .object: break
    default:
      throw node.refused(
        "one of " + ConfigValue.list(ProtocolKind.names)
          + #", or a configuration such as { name: "raft-2", protocol: "raft", options: {} }"#)
    }
    let section = try Section(node, path: node.path, known: rowKeys)
    let named = try section["name"].map { (name) throws(ExperimentError) in try name.name() }
    let kindNode = try section.required(
      "protocol", "the protocol of this row: " + ConfigValue.list(ProtocolKind.names))
    let kind = try kindNode.choice(of: ProtocolKind.self)
    if let named, let other = ProtocolKind(rawValue: named), other != kind,
      let name = section["name"]
    {
      throw name.refused("a name that is not another protocol's (this row is \(kind.name))")
    }
    let replicas = try section["replicas"]?.integer(in: 1...ProtocolChoice.mostReplicas)
    if let node = section["replicas"], kind.isBaseline, replicas != 1 {
      throw node.refused("1 replica of \(kind.name)")
    }
    return Row(
      kind: kind, name: named ?? kind.name, replicas: replicas, options: section["options"])
  }

  private mutating func add(_ row: Row, sharedOptions: ConfigValue?) throws(ExperimentError) {
    let replicas = row.replicas ?? Self.replicas(of: row.kind, size)
    guard replicas <= ProtocolChoice.mostReplicas else {
      throw ExperimentError(
        path: "tolerates", found: "\(replicas) replicas of \(row.kind.name)",
        allowed: "up to \(ProtocolChoice.mostReplicas)")
    }
    let overrides = try row.kind.overrides(reading: sharedOptions)
    if !shared.contains(where: { $0.kind == row.kind }) {
      shared.append(ProtocolChoice(row.kind, replicas: replicas, overrides: overrides))
    }
    guard let own = row.options else {
      choices.append(row.choice(replicas, overrides, own: []))
      return
    }
    let named = try Section(own, path: own.path, known: row.kind.options.map(\.name))
    let merged = try row.kind.overrides(reading: own.over(sharedOptions))
    choices.append(
      row.choice(replicas, merged, own: row.kind.options.map(\.name).filter { named[$0] != nil }))
  }
}

extension ConfigValue {
  /// This object, with the members of another one that it lacks.
  fileprivate func over(_ other: ConfigValue?) -> ConfigValue {
    guard case .object(let own) = value, case .object(let others)? = other?.value else {
      return self
    }
    let more = others.filter { member in !own.contains { $0.key == member.key } }
    return ConfigValue(path: path, value: .object(own + more))
  }
}

extension ProtocolChoice {
  /// A row as written in a file: only its name if it sets nothing else.
  package var rowJSON: JSONValue {
    guard name != kind.name || ownReplicas != nil || !ownOptions.isEmpty else {
      return .string(name)
    }
    var members: [JSONValue.Member] = [
      .init("name", .string(name)), .init("protocol", .string(kind.name)),
    ]
    if let ownReplicas { members.append(.init("replicas", .integer(Int128(ownReplicas)))) }
    members.append(.init("options", Setting.json(ownOptions)))
    return .object(members)
  }
}
