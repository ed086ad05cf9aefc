import ProtocolList
import Replication

/// The nodes of one cluster of processes, and the protocol that they run. Every node and every
/// program that talks to them reads the same JSON5 file:
///
///     {
///       cluster: "bench-1",                // a node of another cluster is refused
///       protocol: "raft",
///       options: { heartbeat: "50ms" },    // of the protocol; the others have their defaults
///       // Replicas, numbered from 0:
///       nodes: ["10.0.0.1:7400", "10.0.0.2:7400", "10.0.0.3:7400"],
///       authority: ["10.0.0.1:7500"],      // 1...9, only for protocols that need one
///       // 64 hexadecimal digits, which every program that talks to a node must know:
///       secret: "0123…",
///     }
package struct HostsFile: Sendable, Equatable {
  private static let keyNames = ["cluster", "protocol", "options", "nodes", "authority", "secret"]
  private static let mostAuthorityNodes = 9
  private static let example =
    #"{ cluster: "bench-1", protocol: "raft", nodes: ["127.0.0.1:7400"] }"#

  package var cluster: String
  /// The protocol; it has as many replicas as there are `nodes`.
  package var choice: ProtocolChoice
  /// Numeric addresses of the replicas, by number.
  package var nodes: [String]
  /// Addresses of the authority's nodes, which are numbered from `nodes.count`; empty for protocols
  /// without an authority.
  package var authority: [String]
  /// The 32 bytes by which nodes and clients prove that they belong to the cluster; empty if no
  /// proof is required.
  package var secret: [UInt8] = []

  /// Describes a cluster of the caller's own processes. Nothing is checked here: the addresses must
  /// be numeric, with ports, and all different, and there must be an authority exactly if the
  /// protocol needs one.
  package init(cluster: String, choice: ProtocolChoice, nodes: [String], authority: [String]) {
    self.cluster = cluster
    self.choice = choice
    self.nodes = nodes
    self.authority = authority
  }

  package var membership: Membership {
    Membership(replicas: nodes.count, authority: authority.count)
  }

  /// The error if other users than `user` can read or change a file that holds a secret.
  /// - Parameters:
  ///   - mode: the permissions of the file.
  ///   - owner: the number of the user to whom the file belongs.
  package static func privacyError(
    of file: String, mode: UInt32, owner: UInt32, user: UInt32
  ) -> ExperimentError? {
    guard mode & 0o077 != 0 || owner != user && owner != 0 else { return nil }
    return ExperimentError(
      file: file, path: "secret",
      found: "a file of user \(owner) with mode \(String(mode & 0o7777, radix: 8))",
      allowed: "a file of this user that others may neither read nor write (chmod 600)")
  }

  /// All addresses, by number of the node.
  package var addresses: [String] { nodes + authority }

  /// The file with every default filled in, ending in a new line. Reading it gives an equal value.
  package var text: String {
    var members: [JSONValue.Member] = [
      .init("cluster", .string(cluster)), .init("protocol", .string(choice.kind.name)),
      .init("options", choice.optionsJSON), .init("nodes", .array(nodes.map { .string($0) })),
    ]
    if !authority.isEmpty {
      members.append(.init("authority", .array(authority.map { .string($0) })))
    }
    if !secret.isEmpty { members.append(.init("secret", .string(HostsFile.digits(of: secret)))) }
    return JSONValue.object(members).text() + "\n"
  }

  /// Reads the text of a file; `file` is its name in errors.
  package static func read(
    text: String, file: String
  ) throws(ExperimentError) -> HostsFile {
    do {
      return try HostsFile(reading: SourceText.parse(text, example: example))
    } catch {
      var error = error
      if error.file.isEmpty { error.file = file }
      throw error
    }
  }

  private init(reading root: JSONValue) throws(ExperimentError) {
    let node = ConfigValue(path: "", value: root)
    guard case .object = root else {
      throw node.refused("an object, such as \(HostsFile.example)")
    }
    let section = try Section(node, path: "", known: HostsFile.keyNames)
    cluster = try section.required("cluster", "a name for the cluster").name()
    let kind = try section.required("protocol", ConfigValue.list(ProtocolKind.names))
      .choice(of: ProtocolKind.self)
    let example = #"a list of addresses, such as ["127.0.0.1:7400"]"#
    let replicas = try section.required("nodes", example)
    var seen: Set<String> = []
    nodes = try HostsFile.addresses(
      replicas, 1...(kind.replicas(asked: ProtocolChoice.mostReplicas)), of: kind.name, &seen)
    authority = []
    if kind.description.needsAuthority {
      let list = try section.required("authority", "\(example): \(kind.name) needs an authority")
      authority = try HostsFile.addresses(
        list, 1...HostsFile.mostAuthorityNodes, of: kind.name, &seen)
    } else if let list = section["authority"], list.value != .array([]) {
      throw list.refused("no authority: \(kind.name) needs none")
    }
    choice = ProtocolChoice(
      kind, replicas: nodes.count, overrides: try kind.overrides(reading: section["options"]))
    if let node = section["secret"] { secret = try HostsFile.secret(node) }
  }

  package static let secretByteCount = 32

  private static func digits(of bytes: [UInt8]) -> String {
    bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }

  /// Errors do not repeat the text found, because it may be a secret.
  private static func secret(_ node: ConfigValue) throws(ExperimentError) -> [UInt8] {
    let digits = Array(try node.string()).map(\.hexDigitValue)
    guard digits.count == 2 * secretByteCount, !digits.contains(nil) else {
      throw node.refused(
        "\(2 * secretByteCount) hexadecimal digits, such as 'openssl rand -hex 32' draws",
        found: "\(digits.count) characters")
    }
    return stride(from: 0, to: digits.count, by: 2).map {
      UInt8((digits[$0] ?? 0) << 4 | (digits[$0 + 1] ?? 0))
    }
  }

  private static func addresses(
    _ node: ConfigValue, _ count: ClosedRange<Int>, of name: String, _ seen: inout Set<String>
  ) throws(ExperimentError) -> [String] {
    let elements = try node.elements(#"a list of addresses, such as ["127.0.0.1:7400"]"#)
    guard count.contains(elements.count) else {
      let allowed = count.upperBound == 1 ? "1" : "\(count.lowerBound)...\(count.upperBound)"
      throw node.refused("\(allowed) of \(name)", found: "\(elements.count) addresses")
    }
    var addresses: [String] = []
    for element in elements {
      let address = try element.address()
      guard seen.insert(address).inserted else {
        throw element.refused("an address that no other node has")
      }
      addresses.append(address)
    }
    return addresses
  }
}
