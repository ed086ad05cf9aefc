import Configuration
import Environments
import Replication

extension NetworkModel {
  static let keyNames = [
    "preset", "latency", "places", "nic", "bandwidth", "transport", "retransmission",
    "givesUpAfter",
    "loss", "duplicate", "reorder", "clients", "links",
  ]

  /// - Parameter replicas: the number of replicas, for the ends of `links`.
  init(reading node: ConfigValue?, replicas: Int) throws(ExperimentError) {
    if let node, case .string = node.value {
      throw node.refused(
        #"an object, such as { preset: "lan" }, with keys "# + Self.keyNames.joined(separator: ", ")
      )
    }
    let section = try Section(node, path: "network", known: Self.keyNames)
    self = .lan
    if let node = section["preset"] {
      let name = try node.choice(of: NetworkModel.presets.map(\.name))
      self = NetworkModel.presets.first { $0.name == name }?.model ?? .lan
    }
    if let node = section["latency"] {
      guard places == nil else {
        throw node.refused(
          "no latency: this preset has one for each pair of places; use places or links")
      }
      latency = try DelayDistribution(reading: node)
    }
    if let node = section["places"] {
      places = try Places(reading: node, over: places, within: latency)
    }
    if let node = section["nic"] { nic = try node.bandwidth() }
    if let node = section["bandwidth"] {
      // The field's name before the model had network interfaces.
      guard section["nic"] == nil else {
        throw node.refused("one of nic and bandwidth, which mean the same", found: "both")
      }
      nic = try node.bandwidth()
    }
    try readTransport(section)
    loss = try section["loss"]?.probability() ?? loss
    clients = try ClientNetworkModel(reading: section["clients"], hasPlaces: places != nil)
    for node in try section["links"]?.elements("a list of links") ?? [] {
      links.append(try LinkOverride(reading: node, replicas: replicas))
    }
  }

  private mutating func readTransport(_ section: Section) throws(ExperimentError) {
    transport = try section["transport"]?.choice(of: NetworkTransport.self) ?? transport
    retransmission =
      try section["retransmission"]?.intervalRange(
        in: .milliseconds(1)...Interval.hour) ?? retransmission
    givesUpAfter =
      try section["givesUpAfter"]?.interval(in: .milliseconds(1)...Interval.hour) ?? givesUpAfter
    duplicate = try section["duplicate"]?.datagramShare(over: transport) ?? duplicate
    reorder = try section["reorder"]?.datagramShare(over: transport) ?? reorder
  }

  var json: JSONValue {
    var members: [JSONValue.Member] = []
    if let places,
      let preset = NetworkModel.presets.first(where: { $0.model.places == places })
    {
      members.append(.init("preset", .string(preset.name)))
    } else {
      members.append(.init("latency", latency.json))
      if let places { members.append(.init("places", places.json)) }
    }
    members += [
      .init("nic", .bandwidth(nic)), .init("transport", .string(transport.rawValue)),
      .init("retransmission", .intervalRange(retransmission)),
      .init("givesUpAfter", .interval(givesUpAfter)),
      .init("loss", .number(loss)), .init("duplicate", .number(duplicate)),
      .init("reorder", .number(reorder)), .init("clients", clients.json),
      .init("links", .array(links.map(\.json))),
    ]
    return .object(members)
  }
}

extension ConfigValue {
  /// Reads a probability that is refused for transports other than datagrams.
  func datagramShare(over transport: NetworkTransport) throws(ExperimentError) -> Double {
    let share = try probability()
    guard share == 0 || transport == .datagram else {
      throw refused(
        "0 over TCP, which delivers everything once and in order; for more say network: "
          + #"{ transport: "datagram" }"#)
    }
    return share
  }

  /// Reads a bandwidth that limits a link: `"unlimited"` is refused.
  func limit() throws(ExperimentError) -> Double {
    guard let bandwidth = try bandwidth() else {
      throw refused(#"bits per second (bps, kbps, Mbps, Gbps), such as "10Mbps""#)
    }
    return bandwidth
  }
}

extension ClientNetworkModel {
  init(reading node: ConfigValue?, hasPlaces: Bool) throws(ExperimentError) {
    self.init()
    let section = try Section(node, path: "network.clients", known: ["nic", "loss", "latency"])
    if let node = section["nic"] { nic = try node.bandwidth() }
    loss = try section["loss"]?.probability() ?? loss
    if let node = section["latency"] {
      guard !hasPlaces else {
        throw node.refused("no latency: the network has places, and clients sit at them")
      }
      latency = try DelayDistribution(reading: node)
    }
  }

  var json: JSONValue {
    var members: [JSONValue.Member] = [
      .init("nic", .bandwidth(nic)), .init("loss", .number(loss)),
    ]
    if let latency { members.append(.init("latency", latency.json)) }
    return .object(members)
  }
}

extension LinkOverride {
  init(reading node: ConfigValue, replicas: Int) throws(ExperimentError) {
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
    if let node = section["latency"] { latency = try DelayDistribution(reading: node) }
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
