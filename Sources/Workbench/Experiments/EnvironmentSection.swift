import Configuration
import Environments
import Replication

extension NetworkModel {
  private static let keyNames = [
    "preset", "latency", "loss", "duplicate", "reorder", "bandwidth", "links",
  ]

  /// `replicas`: how many there are, for the ends of `links`.
  init(reading node: Node?, replicas: Int) throws(ExperimentError) {
    let section = try Section(node, path: "network", known: Self.keyNames)
    self = .lan
    if let node = section["preset"] {
      let name = try node.choice(of: NetworkModel.presets.map(\.name))
      self = NetworkModel.presets.first { $0.name == name }?.model ?? .lan
    }
    if let node = section["latency"] {
      guard places == nil else {
        throw node.refused("no latency: this preset has one for each pair of places; use links")
      }
      latency = try LatencyDistribution(reading: node)
    }
    loss = try section["loss"]?.probability() ?? loss
    duplicate = try section["duplicate"]?.probability() ?? duplicate
    reorder = try section["reorder"]?.probability() ?? reorder
    if let node = section["bandwidth"] { bandwidth = try node.bandwidth() }
    for node in try section["links"]?.elements("a list of links") ?? [] {
      links.append(try LinkOverride(reading: node, replicas: replicas))
    }
  }

  var json: JSONValue {
    var members: [JSONValue.Member] = []
    if let places,
      let preset = NetworkModel.presets.first(where: { $0.model.places == places })
    {
      members.append(.init("preset", .string(preset.name)))
    } else {
      members.append(.init("latency", latency.json))
    }
    members += [
      .init("loss", .number(loss)), .init("duplicate", .number(duplicate)),
      .init("reorder", .number(reorder)), .init("bandwidth", .bandwidth(bandwidth)),
      .init("links", .array(links.map(\.json))),
    ]
    return .object(members)
  }
}

extension LinkOverride {
  init(reading node: Node, replicas: Int) throws(ExperimentError) {
    let section = try Section(
      node, path: node.path,
      known: ["from", "to", "bothWays", "latency", "loss", "bandwidth"])
    let ends = 0...(replicas - 1)
    let allowed = "a replica number, 0...\(replicas - 1)"
    self.init(
      from: try section.required("from", allowed).integer(in: ends),
      to: try section.required("to", allowed).integer(in: ends),
      bothWays: try section["bothWays"]?.flag() ?? true)
    guard from != to else { throw node.refused("a link between two different replicas") }
    if let node = section["latency"] { latency = try LatencyDistribution(reading: node) }
    loss = try section["loss"]?.probability()
    bandwidth = try section["bandwidth"]?.limit()
    guard latency != nil || loss != nil || bandwidth != nil else {
      throw node.refused("at least one of latency, loss and bandwidth")
    }
  }

  var json: JSONValue {
    var members: [JSONValue.Member] = [
      .init("from", .integer(Int128(from))), .init("to", .integer(Int128(to))),
      .init("bothWays", .flag(bothWays)),
    ]
    if let latency { members.append(.init("latency", latency.json)) }
    if let loss { members.append(.init("loss", .number(loss))) }
    if let bandwidth { members.append(.init("bandwidth", .bandwidth(bandwidth))) }
    return .object(members)
  }
}

extension Node {
  /// A bandwidth that is a limit: `"unlimited"` would not say anything here.
  func limit() throws(ExperimentError) -> Double {
    guard let bandwidth = try bandwidth() else {
      throw refused(#"bits per second (bps, kbps, Mbps, Gbps), such as "10Mbps""#)
    }
    return bandwidth
  }
}

extension DiskModel {
  init(reading node: Node?) throws(ExperimentError) {
    self = Environment.standard.disk
    if let node, case .string = node.value {
      guard node.value == .string("none") else {
        throw node.refused(#""none" or { fsync: "1ms", bandwidth: "1GB/s", groupCommit: true }"#)
      }
      sync = nil
      return
    }
    let section = try Section(node, path: "disk", known: ["fsync", "bandwidth", "groupCommit"])
    if let node = section["fsync"] {
      sync = try LatencyDistribution(reading: node, longest: .seconds(60))
    }
    if let node = section["bandwidth"] { bandwidth = try node.byteRate() }
    groupCommit = try section["groupCommit"]?.flag() ?? groupCommit
  }

  var json: JSONValue {
    guard let sync else { return .string("none") }
    return .object([
      .init("fsync", sync.json), .init("bandwidth", .byteRate(bandwidth)),
      .init("groupCommit", .flag(groupCommit)),
    ])
  }
}

extension CPUModel {
  init(reading node: Node?) throws(ExperimentError) {
    self = Environment.standard.cpu
    let section = try Section(node, path: "cpu", known: ["perMessage", "perByte", "apply"])
    perMessage = try section["perMessage"]?.interval(in: .zero ... .seconds(1)) ?? perMessage
    perByte = try section["perByte"]?.interval(in: .zero ... .milliseconds(1)) ?? perByte
    apply = try section["apply"]?.interval(in: .zero ... .seconds(1)) ?? apply
  }

  var json: JSONValue {
    .object([
      .init("perMessage", .interval(perMessage)), .init("perByte", .interval(perByte)),
      .init("apply", .interval(apply)),
    ])
  }
}

extension ClockModel {
  init(reading node: Node?) throws(ExperimentError) {
    self.init()
    let section = try Section(node, path: "clocks", known: ["maxSkew", "maxDrift"])
    maxSkew = try section["maxSkew"]?.interval(in: .zero...Interval.hour) ?? maxSkew
    maxDrift = try section["maxDrift"]?.number(in: 0...0.5) ?? maxDrift
  }

  var json: JSONValue {
    .object([.init("maxSkew", .interval(maxSkew)), .init("maxDrift", .number(maxDrift))])
  }
}
