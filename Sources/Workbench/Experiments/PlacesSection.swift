import Configuration
import Environments
import Replication

/// `network.places`: the latencies between named places, and the place of each node and client.
extension Places {
  private static let most = 64
  private static let example = #"{ "eu-us": "40ms", "eu-asia": "80ms", "us-asia": "75ms" }"#

  /// - Parameters:
  ///   - preset: the places that the section extends or overrides.
  ///   - within: the latency inside a place for which the section gives none.
  init(
    reading node: ConfigValue, over preset: Places?, within: DelayDistribution
  ) throws(ExperimentError) {
    let section = try Section(
      node, path: node.path, known: ["latency", "replicas", "clients", "authority"])
    var names = preset?.names ?? []
    var pairs: [(from: String, to: String, bothWays: Bool, DelayDistribution)] = []
    for pair in try Self.pairs(section, isRequired: preset == nil) {
      let (from, to, bothWays) = try Self.ends(of: pair)
      if bothWays, from != to,
        pairs.contains(where: { $0.bothWays && $0.from == to && $0.to == from })
      {
        throw ExperimentError(
          path: pair.node.path, found: "\"\(pair.key)\" beside \"\(to)-\(from)\"",
          allowed: "each pair once, or both directions as \"\(from)>\(to)\" and \"\(to)>\(from)\"")
      }
      for name in [from, to] where !names.contains(name) { names.append(name) }
      pairs.append((from, to, bothWays, try DelayDistribution(reading: pair.node)))
    }
    guard names.count <= Self.most else {
      throw node.refused("at most \(Self.most) places", found: "\(names.count) places")
    }
    var table: [[DelayDistribution?]] = names.map { _ in names.map { _ in nil } }
    for (row, latencies) in (preset?.latency ?? []).enumerated() {
      for (column, latency) in latencies.enumerated() { table[row][column] = latency }
    }
    // A latency for one direction overrides one for both.
    for pair in pairs.filter(\.bothWays) + pairs.filter({ !$0.bothWays }) {
      guard let from = names.firstIndex(of: pair.from), let to = names.firstIndex(of: pair.to)
      else { continue }
      table[from][to] = pair.3
      if pair.bothWays { table[to][from] = pair.3 }
    }
    var latency: [[DelayDistribution]] = []
    for (from, row) in table.enumerated() {
      var complete: [DelayDistribution] = []
      for (to, entry) in row.enumerated() {
        guard let entry = entry ?? (from == to ? within : nil) else {
          throw ExperimentError(
            path: ConfigValue.path(node.path, "latency"),
            found: "nothing from \(names[from]) to \(names[to])",
            allowed: "a latency for each pair of places, such as \"\(names[from])-\(names[to])\"")
        }
        complete.append(entry)
      }
      latency.append(complete)
    }
    self.init(names: names, latency: latency)
    if let preset { (replicas, clients) = (preset.replicas, preset.clients) }
    if let node = section["replicas"] { replicas = try Self.list(node, of: names) }
    if let node = section["clients"] { clients = try Self.list(node, of: names) }
    if let node = section["authority"] { authority = try Self.list(node, of: names) }
  }

  private typealias Pair = (key: String, node: ConfigValue)

  private static func pairs(
    _ section: Section, isRequired: Bool
  ) throws(ExperimentError) -> [Pair] {
    let allowed = "one-way latencies between places, such as \(example)"
    guard let node = isRequired ? try section.required("latency", allowed) : section["latency"]
    else { return [] }
    let members = try Section.members(of: node, allowed)
    guard !members.isEmpty || !isRequired else { throw node.refused(allowed) }
    return members.map {
      ($0.key, ConfigValue(path: ConfigValue.path(node.path, $0.key), value: $0.value))
    }
  }

  /// `"eu-us"` is for both ways, `"eu>us"` for one way.
  private static func ends(
    of pair: Pair
  ) throws(ExperimentError) -> (from: String, to: String, bothWays: Bool) {
    let parts = pair.key.split(
      omittingEmptySubsequences: false, whereSeparator: { $0 == "-" || $0 == ">" })
    let isName = { (part: Substring) in
      !part.isEmpty && part.count <= 40
        && part.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "." }
    }
    guard parts.count == 2, parts.allSatisfy(isName) else {
      throw ExperimentError(
        path: pair.node.path, found: "\"\(pair.key)\"",
        allowed: #"two places: "eu-us" for both directions, "eu>us" for one; names have letters, "#
          + "digits, _ and .")
    }
    return (String(parts[0]), String(parts[1]), pair.key.contains("-"))
  }

  private static func list(_ node: ConfigValue, of names: [String]) throws(ExperimentError) -> [Int]
  {
    let allowed = "a list of places, such as [\"\(names[0])\"]"
    var list: [Int] = []
    for element in try node.elements(allowed) {
      let name = try element.choice(of: names)
      list.append(names.firstIndex(of: name) ?? 0)
    }
    guard !list.isEmpty, list.count <= most else {
      throw node.refused("\(allowed), 1 to \(most) of them")
    }
    return list
  }

  var json: JSONValue {
    var pairs: [JSONValue.Member] = []
    for from in names.indices {
      for to in names.indices {
        let isSymmetric = latency[from][to] == latency[to][from]
        if isSymmetric, to < from { continue }
        pairs.append(
          .init(
            "\(names[from])\(isSymmetric ? "-" : ">")\(names[to])", latency[from][to].json))
      }
    }
    func list(_ places: [Int]) -> JSONValue { .array(places.map { .string(names[$0]) }) }
    var members: [JSONValue.Member] = [
      .init("latency", .object(pairs)), .init("replicas", list(replicas)),
      .init("clients", list(clients)),
    ]
    if let authority { members.append(.init("authority", list(authority))) }
    return .object(members)
  }
}
