import Configuration
import Workloads

/// `target`: other systems as further rows of the comparison, driven by the same workload, measured
/// with the same clock and checked by the same checker. One object or a list of them:
///
///     target: { redis: "127.0.0.1:6379" }
///     target: [{ name: "my-redis", redis: "10.0.0.7:6379" }, { etcd: "localhost:2379" }]
///     target: { redis: "127.0.0.1:6379", wait: 2 }
///
/// The row has the system's name unless `name` says otherwise. With a target `protocols` may be
/// `[]`.
///
/// `redis` is any server that speaks RESP2. Clients share `workload.connections` and pipeline. With
/// `wait: N` (0...64, default 0) every write is followed by `WAIT N` with the workload's timeout,
/// and counts as acknowledged only if N replicas have it; otherwise its outcome is unknown. `WAIT`
/// delays all later commands on its connection, so each client then has a connection of its own (up
/// to 1024).
///
/// `etcd` is etcd 3.4 or later, asked through its JSON gateway with linearizable reads. The gateway
/// answers one request of a connection at a time, so here, too, each client has its own (up to
/// 1024).
///
/// Neither TLS nor passwords are supported.
struct TargetSection {
  private static let example = #"{ redis: "127.0.0.1:6379" }"#

  let runtime: ExperimentRuntime
  /// The names already used by other rows.
  let taken: [String]

  func read(_ node: ConfigValue?) throws(ExperimentError) -> [TargetChoice] {
    guard let node else { return [] }
    var choices: [TargetChoice] = []
    let nodes: [ConfigValue]
    if case .array = node.value {
      nodes = try node.elements("a list of targets", atMost: 16)
    } else {
      nodes = [node]
    }
    for node in nodes {
      let choice = try target(node)
      guard !taken.contains(choice.name), !choices.contains(where: { $0.name == choice.name })
      else {
        throw ExperimentError(
          path: ConfigValue.path(node.path, "name"), found: JSONValue.quoted(choice.name),
          allowed: "a name that no protocol and no other target has")
      }
      choices.append(choice)
    }
    guard choices.isEmpty || runtime == .cluster else {
      throw node.refused(
        "a target only with runtime \"cluster\" (a simulation cannot drive a real server)")
    }
    return choices
  }

  private func target(_ node: ConfigValue) throws(ExperimentError) -> TargetChoice {
    let kinds = TargetKind.allCases
    guard case .object = node.value else {
      throw node.refused("a target, such as \(TargetSection.example), or a list of targets")
    }
    let section = try Section(
      node, path: node.path, known: ["name"] + kinds.map(\.rawValue) + ["wait"])
    let named = kinds.filter { section[$0.rawValue] != nil }
    guard let kind = named.first, named.count == 1,
      let address = section[kind.rawValue]
    else {
      throw node.refused("exactly one of " + kinds.map(\.rawValue).joined(separator: " and "))
    }
    if kind != .redis, let wait = section["wait"] {
      throw wait.refused(
        "a wait only with redis, whose primary acknowledges before its replicas do")
    }
    return TargetChoice(
      name: try section["name"]?.name() ?? kind.rawValue, kind: kind,
      address: try address.address(orLocalhost: true),
      wait: try section["wait"]?.integer(in: 0...64) ?? 0)
  }
}

extension TargetChoice {
  var json: JSONValue {
    let wait = kind == .redis ? [JSONValue.Member("wait", .integer(Int128(wait)))] : []
    return .object([.init("name", .string(name)), .init(kind.rawValue, .string(address))] + wait)
  }
}

/// Checks what an experiment with targets may contain.
enum TargetRules {
  static func check(
    _ targets: [TargetChoice], _ mix: OperationMix
  ) throws(ExperimentError) {
    for target in targets {
      let reason =
        switch target.kind {
        case .redis: "Redis has GET, SET, DEL and APPEND"
        case .etcd: "etcd is driven with get, put and delete"
        }
      let missing =
        mix.compareAndSwap > 0
        ? ("cas", mix.compareAndSwap)
        : mix.scan > 0
          ? ("scan", mix.scan)
          : target.kind == .etcd && mix.append > 0 ? ("append", mix.append) : nil
      guard let (name, share) = missing else { continue }
      throw ExperimentError(
        path: "workload.mix.\(name)",
        found: "\(ConfigValue.plain(share)) with the target \(target.name)",
        allowed: "a mix without \(name) (\(reason))")
    }
  }

  /// Refuses a row of `protocols` that has the name of a target by mistake.
  static func checkNames(
    _ targets: [TargetChoice], _ protocols: [ProtocolChoice]
  ) throws(ExperimentError) {
    for (index, row) in protocols.enumerated() {
      guard targets.contains(where: { $0.name == row.name }) else { continue }
      throw ExperimentError(
        path: "protocols[\(index)].name", found: JSONValue.quoted(row.name),
        allowed: "a name that no target has")
    }
  }

  static func check(_ targets: [TargetChoice], _ faults: ConfigValue?) throws(ExperimentError) {
    guard let target = targets.first, let node = faults, node.value != .array([]) else { return }
    throw node.refused(
      "no faults beside the target \(target.name) (a fault cannot be injected into a server that "
        + "rsmbench did not start)")
  }
}
