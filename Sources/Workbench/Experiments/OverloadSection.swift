import Configuration
import Faults
import Replication
import Trials

/// `overload`: what servers and clients do against overload, by field,
///
///     overload: { queue: 512, retryBudget: 0.1, backoff: ["10ms", "1s"] }
///
/// or the name of one cure with usual values, such as `"backoff"`.
package enum OverloadSection {
  static let keyNames = ["queue", "admission", "dropLate", "retryBudget", "backoff"]
  private static let serverKeys = ["queue", "admission", "dropLate"]

  /// The cures that have a name, each with the section for which the name stands.
  package static let cures: [(name: String, section: String, meaning: String)] = [
    ("none", "{}", "servers take every request, and clients ask again when an answer is late"),
    (
      "queue", "{ queue: 512 }",
      "a bounded queue: a replica refuses requests while 512 that it has taken are unanswered"
    ),
    (
      "admission", #"{ admission: "20ms" }"#,
      "admission control: the bound of the queue adapts, so that answers take no longer than this "
        + "at the replica"
    ),
    (
      "drop-late", "{ dropLate: true }",
      "requests say how long their client still waits, and replicas drop those that are too old "
        + "(simulation)"
    ),
    (
      "retry-budget", "{ retryBudget: 0.1 }",
      "all clients together repeat at most one request for ten answers, after 500 at first"
    ),
    (
      "backoff", #"{ backoff: ["10ms", "1s"] }"#,
      "before a client asks again it waits for a random time, up to a bound that doubles between "
        + "these with each repetition"
    ),
    (
      "all", #"{ queue: 512, dropLate: true, retryBudget: 0.1, backoff: ["10ms", "1s"] }"#,
      "all of them but admission control, which replaces the fixed bound"
    ),
  ]

  /// Why a field cannot be had; `nil` if it can.
  /// - Parameter servers: who runs the servers; `nil` for other systems.
  private static func objection(to key: String, of servers: FaultInjector?) -> String? {
    switch servers {
    case .simulation: nil
    case .ownProcesses:
      key == "dropLate"
        ? "false (a process does not see how long a request has waited in its socket)" : nil
    case .othersProcesses:
      serverKeys.contains(key) ? "no \(key) (the runner did not start these processes)" : nil
    case nil:
      "no \(key) beside target (requests to other systems are sent once, and their servers are "
        + "not rsmbench's)"
    }
  }

  static func read(
    _ node: ConfigValue, of servers: FaultInjector?
  ) throws(ExperimentError) -> OverloadCures {
    var node = node
    let names = cures.map { "\"\($0.name)\"" }.joined(separator: ", ")
    let allowed = "\(names), or an object such as { queue: 512 }"
    if case .string(let name) = node.value {
      guard let cure = cures.first(where: { $0.name == name }) else {
        throw node.refused(allowed, suggestion: node.nearestName(among: cures.map(\.name)))
      }
      node = ConfigValue(path: node.path, value: JSONValue(typed: cure.section))
    }
    guard case .object = node.value else { throw node.refused(allowed) }
    let section = try Section(node, path: node.path, known: keyNames)
    for key in keyNames {
      guard let field = section[key], field.value != .flag(false),
        let objection = objection(to: key, of: servers)
      else { continue }
      throw field.refused(objection)
    }
    var cures = OverloadCures()
    cures.limits.queue = try section["queue"]?.integer(in: 1...1_000_000)
    cures.limits.admission = try section["admission"]?
      .interval(in: .microseconds(10)...Interval.hour)
    if let queue = section["queue"], section["admission"] != nil {
      throw queue.refused(
        "one of queue and admission, which adapts the queue's bound", found: "both")
    }
    cures.limits.dropsLate = try section["dropLate"]?.flag() ?? false
    cures.retryBudget = try section["retryBudget"]?.number(in: 0...10)
    cures.backoff = try section["backoff"]?
      .intervalRange(in: .microseconds(10)...Interval.hour)
    return cures
  }

  package static func json(_ cures: OverloadCures) -> JSONValue {
    var members: [JSONValue.Member] = []
    if let queue = cures.limits.queue { members.append(.init("queue", .integer(Int128(queue)))) }
    if let time = cures.limits.admission { members.append(.init("admission", .interval(time))) }
    if cures.limits.dropsLate { members.append(.init("dropLate", .flag(true))) }
    if let budget = cures.retryBudget { members.append(.init("retryBudget", .number(budget))) }
    if let backoff = cures.backoff {
      members.append(
        .init(
          "backoff", .array([.interval(backoff.lowerBound), .interval(backoff.upperBound)])))
    }
    return .object(members)
  }

  /// What the processes of nodes are told, as text; `nil` for nothing.
  package static func limitsText(_ cures: OverloadCures) -> String? {
    var servers = OverloadCures()
    servers.limits = cures.limits
    return servers == OverloadCures() ? nil : json(servers).compactText
  }

  /// Reads the text that a node's process is told.
  package static func limits(_ text: String) throws(ExperimentError) -> RequestLimits {
    let value = try SourceText.parse(text, example: "{ queue: 512 }")
    return try read(ConfigValue(path: "overload", value: value), of: .ownProcesses).limits
  }
}
